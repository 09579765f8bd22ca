// What the message layer of UDP rejects; the rest of it is in probes.test.ts, message by message.

import assert from "node:assert/strict";
import { NON } from "../../../src/coap/message/codes.ts";
import { probe } from "../support/probe.ts";

probe("a NON GET with an unknown critical option: silence", async ({ peer, sample, server }) => {
  peer.send({ type: NON, path: "s", options: [[65_001, "x"]] });
  assert.deepEqual(await peer.settled(), []);
  assert.deepEqual([sample.requests.length, server.stats.malformed], [0, 1]);
});
