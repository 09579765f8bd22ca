// The scheduler: jobs that begin recordings at their times, or say in the history why they did not. It looks at the clock
// every few seconds, so that it notices when that is set, and at every planned time. Whatever fails, it looks again.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { isClockSet, isoUtc, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Operations } from "../acquisition/operations.ts";
import type { Place } from "../spectra/sun.ts";
import { begin, type Recordings } from "./actions.ts";
import { Agenda, type Entry } from "./agenda.ts";
import { checkedJob } from "./check-job.ts";
import { type CheckValue, type ReadValue, refusalOf } from "./conditions.ts";
import type { History, HistoryRow } from "./history.ts";
import { type Action, isQuietAction, type Job, type NewJob } from "./job.ts";
import { causeOf, type Now, type Skipped, sortOut } from "./missed.ts";
import { QuietPower } from "./quiet-power.ts";
import { isQuiet, type QuietTime, quietTime } from "./quiet-time.ts";
import { type Run, RunQueue, type WhyNot } from "./run-queue.ts";
import type { SpectrometerPower } from "./spectrometer-power.ts";
import type { SchedulerStatus } from "./status.ts";
import type { SchedulerStore } from "./store.ts";
import { sunWarning } from "./sun-reach.ts";
import { Timekeeping, type TimekeepingParts } from "./timekeeping.ts";
import type { Look } from "./wall-clock.ts";

export interface SchedulerOptions extends Omit<TimekeepingParts, "agenda"> {
  /** Closed with the scheduler. */
  readonly store: SchedulerStore;
  readonly recordings: Recordings;
  readonly operations: Pick<Operations, "running" | "all">;
  readonly power: SpectrometerPower;
  readonly place: ReadableCell<Place | undefined>;
  readonly read: ReadValue;
  readonly checkValue?: CheckValue;
}

