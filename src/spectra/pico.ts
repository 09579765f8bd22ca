// The content of a `.pico` file in the server's own terms: what one sequence recorded, light or dark.
// pico-text.ts writes it, pico-reader.ts reads it (old files too); the names in the file are piccolo3's.

import type { PanelIdentity } from "./panel.ts";
import type {
  Bracket,
  DeviceProcessing,
  RecordedPlace,
  ScanStatistics,
  SpectraSet,
  Spectrum,
  SpectrumFailure,
  SpectrumKind,
  SunDirection,
} from "./spectrum.ts";

/** Version of the keys that this server adds to piccolo3's. */
const PICO_VERSION = 2;

/** One spectrum with its metadata. Null: the file does not tell (old files know less). */
export interface PicoSpectrum {
  readonly serial: string;
  readonly channel: string;
  readonly kind: SpectrumKind;
  readonly sequence: number;
  readonly run: string | null;
  readonly batch: number | null;
  /** Who began the recording: `client`, `schedule 3` with the job, `trigger`, `resumption plot10/4` with the batch. */
  readonly origin: string | null;
  readonly integrationTimeUs: number;
  readonly exposureStartUtcUs: number;
  readonly exposureEndUtcUs: number | null;
  readonly saturationLevel: number;
  /** Ascending powers, pixel index to nm, as the device stores them. */
  readonly wavelengthCoefficients: readonly number[];
  /** The same, configured for this channel; goes before the device's. */
  readonly channelWavelengthCoefficients: readonly number[] | null;
  readonly nonlinearityCoefficients: readonly number[];
  readonly strayLightConstant: number | null;
  readonly opticalConfiguration: string | null;
  /** Indices of dark pixels. */
  readonly darkPixels: readonly number[];
  /** Half-open range of pixels that see light. */
  readonly opticalPixelRange: readonly [number, number];
  readonly detectorTemperatureC: number | null;
  readonly tecEnabled: boolean;
  readonly tecSetpointC: number | null;
  readonly model: string | null;
  readonly firmware: string | null;
  readonly maxCounts: number | null;
  /** Quality flags; see flags.ts. Text, so that files of later versions stay readable. */
  readonly flags: readonly string[];
  readonly isSimulated: boolean | null;
  /** Who told how good the computer's clock was, and its error at most. */
  readonly clockSource: string | null;
  readonly clockErrorUs: number | null;
  /** Where the instrument stood, and where the sun was at the start of the exposure; older files do not tell. */
  readonly place: RecordedPlace | null;
  readonly sun: SunDirection | null;
  readonly freshness: string | null;
  readonly discardedFrames: number | null;
  /** The signal that started the exposure. */
  readonly triggerMode: string | null;
  /** Where the channel was recorded twice in the sequence, before and after the others. */
  readonly bracket: Bracket | null;
  /** The white panel that was in the place of the target. */
  readonly panel: PanelIdentity | null;
  /** From the first start to the last one, over the spectrometers that were exposed together. */
  readonly startSkewUs: number | null;
  /** Of a light: age of the newest dark that served it, and its file, in the same run. */
  readonly darkAgeS: number | null;
  readonly darkFile: string | null;
  /** Where the host averaged several scans: `counts` is their mean. */
  readonly statistics: ScanStatistics | null;
  /** Where the device processed its scans. */
  readonly processing: DeviceProcessing | null;
  /** Raw counts, one per pixel. Floats, because older systems stored scaled counts. */
  readonly counts: Float64Array;
}

export interface PicoFile {
  /** Null for files of other writers. */
  readonly format: { readonly version: number; readonly writer: string } | null;
  readonly spectra: readonly PicoSpectrum[];
  readonly failures: readonly SpectrumFailure[];
}

export interface PicoOrigin {
  readonly run: string;
  readonly batch: number;
  /** Program and version, such as `vscope-server 0.1.0`. */
  readonly writer: string;
}

/**
 * The file of a spectra set: channel by channel, in each the spectrometers by serial number, as piccolo3 orders them.
 * Second spectra of a channel come after all of these, so that readers that know of one find it first.
 */
