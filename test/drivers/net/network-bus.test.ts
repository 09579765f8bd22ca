import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { type Log, SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CombinedBus } from "../../../src/drivers/net/combined-bus.ts";
import { VirtualNetwork } from "../../../src/emulator/net/virtual-network.ts";
import type { UsbBus } from "../../../src/drivers/usb/port.ts";
import { ADDRESS, busOf, deviceText, farEndOf, OTHER_ADDRESS, searchingBusOf } from "./network-bench.ts";

const PERIOD_US = 31 * SECOND;

function setUp() {
  const clock = new VirtualClock();
  return { clock, network: new VirtualNetwork(clock) };
}

/** What a bus tells, as texts. */
function watched(bus: UsbBus) {
  const events: string[] = [];
  const stop = bus.watch({
    attached: (device) => events.push(`+ ${deviceText(device)}`),
    detached: (device) => events.push(`- ${deviceText(device)}`),
  });
  return { events, stop };
}

test("fixed addresses are listed whether anybody is there or not; nothing is searched", async () => {
  const { clock, network } = setUp();
  const bus = busOf({ clock, network, addresses: [ADDRESS, OTHER_ADDRESS] });
  const { events, stop } = watched(bus);
  const devices = await clock.run(bus.list());
  assert.deepEqual(devices.map(deviceText), ["192.0.2.7:57357 0", "192.0.2.8:57357 0"]);
  assert.deepEqual(
    devices.map(({ kind, vendorId }) => [kind, vendorId]),
    [
      ["network", 0x2457],
      ["network", 0x2457],
    ],
  );
  assert.deepEqual(events, []);
  assert.equal(clock.pending, 0, "no timer of a search");
  stop();
});

test("a device tells its product when it is opened, and can be opened once", async () => {
  const { clock, network } = setUp();
  const farEnd = farEndOf(clock, "HDX");
  const bus = busOf({ clock, network });
  const [device] = await clock.run(bus.list());
  assert.ok(device);
  await assert.rejects(clock.run(device.open(NEVER)), {
    code: "DEVICE_NOT_CONNECTED",
    message: "network 192.0.2.7:57357: connect ECONNREFUSED",
  });
  network.attach(farEnd, ADDRESS);
  const transport = await clock.run(device.open(NEVER));
  assert.equal(device.productId, 0x2003);
  await assert.rejects(device.open(NEVER), { code: "DEVICE_BUSY" });
  await transport.close();
  await (await clock.run(device.open(NEVER))).close();
  farEnd.faults.start({ kind: "silent", nth: 1 });
  await assert.rejects(clock.run(device.open(NEVER)), {
    code: "DEVICE_TIMEOUT",
    message: "network 192.0.2.7:57357: does not say what it is within 2 s",
  });
  assert.equal(farEnd.isConnected, false, "the connection is closed after a failure");
});

test("the first list has what answers the search; what comes later is told", async () => {
  const { clock, network } = setUp();
  network.attach(farEndOf(clock), ADDRESS);
  const bus = searchingBusOf({ clock, network });
  const { events, stop } = watched(bus);
  assert.deepEqual((await clock.run(bus.list())).map(deviceText), ["192.0.2.7:57357 2001"]);
  network.attach(farEndOf(clock, "HDX", "HDX00001"), OTHER_ADDRESS);
  await clock.advance(PERIOD_US);
  assert.deepEqual(events, ["+ 192.0.2.7:57357 2001", "+ 192.0.2.8:57357 2003"]);
  await clock.advance(10 * PERIOD_US);
  assert.equal(events.length, 2, "each is told once");
  stop();
  assert.equal(clock.pending, 0);
  network.detach(ADDRESS);
  await clock.advance(10 * PERIOD_US);
  assert.equal(events.length, 2, "nothing is told any more");
});