const LOOK_EVERY_US = 10 * SECOND;
const AGAIN_US = SECOND;
const SAVE_EVERY_US = 600 * SECOND;
const MOST_JOBS = 1_000;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #store: SchedulerStore;
  readonly #time: Timekeeping;
  readonly #agenda: Agenda;
  readonly #queue: RunQueue;
  readonly #power: QuietPower;
  readonly #jobs: Cell<readonly Job[]>;
  readonly #quietTime: Cell<QuietTime>;
  readonly #status: Cell<SchedulerStatus>;
  readonly #unwatch: readonly (() => void)[];
  /** Jobs that this process has had, those that are over included. */
  readonly #known = new Set<number>();
  #isStarted = false;
  #isLooking = false;
  #savedUtcUs = 0;
  #isClosed = false;
  #cancelTimer = (): void => {};

  constructor(options: SchedulerOptions) {
    const { store, clock, log, place, operations } = options;
    this.#options = options;
    this.#store = store;
    this.#agenda = new Agenda([], place.value);
    this.#takeJobs();
    this.#time = new Timekeeping({ ...options, agenda: this.#agenda });
    this.#jobs = new Cell(this.#agenda.jobs);
    this.#quietTime = new Cell(store.quietTime);
    const refusal = (run: Run, signal: AbortSignal) => this.#refusal(run, signal);
    const start = ({ action, job }: Run) => begin(action, job, options);
    const { history } = store;
    const changed = () => this.#publish();
    this.#queue = new RunQueue({ clock, log, history, operations, refusal, begin: start, changed });
    const plan = (what: Action["do"], utcUs: number) =>
      this.#keep(() => history.plan(null, what, utcUs)) ?? 0;
    this.#power = new QuietPower({ ...options, queue: this.#queue, plan });
    this.#status = new Cell(this.#state(clock.utcUs()));
    this.#unwatch = [
      place.subscribe((moved) => {
        this.#agenda.moveTo(moved);
        this.#publish();
      }),
      store.lasting.subscribe(() => this.#takeWhatReturned()),
      // A clock that is set while a client records is noted, too.
      operations.all.subscribe(() => this.#look()),
    ];
  }

  /** Active and suspended jobs, in the order in which they were added. */
  get jobs(): ReadableCell<readonly Job[]> {
    return this.#jobs;
  }

  get quietTime(): ReadableCell<QuietTime> {
    return this.#quietTime;
  }

  get status(): ReadableCell<SchedulerStatus> {
    return this.#status;
  }

  get history(): History {
    return this.#store.history;
  }

  /** Begins to look at the clock. What an earlier process has left behind is in the history, and begun, at the first look. */
  start(): void {
    this.#isStarted = true;
    this.#look();
  }

  /** A job in any state. Throws RESOURCE_NOT_FOUND. */
  job(id: number): Job {
    const found = this.#jobs.value.find((job) => job.id === id) ?? this.#store.job(id);
    if (found === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `job ${id}: there is none`);
    return found;
  }

  /** Throws VALUE_INVALID, VALUE_OUT_OF_RANGE or STATE_CONFLICT when it makes no sense, DATADIR_IO when it cannot be kept. */
  add(asked: NewJob): Job {
    if (this.#jobs.value.length >= MOST_JOBS)
      throw new VscopeError("STATE_CONFLICT", `job: there are ${MOST_JOBS} jobs, and no more can be added`);
    const { clock, place, log, recordings, checkValue } = this.#options;
    const { channels } = recordings;
    const utcUs = clock.utcUs();
    const at = { utcUs, isClockSet: isClockSet(utcUs), place: place.value, channels, checkValue };
    const definition = checkedJob(asked, at);
    const job = this.#store.order(() => this.#store.addJob(definition, utcUs - 1));
    this.#known.add(job.id);
    this.#agenda.put(job, utcUs - 1);
    log.info({ job: job.id, do: job.action.do, startUtc: isoUtc(job.startUtcUs) }, "a job is added");
    this.#look();
    return this.job(job.id);
  }

  /** Why a job that makes sense may never run, as far as is known now. */
  warnings(job: Job): readonly string[] {
    const { place, checkValue } = this.#options;
    const values = job.when?.values ?? [];
    const all = [sunWarning(job, place.value), ...values.map((wanted) => checkValue?.(wanted))];
    return all.filter((text) => text !== undefined);
  }

  /** Its runs are skipped until it is resumed. Throws RESOURCE_NOT_FOUND, or STATE_CONFLICT when it is over. */
  suspend(id: number): void {
    this.#change(id, "suspended");
    const why = { reason: "suspended", message: "the job was suspended" };
    this.#queue.drop(({ job }) => job === id, why);
    this.#publish();
  }

  resume(id: number): void {
    // What came meanwhile has been skipped.
    this.#look();
    if (this.job(id).state === "finished") return;
    this.#change(id, "active");
    this.#look();
  }

  /** It never runs again; what it has begun goes on. Throws RESOURCE_NOT_FOUND, or STATE_CONFLICT when it is over. */
  delete(id: number): void {
    if (this.#agenda.get(id) !== undefined || !this.#queue.waiting.some(({ job }) => job === id))
      this.#change(id, "deleted");
    this.#agenda.remove(id);
    this.#queue.drop(({ job }) => job === id, { reason: "deleted", message: "the job was deleted" });
    this.#publish();
  }

  /** Throws VALUE_INVALID or DATADIR_IO. */
  setQuietTime(change: Partial<QuietTime>): void {
    const parsed = quietTime.safeParse({ ...this.#quietTime.value, ...change });
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new VscopeError("VALUE_INVALID", `quiet time: ${issue?.path.join(".")}: ${issue?.message}`);
    }
    this.#store.order(() => (this.#store.quietTime = parsed.data));
    this.#quietTime.set(parsed.data);
    this.#look();
  }

  /** What it has begun is ended by whoever it was begun with. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    for (const unwatch of this.#unwatch) unwatch();
    await this.#queue.close();
    if (this.#time.isSet) this.#keep(() => this.#time.save(this.#options.clock.utcUs()));
    await this.#store.close();
  }

  #look(): void {
    // What is done in a look can have it begin anew; it would collect runs twice.
    if (this.#isClosed || !this.#isStarted || this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#keep(() => this.#lookOnce());
      this.#publish();
    } finally {
      this.#isLooking = false;
      this.#arm();
    }
  }

  #lookOnce(): void {
    const look = this.#time.look();
    if (look.isSet) this.#follow(look);
    if (this.#options.operations.running === undefined) this.#store.tidy();
  }

  // Each part on its own: none keeps the others from being done.
  #follow(look: Look): void {
    const { utcUs, isFirst, jumpUs } = look;
    if (jumpUs !== 0) this.#keep(() => this.#time.follow(look));
    if (isFirst) this.#keep(() => this.#takeOver(utcUs));
    const now = { utcUs, cause: causeOf(look) };
    for (const entry of this.#inOrder()) this.#keep(() => this.#collect(entry, now));
    this.#keep(() => this.#power.follow(this.#quietTime.value, utcUs));
    if (utcUs - this.#savedUtcUs < SAVE_EVERY_US && jumpUs === 0) return;
    this.#savedUtcUs = utcUs;
    this.#keep(() => this.#time.save(utcUs));
  }

  // Of those whose time comes at one moment, the earliest planned goes first.
  #inOrder(): readonly Entry[] {
    const at = ({ next }: Entry): number =>
      typeof next === "string" ? Number.POSITIVE_INFINITY : next.utcUs;
    return this.#agenda.entries.toSorted((a, b) => (at(a) === at(b) ? 0 : at(a) - at(b)));
  }

  #collect(entry: Entry, now: Now): void {
    const due = this.#agenda.due(entry, now.utcUs);
    const last = due.newest.at(-1);
    if (last === undefined) return;
    const { job } = entry;
    const { begin: toBegin, skipped } = sortOut(due, job, now);
    const settledUtcUs = this.#agenda.settledBy(job, last.utcUs);
    const { next, coveredUtcUs } = this.#agenda.put(job, settledUtcUs);
    const rows = this.#keep(() =>
      this.#store.transaction(() => {
        for (const one of skipped) this.#skip(job, one);
        this.#store.settle(job.id, coveredUtcUs);
        if (next === "never") this.#store.setState(job.id, "finished");
        return toBegin.map(({ utcUs }) => this.history.plan(job.id, job.action.do, utcUs));
      }),
    );
    if (next === "never") this.#agenda.remove(job.id);
    // Rather recorded twice than not at all; in this process it is settled, and the run's folder tells no job.
    if (rows === undefined)
      this.#options.log.error({ job: job.id }, "after a restart these runs may be recorded once more");
    for (const [index, { utcUs: plannedUtcUs }] of toBegin.entries()) {
      const run = { ...runOf(job, rows?.[index] ?? 0), plannedUtcUs };
      this.#queue.add(run, (earlier) => job.onMissed !== "all" && earlier.job === job.id);
    }
  }

  #skip({ id, action }: Job, skipped: Skipped): void {
    const { reason, message, runs } = skipped;
    this.#options.log.info({ job: id, do: action.do, reason, message, runs }, "scheduled runs are skipped");
    this.history.skip({ job: id, what: action.do, ...skipped });
  }

  #takeJobs(): void {
    for (const { job, settledUtcUs } of this.#store.liveJobs()) {
      if (this.#known.has(job.id)) continue;
      this.#known.add(job.id);
      this.#agenda.put(job, settledUtcUs);
    }
  }

  // The file can be written again, and may hold what could not be read before.
  #takeWhatReturned(): void {
    if (this.#isClosed) return;
    if (!this.#store.lasting.value.isLasting) return this.#publish();
    this.#keep(() => this.#takeJobs());
    this.#keep(() => this.#quietTime.set(this.#store.quietTime));
    if (this.#time.isSet) this.#keep(() => this.#takeOver(this.#options.clock.utcUs()));
    this.#look();
  }

  // What an earlier process has begun is over; what it had planned and not begun is begun now, or skipped.
  #takeOver(utcUs: number): void {
    const own = new Set([this.#queue.current, ...this.#queue.waiting].map((run) => run?.row));
    for (const row of this.history.unfinished())
      if (!own.has(row.id)) this.#keep(() => this.#takeOverRow(row, utcUs));
  }

  #takeOverRow({ id, job: jobId, outcome, what, plannedUtcUs }: HistoryRow, utcUs: number): void {
    const job = jobId === null ? undefined : this.#store.job(jobId);
    const isLive = job?.state === "active" || job?.state === "finished";
    if (outcome === "running") {
      this.history.interrupt(id, utcUs, "the server ended before the run did");
    } else if (job !== undefined && isLive && job.onMissed !== "skip") {
      this.#queue.add({ ...runOf(job, id), plannedUtcUs });
    } else {
      const planned = { plannedUtcUs, lastPlannedUtcUs: plannedUtcUs, runs: 1 };
      const why = { reason: "missed", message: "the server ended before the run began" };
      this.history.turnToSkipped(id, { job: jobId, what, ...planned, ...why });
    }
  }

  async #refusal({ job: id, action, when }: Run, signal: AbortSignal): Promise<WhyNot | undefined> {
    if (id === null) return undefined;
    const utcUs = this.#options.clock.utcUs();
    const quiet = this.#quietTime.value;
    if (isQuiet(quiet, utcUs) && !isQuietAction(action))
      return { reason: "quiet-time", message: "it was quiet time" };
    const { place, read } = this.#options;
    return when === undefined ? undefined : refusalOf(when, { utcUs, place: place.value, read }, signal);
  }

  #change(id: number, state: "active" | "suspended" | "deleted"): void {
    const entry = this.#agenda.get(id);
    if (entry === undefined) {
      const fact = `job ${id}: is ${this.job(id).state}`;
      throw new VscopeError("STATE_CONFLICT", fact);
    }
    if (entry.job.state === state) return;
    this.#store.order(() => this.#store.setState(id, state));
    this.#agenda.put({ ...entry.job, state }, entry.settledUtcUs);
    this.#options.log.info({ job: id, state }, "a job has a new state");
  }

  #publish(): void {
    this.#keep(() => this.#jobs.set(this.#agenda.jobs));
    this.#keep(() => this.#status.set(this.#state(this.#options.clock.utcUs())));
  }

  #state(utcUs: number): SchedulerStatus {
    const planned = this.#agenda.jobs.flatMap((job) => job.nextUtcUs ?? []);
    const nextUtcUs = planned.length === 0 ? undefined : Math.min(...planned);
    const running = this.#queue.current?.job ?? undefined;
    const problems = [this.#store.lasting.value.reason, this.#time.problem].filter(
      (one) => one !== undefined,
    );
    return {
      isClockSet: this.#time.isSet,
      isQuiet: isQuiet(this.#quietTime.value, utcUs),
      isPowerOff: this.#power.isOff,
      ...(running === undefined ? {} : { running }),
      waiting: this.#queue.waiting.length,
      ...(nextUtcUs === undefined ? {} : { nextUtcUs }),
      isLasting: this.#store.lasting.value.isLasting,
      ...(problems.length === 0 ? {} : { problems }),
    };
  }

  #arm(): void {
    this.#cancelTimer();
    const us = this.#keep(() => this.#untilNextUs()) ?? AGAIN_US;
    if (us < Number.POSITIVE_INFINITY) this.#cancelTimer = this.#options.clock.after(us, () => this.#look());
  }

  #untilNextUs(): number {
    const { clock, operations } = this.#options;
    const isIdle = this.#jobs.value.length === 0 && !this.#quietTime.value.enabled;
    // Nobody waits for anything.
    if (this.#time.isSet && isIdle && operations.running === undefined) return Number.POSITIVE_INFINITY;
    const { nextUtcUs } = this.#agenda;
    if (!this.#time.isSet || nextUtcUs === undefined) return LOOK_EVERY_US;
    const us = nextUtcUs - clock.utcUs();
    // What is due still has failed.
    return us > 0 ? Math.min(LOOK_EVERY_US, us) : AGAIN_US;
  }

  // Neither a disk that takes no row nor a fault in a part of it may keep anything from being recorded.
  #keep<T>(task: () => T): T | undefined {
    try {
      return task();
    } catch (error) {
      this.#options.log.error(
        { reason: messageOf(error) },
        "the scheduler goes on without a part of its work",
      );
      return undefined;
    }
  }
}

function runOf({ id, action, onBusy, onMissed, when }: Job, row: number): Omit<Run, "plannedUtcUs"> {
  return { row, job: id, action, onBusy, onMissed, when };
}
