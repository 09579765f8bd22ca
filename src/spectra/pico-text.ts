// Writes a PicoFile as the JSON text that piccolo3 writes: its keys and spellings, sorted, indent 1, plain ASCII,
// no newline at the end. Keys that piccolo3 does not have follow the same style; its readers ignore them.

import { isoUtc, MS } from "../base/clock.ts";
import { colourOf, flagMask } from "./flags.ts";
import { compareText, type PicoFile, type PicoSpectrum } from "./pico.ts";

/** What was looked at, where it was no target but a white reference. */
const WHITE_PANEL = "white panel";

/** The text of a `.pico` file. */
export function picoText({ format, spectra, failures }: PicoFile): string {
  const file = sorted({
    Spectra: spectra.map((spectrum) => ({
      Metadata: sorted(metadata(spectrum)),
      Pixels: Array.from(spectrum.counts),
      ...scanArrays(spectrum),
    })),
    Format: format === null ? undefined : { name: "pico", version: format.version, writer: format.writer },
    Failures:
      failures.length === 0
        ? undefined
        : failures.map(({ serial, channel, code, message }) =>
            sorted({ SerialNumber: serial, Direction: channel, Code: code, Message: message }),
          ),
  });
  return asciiOnly(JSON.stringify(file, null, 1));
}

// Beside the mean in Pixels; readers of other systems see the mean only.
function scanArrays({ statistics }: PicoSpectrum): Record<string, readonly number[]> {
  if (statistics === null) return {};
  return {
    StandardDeviation: Array.from(statistics.standardDeviation),
    Minimum: Array.from(statistics.min),
    Maximum: Array.from(statistics.max),
  };
}

function metadata(spectrum: PicoSpectrum): Record<string, unknown> {
  return { ...piccoloMetadata(spectrum), ...furtherMetadata(spectrum) };
}

// Exactly piccolo3's keys. "Celcius" is its spelling, which readers compare.
function piccoloMetadata(spectrum: PicoSpectrum): Record<string, unknown> {
  return {
    Dark: spectrum.kind === "dark",
    Type: spectrum.kind,
    Datetime: isoUtc(spectrum.exposureStartUtcUs).replace("Z", "+0000"),
    Direction: spectrum.channel,
    IntegrationTime: spectrum.integrationTimeUs / MS,
    IntegrationTimeUnits: "milliseconds",
    SequenceNumber: spectrum.sequence,
    SerialNumber: spectrum.serial,
    SaturationLevel: spectrum.saturationLevel,
    WavelengthCalibrationCoefficients: spectrum.wavelengthCoefficients,
    WavelengthCalibrationCoefficientsPiccolo: spectrum.channelWavelengthCoefficients ?? undefined,
    NonlinearityCorrectionCoefficients: spectrum.nonlinearityCoefficients,
    DarkPixels: spectrum.darkPixels,
    OpticalPixelRange: spectrum.opticalPixelRange,
    Temperature: spectrum.detectorTemperatureC,
    TemperatureEnabled: spectrum.tecEnabled,
    TemperatureUnits: "degrees Celcius",
  };
}

function furtherMetadata(spectrum: PicoSpectrum): Record<string, unknown> {
  return {
    Run: spectrum.run,
    Batch: spectrum.batch,
    Origin: spectrum.origin ?? undefined,
    IntegrationTimeUs: spectrum.integrationTimeUs,
    ExposureStart: isoUtc(spectrum.exposureStartUtcUs),
    ExposureEnd: spectrum.exposureEndUtcUs === null ? null : isoUtc(spectrum.exposureEndUtcUs),
    TemperatureSetpoint: spectrum.tecSetpointC,
    Model: spectrum.model,
    Firmware: spectrum.firmware,
    MaxCounts: spectrum.maxCounts,
    NumberOfPixels: spectrum.counts.length,
    StrayLightConstant: spectrum.strayLightConstant,
    OpticalConfiguration: spectrum.opticalConfiguration,
    QualityFlags: spectrum.flags,
    QualityMask: flagMask(spectrum.flags),
    QualityColour: colourOf(spectrum.flags),
    ClockSource: spectrum.clockSource ?? undefined,
    ClockErrorUs: spectrum.clockErrorUs ?? undefined,
    ...placeMetadata(spectrum),
    Simulated: spectrum.isSimulated,
    Freshness: spectrum.freshness,
    DiscardedFrames: spectrum.discardedFrames,
    TriggerMode: spectrum.triggerMode ?? undefined,
    Bracket: spectrum.bracket ?? undefined,
    ...panelMetadata(spectrum),
    StartSkewUs: spectrum.startSkewUs ?? undefined,
    DarkAgeS: spectrum.darkAgeS ?? undefined,
    DarkFile: spectrum.darkFile ?? undefined,
    Scans: spectrum.statistics?.scans,
    DeviceProcessing:
      spectrum.processing === null
        ? undefined
        : {
            Scans: spectrum.processing.scans,
            BoxcarHalfWidth: spectrum.processing.boxcarHalfWidth,
            Binning: spectrum.processing.binning,
          },
  };
}

// Degrees and metres; north, east and up are positive.
function placeMetadata({ place, sun }: PicoSpectrum): Record<string, unknown> {
  return {
    Latitude: place?.latitudeDeg,
    Longitude: place?.longitudeDeg,
    HeightM: place?.heightM,
    PositionSource: place?.source,
    PositionAgeS: place?.ageS,
    SunElevation: sun?.elevationDeg,
    SunAzimuth: sun?.azimuthDeg,
  };
}

function panelMetadata({ panel }: PicoSpectrum): Record<string, unknown> {
  if (panel === null) return {};
  return {
    Target: WHITE_PANEL,
    Panel: panel.name,
    PanelSerial: panel.serial,
    PanelCalibrated: panel.calibrated,
  };
}

function sorted(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => compareText(a, b)));
}

// As Python writes JSON, so that readers in any locale get the same text.
function asciiOnly(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
