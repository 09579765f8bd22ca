// The keys of the instrument configuration, their limits and defaults, and what must fit together between them.

import { z } from "zod";
import type { ConfigSchema } from "./config-reader.ts";
import {
  decimal,
  field,
  flag,
  integer,
  numbers,
  oneOf,
  pin,
  section,
  sections,
  sentence,
  text,
} from "./fields.ts";
import { nearestName } from "./nearest-name.ts";
import { PICCOLO_PINS, pinsOf, type ShutterMechanism } from "./shutter-config.ts";

// Channels are path segments of resources and words in files.
const CHANNEL = field(
  "the name of a light path, such as upwelling (up to 64 characters, no / or \\)",
  (given) => (/^[^/\\\p{Cc}]{1,64}$/u.test(given) ? given : undefined),
);

const SHUTTER = section({
  direction: CHANNEL,
  reverse: flag().default(false),
  fibre_diameter_um: integer(1, 100_000).default(600),
  mechanism: oneOf("latching", "level").default("latching"),
  open_pin: pin().optional(),
  close_pin: pin().optional(),
  pulse_ms: integer(1, 1000).default(30),
  pin: pin().optional(),
  active_high: flag().default(true),
  settle_ms: integer(0, 10_000).default(20),
});

const CALIBRATION = section({
  wavelength_coefficients: numbers(2, 8).optional(),
  radiometric_file: text("the name of a file").optional(),
  collection_area_cm2: decimal(1e-6, 1000).optional(),
});

const PANEL = section({
  serial: text("the panel's serial number"),
  file: text("the name of a file"),
  valid_days: integer(1, 3650).default(365),
});

// What the owner says of all data, by names of ACDD 1.3; exports have it.
const DATASET = section({
  institution: sentence().optional(),
  creator_name: sentence().optional(),
  creator_email: sentence().optional(),
  creator_url: sentence().optional(),
  project: sentence().optional(),
  summary: sentence().optional(),
  keywords: sentence().optional(),
  license: sentence().optional(),
  references: sentence().optional(),
  acknowledgement: sentence().optional(),
  comment: sentence().optional(),
});

// Longest integration time of any supported device: 1600 s.
const LONGEST_MS = 1_600_000;

const SPECTROMETER = section({
  detector_setpoint_c: decimal(-80, 50).optional(),
  fan: flag().optional(),
  // -1 means none, as in piccolo3.
  power_switch_pin: integer(-1, 1023).default(-1),
  power_switch_active_high: flag().default(true),
  power_off_s: decimal(0.1, 600).default(3),
  power_on_delay_s: decimal(0, 600).default(1),
  min_integration_time_ms: decimal(0, LONGEST_MS).optional(),
  max_integration_time_ms: decimal(0, LONGEST_MS).optional(),
  initial_integration_time_ms: decimal(0, LONGEST_MS).optional(),
  calibration: sections(CALIBRATION).prefault({}),
});

const FILE = section({
  channels: sections(SHUTTER).prefault({}),
  spectrometers: sections(SPECTROMETER).prefault({}),
  panels: sections(PANEL).prefault({}),
  dataset: DATASET.prefault({}),
  indices: z.record(z.string(), text("an expression such as (R800 - R670) / (R800 + R670)")).prefault({}),
  output: section({ split: flag().default(true), clobber: flag().default(false) }).prefault({}),
}).superRefine((values, context) => {
  for (const { path, message } of contradictions(values))
    context.addIssue({ code: "custom", path: [...path], message });
});

export type InstrumentValues = z.output<typeof FILE>;
export type Channels = InstrumentValues["channels"];
export type Spectrometers = InstrumentValues["spectrometers"];

const PROCESSING = "spectra are stored as they were recorded";

export const INSTRUMENT_SCHEMA: ConfigSchema<InstrumentValues> = {
  type: FILE,
  aliases: {
    channel: "direction",
    fibre_diameter: "fibre_diameter_um",
    detector_temperature: "detector_setpoint_c",
    detector_set_temperature: "detector_setpoint_c",
    power_switch: "power_switch_pin",
    min_integration_time: "min_integration_time_ms",
    max_integration_time: "max_integration_time_ms",
    initial_integration_time: "initial_integration_time_ms",
    wavelength_calibration_coefficients: "wavelength_coefficients",
    wavelength_calibration_coefficients_piccolo: "wavelength_coefficients",
  },
  ignoredSections: {
    AutoAdjust: "autointegration is set with each recording",
    NoAutoAdjust: "autointegration is set with each recording",
    SimplifySpectra: PROCESSING,
    NoSimplifySpectra: PROCESSING,
    Processing: PROCESSING,
    NoProcessing: PROCESSING,
    jsonrpc: "there is no JSON-RPC; the server answers CoAP",
    cameras: "cameras are not described in this file",
  },
};

