// A server and a client on a link of 500 ms round trip, on the virtual clock; and the check that nothing is left afterwards.

import assert from "node:assert/strict";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient, type CoapClientRequest, type CoapReply } from "../../../src/coap/client/client.ts";
import { decodeMessage } from "../../../src/coap/message/codec.ts";
import { type Block, readBlock } from "../../../src/coap/message/block.ts";
import { findOption } from "../../../src/coap/message/options.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { Sample, type SampleOptions } from "./sample-server.ts";
import { CLEAR, VirtualNetwork, type Weather } from "./virtual-network.ts";
import { VirtualPeer } from "./virtual-peer.ts";

export const FAR: Weather = { lost: 0, doubled: 0, fastestMs: 250, slowestMs: 250 };
export const FAR_AND_LOSSY: Weather = { ...FAR, lost: 0.05 };

export const SERVER = { address: "192.0.2.1", port: 5683 };
const CLIENT = { address: "192.0.2.9", port: 40_000 };
/** Longer than anything is remembered. */
const FORGOTTEN_US = 900 * SECOND;

export interface FarBench {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly sample: Sample;
  readonly server: CoapServer;
  readonly client: CoapClient;
  /** Another one, datagram by datagram. */
  readonly peer: VirtualPeer;
}

export interface FarOptions extends Partial<SampleOptions> {
  readonly weather?: Weather;
  readonly seed?: number;
}

export async function far(
  { weather = FAR, seed = 1, ...options }: FarOptions,
  run: (bench: FarBench) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather, seed });
  const socket = network.socket(SERVER.address, SERVER.port);
  const { sample, server } = await Sample.start({ clock, socket, ...options });
  const own = network.socket(CLIENT.address, CLIENT.port);
  const client = await CoapClient.open({ host: SERVER.address, clock, socket: own });
  const peer = new VirtualPeer({ clock, network, address: "192.0.2.8", server: SERVER });
  await run({ clock, network, sample, server, client, peer });
  await client.close();
  network.loses = () => false;
  network.weather = CLEAR;
  await clock.advance(FORGOTTEN_US);
  const { pinnedBytes, failures } = server.stats;
  assert.deepEqual({ pinnedBytes, failures }, { pinnedBytes: 0, failures: 0 });
  await clock.run(server.close());
  await clock.advance(SECOND);
  assert.equal(clock.pending, 0);
}

/** The reply, and how many seconds it took. */
export async function timed(
  { clock, client }: FarBench,
  request: CoapClientRequest,
): Promise<{ readonly reply: CoapReply; readonly seconds: number }> {
  const startUs = clock.nowUs();
  const reply = await clock.run(client.request(request, NEVER));
  return { reply, seconds: (clock.nowUs() - startUs) / SECOND };
}

/** The block that an option of a datagram names, or the first of several. */
export function blockIn(bytes: Buffer, option: number): Block | undefined {
  const value = findOption(decodeMessage(bytes)?.options ?? [], option);
  return value === undefined ? undefined : readBlock(value);
}

/** Loses each datagram that `nameOf` gives a name once, and tells how many that were. */
export function losingOnce(
  network: VirtualNetwork,
  nameOf: (bytes: Buffer, to: string) => string | undefined,
): () => number {
  const lost = new Set<string>();
  network.loses = (bytes, to) => {
    const name = nameOf(bytes, to);
    if (name === undefined || lost.has(name)) return false;
    lost.add(name);
    return true;
  };
  return () => lost.size;
}
