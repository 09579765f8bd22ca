// Where a server is: reads coap:// URLs (RFC 7252 section 6.1, RFC 8323 section 8) and finds the addresses behind a host
// name.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { orAborted } from "../base/abort.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import { type CoapScheme, DEFAULT_PORTS } from "../coap/client/client.ts";
import { serverUnreachable } from "./reply-error.ts";

const SCHEMES = ["coap", "coap+tcp", "coaps+tcp", "coap+ws", "coaps+ws"] as const;

export interface ServerUrl {
  /** As it is shown in messages. */
  readonly url: string;
  readonly scheme: CoapScheme;
  /** Host name or address, without brackets; an IPv6 zone follows a `%`. */
  readonly host: string;
  readonly port: number;
}

// scheme, host, [IPv6], optional port, optional slash: a server, not one of its resources.
const PATTERN =
  /^(coaps?\+(?:tcp|ws)|coap):\/\/(?:\[([0-9a-f:.]+(?:%25[\w.-]+)?)\]|([\w.-]+))(?::(\d{1,5}))?\/?$/i;

/**
 * Reads `coap://host[:port]`, also with coap+tcp, coaps+tcp, coap+ws and coaps+ws. Throws VALUE_INVALID for anything
 * else, other schemes and paths included.
 */
export function parseServerUrl(text: string): ServerUrl {
  const match = PATTERN.exec(text.trim());
  const [, prefix = "", bracketed, name, port] = match ?? [];
  const scheme = SCHEMES.find((known) => known === prefix.toLowerCase());
  // RFC 6874 section 2: the % of an IPv6 zone is written %25 in a URL.
  const host = bracketed?.replace("%25", "%") ?? name;
  if (scheme === undefined || host === undefined || (bracketed !== undefined && isIP(host) !== 6)) {
    throw new VscopeError(
      "VALUE_INVALID",
      `server URL "${text}": expected coap://host, coap://host:port or coap://[IPv6]:port, or one of ${SCHEMES.slice(1).join(", ")}`,
    );
  }
  const number = port === undefined ? DEFAULT_PORTS[scheme] : Number(port);
  if (number < 1 || number > 65_535) {
    throw new VscopeError("VALUE_OUT_OF_RANGE", `server URL "${text}": port ${number} is outside 1..65535`);
  }
  return { url: text.trim().replace(/\/$/, ""), scheme, host, port: number };
}

/** The server to use when none is named: `VSCOPE_URL`, else this machine. */
export function defaultServerUrl(): string {
  return environment("VSCOPE_URL") ?? "coap://localhost";
}

/** A variable of the environment; an empty one counts as unset, as `VSCOPE_KEY= vscope ...` means it. */
export function environment(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

/** The addresses to try, best first. `localhost` is both ::1 and 127.0.0.1 whatever the hosts file says. */
export async function addressesOf(server: ServerUrl, signal: AbortSignal): Promise<readonly string[]> {
  if (isIP(server.host) !== 0) return [server.host];
  if (server.host.toLowerCase() === "localhost") return ["127.0.0.1", "::1"];
  try {
    const found = await orAborted(lookup(server.host, { all: true, verbatim: true }), signal);
    return found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    throw serverUnreachable(`${server.url}: the host name is not known (${messageOf(error)})`, error);
  }
}
