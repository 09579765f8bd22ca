// The settings of the next recording, as piccolo3 keeps them: those that a recording is started with become the new ones.
// They begin anew at each start.

import { type BatchSettings, DEFAULTS, LIMITS } from "../../acquisition/settings.ts";
import { Cell } from "../../base/cell.ts";
import type { Given } from "./arguments.ts";
import { decimalNumber, optional, textOf, wholeNumber, within } from "./values.ts";

export interface ControlSettings {
  readonly sequences: Cell<number>;
  readonly autointegrate: Cell<number>;
  readonly delayS: Cell<number>;
  readonly targetPercent: Cell<number>;
}

export function newSettings(): ControlSettings {
  const { sequences, autointegrate, delayS, targetPercent } = DEFAULTS;
  return {
    sequences: new Cell(sequences),
    autointegrate: new Cell(autointegrate),
    delayS: new Cell(delayS),
    targetPercent: new Cell(targetPercent),
  };
}

/** Throws VALUE_INVALID, as all below. */
export function sequencesOf(name: string, given: unknown): number {
  return within(name, wholeNumber(name, given), [LIMITS.sequences.min, LIMITS.sequences.max]);
}

/** Any negative number is never. */
export function autointegrateOf(name: string, given: unknown): number {
  const value = Math.max(LIMITS.autointegrate.min, wholeNumber(name, given));
  return within(name, value, [LIMITS.autointegrate.min, LIMITS.autointegrate.max]);
}

export function delayOf(name: string, given: unknown): number {
  return within(name, decimalNumber(name, given), [LIMITS.delayS.min, LIMITS.delayS.max]);
}

export function targetOf(name: string, given: unknown): number {
  return within(name, decimalNumber(name, given), [LIMITS.targetPercent.min, LIMITS.targetPercent.max]);
}

type Asked = Pick<
  BatchSettings,
  "run" | "sequences" | "autointegrate" | "delayS" | "targetPercent" | "waitsAtEnd"
>;

/** What is given, and for the rest what is set. Nothing is set yet. */
export function askedOf(given: Given, settings: ControlSettings, currentRun: string): Asked {
  const { sequences, autointegrate, delayS, targetPercent } = settings;
  return {
    run: optional(textOf, "run", given["run"]) ?? currentRun,
    sequences: optional(sequencesOf, "nsequence", given["nsequence"]) ?? sequences.value,
    autointegrate: optional(autointegrateOf, "auto", given["auto"]) ?? autointegrate.value,
    delayS: optional(delayOf, "delay", given["delay"]) ?? delayS.value,
    targetPercent: optional(targetOf, "target", given["target"]) ?? targetPercent.value,
    waitsAtEnd: true,
  };
}

export function keepSettings(settings: ControlSettings, asked: Asked): void {
  settings.sequences.set(asked.sequences);
  settings.autointegrate.set(asked.autointegrate);
  settings.delayS.set(asked.delayS);
  settings.targetPercent.set(asked.targetPercent);
}
