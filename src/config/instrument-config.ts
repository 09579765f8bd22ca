// The instrument's configuration file in the data directory: channels with their shutters, spectrometers, output.
// The keys of piccolo3 are accepted beside the present ones; pdata/vscope.config shows all with their defaults.

import { MS, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { VscopeError } from "../base/errors.ts";
import { type ReadConfig, readConfigText } from "./config-reader.ts";
import {
  type Channels,
  INSTRUMENT_SCHEMA,
  type InstrumentValues,
  mechanismOf,
  type Spectrometers,
} from "./instrument-schema.ts";
import type { ShutterConfig } from "./shutter-config.ts";

/** A GPIO line that switches an instrument's power. */
export interface PowerSwitchConfig {
  /** BCM number. */
  readonly pin: number;
  /** Level 1 is on. */
  readonly activeHigh: boolean;
  /** How long a power-cycle leaves it off. */
  readonly offUs: number;
  /** After it was switched on, the next one waits so long. */
  readonly onDelayUs: number;
}

export interface SpectrometerConfig {
  /** Serial number; the name of the section. */
  readonly serial: string;
  /** The serial number begins with `dummy_`: an emulated instrument, as in piccolo3. */
  readonly isSimulated: boolean;
  /** Set point of the detector's cooler; the device keeps its own when absent. */
  readonly detectorSetpointC: number | undefined;
  /** Whether the cooler and its fan run; left as they are when absent. */
  readonly fan: boolean | undefined;
  /** The line that switches the instrument's power, if there is one. */
  readonly powerSwitch: PowerSwitchConfig | undefined;
  /** Limits for autointegration and clients, within those of the device. */
  readonly minIntegrationTimeUs: number | undefined;
  readonly maxIntegrationTimeUs: number | undefined;
  /** Integration time of every channel after the start. */
  readonly initialIntegrationTimeUs: number | undefined;
  /** Coefficients (ascending powers, pixel index to nm) that go into the files of a channel, by channel. */
  readonly wavelengthCoefficients: ReadonlyMap<string, readonly number[]>;
}

/** How counts of a spectrometer on a channel become physical units: a file, or what the instrument's own memory lacks. */
export interface RadiometricConfig {
  readonly serial: string;
  readonly channel: string;
  readonly from: { readonly file: string } | { readonly collectionAreaCm2: number };
}

/** A white reference panel. */
export interface PanelConfig {
  readonly name: string;
  readonly serial: string;
  readonly file: string;
  /** For how many days its calibration counts as good. */
  readonly validDays: number;
}

/** Read because older files have it; light and dark are always split, and no file is ever overwritten. */
export interface OutputConfig {
  readonly split: boolean;
  readonly clobber: boolean;
}

export interface InstrumentConfig {
  /** One shutter a channel, sorted by channel. */
  readonly shutters: readonly ShutterConfig[];
  readonly spectrometers: readonly SpectrometerConfig[];
  readonly radiometric: readonly RadiometricConfig[];
  readonly panels: readonly PanelConfig[];
  /** What the owner says of all data, by names of ACDD such as `institution`. */
  readonly dataset: Readonly<Record<string, string>>;
  /** Expressions of band indices by name; not looked at here. */
  readonly indices: Readonly<Record<string, string>>;
  readonly output: OutputConfig;
}

/** Reads the text of an instrument configuration. Throws CONFIG_INVALID with every mistake: "FILE:LINE: KEY: what is wrong". */
export function parseInstrumentConfig(fileText: string, fileName: string): ReadConfig<InstrumentConfig> {
  const { config, warnings } = readConfigText(INSTRUMENT_SCHEMA, fileText, fileName);
  return { config: instrumentConfig(config), warnings };
}

/** The power switches of the spectrometers that have one, by serial number. */
export function powerSwitchesOf({ spectrometers }: InstrumentConfig): ReadonlyMap<string, PowerSwitchConfig> {
  return new Map(
    spectrometers.flatMap(({ serial, powerSwitch }) =>
      powerSwitch === undefined ? [] : [[serial, powerSwitch] as const],
    ),
  );
}

/** The channels' names, sorted. */
export function channelsOf(config: InstrumentConfig): string[] {
  return config.shutters.map(({ channel }) => channel);
}

function instrumentConfig(values: InstrumentValues): InstrumentConfig {
  const { channels, spectrometers, panels, dataset, indices, output } = values;
  const shutters = Object.entries(channels).map(([name, values]) => shutterConfig(name, values));
  return {
    shutters: shutters.sort((a, b) => (a.channel < b.channel ? -1 : 1)),
    spectrometers: Object.entries(spectrometers).map(([serial, values]) =>
      spectrometerConfig(serial, values),
    ),
    radiometric: Object.entries(spectrometers).flatMap(([serial, values]) =>
      radiometricConfigs(serial, values),
    ),
    panels: Object.entries(panels).map(([name, { serial, file, valid_days }]) => ({
      name,
      serial,
      file,
      validDays: valid_days,
    })),
    dataset: definedOnly(dataset),
    indices,
    output,
  };
}

function shutterConfig(name: string, values: Channels[string]): ShutterConfig {
  const mechanism = mechanismOf(name, values);
  // The schema has refused a shutter whose lines are not known.
  if (mechanism === undefined) throw new VscopeError("INTERNAL", `${name}: the shutter has no lines`);
  return {
    name,
    channel: values.direction,
    mechanism,
    settleMs: values.settle_ms,
    reverse: values.reverse,
    fibreDiameterUm: values.fibre_diameter_um,
  };
}

function spectrometerConfig(serial: string, values: Spectrometers[string]): SpectrometerConfig {
  const coefficients = Object.entries(values.calibration).flatMap(([channel, { wavelength_coefficients }]) =>
    wavelength_coefficients === undefined ? [] : [[channel, wavelength_coefficients] as const],
  );
  return {
    serial,
    isSimulated: serial.startsWith("dummy_"),
    detectorSetpointC: values.detector_setpoint_c,
    fan: values.fan,
    powerSwitch: powerSwitchConfig(values),
    minIntegrationTimeUs: toUs(values.min_integration_time_ms),
    maxIntegrationTimeUs: toUs(values.max_integration_time_ms),
    initialIntegrationTimeUs: toUs(values.initial_integration_time_ms),
    wavelengthCoefficients: new Map(coefficients),
  };
}

function radiometricConfigs(serial: string, { calibration }: Spectrometers[string]): RadiometricConfig[] {
  return Object.entries(calibration).flatMap(([channel, values]): RadiometricConfig[] => {
    const { radiometric_file: file, collection_area_cm2: collectionAreaCm2 } = values;
    if (file !== undefined) return [{ serial, channel, from: { file } }];
    return collectionAreaCm2 === undefined ? [] : [{ serial, channel, from: { collectionAreaCm2 } }];
  });
}

function powerSwitchConfig(values: Spectrometers[string]): PowerSwitchConfig | undefined {
  if (values.power_switch_pin === -1) return undefined;
  return {
    pin: values.power_switch_pin,
    activeHigh: values.power_switch_active_high,
    offUs: Math.round(values.power_off_s * SECOND),
    onDelayUs: Math.round(values.power_on_delay_s * SECOND),
  };
}

function toUs(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds * MS);
}
