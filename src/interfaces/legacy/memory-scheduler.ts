// Jobs that live as long as the process: each is run once at its time, or as soon as what runs has ended.

import { Cell, type ReadableCell, until } from "../../base/cell.ts";
import { type Clock, SECOND } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ServerModel } from "../../resources/model.ts";
import type { QuietTime, ScheduledJob, SchedulerPort, WantedJob } from "./ports.ts";

const START: QuietTime = {
  enabled: false,
  startS: 22 * 3600,
  endS: 4 * 3600,
  powerOffEnabled: false,
  powerDelayS: 600,
};

export interface MemorySchedulerParts {
  readonly model: ServerModel;
  readonly clock: Clock;
  readonly log: Log;
}

export class MemoryScheduler implements SchedulerPort {
  readonly #parts: MemorySchedulerParts;
  readonly #jobs = new Cell<readonly ScheduledJob[]>([]);
  readonly #quietTime = new Cell<QuietTime>(START);
  readonly #timers = new Map<number, () => void>();
  readonly #closing = new AbortController();

  constructor(parts: MemorySchedulerParts) {
    this.#parts = parts;
  }

  get jobs(): ReadableCell<readonly ScheduledJob[]> {
    return this.#jobs;
  }

  get quietTime(): ReadableCell<QuietTime> {
    return this.#quietTime;
  }

  setQuietTime(change: Partial<QuietTime>): void {
    this.#quietTime.set({ ...this.#quietTime.value, ...change });
  }

  add(wanted: WantedJob): ScheduledJob {
    const job: ScheduledJob = { ...wanted, id: this.#jobs.value.length + 1, state: "active" };
    this.#jobs.set([...this.#jobs.value, job]);
    this.#plan(job, this.#nextUtcUs(job));
    return job;
  }

  suspend(id: number): void {
    this.#become(id, "suspended");
  }

  resume(id: number): void {
    this.#become(id, "active");
  }

  delete(id: number): void {
    this.#timers.get(id)?.();
    this.#become(id, "deleted");
  }

  close(): void {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", "the server closes"));
    for (const cancel of this.#timers.values()) cancel();
  }

  // The next time of the grid of the interval.
  #nextUtcUs({ startUtcUs, intervalUs }: ScheduledJob): number {
    const lateUs = this.#parts.clock.utcUs() - startUtcUs;
    return intervalUs === undefined || lateUs < 0
      ? startUtcUs
      : startUtcUs + (Math.floor(lateUs / intervalUs) + 1) * intervalUs;
  }

  #plan(job: ScheduledJob, utcUs: number): void {
    if (this.#closing.signal.aborted) return;
    if (utcUs > (job.endUtcUs ?? Number.POSITIVE_INFINITY)) return this.#become(job.id, "finished");
    const us = Math.max(0, utcUs - this.#parts.clock.utcUs());
    this.#timers.set(
      job.id,
      this.#parts.clock.after(us, () => void this.#due(job)),
    );
  }

  async #due(job: ScheduledJob): Promise<void> {
    this.#timers.delete(job.id);
    const state = this.#jobs.value.find(({ id }) => id === job.id)?.state;
    const { log } = this.#parts;
    try {
      if (state === "active" && !this.#isQuiet()) await this.#run(job);
      else log.info({ job: job.id, state }, "scheduled run is skipped");
    } catch (error) {
      if (!this.#closing.signal.aborted)
        log.warn({ job: job.id, reason: messageOf(error) }, "scheduled run failed");
    }
    if (job.intervalUs === undefined) this.#become(job.id, "finished");
    else this.#plan(job, this.#nextUtcUs(job));
  }

  async #run({ action }: ScheduledJob): Promise<void> {
    const { recorder, operations } = this.#parts.model;
    while (operations.running !== undefined)
      await until(operations.running.status, ({ endedUtc }) => endedUtc !== undefined, this.#closing.signal);
    if (action.do === "record") recorder.record(action.settings ?? {});
  }

  #isQuiet(): boolean {
    const { enabled, startS, endS } = this.#quietTime.value;
    const nowS = Math.floor(this.#parts.clock.utcUs() / SECOND) % 86_400;
    const isInside = startS <= endS ? nowS >= startS && nowS < endS : nowS >= startS || nowS < endS;
    return enabled && isInside;
  }

  #become(id: number, state: ScheduledJob["state"]): void {
    this.#jobs.set(this.#jobs.value.map((job) => (job.id === id ? { ...job, state } : job)));
  }
}
