// What starts an exposure: the device's own rhythm, or a signal on its trigger input. A mode is set by its name; the
// device's number of it depends on model and firmware (models.ts). Drivers arm the device when they next expose.

import { withDeadline } from "../../base/abort.ts";
import { SECOND } from "../../base/clock.ts";
import { requireWithin, VscopeError } from "../../base/errors.ts";
import type { Control, Controls } from "./controls.ts";
import type { Link } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";
import type { SettableMode, TriggerModes, TriggerSetting } from "./trigger-modes.ts";

/** A setting other than `normal`, with the device's number. */
export interface Armed extends TriggerSetting {
  readonly number: number;
}

const TIMEOUT_S = { min: 0.001, max: 31_536_000, unit: "s" } as const;
const NUMBERS = { min: 0, max: 255 } as const;

/** None for a model that knows normal mode only. */
export function triggerControls({ triggers }: SpectrometerModel, trigger: Trigger): Controls {
  const hasModes = triggers.some(({ modes }) => Object.keys(modes).length > 1);
  if (!hasModes) return {};
  const read = async (signal: AbortSignal): Promise<readonly SettableMode[]> => [
    ...(await trigger.modes(signal)).keys(),
  ];
  return { trigger, "trigger-modes": { read } };
}

/** The trigger mode of one device. */
export class Trigger implements Control<TriggerSetting> {
  readonly #link: Link;
  readonly #readModes: (signal: AbortSignal) => Promise<TriggerModes>;
  #modes: TriggerModes | undefined;
  #setting: TriggerSetting = { mode: "normal" };
  #armed: Armed | undefined;

  constructor(link: Link, readModes: (signal: AbortSignal) => Promise<TriggerModes>) {
    this.#link = link;
    this.#readModes = readModes;
  }

  /** What the next exposure waits for; undefined in normal mode. */
  get armed(): Armed | undefined {
    return this.#armed;
  }

  /** The modes of this device's firmware. */
  async modes(signal: AbortSignal): Promise<TriggerModes> {
    this.#modes ??= await this.#readModes(signal);
    return this.#modes;
  }

  async read(): Promise<TriggerSetting> {
    return this.#setting;
  }

  /** Throws VALUE_OUT_OF_RANGE for a mode that the firmware does not have, unless its number is given. */
  async write(setting: TriggerSetting, signal: AbortSignal): Promise<void> {
    const { subject } = this.#link;
    if (setting.timeoutS !== undefined) requireWithin(`${subject}: timeout`, setting.timeoutS, TIMEOUT_S);
    if (setting.number !== undefined) requireWithin(`${subject}: number`, setting.number, NUMBERS);
    if (setting.mode === "normal" && setting.number !== undefined && setting.number !== 0)
      throw new VscopeError("VALUE_INVALID", `${subject}: mode normal has number 0, not ${setting.number}`);
    const number = setting.number ?? (await this.#numberOf(setting.mode, signal));
    this.#setting = setting;
    this.#armed = setting.mode === "normal" ? undefined : { ...setting, number };
  }

  /**
   * Runs an exposure that waits for its signal: until it is over, the time-out and `exposureUs` have passed, or `signal`
   * aborts. `exposureUs`: from the signal to the last byte.
   */
  async wait<T>(
    { mode, timeoutS, exposureUs }: Armed & { readonly exposureUs: number },
    signal: AbortSignal,
    expose: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (timeoutS === undefined) return expose(signal);
    const { clock, subject } = this.#link;
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `${subject}: no trigger (${mode}) within ${timeoutS} s`, {
        details: { mode, timeoutS },
      });
    return withDeadline({ clock, us: timeoutS * SECOND + exposureUs, late }, signal, expose);
  }

  async #numberOf(mode: SettableMode, signal: AbortSignal): Promise<number> {
    const modes = await this.modes(signal);
    const number = modes.get(mode);
    if (number !== undefined) return number;
    const names = [...modes.keys()].join(", ");
    throw new VscopeError(
      "VALUE_OUT_OF_RANGE",
      `${this.#link.subject}: no trigger mode ${mode}, there are ${names}`,
      { details: { modes: [...modes.keys()] } },
    );
  }
}
