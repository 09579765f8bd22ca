// The recorder must not be noticed: the same promises, errors and objects come out as go in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { VscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { UsbBus, UsbDevice, UsbListener, UsbTransport } from "../../../src/drivers/usb/port.ts";
import { recordUsb } from "../../../src/drivers/usb/recording-bus.ts";

const STALLED = new VscopeError("DEVICE_PROTOCOL", "endpoint stalled");

/** Keeps the promises that it hands out, and whatever was said before a write. */
class KnownTransport implements UsbTransport {
  readonly speed = "full";
  readonly promises: unknown[] = [];
  readonly #lines: readonly string[];
  linesBeforeWrite = 0;
  fails = false;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  write(): Promise<void> {
    this.linesBeforeWrite = this.#lines.length;
    return this.#keep(undefined);
  }

  read(): Promise<Uint8Array> {
    return this.#keep(Uint8Array.of(0x69));
  }

  clearHalt(): Promise<void> {
    return this.#keep(undefined);
  }

  reset(): Promise<void> {
    return this.#keep(undefined);
  }

  close(): Promise<void> {
    return this.#keep(undefined);
  }

  #keep<T>(value: T): Promise<T> {
    const promise = this.fails ? Promise.reject(STALLED) : Promise.resolve(value);
    this.promises.push(promise);
    return promise;
  }
}

class KnownBus implements UsbBus {
  readonly device: UsbDevice;
  listener: UsbListener | undefined;

  constructor(open: UsbDevice["open"]) {
    this.device = { vendorId: 0x2457, productId: 0x101e, portPath: "1-1.4", open };
  }

  async list(): Promise<readonly UsbDevice[]> {
    return [this.device];
  }

  watch(listener: UsbListener): () => void {
    this.listener = listener;
    return () => {
      this.listener = undefined;
    };
  }
}

function setUp(sink?: (line: string) => void) {
  const lines: string[] = [];
  const inner = new KnownTransport(lines);
  const bus = new KnownBus(async () => inner);
  const recorded = recordUsb(bus, {
    clock: new VirtualClock(),
    sink: sink ?? ((line) => lines.push(line.trim())),
  });
  const open = async (): Promise<UsbTransport> => {
    const [device] = await recorded.list();
    assert.ok(device);
    return device.open(NEVER);
  };
  return { lines, inner, bus, recorded, open };
}

function everyCall(transport: UsbTransport): readonly Promise<unknown>[] {
  return [
    transport.write(0x01, Uint8Array.of(0x05, 0x00), NEVER),
    transport.read(0x82, 64, NEVER),
    transport.clearHalt(0x82),
    transport.reset(),
    transport.close(),
  ];
}

test("every call is written down, and returns what the device returned", async () => {
  const { lines, inner, open } = setUp();
  const transport = await open();
  assert.equal(transport.speed, "full");
  const promises = everyCall(transport);
  assert.equal(inner.linesBeforeWrite, 3, "a write is on paper before it is on the bus");
  for (const [index, promise] of promises.entries()) assert.equal(promise, inner.promises[index]);
  await Promise.all(promises);
  assert.deepEqual(lines.slice(1), [
    "0 1-1.4 open 2457:101E full",
    "0 1-1.4 > 01 0500",
    "0 1-1.4 < 82 69",
    "0 1-1.4 halt 82",
    "0 1-1.4 reset",
    "0 1-1.4 close",
  ]);
});

test("every failure is written down, and is the very error", async () => {
  const { lines, inner, open } = setUp();
  const transport = await open();
  inner.fails = true;
  for (const promise of everyCall(transport)) {
    const error: unknown = await promise.catch((reason: unknown) => reason);
    assert.equal(error, STALLED);
  }
  assert.deepEqual(lines.slice(2), [
    "0 1-1.4 > 01 0500",
    "0 1-1.4 >! 01 DEVICE_PROTOCOL endpoint stalled",
    "0 1-1.4 <! 82 DEVICE_PROTOCOL endpoint stalled",
    "0 1-1.4 halt! 82 DEVICE_PROTOCOL endpoint stalled",
    "0 1-1.4 reset! DEVICE_PROTOCOL endpoint stalled",
    "0 1-1.4 close! DEVICE_PROTOCOL endpoint stalled",
  ]);
});

test("the line of a read is there before its reader runs on", async () => {
  const { lines, open } = setUp();
  const transport = await open();
  await transport.read(0x82, 64, NEVER);
  assert.equal(lines.at(-1), "0 1-1.4 < 82 69");
});

test("a sink that throws disturbs nothing", async () => {
  const { inner, open } = setUp(() => {
    throw new RangeError("disk");
  });
  const transport = await open();
  assert.deepEqual(await transport.read(0x82, 64, NEVER), Uint8Array.of(0x69));
  inner.fails = true;
  await assert.rejects(transport.write(0x01, Uint8Array.of(1), NEVER), STALLED);
});

test("an opening that fails", async () => {
  const busy = new VscopeError("DEVICE_BUSY", "in use by another program");
  const lines: string[] = [];
  const bus = new KnownBus(async () => Promise.reject(busy));
  const recorded = recordUsb(bus, { clock: new VirtualClock(), sink: (line) => lines.push(line.trim()) });
  const [device] = await recorded.list();
  await assert.rejects(device?.open(NEVER) ?? Promise.resolve(), busy);
  assert.equal(lines.at(-1), "0 1-1.4 open! 2457:101E DEVICE_BUSY in use by another program");
});

test("a device is the same object whenever it is named, as below", async () => {
  const { lines, bus, recorded } = setUp();
  const seen: UsbDevice[] = [];
  const stop = recorded.watch({
    attached: (device) => seen.push(device),
    detached: (device) => seen.push(device),
  });
  const [device] = await recorded.list();
  bus.listener?.attached(bus.device);
  bus.listener?.detached(bus.device);
  assert.ok(device);
  assert.deepEqual([device.vendorId, device.productId, device.portPath], [0x2457, 0x101e, "1-1.4"]);
  assert.equal(seen.length, 2);
  assert.ok(seen.every((other) => other === device));
  assert.deepEqual(lines.slice(1), ["0 1-1.4 attach 2457:101E", "0 1-1.4 detach 2457:101E"]);
  stop();
  assert.equal(bus.listener, undefined);
});
