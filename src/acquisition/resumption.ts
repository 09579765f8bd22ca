// Batches that were under way when the server ended, or their medium went away: known at the next start, or when it is back, and
// taken up again, one after the other, or closed. What is known of one is forgotten when the rest of it has a note of its
// own, and not before.

import { orAborted, withDeadline } from "../base/abort.ts";
import { type ReadableCell, until } from "../base/cell.ts";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Rack } from "../instruments/rack.ts";
import { preset } from "../instruments/remembered-settings.ts";
import type { TakeUp } from "./batch-parts.ts";
import { findInterrupted, type Found, type Interrupted } from "./find-interrupted.ts";
import {
  doubtAboutAge,
  obstacleTo,
  recordedSequences,
  type ResumptionPolicy,
  settingsAfter,
} from "./interrupted-batch.ts";
import { InterruptionWatch } from "./interruption-watch.ts";
import { type Interruption, Interruptions } from "./interruptions.ts";
import { isInterruption, type Operation } from "./operation.ts";
import type { Operations } from "./operations.ts";
import type { Recorder } from "./recorder.ts";
import { areSwitchedOff, spectrometersBack } from "./spectrometers-back.ts";
import type { Before } from "./under-way.ts";

export interface ResumptionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: DataDirectory;
  readonly rack: Rack;
  readonly recorder: Recorder;
  readonly operations: Operations;
  readonly policy: ResumptionPolicy;
  /** Resolves when the clock can be gone by. */
  readonly clockSet: (signal: AbortSignal) => Promise<unknown>;
  /** The rest of a batch has been recorded; `before` tells what had made it begin. */
  readonly onFinished: (before: Before, message: string) => void;
}

/** A clock without a battery shows any time until the network tells it; there may be no network. */
const CLOCK_WITHIN_US = 600 * SECOND;
/** Whether spectrometers have power again is looked at so often. */
const LOOK_EVERY_US = 10 * SECOND;

/** A batch that was interrupted, and what becomes of it. */
interface Task extends Interrupted {
  /** Of the operation that records the rest. */
  signal?: AbortSignal;
  unfollow?: () => void;
  /** The rest has a note of its own. */
  isHandedOver?: true;
}

export class Resumption {
  readonly #options: ResumptionOptions;
  readonly #interruptions = new Interruptions();
  readonly #closing = new AbortController();
  readonly #watch: InterruptionWatch;
  #work: Promise<void> = Promise.resolve();
  /** The computer is to be switched off: nothing more is taken up. */
  #isEnding = false;

  constructor(options: ResumptionOptions) {
    this.#options = options;
    const { clock, dataDirectory, recorder } = options;
    const look = (): Promise<boolean> => this.#look();
    this.#watch = new InterruptionWatch({ clock, dataDirectory, journal: recorder.journal, look });
  }

  /** Of the last end of the server and since then, oldest first; empty when no batch was under way. */
  get interruptions(): ReadableCell<readonly Interruption[]> {
    return this.#interruptions.all;
  }

  /**
   * Looks for batches that were interrupted, and from now on whenever a medium has come or its loss has ended a batch. When this
   * resolves, the operation that takes up the first of them has begun: it waits for the spectrometers. Never throws.
   */
  begin(): Promise<void> {
    return this.#watch.begin();
  }

  /** Takes up what was interrupted for an end of the computer that did not come. Never throws. */
  again(): Promise<void> {
    this.#work = this.#work.then(() => this.#beginAgain());
    return this.#work;
  }

