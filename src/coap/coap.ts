// The library `vscope-server/coap` (docs/coap-library.md): what its users may import. The only file of the project that does
// nothing but re-export, because a package entry is one file; nothing inside imports it, see docs/architecture.md.

export { Cell, type ReadableCell } from "../base/cell.ts";
export { type Clock, SystemClock } from "../base/clock.ts";
export { type ErrorCode, isVscopeError, VscopeError } from "../base/errors.ts";
export type { Log } from "../base/log.ts";
export {
  type BodyPiece,
  type ClientTls,
  CoapClient,
  type CoapClientOptions,
  type CoapClientRequest,
  type CoapReply,
  type CoapScheme,
  type Resume,
} from "./client/client.ts";
export type { CoapMethod } from "./message/codes.ts";
export { discover, type DiscoverOptions, type FoundServer } from "./client/discover.ts";
export { type CoapLimits, type CoapStats, DEFAULT_LIMITS } from "./engine/limits.ts";
export { type CoapLink, decodeLinks, encodeLinks, filterLinks } from "./message/link-format.ts";
export { OscoreContext, type OscoreContexts, type OscoreKey } from "./oscore/oscore-context.ts";
export { OscoreGuard } from "./oscore/oscore-guard.ts";
export type { SequenceStore } from "./oscore/sender-sequence.ts";
export { SequenceFile } from "./oscore/sequence-file.ts";
export type { CoapIdentity } from "./engine/request.ts";
export {
  type CoapAdmission,
  type CoapHandler,
  type CoapRequest,
  type CoapResponse,
  CoapServer,
  type CoapServerOptions,
  type StreamPorts,
  type TlsCredentials,
} from "./server.ts";
