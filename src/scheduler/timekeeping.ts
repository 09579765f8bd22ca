// What the scheduler makes of the clock: when it can be gone by, what it means when somebody sets it, and what of that the
// next process must know.

import { type Clock, SECOND } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Agenda } from "./agenda.ts";
import type { SchedulerStore } from "./store.ts";
import { BEHIND_WAIT_US, type Look, WallClock } from "./wall-clock.ts";

export interface TimekeepingParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: SchedulerStore;
  readonly agenda: Agenda;
  /** Whether the computer says that its clock is right; undefined when nobody knows. */
  readonly isSynchronised?: (() => boolean | undefined) | undefined;
  /** The clock was set. */
  readonly clockSet?: ((jumpUs: number) => void) | undefined;
}

export class Timekeeping {
  readonly #parts: TimekeepingParts;
  readonly #wall: WallClock;
  #isSet = false;
  #behindUs: number | undefined;

  constructor(parts: TimekeepingParts) {
    this.#parts = parts;
    const { clock, store, agenda } = parts;
    this.#wall = new WallClock(clock, Math.max(store.seenUtcUs, agenda.coveredUtcUs));
  }

  /** Whether the clock could be gone by at the last look. */
  get isSet(): boolean {
    return this.#isSet;
  }

  /** Why nothing begins though the clock shows a time. */
  get problem(): string | undefined {
    if (this.#behindUs === undefined) return undefined;
    const behindS = Math.round(this.#behindUs / SECOND);
    return `clock: ${behindS} s behind what it showed once, nothing begins for ${BEHIND_WAIT_US / SECOND} s unless it is synchronised`;
  }

  look(): Look {
    const look = this.#wall.look(this.#isSynchronised);
    const { isSet, behindUs } = look;
    if (behindUs !== undefined && this.#behindUs === undefined)
      this.#parts.log.warn({ behindS: behindUs / SECOND }, "the clock is behind, scheduled runs wait for it");
    this.#isSet = isSet;
    this.#behindUs = behindUs && (this.#behindUs ?? behindUs);
    return look;
  }

  follow({ utcUs, jumpUs, isFirst }: Look): void {
    const { log, store, agenda, clockSet } = this.#parts;
    if (jumpUs < 0) agenda.goBack(utcUs);
    else agenda.goForwards(utcUs);
    const fact = `the clock was set ${jumpUs < 0 ? "back" : "forwards"} by ${Math.round(Math.abs(jumpUs) / SECOND)} s`;
    const isGuess = isFirst && !this.#isSynchronised;
    const message = isGuess ? `${fact}, and nobody tells whether it is right` : fact;
    log.warn({ jumpS: jumpUs / SECOND }, message);
    clockSet?.(jumpUs);
    store.history.note("clock", utcUs, message);
  }

  /** Unless the clock is known to be right it never goes back in the file: after a restart it shows that it is behind. */
  save(utcUs: number): void {
    const { store, agenda } = this.#parts;
    const isRight = this.#isSynchronised;
    store.transaction(() => {
      for (const { job, coveredUtcUs } of isRight ? agenda.uncover(utcUs) : [])
        store.settle(job.id, coveredUtcUs);
      store.seenUtcUs = isRight ? utcUs : Math.max(utcUs, store.seenUtcUs);
    });
  }

  get #isSynchronised(): boolean {
    return this.#parts.isSynchronised?.() === true;
  }
}
