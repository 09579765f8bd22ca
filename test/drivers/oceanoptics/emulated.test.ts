// The drivers against the emulated devices, byte for byte: every model, many firmware behaviours, a fault in the N-th
// transfer. The emulator's log of what really happened is the judge.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { RawFrame, SpectrometerDriver } from "../../../src/drivers/oceanoptics/driver.ts";
import { MODELS, type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { openDriver } from "../../../src/drivers/oceanoptics/open.ts";
import type { Firmware } from "../../../src/emulator/device/spectrometer.ts";
import { createEmulatedInstrument, type EmulatedDevice } from "../../../src/emulator/instrument.ts";

const SEVEN = ["Flame-S", "USB4000", "QE65000", "Maya2000 Pro", "NIRQuest512", "STS", "QE Pro"] as const;

class Bench {
  readonly clock = new VirtualClock();
  readonly emulated: EmulatedDevice;
  readonly name: ModelName;
  readonly #open: () => Promise<SpectrometerDriver>;
  #driver: SpectrometerDriver | undefined;

  constructor(name: ModelName, firmware: Firmware = {}) {
    this.name = name;
    const { bus, devices } = createEmulatedInstrument({
      clock: this.clock,
      log: SILENT,
      spectrometers: [{ model: name, serial: "TEST00001", firmware }],
    });
    const emulated = devices.get("TEST00001");
    assert.ok(emulated);
    this.emulated = emulated;
    this.#open = async () => {
      const [device] = await bus.list();
      assert.ok(device);
      return openDriver({ device, clock: this.clock, log: SILENT, isSimulated: true }, NEVER);
    };
  }

  async driver(): Promise<SpectrometerDriver> {
    this.#driver ??= await this.clock.run(this.#open());
    return this.#driver;
  }

  async acquire(wantedUs: number, signal: AbortSignal = NEVER): Promise<RawFrame> {
    const driver = await this.driver();
    const integrationTimeUs = Math.max(wantedUs, driver.identity.integrationTimeUs.min);
    const notBeforeUs = this.clock.nowUs();
    const frame = await this.clock.run(driver.acquire({ integrationTimeUs, notBeforeUs }, signal));
    this.#assertFresh(frame, integrationTimeUs, notBeforeUs);
    return frame;
  }

  async resynchronize(): Promise<void> {
    await this.clock.run((await this.driver()).resynchronize(NEVER));
  }

  async close(): Promise<void> {
    await this.#driver?.close();
    await this.clock.advance(100_000);
  }

  #assertFresh(frame: RawFrame, integrationTimeUs: number, notBeforeUs: number): void {
    // Idle frames can follow; a frame that a fault has changed is the newest.
    const { truth: log } = this.emulated.spectrometer;
    const truth = log.behind(frame.counts) ?? log.newest;
    assert.ok(truth);
    assert.equal(truth.integrationTimeUs, integrationTimeUs, `${this.name}: exposed for another time`);
    assert.ok(truth.startUs >= notBeforeUs, `${this.name}: begun too early`);
    const errorUs = Math.abs(frame.exposureStartUs - truth.startUs);
    assert.ok(errorUs <= modelNamed(this.name).readoutMaxUs, `${this.name}: window is off by ${errorUs} us`);
    assert.equal(frame.counts.length, modelNamed(this.name).frame.pixels);
  }
}

const SCHEDULE = [100_000, 100_000, 20_000, 10_000, 10_000, 300_000, 8000, 1000, 50_000];

for (const { name } of MODELS) {
  test(`${name}: opens, and every frame of a schedule is fresh`, async () => {
    const bench = new Bench(name);
    const { identity } = await bench.driver();
    assert.equal(identity.serial, "TEST00001");
    assert.equal(identity.model, name);
    assert.equal(identity.calibration.wavelengthCoefficients.length, 4);
    for (const us of SCHEDULE) await bench.acquire(us);
    await bench.close();
  });
}

for (const name of ["USB2000+", "Flame-S", "USB4000", "NIRQuest512", "QE Pro", "STS"] as const) {
  test(`${name}: a steady exposure of 100 ms costs the read-out and a moment`, async () => {
    const bench = new Bench(name);
    await bench.acquire(100_000);
    for (const us of [100_000, 20_000, 100_000]) {
      const beganUs = bench.clock.nowUs();
      await bench.acquire(us);
      const overheadUs = bench.clock.nowUs() - beganUs - us - modelNamed(name).readoutUs;
      assert.ok(
        overheadUs <= Math.max(2500, modelNamed(name).readoutUs) + 0.05 * us,
        `${us}: +${overheadUs} us`,
      );
    }
    await bench.close();
  });
}

