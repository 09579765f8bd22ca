// A random schedule of what users and the world do to a spectrometer. Each operation is a row of a table: its share of
// the schedule and what it does. Whatever it does, the next spectrum must be fresh.

import assert from "node:assert/strict";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import type { ControlName, ControlValues } from "../../src/drivers/oceanoptics/controls.ts";
import type { EmulatedSpectrometer } from "../../src/emulator/device/spectrometer.ts";
import type { FaultKind } from "../../src/emulator/usb/faults.ts";
import type { Dice } from "../support/dice.ts";
import { CHANNELS, type Host, type Station } from "../support/station.ts";

/** What an operation works on. */
export interface Stage {
  readonly station: Station;
  readonly host: Host;
  readonly dice: Dice;
  /** Takes a spectrum and checks it. */
  take(integrationTimeUs: number, signal?: AbortSignal): Promise<void>;
}

export interface Operation {
  readonly name: string;
  /** What it counts as in the report. */
  readonly kind: "acquisition" | "change" | "abort" | "world";
  readonly weight: number;
  /** Default: every device has it. */
  readonly control?: ControlName;
  run(stage: Stage): Promise<void>;
}

/** Not those that no protocol shows: bytes that USB would have repeated. */
const FAULTS: readonly FaultKind[] = ["stall", "short", "truncated", "silence", "unplug", "orphan"];

export const OPERATIONS: readonly Operation[] = [
  {
    name: "spectrum, any time",
    kind: "acquisition",
    weight: 30,
    run: (stage) => stage.take(anyTimeUs(stage)),
  },
  { name: "spectra, one time", kind: "acquisition", weight: 12, run: takeTwice },
  { name: "spectrum of a second or more", kind: "acquisition", weight: 2, run: takeLong },
  { name: "abort", kind: "abort", weight: 6, run: abort },
  { name: "abort of a minute", kind: "abort", weight: 1, run: abortLong },
  { name: "pause", kind: "world", weight: 8, run: pause },
  { name: "shutter to and fro", kind: "world", weight: 4, run: moveShutter },
  { name: "spectrum by a trigger", kind: "acquisition", weight: 4, control: "trigger", run: takeTriggered },
  { name: "mean of scans", kind: "acquisition", weight: 3, run: takeScans },
  { name: "abort of a wait for a trigger", kind: "abort", weight: 2, control: "trigger", run: abortWait },
  { name: "jitter of the read-out", kind: "world", weight: 2, run: jitter },
  { name: "fault", kind: "world", weight: 1, run: fault },
  setting(
    "scans-to-average",
    3,
    ({ dice }) => dice.pick([1, 1, 2, 3]),
    ({ settings }) => settings.values.scansToAverage,
  ),
  setting(
    "boxcar",
    2,
    ({ dice }) => dice.pick([0, 0, 1, 5]),
    ({ settings }) => settings.values.boxcarHalfWidth,
  ),
  setting(
    "binning",
    2,
    ({ dice }) => dice.pick([0, 0, 1, 3]),
    ({ settings }) => settings.values.binning,
  ),
  setting(
    "lamp",
    6,
    ({ dice }) => dice.chance(0.5),
    ({ settings }) => settings.values.isLampOn,
  ),
  setting(
    "shutter",
    6,
    ({ dice }) => dice.chance(0.6),
    ({ settings }) => settings.values.isShutterOpen,
  ),
  setting(
    "continuous-strobe",
    4,
    ({ dice }) => ({ enabled: dice.chance(0.5), periodUs: dice.whole(1, 500) * 100 }),
    ({ settings: { values } }) => ({ enabled: values.isStrobing, periodUs: values.strobePeriodUs }),
  ),
  setting(
    "acquisition-delay",
    4,
    ({ dice }) => dice.whole(0, 1000),
    ({ settings }) => settings.values.acquisitionDelayUs,
  ),
  setting(
    "gpio",
    3,
    ({ dice }) => {
      const outputs = dice.whole(0, 255);
      return { outputs, levels: outputs & dice.whole(0, 255) };
    },
    ({ gpio }) => ({ outputs: gpio.outputEnable, levels: gpio.outputs }),
  ),
];

/** Writes a value of the dice's, and looks whether the device has it. */
function setting<Name extends ControlName>(
  name: Name,
  weight: number,
  value: (stage: Stage) => ControlValues[Name],
  shows: (device: EmulatedSpectrometer) => unknown,
): Operation {
  const run = async (stage: Stage): Promise<void> => {
    const { station, host } = stage;
    const { controls } = host.spectrometer ?? assert.fail();
    const wanted = value(stage);
    await station.run(controls.write(name, wanted, NEVER));
    assert.deepEqual(shows(station.device), wanted, `${name} as the device has it`);
  };
  return { name, kind: "change", weight, control: name, run };
}

