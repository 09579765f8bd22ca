// Bulk transfers: packet rules, cancelling, faults. The far end is a bare one that echoes packets on demand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { MS } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { UsbTransport } from "../../../src/drivers/usb/port.ts";
import { EmulatedUsbBus } from "../../../src/emulator/usb/bus.ts";
import { EndpointFifos } from "../../../src/emulator/usb/endpoint-fifos.ts";
import type { UsbFarEnd } from "../../../src/emulator/usb/far-end.ts";
import { type Fault, FaultPlan } from "../../../src/emulator/usb/faults.ts";

const IN = 0x82;
const OUT = 0x01;

class BareDevice implements UsbFarEnd {
  readonly vendorId = 0x2457;
  readonly productId = 0x101e;
  readonly speed = "full";
  readonly received: string[] = [];
  resets = 0;
  readonly #fifos = new EndpointFifos(() => 64);

  packetSize(): number {
    return 64;
  }
  receive(_endpoint: number, bytes: Uint8Array): void {
    this.received.push(Buffer.from(bytes).toString("hex"));
  }
  take(endpoint: number): Uint8Array | undefined {
    return this.#fifos.take(endpoint);
  }
  onReady(listener: ((endpoint: number) => void) | undefined): void {
    this.#fifos.onReady(listener);
  }
  reset(): void {
    this.resets += 1;
    this.#fifos.clear();
  }
  /** Bytes 0, 1, 2, ... */
  push(length: number): void {
    this.#fifos.push(
      IN,
      Uint8Array.from({ length }, (_, index) => index & 0xff),
    );
  }
}

interface Rig {
  readonly clock: VirtualClock;
  readonly bus: EmulatedUsbBus;
  readonly device: BareDevice;
  readonly usb: UsbTransport;
  readonly plan: FaultPlan;
}

async function rig(...faults: readonly Fault[]): Promise<Rig> {
  const clock = new VirtualClock();
  const bus = new EmulatedUsbBus(clock);
  const device = new BareDevice();
  const plan = new FaultPlan();
  plan.start(...faults);
  bus.attach(device, { faults: plan });
  const [found] = await bus.list();
  assert.ok(found !== undefined);
  return { clock, bus, device, plan, usb: await found.open(NEVER) };
}

