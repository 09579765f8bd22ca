// One spectrometer as piccolo3 names and sets it: configured or found, with limits of its own and times in milliseconds.

import { type ReadableCell } from "../../base/cell.ts";
import { MS } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { ClientLimits, TimeLimits } from "../../instruments/client-limits.ts";
import type { Rack } from "../../instruments/rack.ts";
import type { Spectrometer } from "../../instruments/spectrometer.ts";
import type { Cooler } from "./cooler.ts";

/** Limits of a search in milliseconds where the device is not known yet, as piccolo3 has them. */
const DEFAULT_MAX_MS = 10_000;

export interface UnitParts {
  readonly serial: string;
  readonly rack: Rack;
  readonly limits: ClientLimits;
  /** Longest time that a search chooses unless a client says something else. */
  readonly searchMaxUs: (serial: string) => number;
  readonly channels: readonly string[];
  readonly cooler: Cooler;
}

export class Unit {
  readonly serial: string;
  readonly cooler: Cooler;
  readonly #parts: UnitParts;

  constructor(parts: UnitParts) {
    this.serial = parts.serial;
    this.cooler = parts.cooler;
    this.#parts = parts;
  }

  get name(): string {
    return `S_${this.serial}`;
  }

  /** Undefined until it has been seen. */
  get spectrometer(): Spectrometer | undefined {
    return this.#parts.rack.spectrometers.value.find(({ serial }) => serial === this.serial);
  }

  get minMs(): number {
    const { minUs } = this.#limits.value;
    return Math.floor((minUs ?? this.spectrometer?.identity.integrationTimeUs.min ?? 0) / MS);
  }

  get maxMs(): number {
    const { maxUs } = this.#limits.value;
    const deviceUs = this.spectrometer?.identity.integrationTimeUs.max ?? DEFAULT_MAX_MS * MS;
    return Math.floor((maxUs ?? Math.min(deviceUs, this.#parts.searchMaxUs(this.serial))) / MS);
  }

  /** Throws RESOURCE_NOT_FOUND for an unknown channel. */
  timeMs(channel: string): number {
    const { spectrometer } = this;
    if (spectrometer !== undefined) return Math.floor(spectrometer.integrationTimeUs(channel).value / MS);
    if (this.#parts.channels.includes(channel)) return 0;
    throw new VscopeError("RESOURCE_NOT_FOUND", `${this.name}: no channel ${channel}`);
  }

  /** Throws STATE_CONFLICT while its times cannot be set. */
  requireIdle(): Spectrometer {
    const { spectrometer } = this;
    if (spectrometer?.status.value.state === "idle") return spectrometer;
    throw new VscopeError("STATE_CONFLICT", `${this.name}: spectrometer is not idle`);
  }

  /** Lifts the present times. Throws STATE_CONFLICT, and VALUE_OUT_OF_RANGE above the other limit. */
  setMinMs(ms: number): void {
    const spectrometer = this.requireIdle();
    if (ms > this.maxMs) throw this.#outside("min_time", ms, `above the longest, ${this.maxMs} ms`);
    this.#setLimits({ minUs: ms * MS });
    for (const channel of spectrometer.channels)
      if (this.timeMs(channel) < ms) setNearest(spectrometer, channel, ms);
  }

  /** Lowers the present times. Throws as `setMinMs`. */
  setMaxMs(ms: number): void {
    const spectrometer = this.requireIdle();
    if (ms < this.minMs) throw this.#outside("max_time", ms, `below the shortest, ${this.minMs} ms`);
    this.#setLimits({ maxUs: ms * MS });
    for (const channel of spectrometer.channels)
      if (this.timeMs(channel) > ms) setNearest(spectrometer, channel, ms);
  }

  /** Throws STATE_CONFLICT, VALUE_OUT_OF_RANGE, RESOURCE_NOT_FOUND. */
  setTimeMs(channel: string, ms: number): void {
    const spectrometer = this.requireIdle();
    if (ms < this.minMs || ms > this.maxMs)
      throw this.#outside("current_time", ms, `outside ${this.minMs}..${this.maxMs} ms`);
    // The shortest time of a device can be a fraction of a millisecond.
    const { min } = spectrometer.identity.integrationTimeUs;
    spectrometer.setIntegrationTimeUs(channel, ms === Math.floor(min / MS) ? min : ms * MS);
  }

  /** What changes with the state and the limits. */
  cells(): readonly ReadableCell<unknown>[] {
    const { spectrometer } = this;
    const { rack } = this.#parts;
    const power = rack.switched.includes(this.serial) ? [rack.powerSwitch(this.serial).state] : [];
    if (spectrometer === undefined) return [rack.spectrometers, this.#limits, ...power];
    return [spectrometer.status, spectrometer.identityCell, this.#limits];
  }

  /** What changes with the times of all channels. */
  timeCells(): readonly ReadableCell<unknown>[] {
    const { spectrometer } = this;
    if (spectrometer === undefined) return [this.#parts.rack.spectrometers];
    return spectrometer.channels.map((channel) => spectrometer.integrationTimeUs(channel));
  }

  get #limits() {
    return this.#parts.limits.of(this.serial);
  }

  #setLimits(change: TimeLimits): void {
    this.#limits.set({ ...this.#limits.value, ...change });
  }

  #outside(what: string, ms: number, fact: string): VscopeError {
    return new VscopeError("VALUE_OUT_OF_RANGE", `${this.name}: ${what} ${ms} ms is ${fact}`);
  }
}

// A limit that a client sets may lie outside those of the device.
function setNearest(spectrometer: Spectrometer, channel: string, ms: number): void {
  const { min, max } = spectrometer.identity.integrationTimeUs;
  spectrometer.setIntegrationTimeUs(channel, Math.min(max, Math.max(min, ms * MS)));
}
