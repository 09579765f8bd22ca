// Recordings as piccolo3's clients start them: at once, or as a job of the scheduler. What is refused changes nothing.

import { SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { validRunName } from "../../datadir/run-name.ts";
import type { NewJob } from "../../scheduler/job.ts";
import type { Given } from "./arguments.ts";
import type { Legacy } from "./legacy.ts";
import { askedOf, keepSettings, targetOf } from "./settings.ts";
import { momentOf } from "./times.ts";
import { decimalNumber, optional, textOf } from "./values.ts";

const DAY_US = 86_400 * SECOND;

/** Throws STATE_CONFLICT in piccolo3's words. */
export function requireIdle({ model }: Legacy): void {
  if (model.operations.running !== undefined)
    throw new VscopeError("STATE_CONFLICT", "piccolo system is busy");
}

export async function recordSequence(legacy: Legacy, given: Given): Promise<void> {
  const { settings, model } = legacy;
  const { dataDirectory, recorder } = model;
  const asked = askedOf(given, settings, dataDirectory.currentRun.value);
  const timing = timingOf(given);
  if (timing === undefined) {
    requireIdle(legacy);
    recorder.record(asked);
  } else {
    const run = validRunName(asked.run);
    schedule(legacy, { action: { do: "record", settings: { ...asked, run } }, ...timing });
  }
  keepSettings(settings, asked);
  await dataDirectory.setCurrentRun(asked.run);
}

export async function recordDark(legacy: Legacy, given: Given): Promise<void> {
  const { dataDirectory, recorder } = legacy.model;
  // While busy these two do not look at their arguments, other than record_sequence and the power.
  requireIdle(legacy);
  const run = optional(textOf, "run", given["run"]) ?? dataDirectory.currentRun.value;
  recorder.dark({ run });
  await dataDirectory.setCurrentRun(run);
}

export function autointegrate(legacy: Legacy, given: Given): void {
  const { settings, model } = legacy;
  requireIdle(legacy);
  const targetPercent = optional(targetOf, "target", given["target"]) ?? settings.targetPercent.value;
  model.recorder.autointegrate({ targetPercent });
}

/** Switches all spectrometers, now or once a day. */
export function switchPower(legacy: Legacy, action: "power_off" | "power_on", given: Given): void {
  const startUtcUs = atTimeOf(given, false);
  if (startUtcUs === undefined) return switchPowerNow(legacy, action);
  const what = action === "power_off" ? "power-off" : "power-on";
  legacy.model.scheduler.add({ action: { do: what }, startUtcUs, intervalUs: DAY_US });
}

function switchPowerNow(legacy: Legacy, action: "power_off" | "power_on"): void {
  const { connections, model } = legacy;
  requireIdle(legacy);
  model.operations.start(action.replace("_", "-"), 1, async (report) => {
    connections.actOnAll(action, legacy.units);
    report.progress(1, 1);
  });
}

type Timing = Pick<NewJob, "intervalUs" | "endUtcUs"> & { readonly startUtcUs: number };

// Undefined is now; then interval and end mean nothing.
function timingOf(given: Given): Timing | undefined {
  const intervalS = isNow(given) ? undefined : optional(decimalNumber, "interval", given["interval"]);
  const startUtcUs = atTimeOf(given, intervalS !== undefined);
  if (startUtcUs === undefined) return undefined;
  if (intervalS === undefined || intervalS <= 0) return { startUtcUs };
  const endUtcUs = optional((name, value) => momentOf(name, value, true), "end_time", given["end_time"]);
  const repeated = { startUtcUs, intervalUs: Math.round(intervalS * SECOND) };
  return endUtcUs === undefined ? repeated : { ...repeated, endUtcUs };
}

function atTimeOf(given: Given, isUtc: boolean): number | undefined {
  return isNow(given) ? undefined : momentOf("at_time", given["at_time"], isUtc);
}

function isNow({ at_time: atTime }: Given): boolean {
  return atTime === null || atTime === undefined || atTime === "";
}

// What would never run is accepted and forgotten, as its time has passed.
function schedule({ clock, model }: Legacy, job: Pick<NewJob, "action"> & Timing): void {
  const { startUtcUs, intervalUs, endUtcUs = Number.POSITIVE_INFINITY } = job;
  const nowUtcUs = clock.utcUs();
  const isOver = intervalUs === undefined ? startUtcUs < nowUtcUs : endUtcUs < nowUtcUs;
  if (!isOver) model.scheduler.add(job);
}
