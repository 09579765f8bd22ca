import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SILENT } from "../../../src/base/log.ts";
import { LibusbBus } from "../../../src/drivers/usb/libusb.ts";
import type { UsbTransport } from "../../../src/drivers/usb/port.ts";
import { DeviceDouble, LibraryDouble, libraryError } from "./library-double.ts";

function busOf(...devices: DeviceDouble[]) {
  const library = new LibraryDouble(...devices);
  const bus = new LibusbBus({ log: SILENT, load: async () => library, sysfs: tmpdir() });
  return { bus, library };
}

async function opened(device = new DeviceDouble(0x2457, 0x101e)): Promise<[UsbTransport, DeviceDouble]> {
  const [usb] = await busOf(device).bus.list();
  assert.ok(usb);
  return [await usb.open(NEVER), device];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a computer without USB lists nothing and does not load the library", async () => {
  const load = () => assert.fail("loaded");
  const bus = new LibusbBus({ log: SILENT, load, sysfs: "/nonexistent/usb" });
  assert.deepEqual(await bus.list(), []);
  bus.watch({ attached: () => assert.fail(), detached: () => assert.fail() })();
});

test("the real library loads and lists without opening anything", async () => {
  const devices = await new LibusbBus({ log: SILENT, sysfs: tmpdir() }).list();
  assert.ok(Array.isArray(devices));
});

test("lists from descriptors, by port path, one object a device", async () => {
  const device = new DeviceDouble(0x2457, 0x1022, { ports: [2, 1, 3] });
  const { bus } = busOf(device);
  const [listed] = await bus.list();
  const [again] = await bus.list();
  assert.deepEqual([listed?.vendorId, listed?.productId, listed?.portPath], [0x2457, 0x1022, "1-2.1.3"]);
  assert.equal(listed, again);
  assert.deepEqual(device.calls, []);
});

test("tells of devices that come and go, until unsubscribed", async () => {
  const device = new DeviceDouble(0x2457, 0x1022);
  const { bus, library } = busOf(device);
  const seen: string[] = [];
  const stop = bus.watch({
    attached: ({ portPath }) => seen.push(`+${portPath}`),
    detached: ({ portPath }) => seen.push(`-${portPath}`),
  });
  await turn();
  library.emit("attach", device);
  library.emit("detach", device);
  stop();
  assert.equal(library.listeners, 0);
  assert.deepEqual(seen, ["+1-1.4", "-1-1.4"]);
});

test("unsubscribed before the library is there: no listener stays", async () => {
  const { bus, library } = busOf();
  bus.watch({ attached: () => {}, detached: () => {} })();
  await turn();
  assert.equal(library.listeners, 0);
});

test("opens, takes the interface from the kernel, and closes in reverse", async () => {
  const device = new DeviceDouble(0x2457, 0x101e);
  device.hasKernelDriver = true;
  const [transport] = await opened(device);
  await transport.close();
  await transport.close();
  assert.deepEqual(device.calls, ["open", "detach kernel driver", "claim", "release", "close"]);
});

test("speed by packet size", async () => {
  assert.equal((await opened())[0].speed, "high");
  assert.equal((await opened(new DeviceDouble(0x2457, 0x4004, { packet: 64 })))[0].speed, "full");
});

for (const [errno, code, fact] of [
  [
    -3,
    "DEVICE_PERMISSION",
    /^USB 1-1\.4: may not be opened, install etc\/60-vscope\.rules: sudo cp .*udevadm/,
  ],
  [-4, "DEVICE_NOT_CONNECTED", /^USB 1-1\.4: unplugged$/],
  [-6, "DEVICE_BUSY", /^USB 1-1\.4: in use by another program$/],
] as const) {
  test(`error ${errno} at open is ${code}`, async () => {
    const device = new DeviceDouble(0x2457, 0x101e);
    device.openError = libraryError(errno);
    await assert.rejects(opened(device), { code, message: fact });
  });
}

test("an interface that is taken: the device is closed again", async () => {
  const device = new DeviceDouble(0x2457, 0x101e);
  device.claimError = libraryError(-6);
  await assert.rejects(opened(device), { code: "DEVICE_BUSY" });
  assert.deepEqual(device.calls, ["open", "close"]);
});

