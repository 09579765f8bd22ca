// What a spectrometer lets its user read and set beyond integration time and cooler. Settings are restored when the
// device comes back, and a spectrum begun before the last change is stale.

import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import {
  type ControlName,
  type Controls,
  type ControlValues,
  WRITTEN_ONCE,
} from "../drivers/oceanoptics/controls.ts";
import type { SpectrometerDriver } from "../drivers/oceanoptics/driver.ts";
import { type DeviceProcessing, UNPROCESSED } from "../spectra/spectrum.ts";
import type { Tolerate } from "./refusal.ts";

/** Runs a job in the spectrometer's queue, with the controls of the device that is attached. */
export type RunControl = <T>(
  job: (controls: Controls, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

type ControlledDriver = Pick<SpectrometerDriver, "controls" | "processing">;

type Restore = (controls: Controls, signal: AbortSignal) => Promise<void>;

/** What was written of a control last. */
export interface WrittenControl {
  readonly name: string;
  readonly value: unknown;
}

export class SpectrometerControls {
  readonly #serial: string;
  readonly #clock: Clock;
  readonly #run: RunControl;
  readonly #settings = new Map<ControlName, { readonly value: unknown; readonly restore: Restore }>();
  readonly #written = new Cell<readonly WrittenControl[]>([]);
  #names: ReadonlySet<string> = new Set();
  #changedUs = 0;
  #driver: ControlledDriver | undefined;

  constructor(serial: string, clock: Clock, run: RunControl) {
    this.#serial = serial;
    this.#clock = clock;
    this.#run = run;
  }

  /** Whether the device has it; false until it has been connected. */
  has(name: ControlName): boolean {
    return this.#names.has(name);
  }

  /** Clock.nowUs of the last change: a spectrum must begin after it. */
  get changedUs(): number {
    return this.#changedUs;
  }

  /** Throws RESOURCE_NOT_FOUND when the device has no such thing, and what the driver throws. */
  read<Name extends ControlName>(name: Name, signal: AbortSignal): Promise<ControlValues[Name]> {
    return this.#run((controls, inner) => this.#control(controls, name).read(inner), signal);
  }

  /** Sets it, now and (but for what is written once) whenever the device comes back. Throws VALUE_OUT_OF_RANGE, and as `read`. */
  async write<Name extends ControlName>(
    name: Name,
    value: ControlValues[Name],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#run((controls, inner) => this.#write(controls, { name, value }, inner), signal);
    this.preset(name, value);
  }

  /** Sets it whenever the device comes, and not now. */
  preset<Name extends ControlName>(name: Name, value: ControlValues[Name]): void {
    if (WRITTEN_ONCE.has(name)) return;
    const restore: Restore = (controls, inner) => this.#write(controls, { name, value }, inner);
    // Two settings can share a line: they are restored in the order of their last writes.
    this.#settings.delete(name);
    this.#settings.set(name, { value, restore });
    this.#written.set([...this.#settings].map(([one, { value: newest }]) => ({ name: one, value: newest })));
  }

  /** What is set when the device comes back, in that order. */
  get written(): ReadableCell<readonly WrittenControl[]> {
    return this.#written;
  }

  /** What the device will make of the scans of the next spectrum. */
  get processing(): DeviceProcessing {
    return this.#driver?.processing ?? UNPROCESSED;
  }

  attached(driver: ControlledDriver): void {
    this.#driver = driver;
    this.#names = new Set(Object.keys(driver.controls));
  }

  /** Writes what was set before the device went away, and what an earlier program may have left otherwise. */
  async restore(controls: Controls, tolerate: Tolerate, signal: AbortSignal): Promise<void> {
    for (const [name, control] of Object.entries(controls)) {
      if (control.establish !== undefined) await tolerate(name, control.establish(signal));
    }
    for (const [name, { restore }] of this.#settings) await tolerate(name, restore(controls, signal));
    this.#changedUs = this.#clock.nowUs();
  }

  async #write<Name extends ControlName>(
    controls: Controls,
    { name, value }: { readonly name: Name; readonly value: ControlValues[Name] },
    signal: AbortSignal,
  ): Promise<void> {
    const control = this.#control(controls, name);
    if (control.write === undefined)
      throw new VscopeError("STATE_CONFLICT", `${this.#serial}: ${name} can only be read`);
    try {
      await control.write(value, signal);
    } finally {
      // Also after a failure: the device may have taken it.
      this.#changedUs = this.#clock.nowUs();
    }
  }

  #control<Name extends ControlName>(controls: Controls, name: Name): NonNullable<Controls[Name]> {
    const control = controls[name];
    if (control !== undefined) return control;
    throw new VscopeError("RESOURCE_NOT_FOUND", `${this.#serial}: has no ${name}`);
  }
}