/** How the shutter moves; undefined when its lines are neither given nor those of a Piccolo's shutter. */
export function mechanismOf(name: string, values: Channels[string]): ShutterMechanism | undefined {
  if (values.mechanism === "level") {
    return values.pin === undefined
      ? undefined
      : { kind: "level", pin: values.pin, activeHigh: values.active_high };
  }
  const openPin = values.open_pin ?? PICCOLO_PINS[name]?.openPin;
  const closePin = values.close_pin ?? PICCOLO_PINS[name]?.closePin;
  if (openPin === undefined || closePin === undefined) return undefined;
  return { kind: "latching", openPin, closePin, pulseMs: values.pulse_ms };
}

interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

function contradictions({ channels, spectrometers }: InstrumentValues): Contradiction[] {
  const names = Object.values(channels).map(({ direction }) => direction);
  return [
    ...Object.entries(channels).flatMap(([name, values]) => missingPins(name, values)),
    ...repeated(
      Object.entries(channels).map(
        ([name, { direction }]) => [["channels", name, "direction"], direction] as const,
      ),
      (direction) => `'${direction}' has another shutter, too`,
    ),
    ...repeated(usedPins(channels, spectrometers), (used) => `line ${used} is used twice`),
    ...Object.entries(spectrometers).flatMap(([serial, values]) => [
      ...unorderedTimes(serial, values),
      ...unknownChannels(serial, values, names),
      ...doubleCalibrations(serial, values),
    ]),
  ];
}

function missingPins(name: string, values: Channels[string]): Contradiction[] {
  if (mechanismOf(name, values) !== undefined) return [];
  const message =
    values.mechanism === "level"
      ? "pin is missing: a level shutter needs it"
      : `open_pin and close_pin are missing: only ${Object.keys(PICCOLO_PINS).join(", ")} have lines by default`;
  return [{ path: ["channels", name], message }];
}

function usedPins(
  channels: Channels,
  spectrometers: Spectrometers,
): (readonly [readonly string[], number])[] {
  const ofShutters = Object.entries(channels).flatMap(([name, values]) => {
    const mechanism = mechanismOf(name, values);
    return mechanism === undefined
      ? []
      : pinsOf(mechanism).map((used) => [["channels", name], used] as const);
  });
  const ofSwitches = Object.entries(spectrometers)
    .filter(([, values]) => values.power_switch_pin >= 0)
    .map(
      ([serial, values]) => [["spectrometers", serial, "power_switch_pin"], values.power_switch_pin] as const,
    );
  return [...ofShutters, ...ofSwitches];
}

function repeated<T>(
  entries: readonly (readonly [readonly string[], T])[],
  word: (value: T) => string,
): Contradiction[] {
  const again = entries.filter(
    ([, value], index) => entries.findIndex((other) => other[1] === value) < index,
  );
  return again.map(([path, value]) => ({ path, message: word(value) }));
}

function unorderedTimes(serial: string, values: Spectrometers[string]): Contradiction[] {
  const min = values.min_integration_time_ms ?? 0;
  const max = values.max_integration_time_ms ?? LONGEST_MS;
  const initial = values.initial_integration_time_ms ?? min;
  if (min > max) {
    const path = ["spectrometers", serial, "max_integration_time_ms"];
    return [{ path, message: `${max} ms is less than the minimum, ${min} ms` }];
  }
  if (initial >= min && initial <= max) return [];
  const path = ["spectrometers", serial, "initial_integration_time_ms"];
  return [{ path, message: `${initial} ms is outside ${min}..${max} ms` }];
}

function unknownChannels(
  serial: string,
  values: Spectrometers[string],
  names: readonly string[],
): Contradiction[] {
  return Object.keys(values.calibration)
    .filter((channel) => !names.includes(channel))
    .map((channel) => {
      const nearest = nearestName(channel, names);
      const hint =
        nearest === undefined ? `channels are ${names.join(", ") || "none"}` : `did you mean ${nearest}?`;
      return { path: ["spectrometers", serial, "calibration", channel], message: `unknown channel, ${hint}` };
    });
}

function doubleCalibrations(serial: string, { calibration }: Spectrometers[string]): Contradiction[] {
  const message = "given beside radiometric_file: it is for the irradiance calibration in the instrument";
  return Object.entries(calibration)
    .filter(([, one]) => one.radiometric_file !== undefined && one.collection_area_cm2 !== undefined)
    .map(([channel]) => ({
      path: ["spectrometers", serial, "calibration", channel, "collection_area_cm2"],
      message,
    }));
}
