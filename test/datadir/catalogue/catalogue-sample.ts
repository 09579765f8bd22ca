// A spectrum as the catalogue has it, and files made of such.

import type { CataloguedFile, SpectrumRow } from "../../../src/datadir/catalogue/catalogue-row.ts";

export const SAMPLE: SpectrumRow = {
  id: "run/b000000_s000000_light.pico/0",
  run: "run",
  file: "b000000_s000000_light.pico",
  position: 0,
  batch: 0,
  sequence: 0,
  kind: "light",
  serial: "FLMT01859",
  model: "Flame-T",
  firmware: "1.00.0",
  channel: "upwelling",
  exposureStartUtcUs: 1_790_000_000_000_000,
  exposureEndUtcUs: 1_790_000_000_250_000,
  integrationTimeUs: 250_000,
  pixels: 2048,
  peakCounts: 41_000,
  saturatedPixels: 0,
  saturationLevel: 60_000,
  maxCounts: 65_535,
  detectorTemperatureC: null,
  tecEnabled: false,
  tecSetpointC: null,
  isSimulated: true,
  freshness: "timing",
  discardedFrames: 1,
  strayLightConstant: null,
  opticalConfiguration: null,
  clockErrorUs: null,
  latitudeDeg: null,
  longitudeDeg: null,
  heightM: null,
  sunElevationDeg: null,
  sunAzimuthDeg: null,
  flags: [],
  wavelengthCoefficients: [340, 0.4, -1e-5, -2e-9],
  channelWavelengthCoefficients: null,
  nonlinearityCoefficients: [1, 1e-6],
  darkPixels: [0, 1],
  opticalPixelRange: [2, 2048],
};

/** The file of some spectra, which belong to it. */
export function catalogued(first: SpectrumRow, ...others: readonly SpectrumRow[]): CataloguedFile {
  const { run, file } = first;
  const spectra = [first, ...others];
  const facts = { run, file, bytes: 93_000, modifiedUtcUs: first.exposureStartUtcUs, sha256: null };
  return {
    file: { ...facts, spectra: spectra.length, failures: 0, problem: null },
    spectra,
    origin: null,
    texts: [],
  };
}
