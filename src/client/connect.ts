// Opens the CoAP client to the address of a host that answers first.

import type { Clock } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { CoapClient, type CoapClientOptions } from "../coap/client/client.ts";
import { type ClientKey, protectedBy } from "./client-key.ts";
import { transportError } from "./reply-error.ts";
import { addressesOf, type ServerUrl } from "./server-url.ts";

// Any answer will do, 4.04 included.
const PROBE = { method: "GET", path: ["sysinfo", "version"] } as const;

export interface Connection {
  readonly clock: Clock;
  /** Proves who asks. */
  readonly key?: ClientKey | undefined;
}

/**
 * A single address is not asked. Of several, such as ::1 and 127.0.0.1, all are asked at once and the first to answer
 * wins. Throws DEVICE_TIMEOUT when every address refuses, and what the key's file throws; the deadline for silent ones is the caller's signal.
 */
export async function connectToAny(
  server: ServerUrl,
  { clock, key }: Connection,
  signal: AbortSignal,
): Promise<CoapClient> {
  const addresses = await addressesOf(server, signal);
  const proof = await proofOf(server, key);
  const { scheme, port } = server;
  const open = (host: string): Promise<CoapClient> =>
    CoapClient.open({ scheme, host, port, clock, ...proof });
  try {
    const [only] = addresses;
    if (only !== undefined && addresses.length === 1) return await open(only);
    return await firstToAnswer(
      addresses.map((host) => open(host)),
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    throw transportError(error instanceof AggregateError ? error.errors[0] : error, server.url);
  }
}

/** With TLS a key is its pre-shared key, without it the key protects each message (OSCORE). */
async function proofOf(
  { scheme, host }: ServerUrl,
  key: ClientKey | undefined,
): Promise<Pick<CoapClientOptions, "tls" | "wrap">> {
  const serverName = { serverName: host };
  if (key === undefined) return { tls: serverName };
  if (!scheme.startsWith("coaps")) return { tls: serverName, wrap: await protectedBy(key) };
  return { tls: { ...serverName, psk: { identity: key.name, key: Buffer.from(key.secret, "ascii") } } };
}

async function firstToAnswer(
  opening: readonly Promise<CoapClient>[],
  signal: AbortSignal,
): Promise<CoapClient> {
  const decided = new AbortController();
  const joined = AbortSignal.any([signal, decided.signal]);
  const probe = async (opened: Promise<CoapClient>): Promise<CoapClient> => {
    const client = await opened;
    await client.request(PROBE, joined);
    return client;
  };
  let winner: CoapClient | undefined;
  try {
    winner = await Promise.any(opening.map(probe));
    return winner;
  } finally {
    decided.abort(new VscopeError("OPERATION_CANCELLED", "another address answered first"));
    await closeAllBut(winner, opening);
  }
}

async function closeAllBut(
  winner: CoapClient | undefined,
  opening: readonly Promise<CoapClient>[],
): Promise<void> {
  for (const outcome of await Promise.allSettled(opening)) {
    if (outcome.status === "fulfilled" && outcome.value !== winner) await outcome.value.close();
  }
}