/** Whether a promise has settled once everything that is ready has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  promise.then(mark, mark);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test("a read ends with a short packet", async () => {
  const { device, usb } = await rig();
  device.push(100);
  assert.equal((await usb.read(IN, 512, NEVER)).length, 100);
});

test("a read ends when it is full; the rest stays", async () => {
  const { device, usb } = await rig();
  device.push(200);
  assert.equal((await usb.read(IN, 128, NEVER)).length, 128);
  assert.deepEqual([...(await usb.read(IN, 128, NEVER))].slice(0, 2), [128, 129]);
});

test("a message that is a multiple of the packet size has no end: a larger read waits for more", async () => {
  const { device, usb } = await rig();
  const read = usb.read(IN, 192, NEVER);
  device.push(128);
  assert.equal(await isSettled(read), false);
  device.push(1);
  assert.equal((await read).length, 129);
});

test("a read posted before the data gets them, and reads are served in order", async () => {
  const { device, usb } = await rig();
  const first = usb.read(IN, 64, NEVER);
  const second = usb.read(IN, 64, NEVER);
  device.push(10);
  device.push(20);
  assert.deepEqual([(await first).length, (await second).length], [10, 20]);
});

test("a packet larger than the room left is an overflow", async () => {
  const { device, usb } = await rig();
  device.push(64);
  await assert.rejects(usb.read(IN, 17, NEVER), {
    code: "DEVICE_PROTOCOL",
    message: /64 bytes overflows the 17/,
  });
  device.push(128);
  await assert.rejects(usb.read(IN, 100, NEVER), { code: "DEVICE_PROTOCOL" });
});

test("an aborted read rejects with the signal's reason; what comes later goes to the next read", async () => {
  const { device, usb } = await rig();
  const controller = new AbortController();
  const read = usb.read(IN, 512, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(read, /enough/);
  device.push(5);
  assert.equal((await usb.read(IN, 512, NEVER)).length, 5);
  await assert.rejects(usb.read(IN, 64, controller.signal), /enough/);
  await assert.rejects(usb.write(OUT, Uint8Array.of(1), controller.signal), /enough/);
  assert.deepEqual(device.received, []);
});

test("close rejects what waits, later calls too, and frees the device for the next one", async () => {
  const { bus, usb } = await rig();
  const [found] = await bus.list();
  await assert.rejects(async () => found?.open(NEVER), { code: "DEVICE_BUSY" });
  const read = usb.read(IN, 64, NEVER);
  const rejected = assert.rejects(read, { code: "DEVICE_NOT_CONNECTED" });
  await usb.close();
  await usb.close();
  await rejected;
  await assert.rejects(usb.write(OUT, Uint8Array.of(1), NEVER), { code: "DEVICE_NOT_CONNECTED" });
  assert.ok(await found?.open(NEVER));
});

test("unplugged in mid-read: DEVICE_NOT_CONNECTED, and the device loses its state", async () => {
  const { bus, device, usb } = await rig();
  const read = usb.read(IN, 512, NEVER);
  const rejected = assert.rejects(read, { code: "DEVICE_NOT_CONNECTED" });
  bus.detach(device);
  await rejected;
  assert.equal(device.resets, 1);
  await assert.rejects(usb.read(IN, 512, NEVER), { code: "DEVICE_NOT_CONNECTED" });
  assert.deepEqual(await bus.list(), []);
});

test("reset cancels transfers and clears the device", async () => {
  const { device, usb } = await rig();
  device.push(10);
  const read = usb.read(0x81, 64, NEVER);
  const rejected = assert.rejects(read, { code: "DEVICE_PROTOCOL" });
  await usb.reset();
  await rejected;
  assert.equal(await isSettled(usb.read(IN, 64, NEVER)), false);
});

test("attach and detach are told, forbidden devices cannot be opened, a dead listing cannot either", async () => {
  const bus = new EmulatedUsbBus(new VirtualClock());
  const told: string[] = [];
  const unwatch = bus.watch({
    attached: ({ portPath }) => told.push(`+${portPath}`),
    detached: ({ portPath }) => told.push(`-${portPath}`),
  });
  const device = new BareDevice();
  bus.attach(device);
  const [stale] = await bus.list();
  bus.detach(device);
  bus.attach(device, { portPath: "1-4", isForbidden: true });
  assert.deepEqual(told, ["+1-1.1", "-1-1.1", "+1-4"]);
  await assert.rejects(async () => stale?.open(NEVER), { code: "DEVICE_NOT_CONNECTED" });
  const [forbidden] = await bus.list();
  await assert.rejects(async () => forbidden?.open(NEVER), { code: "DEVICE_PERMISSION" });
  unwatch();
  bus.detach(device);
  assert.equal(told.length, 3);
});

test("a device that re-enumerates after a reset leaves the transport dead and appears anew", async () => {
  const bus = new EmulatedUsbBus(new VirtualClock());
  const device = new BareDevice();
  bus.attach(device, { reenumerates: true });
  const [before] = await bus.list();
  assert.ok(before !== undefined);
  const usb = await before.open(NEVER);
  await usb.reset();
  await assert.rejects(usb.read(IN, 64, NEVER), { code: "DEVICE_NOT_CONNECTED" });
  const [after] = await bus.list();
  assert.notEqual(after, before);
  assert.ok(await after?.open(NEVER));
});

test("faults: stall until cleared", async () => {
  const { device, usb } = await rig({ kind: "stall", nth: 2 });
  await usb.write(OUT, Uint8Array.of(1), NEVER);
  await assert.rejects(usb.read(IN, 64, NEVER), { code: "DEVICE_PROTOCOL", message: /0x82 stalled/ });
  device.push(3);
  await assert.rejects(usb.read(IN, 64, NEVER), { code: "DEVICE_PROTOCOL" });
  await usb.clearHalt(IN);
  assert.equal((await usb.read(IN, 64, NEVER)).length, 3);
});

test("faults: short, truncated, wrong sync and wrong checksum change the bytes of one read", async () => {
  for (const [kind, expected] of [
    ["short", [0, 1, 2, 3]],
    ["truncated", [0, 1, 2]],
    ["wrong-sync", [0, 1, 2, 3, 4, 4]],
  ] as const) {
    const { device, usb } = await rig({ kind, nth: 1, direction: "read" });
    device.push(6);
    assert.deepEqual([...(await usb.read(IN, 64, NEVER))], expected);
    device.push(2);
    assert.deepEqual([...(await usb.read(IN, 64, NEVER))], [0, 1], "only the first");
  }
  const { device, usb } = await rig({ kind: "wrong-checksum", nth: 1, direction: "read" });
  device.push(60);
  const changed = [...(await usb.read(IN, 64, NEVER))].filter((byte, index) => byte !== index);
  assert.equal(changed.length, 2);
});

test("faults: silence swallows a write and leaves a read waiting until its signal", async () => {
  const { device, usb } = await rig({ kind: "silence", nth: 1 }, { kind: "silence", nth: 2 });
  for (const transfer of [
    (signal: AbortSignal) => usb.write(OUT, Uint8Array.of(9), signal),
    (signal: AbortSignal) => usb.read(IN, 64, signal),
  ]) {
    device.push(1);
    const controller = new AbortController();
    const waiting: Promise<unknown> = transfer(controller.signal);
    const rejected = assert.rejects(waiting, /late/);
    assert.equal(await isSettled(waiting), false);
    controller.abort(new Error("late"));
    await rejected;
  }
  assert.deepEqual(device.received, []);
  assert.equal((await usb.read(IN, 64, NEVER)).length, 1, "the data stayed in the device");
});

test("faults: orphan, delay, ignored, unplug", async () => {
  const orphan = await rig({ kind: "orphan", nth: 1 });
  orphan.device.push(4);
  assert.deepEqual([...(await orphan.usb.read(IN, 512, NEVER))], [0x69]);
  assert.equal((await orphan.usb.read(IN, 512, NEVER)).length, 4);

  const late = await rig({ kind: "delay", nth: 1, delayUs: 300 * MS });
  late.device.push(4);
  await late.clock.run(late.usb.read(IN, 64, NEVER));
  assert.equal(late.clock.nowUs(), 300 * MS);

  const ignored = await rig({ kind: "ignored", nth: 1, direction: "write" });
  await ignored.usb.write(OUT, Uint8Array.of(2), NEVER);
  await ignored.usb.write(OUT, Uint8Array.of(3), NEVER);
  assert.deepEqual(ignored.device.received, ["03"]);

  const pulled = await rig({ kind: "unplug", nth: 1 });
  await assert.rejects(pulled.usb.read(IN, 64, NEVER), { code: "DEVICE_NOT_CONNECTED" });
  assert.equal(pulled.bus.isAttached(pulled.device), false);
});

test("faults: the plan counts by direction or over both, tells what fired, and starts anew", () => {
  const plan = new FaultPlan();
  plan.start({ kind: "stall", nth: 2, direction: "write" }, { kind: "short", nth: 4 });
  assert.deepEqual(
    ["write", "read", "write", "read", "write"].map(
      (direction) => plan.next(direction === "read" ? "read" : "write")?.kind,
    ),
    [undefined, undefined, "stall", "short", undefined],
  );
  assert.equal(plan.fired.length, 2);
  plan.start({ kind: "stall", nth: 1 });
  assert.equal(plan.fired.length, 0);
  assert.equal(plan.next("read")?.kind, "stall");
});
