// Every control of every model against the emulated devices, byte for byte: what is written is read back, shows in the
// device, and is refused outside its limits.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import {
  type Control,
  type ControlName,
  type Controls,
  type ControlValues,
  WRITTEN_ONCE,
} from "../../../src/drivers/oceanoptics/controls.ts";
import { MODELS, type ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { openDriver } from "../../../src/drivers/oceanoptics/open.ts";
import type { EmulatedSpectrometer, Firmware } from "../../../src/emulator/device/spectrometer.ts";
import { createEmulatedInstrument } from "../../../src/emulator/instrument.ts";

async function open(model: ModelName, firmware: Firmware = {}) {
  const clock = new VirtualClock();
  const serial = "TEST00001";
  const { bus, devices } = createEmulatedInstrument({
    clock,
    log: SILENT,
    spectrometers: [{ model, serial, firmware }],
  });
  const device = devices.get(serial)?.spectrometer ?? assert.fail();
  const [usb = assert.fail()] = await bus.list();
  const driver = await clock.run(openDriver({ device: usb, clock, log: SILENT, isSimulated: true }, NEVER));
  const run = <T>(promise: Promise<T>): Promise<T> => clock.run(promise);
  return { driver, device, run, close: () => run(driver.close()) };
}

/** A value, what shows of it in the device, and values that no device takes. */
interface Change<Name extends ControlName> {
  readonly value: ControlValues[Name];
  readonly shows: (device: EmulatedSpectrometer) => unknown;
  readonly as: unknown;
  readonly refused: readonly ControlValues[Name][];
}

const CHANGES: { readonly [Name in ControlName]?: Change<Name> } = {
  lamp: { value: true, shows: ({ settings }) => settings.values.isLampOn, as: true, refused: [] },
  "continuous-strobe": {
    value: { enabled: true, periodUs: 20_000 },
    shows: ({ settings: { values } }) => [values.isStrobing, values.strobePeriodUs],
    as: [true, 20_000],
    refused: [
      { enabled: true, periodUs: 0 },
      { enabled: true, periodUs: 1e12 },
      { enabled: true, periodUs: Number.NaN },
    ],
  },
  "single-strobe": {
    value: { enabled: true, delayUs: 300, widthUs: 2500 },
    shows: ({ settings: { values } }) => [
      values.isSingleStrobeOn,
      values.singleStrobeDelayUs,
      values.singleStrobeWidthUs,
    ],
    as: [true, 300, 2500],
    refused: [
      { enabled: true, delayUs: -1, widthUs: 0 },
      { enabled: true, delayUs: 0, widthUs: 2 ** 32 },
    ],
  },
  "status-led": { value: false, shows: ({ isLedOn }) => isLedOn, as: false, refused: [] },
  "acquisition-delay": {
    value: 500,
    shows: ({ settings }) => settings.values.acquisitionDelayUs,
    as: 500,
    refused: [-1, 1e9],
  },
  shutter: { value: false, shows: ({ settings }) => settings.values.isShutterOpen, as: false, refused: [] },
  gpio: {
    value: { outputs: 5, levels: 1 },
    shows: ({ gpio }) => [gpio.outputEnable, gpio.outputs],
    as: [5, 1],
    refused: [{ outputs: -1, levels: 0 }],
  },
  // The device is armed with the next exposure: triggers.test.ts.
  trigger: {
    value: { mode: "hardware" },
    shows: () => true,
    as: true,
    refused: [{ mode: "hardware", number: 999 }],
  },
  "scans-to-average": {
    value: 3,
    shows: ({ settings }) => settings.values.scansToAverage,
    as: 3,
    refused: [0, 5001],
  },
  boxcar: { value: 4, shows: ({ settings }) => settings.values.boxcarHalfWidth, as: 4, refused: [-1, 16] },
  binning: { value: 1, shows: ({ settings }) => settings.values.binning, as: 1, refused: [-1, 4] },
  fan: { value: false, shows: ({ detector }) => detector.cooler.isFanOn, as: false, refused: [] },
};

for (const { name } of MODELS) {
  test(`${name}: every control is read, written, shown by the device, and limited`, async () => {
    const { driver, device, run, close } = await open(name);
    for (const control of names(driver.controls)) {
      await check(control, driver.controls, { device, run });
    }
    await close();
  });
}

function names(controls: Controls): ControlName[] {
  return Object.keys(controls).filter((name): name is ControlName => name in controls);
}

async function check<Name extends ControlName>(
  name: Name,
  controls: Controls,
  {
    device,
    run,
  }: { readonly device: EmulatedSpectrometer; readonly run: <T>(promise: Promise<T>) => Promise<T> },
): Promise<void> {
  const control: Control<ControlValues[Name]> | undefined = controls[name];
  assert.ok(control);
  assert.notEqual(await run(control.read(NEVER)), undefined, name);
  // memory.test.ts writes these.
  if (WRITTEN_ONCE.has(name)) return;
  const change: Change<Name> | undefined = CHANGES[name];
  assert.equal(change === undefined, control.write === undefined, `${name}: no test of its writing`);
  if (change === undefined || control.write === undefined) return;
  for (const value of change.refused) {
    const refusal = run(control.write(value, NEVER));
    await assert.rejects(refusal, (error) => isVscopeError(error, "VALUE_OUT_OF_RANGE"), name);
  }
  await run(control.write(change.value, NEVER));
  assert.deepEqual(await run(control.read(NEVER)), change.value, name);
  assert.deepEqual(change.shows(device), change.as, name);
}

test("the strobe's period by both generations of the FPGA, short and long", async () => {
  for (const fpgaVersion of [
    [1, 2, 1],
    [3, 4, 6],
  ] as const) {
    const { driver, device, run, close } = await open("HR4000", { fpgaVersion });
    const strobe = driver.controls["continuous-strobe"] ?? assert.fail();
    for (const periodUs of [50, 65_536, 100_000, 2_000_000]) {
      await run(strobe.write?.({ enabled: true, periodUs }, NEVER) ?? assert.fail());
      assert.deepEqual(await run(strobe.read(NEVER)), { enabled: true, periodUs });
      assert.equal(device.settings.values.strobePeriodUs, periodUs);
    }
    await close();
  }
});

test("an irradiance calibration is read whole; without one there are no numbers", async () => {
  const { driver, run, close } = await open("Flame-S");
  assert.deepEqual(await run(driver.controls.irradiance?.read(NEVER) ?? assert.fail()), []);
  await close();
});

test("devices tell their status and revisions", async () => {
  const { driver, run, close } = await open("Flame-S");
  const status = await run(driver.controls.status?.read(NEVER) ?? assert.fail());
  assert.equal(status.pixels, 2048);
  assert.equal(status.integrationTimeUs, driver.identity.integrationTimeUs.min);
  assert.equal(status.isHighSpeed, true);
  const revisions = await run(driver.controls.revisions?.read(NEVER) ?? assert.fail());
  assert.match(revisions.fpga ?? "", /^FPGA \d+\.\d\d\.\d+$/);
  await close();
});
