// Transfers to and from a server that takes fewer requests a second than the client sends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import { pattern, Sample } from "../support/sample-server.ts";
import { VirtualNetwork } from "../support/virtual-network.ts";

async function bench(requestsPerSecond: number) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const { sample, server } = await Sample.start({
    clock,
    network: network.host("192.0.2.7"),
    address: "192.0.2.7",
    port: 5683,
    limits: { requestsPerSecond },
  });
  const socket = network.socket("192.0.2.20", 4000);
  const client = await CoapClient.open({ host: "192.0.2.7", clock, socket });
  return { clock, sample, server, client };
}

test("a download above the rate goes on when the server says so", async () => {
  const { clock, sample, server, client } = await bench(12);
  const reply = await clock.run(client.request({ method: "GET", path: ["b32k"] }, NEVER));
  assert.equal(reply.code, "2.05");
  assert.deepEqual(Buffer.from(reply.payload), sample.bodies.get("b32k"));
  assert.ok(server.stats.limited > 0);
});

test("an upload above the rate goes on when the server says so", async () => {
  const { clock, sample, server, client } = await bench(12);
  const payload = pattern(30_000);
  const reply = await clock.run(client.request({ method: "PUT", path: ["put"], payload }, NEVER));
  assert.equal(reply.code, "2.04");
  assert.deepEqual(sample.uploaded, payload);
  assert.ok(server.stats.limited > 0);
});

test("a first request above the rate is told, and nothing is sent again", async () => {
  const { clock, server, client } = await bench(1);
  const ask = () => clock.run(client.request({ method: "GET", path: ["s"] }, NEVER));
  assert.deepEqual([(await ask()).code, (await ask()).code], ["2.05", "4.29"]);
  assert.equal(server.stats.received, 2);
});
