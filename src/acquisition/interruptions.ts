// The batches that were interrupted, as they are shown: what is known of each, and what has become of it.

import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Cause } from "./interrupted-batch.ts";
import type { Origin } from "./origin.ts";
import type { Before } from "./under-way.ts";

/** `waiting`: for its turn or for spectrometers, to be taken up again. */
export const OUTCOMES = ["waiting", "resumed", "closed"] as const;

export interface Interruption {
  readonly run: string;
  readonly batch: number;
  /** Sequences that have their light, of all. */
  readonly recorded: number;
  readonly sequences: number;
  readonly origin: Origin;
  readonly startedUtc: string;
  readonly cause: Cause;
  readonly outcome: (typeof OUTCOMES)[number];
  /** Why it is closed; or that it is taken up although nobody knows how old it is. */
  readonly reason?: string;
  /** The operation that records the rest, and its batch. */
  readonly operation?: string;
  readonly resumedAs?: number;
  /** It was paused, and so is the rest. */
  readonly paused?: true;
  /** What is not set as before. */
  readonly notRestored?: readonly string[];
  /** What it had gone on with itself. */
  readonly goesOnWith?: Before;
}

/** The newest that have had their turn: a medium that comes and goes for a season makes many. */
const KEPT = 100;

export class Interruptions {
  readonly #all = new Cell<readonly Interruption[]>([]);

  /** In the order in which they were found. */
  get all(): ReadableCell<readonly Interruption[]> {
    return this.#all;
  }

  /** Shows them anew, after the others. */
  begin(found: readonly Interruption[]): void {
    const former = this.#all.value.filter((one) => !found.some((other) => isSame(one, other)));
    this.#all.set([...former, ...found].filter((one, at, { length }) => at >= length - KEPT || isOpen(one)));
  }

  /** What is shown of it; undefined when it is not known here. */
  shown(own: Interruption): Interruption | undefined {
    return this.#all.value.find((one) => isSame(one, own));
  }

  /** Whether it waits. */
  isWaiting(own: Interruption): boolean {
    const shown = this.shown(own);
    return shown !== undefined && isOpen(shown);
  }

  /** Returns what is shown from now on. */
  change(own: Interruption, change: Partial<Interruption>): Interruption {
    const changed = { ...(this.shown(own) ?? own), ...change };
    this.#all.set(this.#all.value.map((one) => (isSame(one, changed) ? changed : one)));
    return changed;
  }

  /** It is on a medium that is away: it is found again there. */
  forget(own: Interruption): void {
    this.#all.set(this.#all.value.filter((one) => !isSame(one, own)));
  }
}

function isOpen({ outcome }: Interruption): boolean {
  return outcome === "waiting";
}

function isSame(one: Interruption, other: Interruption): boolean {
  return one.run === other.run && one.batch === other.batch && one.startedUtc === other.startedUtc;
}
