import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import type { UsbBus, UsbDevice, UsbListener } from "../../src/drivers/usb/port.ts";
import { createSpectrometer } from "../../src/emulator/device/create.ts";
import { Rack } from "../../src/instruments/rack.ts";
import { RackBench } from "./spectrometer-bench.ts";

function another(bench: RackBench, serial: string) {
  const { clock, instrument } = bench;
  return createSpectrometer({
    model: modelNamed("Flame-S"),
    serial,
    seed: 7,
    clock,
    scene: instrument.scene,
  });
}

test("finds all devices, names them by serial number", async () => {
  const bench = new RackBench();
  await bench.start();
  assert.deepEqual(
    bench.rack.spectrometers.value.map(({ serial, identity, status }) => [
      serial,
      identity.model,
      status.value.state,
    ]),
    [
      ["FLMS01859", "Flame-S", "idle"],
      ["QEP00709", "QE Pro", "idle"],
    ],
  );
  assert.equal(bench.rack.isSimulated, true);
  assert.throws(() => bench.rack.spectrometer("NOBODY"), {
    code: "RESOURCE_NOT_FOUND",
    message: "NOBODY: no such spectrometer, there is FLMS01859, QEP00709",
  });
  await bench.close();
});

test("eight devices expose at once", async () => {
  const models = [
    "Flame-S",
    "USB4000",
    "QE65000",
    "Maya2000 Pro",
    "NIRQuest512",
    "STS",
    "QE Pro",
    "Flame-S",
  ] as const;
  const spectrometers = models.map((model, index) => ({ model, serial: `SN${index}` }));
  const bench = new RackBench({ spectrometers });
  await bench.start();
  const all = bench.rack.spectrometers.value;
  assert.equal(all.length, 8);
  const beganUs = bench.clock.nowUs();
  await bench.clock.run(
    Promise.all(all.map((one) => one.acquire(bench.request({ integrationTimeUs: 500_000 }), NEVER))),
  );
  assert.ok(bench.clock.nowUs() - beganUs < 1_600_000);
  await bench.close();
});

test("one device that may not be opened does not hide the others", async () => {
  const bench = new RackBench();
  bench.instrument.bus.attach(another(bench, "FLMS00002"), { isForbidden: true, portPath: "1-7" });
  await bench.start();
  assert.equal(bench.rack.spectrometers.value.length, 2);
  const [problem] = bench.rack.problems.value;
  assert.deepEqual(
    { ...problem, message: "" },
    { portPath: "1-7", model: "USB2000+", code: "DEVICE_PERMISSION", message: "" },
  );
  await bench.close();
});

test("unplugged in mid-exposure: rejects at once; plugged in again, it is the same spectrometer", async () => {
  const bench = new RackBench();
  await bench.start();
  const spectrometer = bench.rack.spectrometer("FLMS01859");
  spectrometer.setIntegrationTimeUs("upwelling", 2_000_000);
  const acquisition = spectrometer.acquire(bench.request(), NEVER);
  acquisition.catch(() => {});
  await bench.clock.advance(1_000_000);
  const { spectrometer: device } = bench.device("FLMS01859");
  const beganUs = bench.clock.nowUs();
  bench.instrument.bus.detach(device);
  await bench.clock.run(
    assert.rejects(acquisition, { code: "DEVICE_NOT_CONNECTED", message: /^FLMS01859: .*unplugged$/ }),
  );
  await bench.clock.advance(0);
  assert.equal(bench.clock.nowUs(), beganUs);
  assert.equal(spectrometer.status.value.state, "disconnected");
  assert.equal(spectrometer.identity.pixels, 2048);
  await assert.rejects(bench.acquire(spectrometer), {
    code: "DEVICE_NOT_CONNECTED",
    message: /^FLMS01859: not connected/,
  });
  await bench.acquire(bench.rack.spectrometer("QEP00709"));

  bench.instrument.bus.attach(device, { portPath: "3-2.1" });
  await bench.clock.advance(2_000_000);
  assert.equal(bench.rack.spectrometer("FLMS01859"), spectrometer);
  assert.equal(bench.rack.spectrometers.value.length, 2);
  assert.equal(spectrometer.status.value.state, "idle");
  const spectrum = await bench.acquire(spectrometer);
  assert.equal(spectrum.integrationTimeUs, 2_000_000);
  assert.deepEqual(bench.rack.problems.value, []);
  await bench.close();
});