const FIRMWARE: readonly (readonly [string, ModelName, Firmware])[] = [
  ["restarts its cycle at once", "USB2000+", { restartsAtOnce: true }],
  ["keeps the old setting for one more cycle", "Flame-S", { extraStaleCycles: 1 }],
  ["keeps the old setting for one more cycle", "USB4000", { extraStaleCycles: 1 }],
  ["ignores a second request", "USB4000", { secondRequest: "ignored" }],
  ["is at full speed", "USB4000", { speed: "full" }],
  ["is at full speed", "Flame-S", { speed: "full" }],
  ["is at full speed", "STS", { speed: "full" }],
  ["is at high speed", "STS", { speed: "high" }],
  ["is at high speed", "QE Pro", { speed: "high" }],
  ["powered up at 2 s", "Maya2000 Pro", { powerUpIntegrationTimeUs: 2_000_000 }],
  ["powered up at 2 s, without status", "NIRQuest512", { powerUpIntegrationTimeUs: 2_000_000 }],
  ["has old frames in its buffer", "QE Pro", { leftoverFrames: 3 }],
  ["has an unread answer", "STS", { leftoverFrames: 1 }],
  ["acknowledges without the response bit", "QE Pro", { acknowledgeFlags: 0x0002 }],
];

for (const [behaviour, name, firmware] of FIRMWARE) {
  test(`${name} that ${behaviour}: every frame is fresh`, async () => {
    const bench = new Bench(name, firmware);
    for (const us of SCHEDULE.filter((wanted) => wanted >= 10_000)) await bench.acquire(us);
    await bench.close();
  });
}

for (const name of SEVEN) {
  test(`${name}: a minute's exposure aborts at once, and the next frame is right`, async () => {
    const bench = new Bench(name);
    await bench.acquire(20_000);
    const controller = new AbortController();
    bench.clock.after(5_000_000, () => controller.abort(new RangeError("enough")));
    const beganUs = bench.clock.nowUs();
    await assert.rejects(bench.acquire(60_000_000, controller.signal), /enough/);
    assert.ok(bench.clock.nowUs() - beganUs <= 5_100_000);
    await bench.resynchronize();
    await bench.acquire(30_000);
    // The minute is not waited for.
    assert.ok(bench.clock.nowUs() - beganUs <= 10_000_000, `${bench.clock.nowUs() - beganUs} us`);
    await bench.close();
  });
}

for (const name of SEVEN) {
  for (const kind of ["stall", "short", "truncated", "wrong-sync", "silence", "orphan", "ignored"] as const) {
    test(`${name}: ${kind} in the N-th transfer of an acquisition`, async () => {
      for (let nth = 1; ; nth++) {
        assert.ok(nth < 50, "the fault loop does not end");
        const bench = new Bench(name);
        await bench.acquire(20_000);
        // Bytes on their way to the device are never changed unnoticed: USB has a check sum of its own.
        bench.emulated.faults.start({ kind, nth, ...(kind === "wrong-sync" ? { direction: "read" } : {}) });
        try {
          await bench.acquire(40_000);
        } catch (error) {
          assert.ok(isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT"), String(error));
          assert.match(error.message, /^TEST00001: /);
        }
        const hasFired = bench.emulated.faults.fired.length > 0;
        bench.emulated.faults.start();
        await bench.resynchronize();
        await bench.acquire(30_000);
        await bench.close();
        if (!hasFired) return;
      }
    });
  }
}

test("unplugged in mid-exposure", async () => {
  const bench = new Bench("Flame-S");
  await bench.acquire(20_000);
  bench.emulated.faults.start({ kind: "unplug", nth: 2, direction: "write" });
  await assert.rejects(bench.acquire(500_000), { code: "DEVICE_NOT_CONNECTED", message: /^TEST00001: / });
  await bench.close();
});

test("the coolers tell temperature and settings, and take others", async () => {
  for (const name of ["QE65000", "NIRQuest512", "QE Pro"] as const) {
    const bench = new Bench(name);
    const { tec } = await bench.driver();
    assert.ok(tec);
    const before = await bench.clock.run(tec.read(NEVER));
    assert.ok(before.enabled);
    assert.ok(Math.abs(before.temperatureC - before.setpointC) < 1, `${name}: ${before.temperatureC}`);
    await bench.clock.run(tec.setSetpointC(before.setpointC + 4.5, NEVER));
    await bench.clock.run(tec.setEnabled(false, NEVER));
    const after = await bench.clock.run(tec.read(NEVER));
    assert.equal(after.setpointC, before.setpointC + 4.5);
    assert.equal(after.enabled, false);
    await bench.close();
  }
});

test("devices with a thermometer only", async () => {
  for (const name of ["STS", "Flame-S"] as const) {
    const bench = new Bench(name);
    const celsius = await bench.clock.run(
      (await bench.driver()).readTemperatureC?.(NEVER) ?? Promise.reject(),
    );
    assert.ok(celsius > 0 && celsius < 60, `${name}: ${celsius}`);
    await bench.close();
  }
});
