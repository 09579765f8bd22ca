// Spectra files with known content: two spectrometers over a target that reflects a quarter of the light.

import type { PicoFile, PicoSpectrum } from "../../src/spectra/pico.ts";
import { picoText } from "../../src/spectra/pico-text.ts";

export const REFLECTANCE = 0.25;
export const SERIALS = ["FLMS01859", "QEP00709"] as const;
const PIXELS = 1024;
const DARK_COUNTS = 1500;

interface Exposure {
  readonly serial: string;
  readonly channel: string;
  readonly kind: "light" | "dark";
  readonly sequence: number;
}

/** The text of a file with both channels of both spectrometers. */
export function sampleFile(kind: "light" | "dark", sequence = 0): string {
  const spectra = sampleSpectra(kind, sequence);
  const file: PicoFile = { format: { version: 1, writer: "test" }, spectra, failures: [] };
  return picoText(file);
}

/** Both channels of both spectrometers. */
export function sampleSpectra(kind: "light" | "dark", sequence = 0): readonly PicoSpectrum[] {
  return SERIALS.flatMap((serial) =>
    ["downwelling", "upwelling"].map((channel) => sampleSpectrum({ serial, channel, kind, sequence })),
  );
}

export function sampleSpectrum({ serial, channel, kind, sequence }: Exposure): PicoSpectrum {
  // Different integration times, so that only a ratio per time is right.
  const integrationTimeUs = channel === "upwelling" ? 40_000 : 10_000;
  const reflected = channel === "upwelling" ? REFLECTANCE : 1;
  const light = (pixel: number): number => (1000 + 3 * pixel) * reflected * (integrationTimeUs / 10_000);
  return {
    serial,
    channel,
    kind,
    sequence,
    run: "plot10",
    batch: 1,
    integrationTimeUs,
    exposureStartUtcUs: Date.UTC(2026, 5, 21, 12) * 1000,
    exposureEndUtcUs: Date.UTC(2026, 5, 21, 12) * 1000 + integrationTimeUs,
    saturationLevel: 60_000,
    wavelengthCoefficients: [400, 0.5],
    channelWavelengthCoefficients: null,
    nonlinearityCoefficients: [],
    strayLightConstant: null,
    opticalConfiguration: null,
    darkPixels: [],
    opticalPixelRange: [0, PIXELS],
    detectorTemperatureC: null,
    tecEnabled: false,
    tecSetpointC: null,
    model: "Flame-S",
    firmware: null,
    maxCounts: 65_535,
    flags: ["simulated"],
    isSimulated: true,
    freshness: "timing",
    discardedFrames: 0,
    triggerMode: null,
    bracket: null,
    panel: null,
    startSkewUs: null,
    darkAgeS: null,
    darkFile: null,
    origin: null,
    clockSource: null,
    clockErrorUs: null,
    place: null,
    sun: null,
    statistics: null,
    processing: null,
    counts: Float64Array.from({ length: PIXELS }, (_, pixel) =>
      kind === "dark" ? DARK_COUNTS : DARK_COUNTS + light(pixel),
    ),
  };
}
