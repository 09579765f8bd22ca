// Reads the text of a `.pico` file, ours or an older system's, and says what is wrong with it.
// Lenient where older files differ (missing DarkPixels, scaled counts, "Missing metadata"), strict about the rest.

import { z } from "zod";
import { MS } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { PicoFile, PicoSpectrum } from "./pico.ts";
import type { DeviceProcessing, RecordedPlace, ScanStatistics, SunDirection } from "./spectrum.ts";

// Older systems wrote this text where the device told nothing.
const MISSING = "Missing metadata";

const coefficients = z.array(z.number());
const pixelIndex = z.int().nonnegative();
const utcUs = z.string().transform((text, context) => {
  const value = utcUsOf(text);
  if (value === undefined) context.addIssue(`"${text}" is not a date and time`);
  return value ?? 0;
});

const metadataSchema = z.preprocess(
  withoutMissing,
  z.looseObject({
    SerialNumber: z.string(),
    Direction: z.string(),
    Dark: z.boolean().optional(),
    Type: z.enum(["light", "dark"]).optional(),
    Datetime: utcUs,
    SequenceNumber: z.int().default(0),
    IntegrationTime: z.number().nonnegative(),
    IntegrationTimeUnits: z.literal("milliseconds").default("milliseconds"),
    IntegrationTimeUs: z.int().nonnegative().optional(),
    SaturationLevel: z.number(),
    WavelengthCalibrationCoefficients: coefficients.default([]),
    WavelengthCalibrationCoefficientsPiccolo: coefficients.optional(),
    NonlinearityCorrectionCoefficients: coefficients.default([]),
    DarkPixels: z.array(pixelIndex).default([]),
    OpticalPixelRange: z.tuple([pixelIndex, pixelIndex]).optional(),
    Temperature: z.number().optional(),
    TemperatureEnabled: z.boolean().default(false),
    TemperatureSetpoint: z.number().optional(),
    Run: z.string().optional(),
    Batch: z.int().optional(),
    Origin: z.string().optional(),
    ExposureStart: utcUs.optional(),
    ExposureEnd: utcUs.optional(),
    Model: z.string().optional(),
    Firmware: z.string().optional(),
    MaxCounts: z.number().optional(),
    StrayLightConstant: z.number().optional(),
    OpticalConfiguration: z.string().optional(),
    QualityFlags: z.array(z.string()).default([]),
    ClockSource: z.string().optional(),
    ClockErrorUs: z.number().optional(),
    Latitude: z.number().optional(),
    Longitude: z.number().optional(),
    HeightM: z.number().default(0),
    PositionSource: z.string().default("configuration"),
    PositionAgeS: z.number().default(0),
    SunElevation: z.number().optional(),
    SunAzimuth: z.number().optional(),
    Simulated: z.boolean().optional(),
    Freshness: z.string().optional(),
    DiscardedFrames: z.int().optional(),
    TriggerMode: z.string().optional(),
    Bracket: z.enum(["before", "after"]).optional(),
    Panel: z.string().optional(),
    PanelSerial: z.string().default(""),
    PanelCalibrated: z.string().default(""),
    StartSkewUs: z.number().optional(),
    DarkAgeS: z.number().optional(),
    DarkFile: z.string().optional(),
    Scans: z.int().optional(),
    DeviceProcessing: z
      .looseObject({ Scans: z.int(), BoxcarHalfWidth: z.int(), Binning: z.int() })
      .optional(),
  }),
);

const fileSchema = z.looseObject({
  Spectra: z.array(
    z.looseObject({
      Metadata: metadataSchema,
      Pixels: z.array(z.number()),
      StandardDeviation: z.array(z.number()).optional(),
      Minimum: z.array(z.int()).optional(),
      Maximum: z.array(z.int()).optional(),
    }),
  ),
  Format: z.looseObject({ name: z.literal("pico"), version: z.int(), writer: z.string() }).optional(),
  Failures: z
    .array(
      z.looseObject({
        SerialNumber: z.string(),
        Direction: z.string(),
        Code: z.string(),
        Message: z.string(),
      }),
    )
    .default([]),
});

type RawSpectrum = z.infer<typeof fileSchema>["Spectra"][number];

/** The content of a `.pico` file. Throws VALUE_INVALID naming `fileName`, the place and what was expected. */
export function parsePico(text: string, fileName: string): PicoFile {
  const result = fileSchema.safeParse(jsonOf(text, fileName));
  if (!result.success) {
    const [issue] = result.error.issues;
    const place = issue === undefined ? "" : placeOf(issue.path);
    throw new VscopeError("VALUE_INVALID", `${fileName}: ${place}${issue?.message ?? "not a .pico file"}`);
  }
  const { Spectra, Format, Failures } = result.data;
  return {
    format: Format === undefined ? null : { version: Format.version, writer: Format.writer },
    spectra: Spectra.map(spectrumOf),
    failures: Failures.map((failure) => ({
      serial: failure.SerialNumber,
      channel: failure.Direction,
      code: failure.Code,
      message: failure.Message,
    })),
  };
}

