// The temperature of a detector: the room's for one without cooler, a first-order approach to the set point for one with.

import { SECOND } from "../../base/clock.ts";
import { noiseAt } from "../random.ts";

const TIME_CONSTANT_US = 15 * SECOND;
/** A cooler manages no more than this below the room. */
const LARGEST_DIFFERENCE_K = 45;
const LARGEST_WITHOUT_FAN_K = 35;
const ROOM_C = 22;
const ROOM_SWING_K = 0.8;
const ROOM_PERIOD_US = 3600 * SECOND;

export interface CoolerOptions {
  readonly seed: number;
  readonly enabled: boolean;
  readonly setpointC: number;
  /** Starts at the temperature of the room, not at the set point. */
  readonly isWarm: boolean;
  /** The room keeps its temperature. */
  readonly isSteady?: boolean;
}

export class Cooler {
  readonly #phase: number;
  readonly #swingK: number;
  #enabled: boolean;
  #setpointC: number;
  #isFanOn: boolean;
  // Temperature at a moment; later ones are computed when somebody asks.
  #sinceUs = 0;
  #fromC: number;

  constructor({ seed, enabled, setpointC, isWarm, isSteady = false }: CoolerOptions) {
    this.#phase = noiseAt(seed, 0) * 2 * Math.PI;
    this.#swingK = isSteady ? 0 : ROOM_SWING_K;
    this.#enabled = enabled;
    this.#isFanOn = enabled;
    this.#setpointC = setpointC;
    this.#fromC = isWarm ? this.roomC(0) : this.#targetC(0);
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  get setpointC(): number {
    return this.#setpointC;
  }

  get isFanOn(): boolean {
    return this.#isFanOn;
  }

  /** The room drifts by less than a degree within an hour. */
  roomC(atUs: number): number {
    return ROOM_C + this.#swingK * Math.sin((2 * Math.PI * atUs) / ROOM_PERIOD_US + this.#phase);
  }

  temperatureC(atUs: number): number {
    const target = this.#targetC(atUs);
    return target + (this.#fromC - target) * Math.exp((this.#sinceUs - atUs) / TIME_CONSTANT_US);
  }

  isStable(atUs: number): boolean {
    return this.#enabled && Math.abs(this.temperatureC(atUs) - this.#setpointC) < 0.2;
  }

  setEnabled(enabled: boolean, atUs: number): void {
    this.#restart(atUs);
    this.#enabled = enabled;
  }

  setSetpointC(celsius: number, atUs: number): void {
    this.#restart(atUs);
    this.#setpointC = celsius;
  }

  /** Without its fan the cooler reaches less. */
  setFan(isOn: boolean, atUs: number): void {
    this.#restart(atUs);
    this.#isFanOn = isOn;
  }

  #restart(atUs: number): void {
    this.#fromC = this.temperatureC(atUs);
    this.#sinceUs = atUs;
  }

  #targetC(atUs: number): number {
    const room = this.roomC(atUs);
    const differenceK = this.#isFanOn ? LARGEST_DIFFERENCE_K : LARGEST_WITHOUT_FAN_K;
    return this.#enabled ? Math.max(this.#setpointC, room - differenceK) : room;
  }
}
