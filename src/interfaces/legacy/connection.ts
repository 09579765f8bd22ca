// Connecting, disconnecting and switching spectrometers in the way of piccolo3: "ok", or a text that says why not. What
// would disturb an exposure is done after it.

import { until } from "../../base/cell.ts";
import { type Clock, SECOND } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Rack } from "../../instruments/rack.ts";
import { STATE, stateName, type StateNumber } from "./spectrometer-state.ts";
import type { Unit } from "./unit.ts";

export const CONNECTION_ACTIONS = ["connect", "disconnect", "power_off", "power_on"] as const;
export type ConnectionAction = (typeof CONNECTION_ACTIONS)[number];

/** Instruments are switched on one after the other, in the order of the configuration. */
const STAGGER_US = 10 * SECOND;

export interface ConnectionParts {
  readonly rack: Rack;
  readonly clock: Clock;
  readonly log: Log;
  readonly stateOf: (unit: Unit) => StateNumber;
  readonly positionOf: (unit: Unit) => number;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
}

export class Connections {
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** The answer for one: "ok" when it is done or will be. */
  act(action: ConnectionAction, unit: Unit): string {
    switch (action) {
      case "connect":
        return this.#connect(unit);
      case "disconnect":
        return this.#disconnect(unit);
      case "power_off":
        return this.#powerOff(unit);
      case "power_on":
        return this.#powerOn(unit);
    }
  }

  /** The answer for all: "ok", or the others' with their names. */
  actOnAll(action: ConnectionAction, units: readonly Unit[]): string {
    const answers = units.map((unit) => [unit.name, this.act(action, unit)] as const);
    const others = answers.filter(([, answer]) => answer !== "ok");
    return others.length === 0 ? "ok" : others.map(([name, answer]) => `${name}: ${answer}`).join("|");
  }

  #connect(unit: Unit): string {
    const state = this.#parts.stateOf(unit);
    if (state !== STATE.DISCONNECTED) return wrongState("connected", state);
    this.#parts.rack.reconnect(unit.serial);
    return "ok";
  }

  #disconnect(unit: Unit): string {
    const state = this.#parts.stateOf(unit);
    if (state === STATE.DISCONNECTED) return "spectrometer is already disconnected";
    if (!canLetGo(state)) return wrongState("disconnected", state);
    this.#afterExposure(unit, () => this.#parts.rack.release(unit.serial));
    return "ok";
  }

  #powerOff(unit: Unit): string {
    const { rack, signal, stateOf } = this.#parts;
    const state = stateOf(unit);
    if (state === STATE.POWERED_OFF) return "spectrometer is already powered off";
    if (!rack.switched.includes(unit.serial))
      return state === STATE.DISCONNECTED ? "ok" : this.#disconnect(unit);
    this.#afterExposure(unit, () => rack.setPower(unit.serial, "off", signal));
    return "ok";
  }

  #powerOn(unit: Unit): string {
    const { rack, signal, stateOf, clock, positionOf } = this.#parts;
    const state = stateOf(unit);
    if (state === STATE.DISCONNECTED) rack.reconnect(unit.serial);
    if (canLetGo(state)) return "spectrometer is already running";
    if (state !== STATE.POWERED_OFF) return "spectrometer is already powered on";
    this.#follow(unit, async () => {
      await clock.delay(positionOf(unit) * STAGGER_US, signal);
      await rack.setPower(unit.serial, "on", signal);
    });
    return "ok";
  }

  #afterExposure(unit: Unit, act: () => Promise<void>): void {
    this.#follow(unit, async () => {
      const status = unit.spectrometer?.status;
      if (status !== undefined) await until(status, ({ state }) => state !== "exposing", this.#parts.signal);
      await act();
    });
  }

  #follow(unit: Unit, task: () => Promise<void>): void {
    const { log, signal } = this.#parts;
    task().catch((error: unknown) => {
      if (!signal.aborted) log.warn({ reason: messageOf(error) }, `${unit.name}: could not be switched`);
    });
  }
}

function canLetGo(state: StateNumber): boolean {
  return state === STATE.IDLE || state === STATE.RECORDING || state === STATE.AUTOINTEGRATING;
}

function wrongState(wanted: string, state: StateNumber): string {
  return `spectrometer is in wrong state to be ${wanted} ${stateName(state)}`;
}