test("writes and reads, never with the library's time-out", async () => {
  const [transport, device] = await opened();
  const written = transport.write(0x01, Uint8Array.of(2, 3), NEVER);
  assert.deepEqual([...device.newest(0x01).buffer], [2, 3]);
  device.newest(0x01).end(undefined, 2);
  await written;
  const read = transport.read(0x81, 64, NEVER);
  assert.equal(device.newest(0x81).buffer.length, 64);
  assert.equal(device.newest(0x81).timeoutMs, 0);
  device.newest(0x81).end(undefined, Uint8Array.of(7, 8, 9));
  assert.deepEqual([...(await read)], [7, 8, 9]);
});

test("a write that was not taken whole", async () => {
  const [transport, device] = await opened();
  const written = transport.write(0x01, Uint8Array.of(2, 3), NEVER);
  device.newest(0x01).end(undefined, 1);
  await assert.rejects(written, { code: "DEVICE_PROTOCOL", message: "USB 1-1.4: 1 of 2 bytes were taken" });
});

test("an abort cancels the transfer and is awaited; its reason is thrown", async () => {
  const [transport, device] = await opened();
  const controller = new AbortController();
  const reason = new RangeError("enough");
  let isSettled = false;
  const read = transport.read(0x82, 4608, controller.signal).finally(() => (isSettled = true));
  read.catch(() => {});
  controller.abort(reason);
  await turn();
  assert.equal(device.newest(0x82).cancels, 1);
  assert.equal(isSettled, false);
  device.newest(0x82).end(libraryError(3));
  await assert.rejects(read, reason);
});

test("bytes that overtake the cancel are not lost", async () => {
  const [transport, device] = await opened();
  const controller = new AbortController();
  const read = transport.read(0x82, 64, controller.signal);
  controller.abort();
  device.newest(0x82).end(undefined, Uint8Array.of(1));
  assert.deepEqual([...(await read)], [1]);
});

test("a cancel that the library refuses, because the device is gone, throws nothing; the transfer's end does", async () => {
  const [transport, device] = await opened();
  const controller = new AbortController();
  const read = transport.read(0x82, 64, controller.signal);
  device.newest(0x82).cancelRefusal = libraryError(-4);
  controller.abort();
  device.newest(0x82).end(libraryError(5));
  await assert.rejects(read, { code: "DEVICE_NOT_CONNECTED", message: "USB 1-1.4: unplugged" });
});

test("an aborted signal submits nothing", async () => {
  const [transport, device] = await opened();
  const reason = new RangeError("before");
  await assert.rejects(transport.read(0x82, 64, AbortSignal.abort(reason)), reason);
  assert.throws(() => device.newest(0x82));
});

for (const [status, code] of [
  [1, "DEVICE_PROTOCOL"],
  [4, "DEVICE_PROTOCOL"],
  [5, "DEVICE_NOT_CONNECTED"],
  [6, "DEVICE_PROTOCOL"],
] as const) {
  test(`transfer status ${status} is ${code}`, async () => {
    const [transport, device] = await opened();
    const read = transport.read(0x82, 64, NEVER);
    device.newest(0x82).end(libraryError(status));
    await assert.rejects(read, { code });
  });
}

test("a transfer that the library refuses", async () => {
  const [transport, device] = await opened();
  for (const endpoint of device.endpoints) endpoint.refusal = libraryError(-4);
  await assert.rejects(transport.read(0x82, 64, NEVER), { code: "DEVICE_NOT_CONNECTED" });
  await assert.rejects(transport.clearHalt(0x82), { code: "DEVICE_NOT_CONNECTED" });
  await assert.rejects(transport.read(0x99, 64, NEVER), { message: "USB 1-1.4: there is no endpoint 153" });
});

test("closing ends what is pending, awaits it, then releases", async () => {
  const [transport, device] = await opened();
  const read = transport.read(0x82, 64, NEVER);
  const closed = transport.close();
  await turn();
  assert.equal(device.newest(0x82).cancels, 1);
  assert.deepEqual(device.calls, ["open", "claim"]);
  device.newest(0x82).end(libraryError(3));
  await assert.rejects(read, { code: "DEVICE_NOT_CONNECTED", message: "USB 1-1.4: closed" });
  await closed;
  assert.deepEqual(device.calls, ["open", "claim", "release", "close"]);
  await assert.rejects(transport.read(0x82, 64, NEVER), { code: "DEVICE_NOT_CONNECTED" });
});

test("halt and reset", async () => {
  const [transport, device] = await opened();
  await transport.clearHalt(0x81);
  await transport.reset();
  assert.equal(device.endpoints[1]?.haltsCleared, 1);
  assert.ok(device.calls.includes("reset"));
});
