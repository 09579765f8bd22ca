// One spectrometer as python-seabreeze and as our driver see it: what must be equal is compared, and where they differ the
// difference has a name and a reason. A difference without a name fails the test, and so does a name without a difference.

import assert from "node:assert/strict";
import { MODELS } from "../../../src/drivers/oceanoptics/models.ts";
import { correct } from "../../../src/spectra/corrections/correct.ts";
import type { CorrectionName } from "../../../src/spectra/corrections/correction.ts";
import { gainFactorOf } from "../../../src/spectra/corrections/gain-scale.ts";
import { wavelengthsNm } from "../../../src/spectra/spectrum.ts";
import type { Answer, OurReading, TheirReading } from "./readings.ts";

/** Where python-seabreeze 2.11 is known to be wrong, or differs on purpose. */
export const DIFFERENCES = {
  filler: "it counts the filler after the last pixel as pixels (libseabreeze and we do not)",
  "other-dark-pixels": "it takes pixels 2 to 12 for dark, the sheet of the TCD1304 and libseabreeze 5 to 17",
  "dark-of-nothing": "it subtracts the mean of no pixels: instead of an error every value is NaN",
  "half-pixels":
    "it reads each 32-bit count as two of 16 bits, so it has twice the pixels, every other one 0",
} as const satisfies Record<string, string>;
export type Difference = keyof typeof DIFFERENCES;

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Corrections that both made. */
  readonly corrections: readonly string[];
  readonly summary: string;
}

const NM_TOLERANCE = 1e-6;
/** Sums in another order. */
const SHARE_TOLERANCE = 1e-9;

/** Throws on the first difference that is not one of `DIFFERENCES`. */
export function compare(theirs: TheirReading, ours: OurReading): Comparison {
  const { serial, pixels, calibration } = ours;
  const { min, max } = ours.integrationTimeUs;
  assert.equal(theirs.serial, serial);
  assert.equal(theirs.maxCounts, ours.maxCounts, `${serial}: max counts`);
  assert.deepEqual(theirs.integrationTimeUs, [min, max], `${serial}: integration time`);
  const nm = largestDifference(
    numbers(theirs.wavelengthsNm).slice(0, pixels),
    wavelengthsNm(calibration.wavelengthCoefficients, pixels),
  );
  assert.ok(nm <= NM_TOLERANCE, `${serial}: wavelengths differ by ${nm} nm`);
  if (theirs.nonlinearity !== null)
    assert.deepEqual(
      numbers(theirs.nonlinearity),
      calibration.nonlinearityCoefficients,
      `${serial}: nonlinearity`,
    );
  const { differences, counts } = theirCounts(theirs, ours);
  assert.deepEqual(counts, ours.counts, `${serial}: counts`);
  if (theirs.darkPixels.join() !== pixelsOf(ours.darkPixelRanges).join())
    differences.push("other-dark-pixels");
  const isDarkOfNothing = "values" in theirs.darkCorrected && theirs.darkPixels.length === 0;
  if (isDarkOfNothing) differences.push("dark-of-nothing");
  const isUsable = !isDarkOfNothing && !differences.includes("half-pixels");
  const corrections = isUsable ? compareCorrections(theirs, ours) : [];
  const summary = `${theirs.model}: ${pixels} pixels equal, wavelengths within ${nm.toExponential(1)} nm`;
  return { differences, corrections, summary };
}

/** Their counts before the gain scale, which our driver leaves to a correction; only what is a pixel. */
function theirCounts(
  theirs: TheirReading,
  ours: OurReading,
): { readonly differences: Difference[]; readonly counts: readonly number[] } {
  const all = numbers(theirs.counts);
  const layout = rowOf(ours).frame;
  if (layout.bytesPerPixel === 4 && all.length === 2 * ours.pixels) {
    const counts = ours.counts.map((_, pixel) => (all[2 * pixel] ?? 0) + 65_536 * (all[2 * pixel + 1] ?? 0));
    return { differences: ["half-pixels"], counts };
  }
  const factor = gainFactorOf(factsOf(theirs, ours));
  const scale = typeof factor === "number" ? factor : 1;
  const counts = all.slice(0, ours.pixels).map((value) => {
    const count = Math.round(value / scale);
    assert.ok(
      Math.abs(value - count * scale) < SHARE_TOLERANCE * ours.maxCounts,
      `${value} is no whole count`,
    );
    return count;
  });
  return { differences: all.length > ours.pixels ? ["filler"] : [], counts };
}

/** Our corrections of the same counts, with the dark pixels that they take, against theirs. */
function compareCorrections(theirs: TheirReading, ours: OurReading): readonly string[] {
  const ways: readonly (readonly [string, Answer, readonly CorrectionName[]])[] = [
    ["dark", theirs.darkCorrected, ["electric-dark", "gain-scale"]],
    ["nonlinearity", theirs.linear, ["nonlinearity", "gain-scale"]],
    ["dark and nonlinearity", theirs.darkCorrectedLinear, ["electric-dark", "nonlinearity", "gain-scale"]],
  ];
  return ways.flatMap(([name, answer, corrections]) => {
    if ("error" in answer) return [];
    const facts = factsOf(theirs, ours);
    const { counts } = correct(Uint32Array.from(ours.counts), facts, corrections);
    const off = largestDifference(numbers(answer).slice(0, ours.pixels), counts);
    assert.ok(off <= SHARE_TOLERANCE * ours.maxCounts, `${ours.serial}: ${name} differs by ${off} counts`);
    return [name];
  });
}

function factsOf(theirs: TheirReading, ours: OurReading) {
  return {
    ...ours,
    darkPixelRanges: theirs.darkPixels.map((pixel): [number, number] => [pixel, pixel + 1]),
    isGainScaled: rowOf(ours).saturation !== undefined,
    nonlinearityArgument: "scaled",
  } as const;
}

function rowOf({
  model,
}: OurReading): Pick<(typeof MODELS)[number], "frame"> & { readonly saturation?: object } {
  return MODELS.find(({ name }) => name === model) ?? assert.fail(`no model ${model}`);
}

function numbers(answer: Answer): number[] {
  assert.ok("values" in answer, "error" in answer ? answer.error : "");
  return answer.values.map((value) => value ?? Number.NaN);
}

function pixelsOf(ranges: readonly (readonly [number, number])[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index));
}

/** NaN when one of the numbers is. */
function largestDifference(these: ArrayLike<number>, those: ArrayLike<number>): number {
  assert.equal(these.length, those.length);
  return Array.from(these, (value, index) => Math.abs(value - (those[index] ?? Number.NaN))).reduce((a, b) =>
    Math.max(a, b),
  );
}
