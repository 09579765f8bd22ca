// The shutter behind the pins: a blade that needs a pulse of some length to let go, and time to travel.
// It knows nothing of the server's shutter; what the light sees follows from the levels of the pins alone.

import { type Clock, MS } from "../../base/clock.ts";
import type { Aperture } from "../light/aperture.ts";
import type { EmulatedGpioBank, PinChange } from "./bank.ts";

/** How a shutter is wired: two pins with pulses, or one with a level. */
export type ShutterWiring =
  | { readonly kind: "latching"; readonly openPin: number; readonly closePin: number }
  | { readonly kind: "level"; readonly pin: number; readonly activeHigh: boolean };

export interface ShutterMechanics {
  /** A latching shutter ignores shorter pulses. */
  readonly shortestPulseUs: number;
  /** From one end to the other. */
  readonly travelUs: number;
}

/** A small bistable shutter. */
export const MECHANICS: ShutterMechanics = { shortestPulseUs: 5 * MS, travelUs: 8 * MS };

export interface MechanismOptions {
  readonly clock: Clock;
  readonly bank: EmulatedGpioBank;
  readonly aperture: Aperture;
  readonly wiring: ShutterWiring;
  readonly mechanics?: ShutterMechanics;
}

export class EmulatedShutterMechanism {
  readonly #clock: Clock;
  readonly #aperture: Aperture;
  readonly #wiring: ShutterWiring;
  readonly #mechanics: ShutterMechanics;
  readonly #unwatch: () => void;
  /** Since when a pulse is on, and the timer that ends the wait for its length, per pin. */
  readonly #pulses = new Map<number, { readonly sinceUs: number; readonly cancel: () => void }>();

  constructor({ clock, bank, aperture, wiring, mechanics = MECHANICS }: MechanismOptions) {
    this.#clock = clock;
    this.#aperture = aperture;
    this.#wiring = wiring;
    this.#mechanics = mechanics;
    this.#unwatch = bank.watch((change) => this.#follow(change));
    if (wiring.kind === "level") this.#level(bank.level(wiring.pin), clock.nowUs());
  }

  /** 0 is closed, 1 is open, between them the blade is under way. */
  get openness(): number {
    return this.opennessAt(this.#clock.nowUs());
  }

  /** What it was, or will be when nothing moves it again. */
  opennessAt(atUs: number): number {
    return this.#aperture.opennessAt(atUs);
  }

  close(): void {
    this.#unwatch();
    for (const { cancel } of this.#pulses.values()) cancel();
    this.#pulses.clear();
  }

  #follow({ pin, level, atUs }: PinChange): void {
    const wiring = this.#wiring;
    if (wiring.kind === "level") {
      if (pin === wiring.pin) this.#level(level, atUs);
    } else if (pin === wiring.openPin || pin === wiring.closePin) {
      if (level === 1) this.#pulseBegins(pin, atUs);
      else this.#pulseEnds(pin, atUs);
    }
  }

  #level(level: 0 | 1, atUs: number): void {
    const isActive = this.#wiring.kind === "level" && this.#wiring.activeHigh ? level === 1 : level === 0;
    this.#aperture.move(isActive, atUs, this.#mechanics.travelUs);
  }

  #pulseBegins(pin: number, sinceUs: number): void {
    const cancel = this.#clock.after(this.#mechanics.shortestPulseUs, () => this.#release(pin));
    this.#pulses.set(pin, { sinceUs, cancel });
  }

  #pulseEnds(pin: number, atUs: number): void {
    const pulse = this.#pulses.get(pin);
    if (pulse === undefined) return;
    if (atUs - pulse.sinceUs >= this.#mechanics.shortestPulseUs) this.#release(pin);
    pulse.cancel();
    this.#pulses.delete(pin);
  }

  /** The pulse has lasted long enough: the blade lets go, at the exact moment even when the timer is late. */
  #release(pin: number): void {
    const pulse = this.#pulses.get(pin);
    if (pulse === undefined || this.#wiring.kind !== "latching") return;
    pulse.cancel();
    this.#pulses.delete(pin);
    const startUs = pulse.sinceUs + this.#mechanics.shortestPulseUs;
    this.#aperture.move(pin === this.#wiring.openPin, startUs, this.#mechanics.travelUs);
  }
}
