// A server and its clients on a link that loses, doubles and reorders a tenth of all datagrams, on the virtual clock, for
// several seeds; and the check after each run that neither end has kept anything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { Sample } from "./sample-server.ts";
import { CLEAR, VirtualNetwork, type Weather } from "./virtual-network.ts";
import { LossyPeer } from "./lossy-peer.ts";

/** A datagram takes 1 to 60 ms, so that most of those sent together arrive in another order. */
export const STORM: Weather = { lost: 0.1, doubled: 0.1, slowestMs: 60 };
export const SILENCE: Weather = { lost: 1, doubled: 0, slowestMs: 1 };

/** How many seeds each exchange runs with; `npm run test:long` takes more. */
const SEEDS = Number(process.env["VSCOPE_LOSSY_SEEDS"] ?? 4);

/** Longer than anything is remembered: replies for copies, pins, silent observers. */
const FORGOTTEN_US = 900 * SECOND;

const SERVER = { address: "192.0.2.1", port: 5683 };

export interface LossyBench {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly sample: Sample;
  readonly server: CoapServer;
  readonly client: CoapClient;
  readonly another: () => Promise<CoapClient>;
  readonly peer: () => LossyPeer;
  /** For a test of the end of the server. */
  readonly closeServer: () => Promise<void>;
}

/** One test for each seed. At its end nothing may be left at the server, nor a timer anywhere. */
export function lossy(name: string, run: (bench: LossyBench) => Promise<void>): void {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`${name} (seed ${seed})`, { timeout: 120_000 }, () => runLossy(seed, run));
  }
}

async function runLossy(seed: number, run: (bench: LossyBench) => Promise<void>): Promise<void> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather: STORM, seed });
  const { sample, server } = await Sample.start({
    clock,
    socket: network.socket(SERVER.address, SERVER.port),
  });
  let port = 40_000;
  const clients: CoapClient[] = [];
  const another = async (): Promise<CoapClient> => {
    const socket = network.socket("192.0.2.9", port++);
    const client = await CoapClient.open({ host: SERVER.address, clock, socket });
    clients.push(client);
    return client;
  };
  const peer = (): LossyPeer => new LossyPeer(clock, network.socket("192.0.2.8", port++), SERVER);
  let isOpen = true;
  const closeServer = async (): Promise<void> => {
    isOpen = false;
    await clock.run(server.close());
  };
  const client = await another();
  await run({ seed, clock, network, sample, server, client, another, peer, closeServer });
  for (const one of clients) await one.close();
  await clock.advance(FORGOTTEN_US);
  if (isOpen) assertForgotten(server);
  network.weather = CLEAR;
  await closeServer();
  await clock.advance(SECOND);
  assert.equal(clock.pending, 0);
}

function assertForgotten(server: CoapServer): void {
  const { peers, observers, pinnedBytes, failures } = server.stats;
  assert.deepEqual(
    { peers, observers, pinnedBytes, failures },
    { peers: 0, observers: 0, pinnedBytes: 0, failures: 0 },
  );
}

/** Resolves with undefined when the client gave up after all its retransmissions, and said so: DEVICE_TIMEOUT. */
export async function orTimeout<T>(exchange: Promise<T>): Promise<T | undefined> {
  try {
    return await exchange;
  } catch (error) {
    if (isVscopeError(error) && error.code === "DEVICE_TIMEOUT") return undefined;
    throw error;
  }
}
