// What a device lets its user read and set beyond integration time and cooler. A device has the controls that its row of
// the model table names; each becomes a resource. Units are in the names.

import type { Feature } from "./model.ts";
import { type SettableMode, type TriggerSetting } from "./trigger-modes.ts";

export interface ContinuousStrobe {
  readonly enabled: boolean;
  readonly periodUs: number;
}

/** One pulse on the strobe line in every exposure, counted from its start. */
export interface SingleStrobe {
  readonly enabled: boolean;
  readonly delayUs: number;
  readonly widthUs: number;
}

/** A slot of an OOI device's EEPROM, 15 bytes. */
export interface EepromSlot {
  readonly slot: number;
  readonly bytes: Uint8Array;
}

/** Coefficients in the device's memory, ascending powers; of a write: what is absent stays as it is. */
export interface StoredCalibration {
  /** Pixel index to nm. */
  readonly wavelengthCoefficients?: readonly number[];
  readonly nonlinearityCoefficients?: readonly number[];
  readonly strayLightConstant?: number;
}

/** The buffer of finished spectra inside the device. */
export interface DataBuffer {
  readonly enabled: boolean;
  /** Spectra that it holds before the oldest is lost. */
  readonly capacity: number;
  /** Spectra that wait in it. */
  readonly spectra: number;
}

/** Pins of the accessory connector; bit n is pin n. */
export interface Gpio {
  /** 1: the pin is an output. */
  readonly outputs: number;
  readonly levels: number;
}

/** The optical bench as the device describes it; members that it does not know are absent. */
export interface OpticalBench {
  readonly id?: string;
  readonly serial?: string;
  readonly slitUm?: number;
  readonly fibreUm?: number;
  readonly grating?: string;
  readonly filter?: string;
  readonly coating?: string;
}

export interface Revisions {
  readonly hardware?: string;
  readonly firmware?: string;
  readonly fpga?: string;
}

/** What the device says of itself (OOI status FE). */
export interface DeviceStatus {
  readonly pixels: number;
  readonly integrationTimeUs: number;
  readonly isLampEnabled: boolean;
  /** The device's own number of the trigger mode. */
  readonly triggerMode: number;
  /** Packets of spectra that wait in the device. */
  readonly waitingPackets: number;
  readonly isHighSpeed: boolean;
}

export interface ControlValues {
  readonly trigger: TriggerSetting;
  /** The modes that `trigger` can be set to. */
  readonly "trigger-modes": readonly SettableMode[];
  readonly lamp: boolean;
  readonly "continuous-strobe": ContinuousStrobe;
  /** OBP only: no source tells the unit of the OOI devices' registers 38 and 3C. */
  readonly "single-strobe": SingleStrobe;
  /** The LED on the housing. */
  readonly "status-led": boolean;
  /** Microseconds from trigger to exposure. */
  readonly "acquisition-delay": number;
  /** The shutter inside the instrument: true is open. */
  readonly shutter: boolean;
  readonly gpio: Gpio;
  readonly fan: boolean;
  /** Scans that the device makes into one spectrum, their mean. */
  readonly "scans-to-average": number;
  /** Pixels on either side that the device takes into a moving mean. */
  readonly boxcar: number;
  /** The device makes 2^n neighbours one pixel. */
  readonly binning: number;
  /** Degrees Celsius, in the device's own order. */
  readonly temperatures: readonly number[];
  readonly "optical-bench": OpticalBench;
  readonly revisions: Revisions;
  readonly status: DeviceStatus;
  /** Energy per count and pixel, as the calibration laboratory stored it; empty when it did not. */
  readonly irradiance: readonly number[];
  readonly calibration: StoredCalibration;
  /** Reading gives all slots, writing takes those that are to change. */
  readonly eeprom: readonly EepromSlot[];
  /** The one thing to write is `spectra: 0`: it is emptied. */
  readonly buffer: DataBuffer;
}

/** What is written once and for all, or an act: not written again when the device comes back. */
export const WRITTEN_ONCE: ReadonlySet<keyof ControlValues> = new Set([
  "irradiance",
  "calibration",
  "eeprom",
  "buffer",
] as const);

export type ControlName = keyof ControlValues;

/** One control of one device. Reading and writing throw what the driver throws, and RESOURCE_NOT_FOUND without data. */
export interface Control<T> {
  read(signal: AbortSignal): Promise<T>;
  /** Absent where it can only be read. Throws VALUE_OUT_OF_RANGE with the limits. */
  write?(value: T, signal: AbortSignal): Promise<void>;
  /** Brings the device into the state that `read` tells after opening. Present where the device itself cannot tell. */
  establish?(signal: AbortSignal): Promise<void>;
}

export type Controls = { readonly [Name in ControlName]?: Control<ControlValues[Name]> };

/** The controls that a model's features imply, out of all that its protocol can do. */
export function controlsOf(features: readonly Feature[], all: Controls): Controls {
  const names: readonly string[] = features;
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

/** A setting that the device takes and never tells: what was written last, and before that its state after opening. */
export class Remembered<T> implements Control<T> {
  readonly #write: (value: T, signal: AbortSignal) => Promise<void>;
  #value: T;

  constructor(initial: T, write: (value: T, signal: AbortSignal) => Promise<void>) {
    this.#value = initial;
    this.#write = write;
  }

  async read(): Promise<T> {
    return this.#value;
  }

  async write(value: T, signal: AbortSignal): Promise<void> {
    await this.#write(value, signal);
    this.#value = value;
  }
}

/** As `Remembered`, for what shows in the light: a session that died may have left it in another state. */
export class Established<T> extends Remembered<T> {
  readonly #initial: T;

  constructor(initial: T, write: (value: T, signal: AbortSignal) => Promise<void>) {
    super(initial, write);
    this.#initial = initial;
  }

  establish(signal: AbortSignal): Promise<void> {
    return this.write(this.#initial, signal);
  }
}