/** UTC microseconds of an ISO 8601 text, what is finer is left out; without an offset it is taken as UTC. Undefined when it is no date. */
export function utcUsOf(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, date, time, fraction = "", offset = "Z"] = match;
  const zone = offset === "Z" ? offset : `${offset.slice(0, 3)}:${offset.slice(-2)}`;
  const wholeMs = Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(wholeMs)) return undefined;
  return wholeMs * MS + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

function spectrumOf(spectrum: RawSpectrum): PicoSpectrum {
  const { Metadata: raw, Pixels } = spectrum;
  return {
    serial: raw.SerialNumber,
    channel: raw.Direction,
    kind: raw.Type ?? (raw.Dark === true ? "dark" : "light"),
    sequence: raw.SequenceNumber,
    run: raw.Run ?? null,
    batch: raw.Batch ?? null,
    origin: raw.Origin ?? null,
    integrationTimeUs: raw.IntegrationTimeUs ?? Math.round(raw.IntegrationTime * MS),
    exposureStartUtcUs: raw.ExposureStart ?? raw.Datetime,
    exposureEndUtcUs: raw.ExposureEnd ?? null,
    saturationLevel: raw.SaturationLevel,
    ...calibrationOf(raw),
    opticalPixelRange: raw.OpticalPixelRange ?? [0, Pixels.length],
    darkPixels: raw.DarkPixels,
    detectorTemperatureC: raw.Temperature ?? null,
    tecEnabled: raw.TemperatureEnabled,
    tecSetpointC: raw.TemperatureSetpoint ?? null,
    model: raw.Model ?? null,
    firmware: raw.Firmware ?? null,
    maxCounts: raw.MaxCounts ?? null,
    flags: raw.QualityFlags,
    clockSource: raw.ClockSource ?? null,
    clockErrorUs: raw.ClockErrorUs ?? null,
    place: recordedPlaceOf(raw),
    sun: sunOf(raw),
    isSimulated: raw.Simulated ?? null,
    freshness: raw.Freshness ?? null,
    discardedFrames: raw.DiscardedFrames ?? null,
    triggerMode: raw.TriggerMode ?? null,
    bracket: raw.Bracket ?? null,
    panel: panelOf(raw),
    startSkewUs: raw.StartSkewUs ?? null,
    darkAgeS: raw.DarkAgeS ?? null,
    darkFile: raw.DarkFile ?? null,
    statistics: statisticsOf(spectrum),
    processing: processingOf(raw),
    counts: Float64Array.from(Pixels),
  };
}

function panelOf({ Panel: name, PanelSerial: serial, PanelCalibrated: calibrated }: RawSpectrum["Metadata"]) {
  return name === undefined ? null : { name, serial, calibrated };
}

function recordedPlaceOf(raw: RawSpectrum["Metadata"]): RecordedPlace | null {
  const { Latitude: latitudeDeg, Longitude: longitudeDeg, HeightM: heightM } = raw;
  if (latitudeDeg === undefined || longitudeDeg === undefined) return null;
  return { latitudeDeg, longitudeDeg, heightM, source: raw.PositionSource, ageS: raw.PositionAgeS };
}

function sunOf({ SunElevation, SunAzimuth }: RawSpectrum["Metadata"]): SunDirection | null {
  if (SunElevation === undefined || SunAzimuth === undefined) return null;
  return { elevationDeg: SunElevation, azimuthDeg: SunAzimuth };
}

function statisticsOf({ Metadata, StandardDeviation, Minimum, Maximum }: RawSpectrum): ScanStatistics | null {
  const { Scans } = Metadata;
  if (Scans === undefined || StandardDeviation === undefined) return null;
  if (Minimum === undefined || Maximum === undefined) return null;
  return {
    scans: Scans,
    standardDeviation: Float64Array.from(StandardDeviation),
    min: Uint32Array.from(Minimum),
    max: Uint32Array.from(Maximum),
  };
}

function processingOf({ DeviceProcessing: raw }: RawSpectrum["Metadata"]): DeviceProcessing | null {
  if (raw === undefined) return null;
  return { scans: raw.Scans, boxcarHalfWidth: raw.BoxcarHalfWidth, binning: raw.Binning };
}

function calibrationOf(raw: RawSpectrum["Metadata"]) {
  return {
    wavelengthCoefficients: raw.WavelengthCalibrationCoefficients,
    channelWavelengthCoefficients: raw.WavelengthCalibrationCoefficientsPiccolo ?? null,
    nonlinearityCoefficients: raw.NonlinearityCorrectionCoefficients,
    strayLightConstant: raw.StrayLightConstant ?? null,
    opticalConfiguration: raw.OpticalConfiguration ?? null,
  };
}

function jsonOf(text: string, fileName: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new VscopeError("VALUE_INVALID", `${fileName}: not JSON: ${messageOf(error)}`, { cause: error });
  }
}

// Null and "Missing metadata" both mean that the key is not there.
function withoutMissing(metadata: unknown): unknown {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return metadata;
  return Object.fromEntries(
    Object.entries(metadata).filter(([, value]) => value !== null && value !== MISSING),
  );
}

function placeOf(path: readonly PropertyKey[]): string {
  const place = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  return place === "" ? "" : `${place.replace(/^\./, "")}: `;
}
