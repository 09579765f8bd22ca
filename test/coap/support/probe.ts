// A test with a sample server on a loopback port, a virtual clock, and a raw peer.

import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { CoapLimits } from "../../../src/coap/engine/limits.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { RawPeer } from "./raw-peer.ts";
import { Sample } from "./sample-server.ts";

export interface Bench {
  readonly clock: VirtualClock;
  readonly server: CoapServer;
  readonly sample: Sample;
  readonly peer: RawPeer;
  /** Another peer with a port of its own. */
  readonly another: (from?: string) => Promise<RawPeer>;
}

export function probe(
  name: string,
  run: (bench: Bench) => Promise<void>,
  limits: Partial<CoapLimits> = {},
): void {
  test(name, { timeout: 60_000 }, async () => {
    const clock = new VirtualClock();
    const { sample, server } = await Sample.start({ clock, limits });
    const peers: RawPeer[] = [];
    const another = async (from?: string): Promise<RawPeer> => {
      const peer = await RawPeer.open(server.port, from === undefined ? {} : { from });
      peers.push(peer);
      return peer;
    };
    try {
      await run({ clock, server, sample, peer: await another(), another });
    } finally {
      for (const peer of peers) peer.close();
      await clock.run(server.close(), 10 * SECOND);
    }
  });
}