function within({ station }: Stage, us: number): number {
  const { min, max } = station.model.integrationTimeUs;
  return Math.max(min, Math.min(us, max));
}

/** Short ones more often. */
function anyTimeUs(stage: Stage): number {
  return within(stage, stage.dice.whole(1, stage.dice.pick([10, 50, 200])) * MS);
}

async function takeTwice(stage: Stage): Promise<void> {
  const us = anyTimeUs(stage);
  await stage.take(us);
  await stage.take(us);
}

function takeLong(stage: Stage): Promise<void> {
  return stage.take(within(stage, stage.dice.whole(1, 8) * SECOND));
}

/** Modes in which the exposure lasts the integration time set. */
const TRIGGERS = ["hardware", "level", "software"] as const;

// Signals come again and again: one that comes before the device is armed, or during an exposure, starts nothing.
async function takeTriggered(stage: Stage): Promise<void> {
  const us = anyTimeUs(stage);
  await withTrigger(stage, async (device) => {
    const { clock } = stage.station;
    const everyUs = us + stage.dice.whole(1, 60) * MS;
    let cancel = (): void => {};
    const signal = (isHigh: boolean): void => {
      device.triggerLine(isHigh);
      cancel = clock.after(isHigh ? everyUs : stage.dice.whole(1, 9) * MS, () => signal(!isHigh));
    };
    cancel = clock.after(stage.dice.whole(0, 200) * MS, () => signal(true));
    try {
      await stage.take(us);
    } finally {
      cancel();
      device.triggerLine(false);
    }
  });
}

async function abortWait(stage: Stage): Promise<void> {
  await withTrigger(stage, () => abortAfter(stage, anyTimeUs(stage), stage.dice.whole(0, 500) * MS));
}

// A device that a fault has silenced would be waited for for ever.
async function withTrigger(
  { station, host, dice }: Stage,
  task: (device: EmulatedSpectrometer) => Promise<void>,
): Promise<void> {
  const { controls } = host.spectrometer ?? assert.fail();
  const modes = await station.run(controls.read("trigger-modes", NEVER));
  const mode = dice.pick(TRIGGERS.filter((one) => modes.includes(one)));
  await station.run(controls.write("trigger", { mode, timeoutS: 60 }, NEVER));
  try {
    await task(station.device);
  } finally {
    await station.ready(host);
    await station.run(controls.write("trigger", { mode: "normal" }, NEVER));
  }
}

async function takeScans(stage: Stage): Promise<void> {
  const { spectrometer } = stage.host;
  assert.ok(spectrometer);
  spectrometer.setScans(stage.dice.whole(2, 5));
  try {
    await stage.take(anyTimeUs(stage));
  } finally {
    spectrometer.setScans(1);
  }
}

async function abort(stage: Stage): Promise<void> {
  const us = anyTimeUs(stage);
  await abortAfter(stage, us, stage.dice.whole(0, us + 60 * MS));
}

async function abortLong(stage: Stage): Promise<void> {
  await abortAfter(stage, within(stage, 60 * SECOND), stage.dice.whole(0, 2 * SECOND));
}

/** It may have been taken before. */
async function abortAfter(stage: Stage, integrationTimeUs: number, afterUs: number): Promise<void> {
  const controller = new AbortController();
  const reason = new VscopeError("OPERATION_CANCELLED", "enough");
  const cancel = stage.station.clock.after(afterUs, () => controller.abort(reason));
  try {
    await stage.take(integrationTimeUs, controller.signal);
  } catch (error) {
    if (error !== reason) throw error;
  } finally {
    cancel();
  }
}

function pause({ station, dice }: Stage): Promise<void> {
  return station.clock.advance(dice.whole(0, 400) * MS + dice.whole(0, 999));
}

async function moveShutter({ station, host, dice }: Stage): Promise<void> {
  const shutter = host.shutters.shutter(dice.pick(CHANNELS));
  await station.run(shutter.open(NEVER));
  await station.run(shutter.close(NEVER));
}

// Within the bound that proofs of freshness use.
async function jitter({ station, dice }: Stage): Promise<void> {
  const { readoutUs, readoutMaxUs } = station.model;
  const nth = dice.whole(1, 10);
  station.faults.start({
    kind: "delay",
    direction: "read",
    nth,
    delayUs: dice.whole(0, readoutMaxUs - readoutUs),
  });
}

async function fault({ station, dice }: Stage): Promise<void> {
  const kind = dice.pick(FAULTS);
  const damages = kind === "short" || kind === "truncated" || kind === "orphan";
  const nth = dice.whole(1, 30);
  station.faults.start({ kind, nth, ...(damages ? { direction: "read" as const } : {}) });
}
