// The calibrations that are configured: those that could be read, and for the others why not.

import { VscopeError } from "../base/errors.ts";
import type { InstrumentFileText } from "../datadir/instrument-archive.ts";
import type { Panel } from "../spectra/panel.ts";
import type { RadiometricCalibration } from "../spectra/radiometric.ts";

/** The irradiance calibration in the memory of the instrument, which lacks this number. */
export interface InMemory {
  readonly collectionAreaCm2: number;
}

/** What became of a file. */
export type Read<T> = T | VscopeError;

export class Calibrations {
  readonly #radiometric: ReadonlyMap<string, Read<RadiometricCalibration | InMemory>>;
  readonly #panels: ReadonlyMap<string, Read<Panel>>;
  /** Those that were understood, as they were read: nothing else that a configuration may name. */
  readonly files: readonly InstrumentFileText[];

  /** Radiometric ones by `calibrationKey`, panels by name. */
  constructor(
    radiometric: ReadonlyMap<string, Read<RadiometricCalibration | InMemory>> = new Map(),
    panels: ReadonlyMap<string, Read<Panel>> = new Map(),
    files: readonly InstrumentFileText[] = [],
  ) {
    this.#radiometric = radiometric;
    this.#panels = panels;
    this.files = files;
  }

  /** Those that can be used. */
  get panels(): readonly Panel[] {
    return [...this.#panels.values()].flatMap((one) => (one instanceof VscopeError ? [] : [one]));
  }

  /** The mistakes in files. */
  get mistakes(): readonly VscopeError[] {
    const all = [...this.#radiometric.values(), ...this.#panels.values()];
    return all.flatMap((one) => (one instanceof VscopeError ? [one] : []));
  }

  /** Throws RESOURCE_NOT_FOUND when it is not configured, CONFIG_INVALID when its file is wrong. */
  panel(name: string): Panel {
    const names = [...this.#panels.keys()].join(", ") || "none";
    return found(this.#panels.get(name), `panel ${name}: not configured, there are ${names}`);
  }

  /** Whether one is configured; its file can be wrong. */
  isConfigured(serial: string, channel: string): boolean {
    return this.#radiometric.has(calibrationKey(serial, channel));
  }

  /** Throws RESOURCE_NOT_FOUND when none is configured, CONFIG_INVALID when its file is wrong. */
  radiometric(serial: string, channel: string): RadiometricCalibration | InMemory {
    const missing = `${serial} ${channel}: no radiometric calibration was configured when the server started`;
    return found(this.#radiometric.get(calibrationKey(serial, channel)), missing);
  }
}

export function calibrationKey(serial: string, channel: string): string {
  return `${serial} ${channel}`;
}

function found<T>(one: Read<T> | undefined, missing: string): T {
  if (one === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", missing);
  if (one instanceof VscopeError) throw one;
  return one;
}