export function picoFileOf(set: SpectraSet, { run, batch, writer }: PicoOrigin): PicoFile {
  const ordered = [...set.spectra].sort(
    (a, b) =>
      Number(a.bracket === "after") - Number(b.bracket === "after") ||
      compareText(a.channel, b.channel) ||
      compareText(a.instrument.serial, b.instrument.serial),
  );
  return {
    format: { version: PICO_VERSION, writer },
    spectra: ordered.map((spectrum) =>
      picoSpectrumOf(spectrum, { run, batch, sequence: set.sequence, origin: set.origin ?? null }),
    ),
    failures: set.failures.map(({ serial, channel, code, message }) => ({ serial, channel, code, message })),
  };
}

const NOWHERE = { run: null, batch: null, sequence: 0, origin: null } as const;

/** A spectrum as a file has it; `place` is where in the files, nowhere yet when absent. */
export function picoSpectrumOf(
  spectrum: Spectrum,
  place: Pick<PicoSpectrum, "run" | "batch" | "sequence" | "origin"> = NOWHERE,
): PicoSpectrum {
  return { ...place, ...recorded(spectrum), ...identity(spectrum) };
}

/** Pixels at or above the saturation level within the optical range. */
export function saturatedPixels({
  counts,
  opticalPixelRange: [from, to],
  saturationLevel,
}: Pick<PicoSpectrum, "counts" | "opticalPixelRange" | "saturationLevel">): number {
  let number = 0;
  for (let pixel = from; pixel < Math.min(to, counts.length); pixel++) {
    if ((counts[pixel] ?? 0) >= saturationLevel) number += 1;
  }
  return number;
}

function recorded(spectrum: Spectrum) {
  return {
    channel: spectrum.channel,
    kind: spectrum.kind,
    integrationTimeUs: spectrum.integrationTimeUs,
    exposureStartUtcUs: spectrum.exposureStartUtcUs,
    exposureEndUtcUs: spectrum.exposureEndUtcUs,
    channelWavelengthCoefficients: spectrum.channelWavelengthCoefficients ?? null,
    detectorTemperatureC: finiteOrNull(spectrum.detectorTemperatureC),
    tecEnabled: spectrum.tecEnabled ?? false,
    tecSetpointC: finiteOrNull(spectrum.tecSetpointC),
    flags: spectrum.flags,
    clockSource: spectrum.clockSource ?? null,
    clockErrorUs: spectrum.clockErrorUs ?? null,
    place: spectrum.place ?? null,
    sun: spectrum.sun ?? null,
    freshness: spectrum.freshness,
    discardedFrames: spectrum.discardedFrames,
    triggerMode: spectrum.triggerMode ?? null,
    bracket: spectrum.bracket ?? null,
    panel: spectrum.panel ?? null,
    startSkewUs: spectrum.startSkewUs ?? null,
    darkAgeS: spectrum.darkAgeS ?? null,
    darkFile: spectrum.darkFile ?? null,
    statistics: spectrum.statistics ?? null,
    processing: spectrum.processing ?? null,
    counts: Float64Array.from(spectrum.counts),
  };
}

function identity({ instrument }: Spectrum) {
  const { calibration } = instrument;
  return {
    serial: instrument.serial,
    model: instrument.model,
    firmware: instrument.firmware ?? null,
    maxCounts: instrument.maxCounts,
    saturationLevel: instrument.saturationLevel,
    wavelengthCoefficients: finiteOrEmpty(calibration.wavelengthCoefficients),
    nonlinearityCoefficients: finiteOrEmpty(calibration.nonlinearityCoefficients),
    strayLightConstant: finiteOrNull(calibration.strayLightConstant),
    opticalConfiguration: calibration.opticalConfiguration ?? null,
    darkPixels: instrument.darkPixelRanges.flatMap(([from, to]) =>
      Array.from({ length: to - from }, (_, index) => from + index),
    ),
    opticalPixelRange: instrument.opticalPixelRange,
    isSimulated: instrument.isSimulated,
  };
}

// JSON has no NaN, and a polynomial with one is of no use: an unprogrammed EEPROM can yield it.
function finiteOrEmpty(coefficients: readonly number[]): readonly number[] {
  return coefficients.every(Number.isFinite) ? coefficients : [];
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Order by code units, the same on every machine and as Python sorts. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
