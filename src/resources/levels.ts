// /spectrometers/{serial}/irradiance, radiance and reflectance: the newest light of a channel at a level above counts,
// with what it was made from. docs/how-to/reflectance.md explains them.

import { z } from "zod";
import { type Level, METHODS, WAYS } from "../acquisition/levels.ts";
import { errorsOf } from "../acquisition/level-errors.ts";
import { ageFor, panelAgeDays, type WhiteReference } from "../acquisition/white-reference.ts";
import { isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import { COLOURS, colourOf, flagMask } from "../spectra/flags.ts";
import { QUANTITIES, type Quantity } from "../spectra/radiometric.ts";
import { isIrradiance } from "../spectra/reflectance.ts";
import { peakCounts } from "../spectra/spectrum.ts";
import type { Vector } from "./define.ts";
import { declare, type ServerModel } from "./model.ts";
import { serialsAndChannels } from "./spectrometers.ts";
import { secondsOf } from "./spectrum-selection.ts";

/** A white reference, and how old it was at some time. */
export const whiteReferenceShape = z.object({
  panel: z.string(),
  panelSerial: z.string(),
  panelCalibrated: z.string(),
  panelAgeDays: z.number(),
  run: z.string(),
  batch: z.number(),
  exposureStart: z.string(),
  ageS: z.number(),
});
const calibration = z.object({
  source: z.string(),
  date: z.string().optional(),
  validUntil: z.string().optional(),
});
const level = z.object({
  serial: z.string(),
  channel: z.string(),
  unit: z.string(),
  method: z.enum(METHODS),
  exposureStart: z.string(),
  exposureEnd: z.string(),
  integrationTimeUs: z.number(),
  peakPercent: z.number(),
  darkAgeS: z.number(),
  pending: z.string().optional(),
  calibration: calibration.optional(),
  calibrations: z.object({ radiance: calibration, irradiance: calibration }).optional(),
  notCalibrated: z.string().optional(),
  whiteReference: whiteReferenceShape.optional(),
  downwelling: z.object({ spectra: z.number(), distanceS: z.number() }).optional(),
  notCorrected: z.string().optional(),
  flags: z.array(z.string()),
  qualityMask: z.number(),
  qualityColour: z.enum(COLOURS),
  wavelengthCoefficients: z.array(z.number()),
  // Null where there is no value: saturated, outside of a calibration, too little light.
  values: z.array(z.number().nullable()),
  // With query uncertainty, k = 1; or why there are none.
  standardErrors: z.array(z.number().nullable()).optional(),
  noStandardErrors: z.string().optional(),
  systematicErrors: z.array(z.number().nullable()).optional(),
  noSystematicErrors: z.string().optional(),
});
type LevelValue = z.infer<typeof level>;

const uncertainty = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");

export const LEVELS = [
  radiometric(
    "irradiance",
    "Newest light of the channel as spectral irradiance, by its radiometric calibration; query uncertainty (true, false)",
  ),
  radiometric(
    "radiance",
    "Newest light of the channel as spectral radiance, by its radiometric calibration; query uncertainty (true, false)",
  ),
  declare("/spectrometers/{serial}/reflectance/{channel}", {
    summary:
      "Reflectance of what the channel sees, by white panel or dual field of view; query way (auto, dual, panel), uncertainty (true, false)",
    typicalBytes: 30_000,
    type: "core.s",
    query: z.strictObject({ way: z.enum(WAYS).default("auto"), uncertainty }),
    value: level,
    vector: levelVector,
    instances: (server) => serialsAndChannels(server).filter(({ channel }) => !isIrradiance(channel)),
    get: async ({ levels, rack }, at, { way, uncertainty: isUncertain }, signal) => {
      const made = await levels.reflectance(way, at, signal);
      return isUncertain ? withErrors(made, rack.spectrometer(at.serial)) : rendered(made);
    },
    watch: ({ levels }, at) => levels.watchedReflectance(at),
  }),
];

function radiometric(quantity: Quantity, summary: string) {
  return declare(`/spectrometers/{serial}/${quantity}/{channel}`, {
    summary,
    typicalBytes: 30_000,
    unit: QUANTITIES[quantity].replaceAll(" ", "."),
    type: "core.s",
    query: z.strictObject({ uncertainty }),
    value: level,
    vector: levelVector,
    instances: (server: ServerModel) =>
      serialsAndChannels(server).filter(({ serial, channel }) =>
        server.calibrations.isConfigured(serial, channel),
      ),
    get: async ({ levels, rack }, at, { uncertainty: isUncertain }, signal) => {
      const made = await levels.radiometric(quantity, at, signal);
      return isUncertain ? withErrors(made, rack.spectrometer(at.serial)) : rendered(made);
    },
    watch: ({ levels }, at) => levels.watched(at),
  });
}

const renderedLevels = new WeakMap<Level, LevelValue>();

/** The value of a level; the same one each time. */
function rendered(made: Level): LevelValue {
  const before = renderedLevels.get(made);
  if (before !== undefined) return before;
  const value = valueOf(made);
  renderedLevels.set(made, value);
  return value;
}

function valueOf({ light, curve, unit, method, darkAgeS, flags, ...made }: Level): LevelValue {
  const { instrument, channel, integrationTimeUs, channelWavelengthCoefficients } = light;
  const { calibration, calibrations, notCalibrated, reference, downwelling, notCorrected, pending } = made;
  const peak = peakCounts(light.statistics?.max ?? light.counts, instrument.opticalPixelRange);
  const utcUs = light.exposureStartUtcUs;
  return {
    serial: instrument.serial,
    channel,
    unit,
    method,
    exposureStart: isoUtc(utcUs),
    exposureEnd: isoUtc(light.exposureEndUtcUs),
    integrationTimeUs,
    peakPercent: Math.round((1000 * peak) / instrument.saturationLevel) / 10,
    darkAgeS,
    ...(calibration === undefined ? {} : { calibration: calibrationValue(calibration) }),
    ...(calibrations === undefined ? {} : { calibrations: pairValue(calibrations) }),
    ...(reference === undefined ? {} : { whiteReference: referenceValue(reference, utcUs) }),
    ...definedOnly({ downwelling, notCalibrated, notCorrected, pending }),
    flags: [...flags],
    qualityMask: flagMask(flags),
    qualityColour: colourOf(flags),
    wavelengthCoefficients: [
      ...(channelWavelengthCoefficients ?? instrument.calibration.wavelengthCoefficients),
    ],
    values: shortened(curve.values),
  };
}

const uncertainLevels = new WeakMap<Level, LevelValue>();

/** With its errors; the same one each time. */
function withErrors(made: Level, spectrometer: Spectrometer): LevelValue {
  const before = uncertainLevels.get(made);
  if (before !== undefined) return before;
  const { standard, systematic } = errorsOf(made, spectrometer);
  const value: LevelValue = {
    ...rendered(made),
    ...(typeof standard === "string"
      ? { noStandardErrors: standard }
      : { standardErrors: shortened(standard) }),
    ...(typeof systematic === "string"
      ? { noSystematicErrors: systematic }
      : { systematicErrors: shortened(systematic) }),
  };
  uncertainLevels.set(made, value);
  return value;
}

function shortened(values: Float64Array): (number | null)[] {
  return Array.from(values, (value) => (Number.isFinite(value) ? short(value) : null));
}

function calibrationValue({ source, date, validUntilUtcUs }: NonNullable<Level["calibration"]>) {
  const validUntil = validUntilUtcUs === undefined ? undefined : isoUtc(validUntilUtcUs).slice(0, 10);
  return { source, ...definedOnly({ date, validUntil }) };
}

function pairValue({ radiance, irradiance }: NonNullable<Level["calibrations"]>) {
  return { radiance: calibrationValue(radiance), irradiance: calibrationValue(irradiance) };
}

/** As old as it is at `utcUs`. */
export function referenceValue(
  reference: WhiteReference,
  utcUs: number,
): z.infer<typeof whiteReferenceShape> {
  const { panel, run, batch, scene } = reference;
  return {
    panel: panel.name,
    panelSerial: panel.serial,
    panelCalibrated: panel.calibrated,
    panelAgeDays: panelAgeDays(panel, utcUs),
    run,
    batch,
    exposureStart: isoUtc(scene.upwelling.light.exposureStartUtcUs),
    ageS: ageFor(reference, utcUs).ageS,
  };
}

// Far below any noise, and half as long.
function short(value: number): number {
  return Number(value.toPrecision(6));
}

function levelVector({ values, exposureStart }: Partial<LevelValue>): Vector | undefined {
  if (values === undefined) return undefined;
  const utc = exposureStart === undefined ? {} : { utcS: secondsOf(exposureStart) };
  return { member: "values", values, first: 0, step: 1, ...utc };
}
