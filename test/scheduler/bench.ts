// A scheduler on a virtual clock whose wall time can be set, with a file of its own, and recordings that take their time.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Operation } from "../../src/acquisition/operation.ts";
import { Operations } from "../../src/acquisition/operations.ts";
import { Cell } from "../../src/base/cell.ts";
import { type Clock, delayOn, isoUtc, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { Recordings, ScheduleOrigin } from "../../src/scheduler/actions.ts";
import type { HistoryRow } from "../../src/scheduler/history.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { SpectrometerPower } from "../../src/scheduler/spectrometer-power.ts";
import { SchedulerStore } from "../../src/scheduler/store.ts";
import type { Place } from "../../src/spectra/sun.ts";

export const EDINBURGH: Place = { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80 };
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const utc = (iso: string): number => Date.parse(iso) * 1000;

/** A wall clock that somebody sets. */
export class SettableClock implements Clock {
  readonly virtual: VirtualClock;
  offsetUs = 0;

  constructor(virtual: VirtualClock) {
    this.virtual = virtual;
  }

  utcUs(): number {
    return this.virtual.utcUs() + this.offsetUs;
  }

  nowUs(): number {
    return this.virtual.nowUs();
  }

  after(us: number, fn: () => void): () => void {
    return this.virtual.after(us, fn);
  }

  delay(us: number, signal: AbortSignal): Promise<void> {
    return delayOn(this, us, signal);
  }
}

export interface Begun {
  readonly utc: string;
  readonly do: string;
  readonly run?: string | undefined;
  readonly origin: ScheduleOrigin;
}

export class SchedulerBench {
  readonly clock: SettableClock;
  readonly operations: Operations;
  readonly place = new Cell<Place | undefined>(EDINBURGH);
  readonly begun: Begun[] = [];
  readonly power: string[] = [];
  readonly values = new Map<string, unknown>();
  readonly file: string;
  /** How long a recording takes. */
  recordingUs = 10 * SECOND;
  /** What a recording is refused with. */
  refusal: VscopeError | undefined;
  /** What the computer says of its clock. */
  isSynchronised: boolean | undefined;
  /** How often the scheduler has ended a pause. */
  resumed = 0;
  readonly jumpsS: number[] = [];
  switched: readonly string[] = ["QEP00709", "FLMS01859"];
  scheduler: Scheduler;
  /** What becomes of a part before the scheduler gets it. */
  wrap = <T extends object>(_name: string, part: T): T => part;
  readonly #log: Log;
  #isStopped = false;

  constructor(test: TestContext, startIso = "2026-06-21T12:00:00Z", log: Log = SILENT) {
    this.#log = log;
    this.clock = new SettableClock(new VirtualClock(utc(startIso)));
    this.operations = new Operations({ clock: this.clock, log: SILENT });
    const folder = mkdtempSync(join(tmpdir(), "vscope-"));
    this.file = join(folder, "state", "scheduler.sqlite");
    this.scheduler = this.#open();
    this.scheduler.start();
    test.after(async () => {
      await this.stop();
      rmSync(folder, { recursive: true });
    });
  }

  advance(us: number): Promise<void> {
    return this.clock.virtual.advance(us);
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.clock.virtual.run(this.scheduler.close());
  }

  /** The server ends, and begins again after a while. */
  async restart(offUs = 0): Promise<void> {
    await this.stop();
    this.operations.running?.cancel("the server is stopping");
    await this.advance(offUs);
    this.scheduler = this.#open();
    this.#isStopped = false;
    this.scheduler.start();
    await this.advance(0);
  }

  /** Oldest first. */
  rows(job?: number): readonly HistoryRow[] {
    const query = { offset: 0, limit: 500, ...(job === undefined ? {} : { job }) };
    return this.scheduler.history.page(query).rows.toReversed();
  }

  /** `done`, `skipped 3 quiet-time`. */
  outcomes(job?: number): readonly string[] {
    return this.rows(job).map(({ outcome, runs, reason }) =>
      outcome === "skipped" ? `skipped ${runs} ${reason}` : outcome,
    );
  }

  get times(): readonly string[] {
    return this.begun.map((one) => one.utc.slice(11, 19));
  }

  #open(): Scheduler {
    const { operations, wrap } = this;
    const clock = wrap<Clock>("clock", this.clock);
    const log = wrap("log", this.#log);
    return new Scheduler({
      clock,
      log,
      store: SchedulerStore.open(this.file, { clock, log }),
      recordings: wrap("recordings", this.#recordings()),
      operations: wrap("operations", operations),
      power: new SpectrometerPower({
        rack: wrap("rack", {
          switched: this.switched,
          setPower: async (serial, wanted) =>
            void this.power.push(`${isoUtc(clock.utcUs()).slice(11, 19)} ${serial} ${wanted}`),
        }),
        operations,
        clock,
      }),
      place: wrap("place", this.place),
      isSynchronised: () => this.isSynchronised,
      clockSet: (jumpUs) => void this.jumpsS.push(Math.round(jumpUs / SECOND)),
      read: async (path) => {
        if (this.values.has(path)) return this.values.get(path);
        throw new VscopeError("RESOURCE_NOT_FOUND", `${path}: no such resource`);
      },
    });
  }

  #recordings(): Recordings {
    const start = (what: string, run: string | undefined, origin: ScheduleOrigin): Operation => {
      if (this.refusal !== undefined) throw this.refusal;
      const operation = this.operations.start(what, 1, (_report, signal) =>
        this.clock.delay(this.recordingUs, signal),
      );
      this.begun.push({ utc: isoUtc(this.clock.utcUs()), do: what, run, origin });
      return operation;
    };
    return {
      channels: ["downwelling", "upwelling"],
      record: ({ run }, origin) => start("record", run, origin),
      dark: ({ run }, origin) => start("dark", run, origin),
      autointegrate: (_asked, origin) => start("autointegrate", undefined, origin),
      resume: () => void this.resumed++,
    };
  }
}
