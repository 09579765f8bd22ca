// The live jobs with what is known of their times: which runs have been dealt with, and which comes next.

import { SECOND } from "../base/clock.ts";
import type { Place } from "../spectra/sun.ts";
import type { Job } from "./job.ts";
import { type Due, dueBetween, type Next, nextAfter } from "./plan.ts";
import type { StoredJob } from "./store.ts";

export interface Entry {
  readonly job: Job;
  /** Planned runs up to this moment have been dealt with. */
  readonly settledUtcUs: number;
  /** The latest moment up to which they ever were, before the clock was set back. */
  readonly coveredUtcUs: number;
  readonly next: Next;
}

// The sun's times shift with the position, which a receiver finds anew each second: none of them comes twice. Two of them
// are half a day apart at least.
const SUN_SHIFT_US = 6 * 3600 * SECOND;

export class Agenda {
  readonly #entries = new Map<number, Entry>();
  #place: Place | undefined;

  constructor(stored: readonly StoredJob[], place: Place | undefined) {
    this.#place = place;
    for (const { job, settledUtcUs } of stored) this.put(job, settledUtcUs);
  }

  get(id: number): Entry | undefined {
    return this.#entries.get(id);
  }

  /** In the order in which they were added. */
  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  get jobs(): readonly Job[] {
    return this.entries.map(({ job, next }) => {
      if (typeof next === "string" || job.state !== "active") return job;
      return next.isVoid === true ? { ...job, nextVoidUtcUs: next.utcUs } : { ...job, nextUtcUs: next.utcUs };
    });
  }

  /** The latest moment up to which anything has been dealt with; 0 for nothing. What follows the sun is ahead of itself. */
  get coveredUtcUs(): number {
    const times = this.entries.flatMap(({ job, coveredUtcUs }) =>
      job.sun === undefined ? [coveredUtcUs] : [],
    );
    return Math.max(0, ...times);
  }

  /** The earliest planned run of an active job. */
  get nextUtcUs(): number | undefined {
    const times = this.entries.flatMap(({ job, next }) =>
      typeof next === "string" || job.state !== "active" ? [] : [next.utcUs],
    );
    return times.length === 0 ? undefined : Math.min(...times);
  }

  put(job: Job, settledUtcUs: number): Entry {
    const coveredUtcUs = Math.max(settledUtcUs, this.#entries.get(job.id)?.coveredUtcUs ?? 0);
    return this.#put({ job, settledUtcUs, coveredUtcUs });
  }

  /** The clock was set back: the hours that come once more are planned once more, as they are other hours. */
  goBack(utcUs: number): void {
    for (const { job, settledUtcUs } of this.entries) if (settledUtcUs > utcUs) this.put(job, utcUs);
  }

  /** The clock was set forwards: what had been dealt with before it was set back has not been missed. */
  goForwards(utcUs: number): void {
    for (const { job, settledUtcUs, coveredUtcUs } of this.entries)
      if (coveredUtcUs > settledUtcUs) this.put(job, Math.max(settledUtcUs, Math.min(coveredUtcUs, utcUs)));
  }

  /** The clock is right: what lies ahead of it has not been dealt with. Those that have changed. */
  uncover(utcUs: number): readonly Entry[] {
    return this.entries
      .filter(({ settledUtcUs, coveredUtcUs }) => coveredUtcUs > Math.max(settledUtcUs, utcUs))
      .map(({ job, settledUtcUs }) => this.#put({ job, settledUtcUs, coveredUtcUs: settledUtcUs }));
  }

  remove(id: number): void {
    this.#entries.delete(id);
  }

  /** For jobs that follow the sun. */
  moveTo(place: Place | undefined): void {
    this.#place = place;
    for (const { job, settledUtcUs } of this.entries) if (job.sun !== undefined) this.put(job, settledUtcUs);
  }

  /** The runs of a job whose time has come. */
  due({ job, settledUtcUs, next }: Entry, untilUtcUs: number): Due {
    if (typeof next === "string" || next.utcUs > untilUtcUs) return { newest: [] };
    return dueBetween(job, { afterUtcUs: settledUtcUs, untilUtcUs }, this.#place);
  }

  #put(known: Omit<Entry, "next">): Entry {
    const entry = { ...known, next: nextAfter(known.job, known.settledUtcUs, this.#place) };
    this.#entries.set(entry.job.id, entry);
    return entry;
  }

  /** Up to when a job counts as dealt with once this run is. */
  settledBy(job: Job, plannedUtcUs: number): number {
    return job.sun === undefined ? plannedUtcUs : plannedUtcUs + SUN_SHIFT_US;
  }
}
