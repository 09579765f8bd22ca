// Whether a dark serves a light: of the same integration time, smoothing and binning, of no fewer scans, from a detector
// as warm. Averaging changes the noise alone, but a dark of fewer scans would make most of the noise of the difference.

import { FLAGS } from "./flags.ts";
import type { QualityLimits } from "./quality.ts";
import { type DeviceProcessing, type Spectrum, UNPROCESSED } from "./spectrum.ts";

/** Hot pixels saturate in long darks and cost their own values only; where more do, light came in. */
const MOST_SATURATED = 0.01;

/** Whether a dark is worth to be subtracted: not red, but for hot pixels. */
export function isUsableDark({ counts, flags, instrument, statistics }: Spectrum): boolean {
  if (flags.some((flag) => flag !== "saturated" && FLAGS[flag].severity === "unusable")) return false;
  if (!flags.includes("saturated")) return true;
  const [from, to] = instrument.opticalPixelRange;
  const highest = statistics?.max ?? counts;
  let hot = 0;
  for (let pixel = from; pixel < to; pixel++)
    if ((highest[pixel] ?? 0) >= instrument.saturationLevel) hot += 1;
  return hot <= MOST_SATURATED * (to - from);
}

/** How a spectrum is exposed, as far as its dark must match. */
export interface ExposureFacts {
  readonly integrationTimeUs: number;
  readonly binning: number;
  readonly boxcarHalfWidth: number;
  /** Of host and device together. */
  readonly scans: number;
  readonly detectorTemperatureC: number | undefined;
}

/** What the host sets itself. */
export interface HostFacts {
  readonly integrationTimeUs: number;
  readonly scans: number;
  readonly detectorTemperatureC: number | undefined;
}

export function exposureFacts({ scans, ...host }: HostFacts, processing: DeviceProcessing): ExposureFacts {
  const { binning, boxcarHalfWidth } = processing;
  return { ...host, binning, boxcarHalfWidth, scans: scans * processing.scans };
}

export function exposureFactsOf(spectrum: Spectrum): ExposureFacts {
  const { integrationTimeUs, detectorTemperatureC, statistics, processing = UNPROCESSED } = spectrum;
  return exposureFacts(
    { integrationTimeUs, detectorTemperatureC, scans: statistics?.scans ?? 1 },
    processing,
  );
}

export function serves(dark: ExposureFacts, light: ExposureFacts, limits: QualityLimits): boolean {
  return (
    dark.integrationTimeUs === light.integrationTimeUs &&
    dark.binning === light.binning &&
    dark.boxcarHalfWidth === light.boxcarHalfWidth &&
    dark.scans >= light.scans &&
    isAsWarm(dark, light, limits)
  );
}

// Nobody knows the temperature of a detector without a thermometer.
function isAsWarm(dark: ExposureFacts, light: ExposureFacts, { darkToleranceC }: QualityLimits): boolean {
  const [a, b] = [dark.detectorTemperatureC, light.detectorTemperatureC];
  return a === undefined || b === undefined || Math.abs(a - b) <= darkToleranceC;
}
