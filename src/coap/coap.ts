// The library `vscope-server/coap` (docs/coap-library.md): what its users may import. The only file of the project that does
// nothing but re-export, because a package entry is one file; nothing inside imports it, see docs/architecture.md.

export { Cell, type ReadableCell } from "../base/cell.ts";
export { type Clock, SystemClock } from "../base/clock.ts";
export { type ErrorCode, isVscopeError, VscopeError } from "../base/errors.ts";
export type { Log } from "../base/log.ts";
export { CoapClient, type CoapClientOptions, type CoapClientRequest, type CoapReply } from "./client.ts";
export type { CoapMethod } from "./codes.ts";
export { type CoapLimits, type CoapStats, DEFAULT_LIMITS } from "./limits.ts";
export { decodeLinks, encodeLinks, filterLinks, type CoapLink } from "./link-format.ts";
export {
  type CoapHandler,
  type CoapRequest,
  type CoapResponse,
  CoapServer,
  type CoapServerOptions,
} from "./server.ts";
