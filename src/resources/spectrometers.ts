// /spectrometers: every instrument found since the start, by serial number.

import { z } from "zod";
import type { ChannelSpectra } from "../instruments/newest-spectra.ts";
import { VscopeError } from "../base/errors.ts";
import type { Presence } from "../instruments/presence.ts";
import { type Spectrometer, SPECTROMETER_STATES } from "../instruments/spectrometer.ts";
import { COLOURS, colourOf, flagMask } from "../spectra/flags.ts";
import { type ScanStatistics, type Spectrum, wavelengthsNm } from "../spectra/spectrum.ts";
import { isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";

import { declare, type ServerModel } from "./model.ts";
import { channels } from "./shutters.ts";
import { selectSpectrum, spectrumSelection, spectrumVector } from "./spectrum-selection.ts";

const status = z.object({
  state: z.enum(SPECTROMETER_STATES),
  reason: z.string().optional(),
});
const integrationTime = z.int();
const limits = z.object({ min: z.number(), max: z.number(), step: z.number() });
const summary = z.object({
  serial: z.string(),
  model: z.string(),
  ...status.shape,
  /** When it began or ceased to be usable. */
  since: z.string(),
  simulated: z.boolean(),
});
// PUT takes what is to change; a temperature and a state read before may come along.
const tec = z.strictObject({
  enabled: z.boolean().optional(),
  setpointC: z.number().optional(),
  temperatureC: z.number().optional(),
  stable: z.boolean().optional(),
  fan: z.boolean().optional(),
});
export const spectrumShape = z.object({
  serial: z.string(),
  channel: z.string(),
  kind: z.enum(["light", "dark"]),
  integrationTimeUs: z.number(),
  exposureStart: z.string(),
  exposureEnd: z.string(),
  saturationLevel: z.number(),
  freshness: z.enum(["timing", "metadata", "request", "none"]),
  discardedFrames: z.number(),
  detectorTemperatureC: z.number().optional(),
  tecEnabled: z.boolean().optional(),
  tecSetpointC: z.number().optional(),
  triggerMode: z.string().optional(),
  processing: z.object({ scans: z.number(), boxcarHalfWidth: z.number(), binning: z.number() }).optional(),
  statistics: z
    .object({
      scans: z.number(),
      standardDeviation: z.array(z.number()),
      min: z.array(z.number()),
      max: z.array(z.number()),
    })
    .optional(),
  flags: z.array(z.string()),
  qualityMask: z.number(),
  qualityColour: z.enum(COLOURS),
  clockSource: z.string().optional(),
  clockErrorUs: z.number().optional(),
  wavelengthCoefficients: z.array(z.number()),
  counts: z.array(z.number()),
});

/** Whether the darks that close a batch, and trials, are passed over. */
export const wantedKind = z.enum(["any", "light"]).default("any");

export const SPECTROMETERS = [
  declare("/spectrometers", {
    summary:
      "All spectrometers, since when they are usable or not; devices that are seen but cannot be used; serial numbers of the configuration that are missing",
    value: z.object({
      spectrometers: z.array(summary),
      problems: z.array(
        z.object({ portPath: z.string(), model: z.string(), code: z.string(), message: z.string() }),
      ),
      missing: z.array(z.string()),
    }),
    get: ({ rack, presence }) => ({
      spectrometers: rack.spectrometers.value.map((one) => summarize(presence, one)),
      problems: [...rack.problems.value],
      missing: [...presence.missing],
    }),
    watch: ({ rack }) => [
      rack.spectrometers,
      rack.problems,
      ...rack.spectrometers.value.map((one) => one.status),
    ],
  }),
  declare("/spectrometers/{serial}", {
    summary: "What the instrument is and how it is set",
    value: summary.extend({
      firmware: z.string().optional(),
      pixels: z.number(),
      maxCounts: z.number(),
      saturationLevel: z.number(),
      integrationTimeLimitsUs: limits,
      integrationTimesUs: z.record(z.string(), z.number()),
      hasTec: z.boolean(),
      darkPixelRanges: z.array(z.array(z.number())),
      opticalPixelRange: z.array(z.number()),
    }),
    instances: serials,
    get: (server, { serial }) => describe(server, server.rack.spectrometer(serial)),
    watch: ({ rack, recorder }, { serial }) => {
      const instrument = rack.spectrometer(serial);
      return [
        instrument.status,
        instrument.identityCell,
        ...recorder.channels.map((channel) => instrument.integrationTimeUs(channel)),
      ];
    },
  }),
  declare("/spectrometers/{serial}/state", {
    summary: "State of the instrument, with the reason when it cannot record",
    type: "core.s",
    value: status,
    example: { state: "idle" },
    instances: serials,
    get: ({ rack }, { serial }) => rack.spectrometer(serial).status.value,
    watch: ({ rack }, { serial }) => [rack.spectrometer(serial).status],
  }),
  declare("/spectrometers/{serial}/power", {
    summary:
      "Power of the instrument, on or off; PUT takes cycle as well; exists where a power switch is configured",
    type: "core.a",
    // What GET gives, and cycle.
    value: z.enum(["on", "off", "cycle"]),
    example: "on",
    instances: ({ rack }) => rack.switched.map((serial) => ({ serial })),
    get: ({ rack }, { serial }) => rack.powerSwitch(serial).state.value,
    watch: ({ rack }, { serial }) => [rack.powerSwitch(serial).state],
    put: ({ rack, operations }, { serial }, wanted, signal) => {
      operations.requireIdle(serial);
      return rack.setPower(serial, wanted, signal);
    },
  }),
  declare("/spectrometers/{serial}/integration-time/{channel}", {
    summary: "Integration time of the channel's next spectrum",
    unit: "us",
    value: integrationTime,
    example: 25_000,
    instances: serialsAndChannels,
    get: ({ rack }, { serial, channel }) => rack.spectrometer(serial).integrationTimeUs(channel).value,
    watch: ({ rack }, { serial, channel }) => [rack.spectrometer(serial).integrationTimeUs(channel)],
    put: ({ rack, operations }, { serial, channel }, us) => {
      // The lights of a batch must fit its darks.
      operations.requireIdle(serial);
      rack.spectrometer(serial).setIntegrationTimeUs(channel, us);
    },
  }),
  declare("/spectrometers/{serial}/wavelengths", {
    summary: "Wavelength of every pixel",
    typicalBytes: 40_000,
    unit: "nm",
    type: "core.s",
    value: z.array(z.number()),
    instances: serials,
    get: ({ rack }, { serial }) => {
      const {
        calibration: { wavelengthCoefficients },
        pixels,
      } = rack.spectrometer(serial).identity;
      return [...wavelengthsNm(wavelengthCoefficients, pixels)];
    },
  }),
  declare("/spectrometers/{serial}/spectrum/{channel}", {
    summary:
      "Newest spectrum of the channel, raw counts, with what is needed to interpret them; query kind (any, light: without trials)",
    typicalBytes: 12_000,
    unit: "count",
    type: "core.s",
    query: z.strictObject({ kind: wantedKind }),
    value: spectrumShape,
    selection: spectrumSelection(Object.keys(spectrumShape.shape)),
    select: selectSpectrum,
    vector: spectrumVector,
    instances: serialsAndChannels,
    get: ({ rack }, at, { kind }) =>
      renderSpectrum(newestSpectrum(rack.spectrometer(at.serial).newest(at.channel), { ...at, kind })),
    watch: ({ rack }, { serial, channel }) => [rack.spectrometer(serial).newest(channel)],
  }),
  declare("/spectrometers/{serial}/tec", {
    summary:
      "Cooler of the detector, exists where the instrument has one; stable: it has settled at the set point",
    unit: "Cel",
    value: tec,
    putMerges: true,
    example: { enabled: true, setpointC: -10, temperatureC: -9.98, stable: true },
    instances: serialsWithTec,
    get: async ({ rack }, { serial }, _query, signal) => {
      const instrument = rack.spectrometer(serial);
      const reading = await instrument.readTec(signal);
      if (!instrument.controls.has("fan")) return reading;
      return { ...reading, fan: await instrument.controls.read("fan", signal) };
    },
    put: async ({ rack }, { serial }, { enabled, setpointC, fan }, signal) => {
      const instrument = rack.spectrometer(serial);
      await instrument.setTec(definedOnly({ enabled, setpointC }), signal);
      if (fan !== undefined) await instrument.controls.write("fan", fan, signal);
    },
  }),
  declare("/spectrometers/{serial}/temperature", {
    summary: "Temperature of the detector or board; exists where the instrument tells it",
    unit: "Cel",
    type: "core.s",
    value: z.number(),
    example: -9.98,
    instances: serialsWithThermometer,
    get: ({ rack }, { serial }, _query, signal) => rack.spectrometer(serial).readTemperatureC(signal),
  }),
];

function summarize(
  presence: Presence,
  { serial, identity, status: { value } }: Spectrometer,
): z.infer<typeof summary> {
  const { model, isSimulated: simulated } = identity;
  return { serial, model, ...value, since: isoUtc(presence.sinceUtcUs(serial)), simulated };
}

function describe({ recorder, presence }: ServerModel, instrument: Spectrometer) {
  const {
    firmware,
    pixels,
    maxCounts,
    saturationLevel,
    integrationTimeUs,
    hasTec,
    darkPixelRanges,
    opticalPixelRange,
  } = instrument.identity;
  return {
    ...summarize(presence, instrument),
    ...(firmware === undefined ? {} : { firmware }),
    pixels,
    maxCounts,
    saturationLevel,
    integrationTimeLimitsUs: integrationTimeUs,
    integrationTimesUs: Object.fromEntries(
      recorder.channels.map((channel) => [channel, instrument.integrationTimeUs(channel).value]),
    ),
    hasTec,
    darkPixelRanges: darkPixelRanges.map((range) => [...range]),
    opticalPixelRange: [...opticalPixelRange],
  };
}

interface WantedSpectrum {
  readonly serial: string;
  readonly channel: string;
  readonly kind: z.infer<typeof wantedKind>;
}

/** Throws RESOURCE_NOT_FOUND as long as there is none. */
export function newestSpectrum(
  { value, lights }: ChannelSpectra,
  { serial, channel, kind }: WantedSpectrum,
): Spectrum {
  const found = kind === "light" ? lights[0] : value;
  if (found !== undefined) return found;
  const what = kind === "light" ? "light spectrum" : "spectrum";
  throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: no ${what} of ${channel} since the start`);
}

type SpectrumValue = z.infer<typeof spectrumShape>;

const renderedSpectra = new WeakMap<Spectrum, SpectrumValue>();

/** The value of a spectrum; the same one each time, as spectra do not change. */
export function renderSpectrum(spectrum: Spectrum): SpectrumValue {
  const before = renderedSpectra.get(spectrum);
  if (before !== undefined) return before;
  const made = valueOf(spectrum);
  renderedSpectra.set(spectrum, made);
  return made;
}

function valueOf(newest: Spectrum): SpectrumValue {
  const { instrument, channel, kind, integrationTimeUs, freshness, discardedFrames } = newest;
  const { detectorTemperatureC, tecEnabled, tecSetpointC, channelWavelengthCoefficients } = newest;
  const { triggerMode, processing, statistics, clockSource, clockErrorUs } = newest;
  return {
    serial: instrument.serial,
    channel,
    kind,
    integrationTimeUs,
    exposureStart: isoUtc(newest.exposureStartUtcUs),
    exposureEnd: isoUtc(newest.exposureEndUtcUs),
    saturationLevel: instrument.saturationLevel,
    freshness,
    discardedFrames,
    ...definedOnly({ detectorTemperatureC, tecEnabled, tecSetpointC, triggerMode, processing }),
    ...definedOnly({ clockSource, clockErrorUs }),
    ...(statistics === undefined ? {} : { statistics: arraysOf(statistics) }),
    flags: [...newest.flags],
    qualityMask: flagMask(newest.flags),
    qualityColour: colourOf(newest.flags),
    wavelengthCoefficients: [
      ...(channelWavelengthCoefficients ?? instrument.calibration.wavelengthCoefficients),
    ],
    counts: [...newest.counts],
  };
}

function arraysOf({ scans, standardDeviation, min, max }: ScanStatistics) {
  return { scans, standardDeviation: [...standardDeviation], min: [...min], max: [...max] };
}

function serials({ rack }: ServerModel): readonly { readonly serial: string }[] {
  return rack.spectrometers.value.map(({ serial }) => ({ serial }));
}

function serialsWithTec({ rack }: ServerModel): readonly { readonly serial: string }[] {
  return rack.spectrometers.value.filter(({ identity }) => identity.hasTec).map(({ serial }) => ({ serial }));
}

function serialsWithThermometer({ rack }: ServerModel): readonly { readonly serial: string }[] {
  return rack.spectrometers.value.filter((one) => one.hasThermometer).map(({ serial }) => ({ serial }));
}

export function serialsAndChannels(
  server: ServerModel,
): readonly { readonly serial: string; readonly channel: string }[] {
  return serials(server).flatMap(({ serial }) =>
    channels(server).map(({ channel }) => ({ serial, channel })),
  );
}
