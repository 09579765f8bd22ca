// Real sockets, on loopback only.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { messageOf } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { NODE_NETWORK } from "../../../src/drivers/net/node-network.ts";
import type { Network } from "../../../src/drivers/net/port.ts";
import { OBP_GROUP } from "../../../src/drivers/oceanoptics/obp-network.ts";
import { openDriver } from "../../../src/drivers/oceanoptics/open.ts";
import { LoopbackServer } from "../../../src/emulator/net/loopback-server.ts";
import { busOf, deviceText, farEndOf } from "./network-bench.ts";

const clock = new SystemClock();
const LOOPBACK: Network = { ...NODE_NETWORK, interfaces: () => ["127.0.0.1"] };

async function setUp(context: TestContext) {
  const farEnd = farEndOf(clock);
  const server = await LoopbackServer.open(farEnd);
  context.after(() => server.close());
  return { farEnd, server };
}

test("a search over UDP finds a device, TCP opens and reads it", async (context) => {
  const { server } = await setUp(context);
  const { address } = server;
  // A unicast address in the place of the group: the rest of the way is the same.
  const bus = busOf({ clock, network: LOOPBACK, addresses: [], group: address });
  const [device] = await bus.list();
  assert.ok(device);
  assert.equal(deviceText(device), `127.0.0.1:${address.port} 2001`);
  const driver = await openDriver({ device, clock, log: SILENT, isSimulated: true }, NEVER);
  assert.equal(driver.identity.serial, "FX00042");
  const exposure = { integrationTimeUs: 10_000, notBeforeUs: clock.nowUs() };
  const frame = await driver.acquire(exposure, NEVER);
  assert.equal(frame.counts.length, 2136);
  assert.equal(frame.discardedFrames, 0);
  let scans = 0;
  const isTaken = await driver.acquireMany?.(exposure, 20, () => void scans++, NEVER);
  assert.deepEqual([isTaken, scans], [true, 20], "through the fast buffer too");
  await driver.close();
  // As the rack does with a device that does not answer.
  const transport = await device.open(NEVER);
  await transport.reset();
  await transport.close();
  const again = await openDriver({ device, clock, log: SILENT, isSimulated: true }, NEVER);
  assert.equal((await again.acquire(exposure, NEVER)).counts.length, 2136, "after a new connection too");
  await again.close();
});

test("the question reaches a multicast group", async (context) => {
  const farEnd = farEndOf(clock);
  const group = createSocket("udp4");
  context.after(() => group.close());
  group.bind(0, OBP_GROUP.host);
  await once(group, "listening");
  try {
    group.addMembership(OBP_GROUP.host, "127.0.0.1");
  } catch (error) {
    return context.skip(`no multicast on loopback: ${messageOf(error)}`);
  }
  group.on("message", (bytes, { address, port }) => {
    const answer = farEnd.answerTo(bytes);
    if (answer !== undefined) group.send(answer, port, address);
  });
  const { port } = group.address();
  const bus = busOf({ clock, network: LOOPBACK, addresses: [], group: { ...OBP_GROUP, port } });
  const devices = await bus.list();
  assert.deepEqual(
    devices.map(({ productId }) => productId),
    [0x2001],
  );
});

test("an end of the connection is told; a closed one is not open any more", async (context) => {
  const { farEnd, server } = await setUp(context);
  const [device] = await busOf({ clock, network: LOOPBACK, addresses: [server.address] }).list();
  assert.ok(device);
  const transport = await device.open(NEVER);
  const pending = assert.rejects(transport.read(0, 64, NEVER), { code: "DEVICE_NOT_CONNECTED" });
  farEnd.cut();
  assert.equal(
    (await device.ended?.())?.message,
    `network 127.0.0.1:${server.address.port}: closed by the device`,
  );
  await pending;
  await (await device.open(NEVER)).close();
});

test("a port where nobody listens refuses, and an abort ends a connection that is being made", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  assert.ok(bound !== null && typeof bound === "object");
  server.close();
  await once(server, "close");
  const address = { host: "127.0.0.1", port: bound.port };
  const listener = { received: () => {}, ended: () => assert.fail("there was no connection") };
  await assert.rejects(NODE_NETWORK.connect(address, listener, NEVER), {
    code: "DEVICE_NOT_CONNECTED",
    message: `network 127.0.0.1:${bound.port}: connect ECONNREFUSED 127.0.0.1:${bound.port}`,
  });
  const controller = new AbortController();
  const connecting = NODE_NETWORK.connect(address, listener, controller.signal);
  const reason = new RangeError("enough");
  controller.abort(reason);
  await assert.rejects(connecting, reason);
  await assert.rejects(NODE_NETWORK.connect(address, listener, controller.signal), reason);
});

test("a connection that is reset by the device is told with the system's reason", async (context) => {
  const { farEnd, server } = await setUp(context);
  farEnd.faults.start({ kind: "refused" });
  const ended = new Promise<string>((resolve, reject) => {
    const listener = { received: () => {}, ended: ({ message }: Error) => resolve(message) };
    NODE_NETWORK.connect(server.address, listener, NEVER).catch(reject);
  });
  // The system accepts first; then the emulated device refuses.
  const message = await ended.catch(({ message: text }: Error) => text);
  assert.match(message, /ECONNRESET/);
});

test("an interface that is not there is an error, not a hang", async () => {
  await assert.rejects(NODE_NETWORK.openDatagrams("192.0.2.99", () => {}));
  for (const address of NODE_NETWORK.interfaces()) assert.doesNotMatch(address, /^127\./);
});
