// Time to correct one spectrum of 4096 pixels, and the nonlinearity polynomial by Horner's rule against the naive sum of
// powers. Prints only; the medians of several rounds, the two forms of the polynomial in turn.
//   node dist/bench/corrections.bench.js

import { MS, SystemClock } from "../src/base/clock.ts";
import { correct, type InstrumentFacts } from "../src/spectra/corrections/correct.ts";
import { CORRECTIONS } from "../src/spectra/corrections/correction.ts";
import { correctElectricDark } from "../src/spectra/corrections/electric-dark.ts";
import { scaleGain } from "../src/spectra/corrections/gain-scale.ts";
import { correctNonlinearity } from "../src/spectra/corrections/nonlinearity.ts";
import { correctStrayLight } from "../src/spectra/corrections/stray-light.ts";

const PIXELS = 4096;
const ROUNDS = 15;
const SPECTRA_A_ROUND = 100;

const clock = new SystemClock();
const facts: InstrumentFacts = {
  pixels: PIXELS,
  maxCounts: 65_535,
  saturationLevel: 60_000,
  darkPixelRanges: [[5, 18]],
  opticalPixelRange: [21, PIXELS],
  calibration: {
    wavelengthCoefficients: [339.88843, 0.17405726, -3.6419715e-6, -1.9436905e-10],
    nonlinearityCoefficients: [0.9, 2e-6, -1e-11, 5e-16, -2e-20, 1e-25, -4e-30, 3e-35],
    strayLightConstant: 0.001,
  },
  isGainScaled: true,
};
const counts = Uint32Array.from({ length: PIXELS }, (_, pixel) => 1500 + ((pixel * 7919) % 50_000));
const signal = Float64Array.from(counts, (value) => value - 1500);
const { nonlinearityCoefficients: coefficients, strayLightConstant } = facts.calibration;

/** The same quotient with the polynomial written as its formula. */
function naive(): Float64Array {
  const result = new Float64Array(PIXELS);
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    const value = signal[pixel] ?? 0;
    let sum = 0;
    for (let power = 0; power < coefficients.length; power++)
      sum += (coefficients[power] ?? 0) * value ** power;
    result[pixel] = value / sum;
  }
  return result;
}

const WORK: Readonly<Record<string, () => unknown>> = {
  "electric dark": () => correctElectricDark(counts, facts.darkPixelRanges, facts.saturationLevel),
  nonlinearity: () => correctNonlinearity(signal, coefficients),
  "nonlinearity, sum of powers": naive,
  "stray light": () => correctStrayLight(signal, strayLightConstant, facts.opticalPixelRange),
  "gain scale": () => scaleGain(counts, facts),
  "all without wavelengths": () => correct(counts, facts, CORRECTIONS.slice(0, 4)),
  all: () => correct(counts, facts, CORRECTIONS),
};

function roundUs(work: () => unknown): number {
  const start = clock.nowUs();
  for (let spectrum = 0; spectrum < SPECTRA_A_ROUND; spectrum++) work();
  return (clock.nowUs() - start) / SPECTRA_A_ROUND;
}

const times = new Map(Object.keys(WORK).map((name): [string, number[]] => [name, []]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, work] of Object.entries(WORK)) {
    const us = roundUs(work);
    // The first round is for the compiler.
    if (round > 0) times.get(name)?.push(us);
  }
}

function medianUs(name: string): number {
  const sorted = [...(times.get(name) ?? [])].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

console.log(`${PIXELS} pixels              median us`);
for (const name of times.keys()) console.log(`${name.padEnd(30)}${medianUs(name).toFixed(1).padStart(7)}`);
const ratio = medianUs("nonlinearity, sum of powers") / medianUs("nonlinearity");
console.log(`nonlinearity: sum of powers takes ${ratio.toFixed(1)} times as long as ours`);
const share = (100 * medianUs("all")) / MS;
console.log(`all corrections: ${share.toFixed(1)} % of a millisecond a spectrum   (limit 100 %)`);