test("what does not answer three searches has gone, unless it is open", async () => {
  const { clock, network } = setUp();
  const farEnd = farEndOf(clock);
  network.attach(farEnd, ADDRESS);
  const bus = searchingBusOf({ clock, network });
  const { events, stop } = watched(bus);
  const [device] = await clock.run(bus.list());
  assert.ok(device);
  const transport = await clock.run(device.open(NEVER));
  network.detach(ADDRESS, { isSilent: true });
  await clock.advance(5 * PERIOD_US);
  assert.deepEqual(events, ["+ 192.0.2.7:57357 2001"]);
  await transport.close();
  await clock.advance(2 * PERIOD_US);
  assert.equal(events.length, 1, "two are not enough");
  await clock.advance(PERIOD_US);
  assert.deepEqual(events.slice(1), ["- 192.0.2.7:57357 2001"]);
  assert.deepEqual(await clock.run(bus.list()), []);
  network.attach(farEnd, ADDRESS);
  await clock.advance(PERIOD_US);
  assert.deepEqual(events.slice(2), ["+ 192.0.2.7:57357 2001"]);
  stop();
});

test("another product at an address is another device", async () => {
  const { clock, network } = setUp();
  network.attach(farEndOf(clock), ADDRESS);
  const bus = searchingBusOf({ clock, network });
  const { events, stop } = watched(bus);
  await clock.run(bus.list());
  network.attach(farEndOf(clock, "HDX", "HDX00001"), ADDRESS);
  await clock.advance(PERIOD_US);
  assert.deepEqual(events.slice(1), ["- 192.0.2.7:57357 2001", "+ 192.0.2.7:57357 2003"]);
  stop();
});

test("a device that has a fixed address and answers the search is one device", async () => {
  const { clock, network } = setUp();
  network.attach(farEndOf(clock), ADDRESS);
  const bus = searchingBusOf({ clock, network, addresses: [ADDRESS] });
  const { events, stop } = watched(bus);
  assert.equal((await clock.run(bus.list())).length, 1);
  assert.deepEqual(events, []);
  stop();
});

test("a network that is down is reported once and searched again", async () => {
  const { clock, network } = setUp();
  network.attach(farEndOf(clock), ADDRESS);
  network.isUp = false;
  const warnings: object[] = [];
  const log: Log = { ...SILENT, warn: (fields) => warnings.push(fields) };
  const bus = searchingBusOf({ clock, network, log });
  const { events, stop } = watched(bus);
  assert.deepEqual(await clock.run(bus.list()), []);
  await clock.advance(3 * PERIOD_US);
  assert.deepEqual(warnings, [
    { reason: "search at 239.239.239.239:57357: no network interface has an IPv4 address" },
  ]);
  network.isUp = true;
  await clock.advance(PERIOD_US);
  assert.deepEqual(events, ["+ 192.0.2.7:57357 2001"]);
  stop();
});

test("a list without a watcher searches once", async () => {
  const { clock, network } = setUp();
  network.attach(farEndOf(clock), ADDRESS);
  const bus = searchingBusOf({ clock, network });
  assert.equal((await clock.run(bus.list())).length, 1);
  assert.equal(clock.pending, 0);
});

test("stopping to watch in the middle of a search ends it", async () => {
  const { clock, network } = setUp();
  const bus = searchingBusOf({ clock, network });
  const { stop } = watched(bus);
  const listed = bus.list();
  await clock.advance(SECOND / 2);
  stop();
  assert.deepEqual(await clock.run(listed), []);
  assert.equal(clock.pending, 0);
});

test("buses are listed and watched together", async () => {
  const { clock, network } = setUp();
  network.attach(farEndOf(clock, "HDX", "HDX00001"), OTHER_ADDRESS);
  const bus = new CombinedBus(busOf({ clock, network }), searchingBusOf({ clock, network }));
  const { events, stop } = watched(bus);
  const devices = await clock.run(bus.list());
  assert.deepEqual(devices.map(deviceText), ["192.0.2.7:57357 0", "192.0.2.8:57357 2003"]);
  assert.deepEqual(events, ["+ 192.0.2.8:57357 2003"]);
  stop();
  await clock.advance(10 * PERIOD_US);
  assert.equal(clock.pending, 0);
});