  async #beginAgain(): Promise<void> {
    const { signal } = this.#closing;
    try {
      // What is still being ended has not yet written its last file.
      await this.#idle(signal);
    } catch {
      return;
    }
    this.#isEnding = false;
    const { interrupted } = await this.#find();
    await this.#takeUpAll(await this.#sortOut(interrupted));
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const { operations } = this.#options;
    for (let { running } = operations; running !== undefined; { running } = operations)
      await orAborted(running.finished, signal);
  }

  /** Ends the wait for a turn; the batches are known at the next start again. */
  async close(): Promise<void> {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", "the server is stopping"));
    await this.#watch.close();
    await this.#work;
  }

  async #look(): Promise<boolean> {
    const { interrupted, isAll } = await this.#find();
    // What is in line, or has had its turn and its note could not be removed, is not taken up twice.
    const isNew = (task: Task): boolean => this.#interruptions.shown(interruptionOf(task)) === undefined;
    const open = await this.#sortOut(interrupted.filter(isNew));
    this.#work = this.#work.then(() => this.#takeUpAll(open));
    return isAll;
  }

  #find(): Promise<Found> {
    const { recorder, ...parts } = this.#options;
    return findInterrupted({ ...parts, journal: recorder.journal });
  }

  // Those that are to be taken up; the others are closed.
  async #sortOut(tasks: readonly Task[]): Promise<readonly Task[]> {
    this.#interruptions.begin(tasks.map(interruptionOf));
    const open: Task[] = [];
    for (const task of tasks) {
      // A clock that is not set yet is behind: whatever is too old by it is too old.
      const obstacle = this.#obstacleTo(task);
      if (obstacle === undefined) open.push(task);
      else await this.#close(task, obstacle);
    }
    return open;
  }

  #obstacleTo({ note, finding, foundUs }: Task): string | undefined {
    const { policy, dataDirectory } = this.#options;
    const { uuid } = dataDirectory.status.value;
    return obstacleTo(note.value, finding, { policy, uuid, utcUs: this.#foundUtcUs(foundUs) });
  }

  #requireNoObstacle(task: Task): void {
    const { note } = task;
    // A medium that is away comes back.
    if (this.#options.dataDirectory.status.value.mounted && !note.isHere)
      throw new VscopeError("DATADIR_NOT_MOUNTED", `${note.name}: another data directory is there`);
    const obstacle = this.#obstacleTo(task);
    if (obstacle !== undefined) throw new VscopeError("STATE_CONFLICT", obstacle);
  }

  // When it was found, by the clock of now.
  #foundUtcUs(foundUs: number): number {
    const { clock } = this.#options;
    return clock.utcUs() - (clock.nowUs() - foundUs);
  }

  async #takeUpAll(tasks: readonly Task[]): Promise<void> {
    const { signal } = this.#closing;
    for (const task of tasks) {
      if (this.#isEnding) return;
      // Found twice, it has had its turn.
      if (!this.#interruptions.isWaiting(interruptionOf(task))) continue;
      try {
        // Whatever a client, the trigger or the scheduler has begun goes first.
        while (!this.#canBegin(task)) await this.#awaitTurn(signal);
        const { outages } = this.#watch;
        const operation = this.#takeUp(task);
        await orAborted(operation.finished, signal);
        // The notes tell of this one and those that wait.
        this.#isEnding = task.signal !== undefined && isInterruption(task.signal);
        if (!this.#isEnding) await this.#ended(task, operation, outages);
      } catch (error) {
        // The end of the server leaves the note for the next start.
        if (signal.aborted) return;
        await this.#close(task, messageOf(error));
      }
    }
  }

  // An operation that waited for spectrometers that quiet time has switched off would keep them from being switched on.
  #canBegin({ note }: Task): boolean {
    const { operations, rack } = this.#options;
    return operations.running === undefined && !areSwitchedOff(note.value, rack);
  }

  async #awaitTurn(signal: AbortSignal): Promise<void> {
    const { clock, operations } = this.#options;
    if (operations.running === undefined) await clock.delay(LOOK_EVERY_US, signal);
    else await this.#idle(signal);
  }

  #takeUp(task: Task): Operation {
    const { note, finding } = task;
    const { settings, batch, isPaused = false } = note.value;
    const takeUp: TakeUp = {
      before: beforeOf(task),
      attempts: finding.attempts + 1,
      isPaused,
      prepare: (signal) => this.#prepare(task, signal),
      begun: (number, isNoted) => this.#begun(task, number, isNoted),
    };
    const left = { ...settings, sequences: settings.sequences - finding.recorded };
    const id = `${settings.run}/${batch}`;
    const operation = this.#options.recorder.takeUp(takeUp, left, {
      by: "resumption",
      id,
      reason: finding.cause,
    });
    this.#show(task, { operation: operation.id, ...(isPaused ? { paused: true } : {}) });
    return operation;
  }

  async #prepare(task: Task, signal: AbortSignal): Promise<void> {
    const { note, finding } = task;
    task.signal = signal;
    // An age that is not known counts from now, as soon as the clock is set.
    const { seenUtc = isoUtc(this.#options.clock.utcUs()) } = finding;
    await note.taken(finding.attempts + 1, seenUtc);
    task.unfollow = note.follow({}, signal);
    await this.#clockSet(task, signal);
    await spectrometersBack(note.value, this.#options, signal);
    // A medium that is away for a moment costs no batch.
    await until(this.#options.dataDirectory.status, ({ mounted }) => mounted, signal);
    this.#requireNoObstacle(task);
    const notRestored = await this.#restore(task, signal);
    const [first] = notRestored;
    if (first === undefined) return;
    this.#show(task, { notRestored });
    this.#options.log.warn({ notRestored }, "not set as before the interruption");
    // Another dark would belong to other lights.
    if (finding.lacksClosingDark)
      throw new VscopeError(
        "STATE_CONFLICT",
        `its closing dark is missing and cannot be made up for: ${first}`,
      );
  }

  // Spectra need a clock, and so does the age. Without one it is recorded all the same: times can be put right, what is not
  // recorded is lost.
  async #clockSet(task: Task, signal: AbortSignal): Promise<void> {
    const { clock, log, clockSet } = this.#options;
    const withinS = CLOCK_WITHIN_US / SECOND;
    const fact = `clock: not set within ${withinS} s, how long ago it was interrupted is not known`;
    const late = (): Error => new VscopeError("DEVICE_TIMEOUT", fact);
    try {
      await withDeadline({ clock, us: CLOCK_WITHIN_US, late }, signal, clockSet);
      this.#requireNoObstacle(task);
      const reason = doubtAboutAge(task.finding, this.#foundUtcUs(task.foundUs));
      if (reason === undefined) return;
      this.#show(task, { reason });
    } catch (error) {
      signal.throwIfAborted();
      if (!isVscopeError(error, "DEVICE_TIMEOUT")) throw error;
      this.#show(task, { reason: fact });
    }
    log.warn(
      { reason: this.#shown(task).reason },
      "an interrupted batch goes on by a clock that may be wrong",
    );
  }

  // The reasons why something is not as it was.
  async #restore({ note, finding }: Task, signal: AbortSignal): Promise<readonly string[]> {
    const reasons: string[] = [];
    for (const settings of note.value.spectrometers) {
      try {
        const spectrometer = this.#options.rack.spectrometer(settings.serial);
        reasons.push(...preset(spectrometer, settingsAfter(settings, finding.newest)));
        await spectrometer.applySettings(signal);
      } catch (error) {
        signal.throwIfAborted();
        reasons.push(messageOf(error));
      }
    }
    return reasons;
  }

  async #begun(task: Task, number: number, isNoted: boolean): Promise<void> {
    await this.#end(task, { outcome: "resumed", resumedAs: number });
    if (!isNoted) return;
    task.isHandedOver = true;
    task.unfollow?.();
    await task.note.remove();
  }

  async #ended(task: Task, { status }: Operation, outagesBefore: number): Promise<void> {
    const { state, error } = status.value;
    const { resumedAs } = this.#shown(task);
    task.unfollow?.();
    if (resumedAs === undefined && error?.code === "DATADIR_NOT_MOUNTED")
      return await this.#leave(task, true);
    if (resumedAs === undefined && error?.code === "DATADIR_IO") {
      const { isUsable, outages } = this.#watch;
      // It may have been mended meanwhile.
      if (!isUsable || outages !== outagesBefore) return await this.#leave(task, true);
      // What cannot be removed is not closed.
      if (!(await task.note.remove())) return await this.#leave(task, false);
    }
    if (resumedAs === undefined) return await this.#close(task, error?.message ?? state);
    if (task.isHandedOver === undefined) await task.note.remove();
    const { run } = task.note.value.settings;
    const { recorded: former, sequences, ...before } = beforeOf(task);
    const more = await this.#recordedBy(run, resumedAs);
    const recorded = more === undefined ? undefined : former + more;
    const outcome = { batch: resumedAs, goesOnWith: before.batch, state, recorded, sequences };
    await this.#note(task, { event: "resumed-batch-ended", ...outcome });
    const how = state === "done" ? "finished" : state;
    const counted = recorded === undefined ? "" : `, ${recorded} of ${sequences} sequences in all`;
    const after = task.finding.cause === "medium-away" ? "when its medium was back" : "after the restart";
    this.#options.log.info({ run, ...outcome }, "a batch that was interrupted has ended");
    this.#options.onFinished(
      { ...before, recorded: recorded ?? former, sequences },
      `${how} as batch ${resumedAs} ${after}${counted}`,
    );
  }

  // Undefined when the medium has gone, which may be why it has ended.
  async #recordedBy(run: string, batch: number): Promise<number | undefined> {
    const { dataDirectory, log } = this.#options;
    try {
      return await recordedSequences(dataDirectory, run, batch);
    } catch (error) {
      log.warn({ run, batch, reason: messageOf(error) }, "it is not known how much of the batch is recorded");
      return undefined;
    }
  }

  // Its medium went away, or could not be written, before the rest had a batch: it has its turn when that is back.
  async #leave(task: Task, isAway: boolean): Promise<void> {
    this.#interruptions.forget(interruptionOf(task));
    await task.note.lost({ isAway });
  }

  async #close(task: Task, reason: string): Promise<void> {
    task.unfollow?.();
    await this.#end(task, { outcome: "closed", reason });
    await task.note.remove();
  }

  async #end(task: Task, change: Partial<Interruption>): Promise<void> {
    const { run, ...facts } = this.#show(task, change);
    this.#options.log.warn({ run, ...facts }, "a batch was interrupted");
    await this.#note(task, { event: "batch-interrupted", ...facts });
  }

  async #note({ note }: Task, event: object): Promise<void> {
    const { run } = note.value.settings;
    await note
      .addEvent(event)
      .catch((error: unknown) =>
        this.#options.log.warn({ run, reason: messageOf(error) }, "the event is not noted"),
      );
  }

  #shown(task: Task): Interruption {
    const own = interruptionOf(task);
    return this.#interruptions.shown(own) ?? own;
  }

  #show(task: Task, change: Partial<Interruption>): Interruption {
    return this.#interruptions.change(interruptionOf(task), change);
  }
}

function interruptionOf({ note, finding }: Task): Interruption {
  const { batch, settings, origin, startedUtc, before } = note.value;
  const { run, sequences } = settings;
  const { recorded, cause } = finding;
  const facts = { run, batch, recorded, sequences, origin, startedUtc, cause, outcome: "waiting" } as const;
  return { ...facts, ...definedOnly({ goesOnWith: before }) };
}

function beforeOf({ note, finding }: Task): Before {
  const { batch, origin, startedUtc, settings, before } = note.value;
  const first = before ?? { batch, origin, startedUtc, recorded: 0, sequences: settings.sequences };
  return { ...first, recorded: first.recorded + finding.recorded };
}