test("a device plugged in later appears", async () => {
  const bench = new RackBench();
  await bench.start();
  bench.instrument.bus.attach(another(bench, "FLMS00002"));
  await bench.clock.advance(1_000_000);
  assert.equal(bench.rack.spectrometers.value.length, 3);
  await bench.acquire(bench.rack.spectrometer("FLMS00002"));
  await bench.close();
});

test("a second device with the same serial number is a problem, not a mix-up", async () => {
  const bench = new RackBench();
  await bench.start();
  bench.instrument.bus.attach(another(bench, "FLMS01859"), { portPath: "9-9" });
  await bench.clock.advance(500_000);
  assert.deepEqual(bench.rack.problems.value, [
    {
      portPath: "9-9",
      model: "USB2000+",
      code: "DEVICE_FAULT",
      message: "FLMS01859: a second device, at USB 9-9, has this serial number",
    },
  ]);
  // The first one leaves: the second takes its place.
  bench.instrument.bus.detach(bench.device("FLMS01859").spectrometer);
  await bench.clock.advance(11_000_000);
  assert.equal(bench.rack.spectrometer("FLMS01859").status.value.state, "idle");
  assert.deepEqual(bench.rack.problems.value, []);
  await bench.close();
});

test("a device that goes silent is reset and opened again", async () => {
  const bench = new RackBench();
  await bench.start();
  const spectrometer = bench.rack.spectrometer("FLMS01859");
  await bench.acquire(spectrometer);
  const states: string[] = [];
  spectrometer.status.subscribe(({ state }) => states.push(state));
  // The request is lost; then the first transfers of the recovery are, too.
  bench
    .device("FLMS01859")
    .faults.start(
      { kind: "silence", nth: 2, direction: "write" },
      { kind: "silence", nth: 3, direction: "write" },
    );
  await assert.rejects(bench.acquire(spectrometer), { code: "DEVICE_TIMEOUT" });
  await bench.clock.advance(20_000_000);
  assert.deepEqual(states, ["exposing", "recovering", "recovering", "idle"]);
  await bench.acquire(spectrometer);
  assert.deepEqual(bench.rack.problems.value, []);
  await bench.close();
});

test("a device that comes back from a reset under a new address", async () => {
  const bench = new RackBench();
  const device = another(bench, "FLMS00002");
  const { FaultPlan } = await import("../../src/emulator/usb/faults.ts");
  const faults = new FaultPlan();
  bench.instrument.bus.attach(device, { reenumerates: true, faults });
  await bench.start();
  const spectrometer = bench.rack.spectrometer("FLMS00002");
  await bench.acquire(spectrometer);
  faults.start(
    { kind: "silence", nth: 2, direction: "write" },
    { kind: "silence", nth: 3, direction: "write" },
  );
  await assert.rejects(bench.acquire(spectrometer), { code: "DEVICE_TIMEOUT" });
  await bench.clock.advance(30_000_000);
  assert.equal(spectrometer.status.value.state, "idle");
  await bench.acquire(spectrometer);
  bench.instrument.bus.detach(device);
  await bench.close();
});

/** A bus whose only device cannot be opened. */
class BrokenBus implements UsbBus {
  readonly openedAtUs: number[] = [];
  readonly clock = new VirtualClock();
  readonly listeners = new Set<UsbListener>();
  readonly device: UsbDevice = {
    vendorId: 0x2457,
    productId: 0x1022,
    portPath: "1-1",
    open: async () => {
      this.openedAtUs.push(this.clock.nowUs());
      throw new RangeError("out of order");
    },
  };

