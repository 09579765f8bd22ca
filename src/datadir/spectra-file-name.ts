// Names of spectra files as piccolo3 gives them: b000003_s000012_light.pico.

import { compareText } from "../spectra/pico.ts";
import type { SpectrumKind } from "../spectra/spectrum.ts";
import { isSegment } from "./run-name.ts";

export interface SpectraFileName {
  readonly batch: number;
  readonly sequence: number;
  readonly kind: SpectrumKind;
}

const ENDING = ".pico";
const DIGITS = 6;

export function spectraFileName({ batch, sequence, kind }: SpectraFileName): string {
  return `b${padded(batch)}_s${padded(sequence)}_${kind}${ENDING}`;
}

/** In the order of names: all files of a batch are from the first of these on, and before the second. */
export function spectraFilesOf(batch: number): readonly [from: string, before: string] {
  return [`b${padded(batch)}_`, `b${padded(batch)}\``];
}

/** The parts of a name, or undefined for files with names of their own. */
export function parseSpectraFileName(name: string): SpectraFileName | undefined {
  const match = /^b(\d{6,15})_s(\d{6,15})_(light|dark)\.pico$/.exec(name);
  if (match === null) return undefined;
  return {
    batch: Number(match[1]),
    sequence: Number(match[2]),
    kind: match[3] === "dark" ? "dark" : "light",
  };
}

/** Whether a file of this name holds spectra: also one that was put there by hand under another name. */
export function isSpectraFile(name: string): boolean {
  return isSegment(name) && name.endsWith(ENDING);
}

/** Newest first: by batch, sequence, then name; files with names of their own come last. */
export function sortNewestFirst(names: readonly string[]): string[] {
  // Each name is parsed once, not at each comparison: there can be 100,000.
  return names
    .map((name) => ({ name, batch: -1, sequence: -1, ...parseSpectraFileName(name) }))
    .sort((a, b) => b.batch - a.batch || b.sequence - a.sequence || compareText(b.name, a.name))
    .map(({ name }) => name);
}

function padded(number: number): string {
  return String(number).padStart(DIGITS, "0");
}
