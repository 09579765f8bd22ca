// Spectra for tests: small, valid, and different from each other where it matters.

import type { InstrumentIdentity, SpectraSet, Spectrum } from "../../src/spectra/spectrum.ts";

export const START_UTC_US = Date.UTC(2026, 10, 20, 15, 0, 7) * 1000 + 44_382;

export function instrument(change: Partial<InstrumentIdentity> = {}): InstrumentIdentity {
  return {
    serial: "FLMT01859",
    model: "Flame-T",
    pixels: 6,
    maxCounts: 65_535,
    saturationLevel: 60_000,
    darkPixelRanges: [[0, 2]],
    opticalPixelRange: [2, 6],
    integrationTimeUs: { min: 1000, max: 655_350_000, step: 1 },
    calibration: { wavelengthCoefficients: [340, 0.4, -1e-5, -2e-9], nonlinearityCoefficients: [1, 1e-6] },
    firmware: "1.00.0",
    hasTec: false,
    isSimulated: true,
    ...change,
  };
}

export function spectrum(change: Partial<Spectrum> = {}): Spectrum {
  return {
    instrument: instrument(),
    channel: "upwelling",
    kind: "light",
    integrationTimeUs: 250_000,
    counts: Uint32Array.of(1500, 1501, 20_000, 30_000, 60_000, 10_000),
    exposureStartUtcUs: START_UTC_US,
    exposureEndUtcUs: START_UTC_US + 250_000,
    freshness: "timing",
    discardedFrames: 1,
    flags: ["saturated", "simulated"],
    ...change,
  };
}

export function spectraSet(change: Partial<SpectraSet> = {}): SpectraSet {
  return { kind: "light", sequence: 0, spectra: [spectrum()], failures: [], ...change };
}