  async list(): Promise<readonly UsbDevice[]> {
    const unknown = { ...this.device, productId: 0x7777, portPath: "1-2" };
    const keyboard = { ...this.device, vendorId: 0x046d, portPath: "1-3" };
    return [this.device, unknown, keyboard];
  }

  watch(listener: UsbListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

test("failures to open are tried again after 1, 2, 5, 10, 10 s; other makers' devices are left alone", async () => {
  const bus = new BrokenBus();
  const messages: string[] = [];
  const log: Log = { ...SILENT, warn: (_, message) => messages.push(message) };
  const rack = new Rack({ bus, clock: bus.clock, log, channels: [], isSimulated: false });
  await bus.clock.run(rack.start(NEVER));
  assert.deepEqual(
    rack.problems.value.map(({ portPath, model, code, message }) => [portPath, model, code, message]),
    [
      ["1-1", "USB4000", "INTERNAL", "internal error: out of order"],
      ["1-2", "unknown", "RESOURCE_NOT_FOUND", "USB 1-2: 2457:7777 is not in the table of models"],
    ],
  );
  await bus.clock.advance(30_000_000);
  assert.deepEqual(bus.openedAtUs, [0, 1_000_000, 3_000_000, 8_000_000, 18_000_000, 28_000_000]);
  for (const listener of bus.listeners) listener.detached(bus.device);
  await bus.clock.advance(0);
  assert.deepEqual(
    rack.problems.value.map(({ portPath }) => portPath),
    ["1-2"],
  );
  await bus.clock.run(rack.close());
  assert.equal(bus.listeners.size, 0);
  assert.equal(bus.clock.pending, 0);
});

test("a device without a name that does not open costs nobody else the power, who needs a reset only", async () => {
  const [good, bad] = ["FLMS01859", "QEP00709"];
  for (let offsetS = 0; offsetS < 30; offsetS++) {
    const bench = new RackBench({
      power: { [good]: { pin: 5, activeHigh: true, offUs: 3 * SECOND, onDelayUs: SECOND } },
    });
    await bench.openPower();
    await bench.clock.advance(10 * SECOND);
    bench.device(bad).connection.setPlugged(false);
    await bench.start();
    await bench.clock.advance(10 * SECOND);
    bench.device(bad).faults.hang("nothing");
    bench.device(bad).connection.setPlugged(true);
    await bench.clock.advance(offsetS * SECOND);
    bench.device(good).faults.hang("reset");
    bench.rack
      .spectrometer(good)
      .acquire(bench.request(), NEVER)
      .catch(() => {});
    await bench.clock.advance(60 * SECOND);
    assert.ok(bench.steps.some(({ serial, step }) => serial === good && step === "reset"));
    assert.deepEqual(
      bench.steps.filter(({ step }) => step === "power-cycle"),
      [],
      `after ${offsetS} s`,
    );
    assert.equal(bench.rack.spectrometer(good).status.value.state, "idle");
    await bench.close();
  }
});

test("closing ends acquisitions and leaves nothing behind", async () => {
  const bench = new RackBench();
  await bench.start();
  const spectrometer = bench.rack.spectrometer("FLMS01859");
  const acquisition = spectrometer.acquire(bench.request({ integrationTimeUs: 60_000_000 }), NEVER);
  acquisition.catch(() => {});
  await bench.clock.advance(1_000_000);
  await bench.close();
  await assert.rejects(acquisition, {
    code: "DEVICE_NOT_CONNECTED",
    message: "FLMS01859: the server closes",
  });
  assert.equal(spectrometer.status.value.state, "disconnected");
});

test("closing while a device is being opened", async () => {
  const bench = new RackBench();
  const started = bench.rack.start(NEVER);
  await bench.clock.advance(10_000);
  await bench.close();
  await started;
  assert.deepEqual(
    bench.rack.spectrometers.value.filter(({ status }) => status.value.state !== "disconnected"),
    [],
  );
});
