// What two readers make of the same emulated spectrometers: our driver (guest/read-spectrometers.ts) and python-seabreeze
// (guest/read_spectrometers.py), both over the guest's libusb, one after the other.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CACHE } from "./kernel.ts";
import type { Machine } from "./machine.ts";

const range = z.tuple([z.number(), z.number()]);

/** `InstrumentIdentity`, and a spectrum. */
const ourReading = z.object({
  serial: z.string(),
  model: z.string(),
  pixels: z.number(),
  maxCounts: z.number(),
  saturationLevel: z.number(),
  darkPixelRanges: z.array(range),
  opticalPixelRange: range,
  calibration: z.object({
    wavelengthCoefficients: z.array(z.number()),
    nonlinearityCoefficients: z.array(z.number()),
  }),
  integrationTimeUs: z.object({ min: z.number(), max: z.number() }),
  counts: z.array(z.number()),
});
export type OurReading = z.infer<typeof ourReading>;

/** Numbers, null for one that is not finite; or the exception that its user gets. */
const answer = z.union([
  z.object({ values: z.array(z.number().nullable()) }),
  z.object({ error: z.string() }),
]);
export type Answer = z.infer<typeof answer>;

const theirReading = z.object({
  serial: z.string(),
  model: z.string(),
  /** Shortest and longest. */
  integrationTimeUs: range,
  maxCounts: z.number(),
  darkPixels: z.array(z.number()),
  wavelengthsNm: answer,
  /** Null where it offers none for the model. */
  nonlinearity: answer.nullable(),
  counts: answer,
  darkCorrected: answer,
  linear: answer,
  darkCorrectedLinear: answer,
});
export type TheirReading = z.infer<typeof theirReading>;

const failed = z.object({ serial: z.string(), failed: z.string() });

/** Microseconds that each spectrum took, by the way in which it was asked for. */
const timing = z.object({ serial: z.string(), tookUs: z.record(z.string(), z.array(z.number())) });
export type Timing = z.infer<typeof timing>;

const PYTHON = join(CACHE, "python/bin/python");
const GUEST = "/opt/vscope-server/test/vm/guest";
const OURS = "node --enable-source-maps /opt/vscope-server/dist/test/vm/guest/read-spectrometers.js";
const THEIRS = `${PYTHON} ${GUEST}/read_spectrometers.py`;

/** Whether scripts/setup-rig.mjs could install it. */
export const hasSeabreeze = (): boolean => existsSync(PYTHON);

export const readByUs = (machine: Machine, integrationTimeUs: number): Promise<OurReading[]> =>
  results(machine, `${OURS} read ${integrationTimeUs}`, z.array(ourReading));

/** One that its user cannot use at all is `failed`. */
export const readByThem = (
  machine: Machine,
  integrationTimeUs: number,
): Promise<(TheirReading | z.infer<typeof failed>)[]> =>
  results(machine, `${THEIRS} read ${integrationTimeUs}`, z.array(z.union([theirReading, failed])));

export interface Plan {
  readonly integrationTimeUs: number;
  readonly spectra: number;
}

export const timeByUs = (machine: Machine, plan: Plan): Promise<Timing[]> =>
  results(machine, `${OURS} time ${planText(plan)}`, z.array(timing));

export const timeByThem = (machine: Machine, plan: Plan): Promise<(Timing | z.infer<typeof failed>)[]> =>
  results(machine, `${THEIRS} time ${planText(plan)}`, z.array(z.union([timing, failed])));

const planText = ({ integrationTimeUs, spectra }: Plan): string => `${integrationTimeUs}x${spectra}`;

async function results<T>({ guest, share }: Machine, command: string, shape: z.ZodType<T>): Promise<T> {
  await guest.run(`${command} /run/rig/readings.json`);
  return shape.parse(JSON.parse(readFileSync(join(share, "readings.json"), "utf8")));
}
