// What a device lets its user read and set beyond integration time and cooler. A device has the controls that its row of
// the model table names; each becomes a resource. Units are in the names.

import type { Feature } from "./model.ts";

export interface ContinuousStrobe {
  readonly enabled: boolean;
  readonly periodUs: number;
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
  readonly lamp: boolean;
  readonly "continuous-strobe": ContinuousStrobe;
  /** Microseconds from trigger to exposure. */
  readonly "acquisition-delay": number;
  /** The shutter inside the instrument: true is open. */
  readonly shutter: boolean;
  readonly gpio: Gpio;
  readonly fan: boolean;
  /** Degrees Celsius, in the device's own order. */
  readonly temperatures: readonly number[];
  readonly "optical-bench": OpticalBench;
  readonly revisions: Revisions;
  readonly status: DeviceStatus;
  /** Energy per count and pixel, as the calibration laboratory stored it; empty when it did not. */
  readonly irradiance: readonly number[];
}

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
