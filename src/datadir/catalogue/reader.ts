// A thread of its own that searches the catalogue: the main loop goes on meanwhile. It starts with the first question.

import { Worker } from "node:worker_threads";
import { firstOf, NEVER, orAborted, withDeadline } from "../../base/abort.ts";
import { type Clock, SECOND, SystemClock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { Queue } from "../../base/queue.ts";
import { sqliteCause } from "./catalogue-fault.ts";
import type { CatalogueAnswer, CatalogueTask } from "./catalogue-task.ts";
import type { ThreadAnswer } from "./reader-thread.ts";

const THREAD = new URL("./reader-thread.js", import.meta.url);
/** From the turn of a question. What takes longer is ended with its thread, and the next question starts another. */
const PATIENCE_US = 60 * SECOND;
/** A large catalogue on a slow card. */
const CHECK_PATIENCE_US = 6 * 3600 * SECOND;
/** SQLite cannot be interrupted: a thread ends with its query. The end of a session does not wait for a long one. */
const LEAVE_US = 5 * SECOND;
const MOST_WAITING = 64;

export class Reader {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #queue = new Queue({ name: "catalogue", capacity: MOST_WAITING });
  #worker: Worker | undefined;
  /** Until the thread before is gone: never are two of them in SQLite. */
  #ending: Promise<unknown> = Promise.resolve();

  /** Not the clock of the server: a thread takes real time. */
  constructor(path: string, clock: Clock = new SystemClock()) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Throws VALUE_INVALID, DEVICE_BUSY, and DATADIR_IO where SQLite fails, the thread ends or the reader is closed. */
  ask(task: CatalogueTask): Promise<CatalogueAnswer> {
    const us = task.kind === "check" ? CHECK_PATIENCE_US : PATIENCE_US;
    const late = (): VscopeError => failure(`no answer within ${us / SECOND} s`);
    return this.#queue.run(
      (turn) => withDeadline({ clock: this.#clock, us, late }, turn, (signal) => this.#answer(task, signal)),
      NEVER,
    );
  }

  /**
   * Ends the thread, which has the catalogue open, for good; what was asked fails. False when the thread is still within
   * SQLite after some seconds: until it comes out, it keeps the file open.
   */
  async close(): Promise<boolean> {
    await this.#queue.close(failure("it is being closed"));
    this.#end();
    const ended = this.#ending.then(() => true);
    const late = (signal: AbortSignal) => this.#clock.delay(LEAVE_US, signal).then(() => false);
    return firstOf([() => ended, late], NEVER);
  }

  async #answer(task: CatalogueTask, signal: AbortSignal): Promise<CatalogueAnswer> {
    await orAborted(this.#ending, signal);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage(task);
    const { answer, problem } = await orAborted(replyOf(worker), signal).catch((error: unknown) => {
      this.#end();
      throw error;
    });
    worker.unref();
    if (answer !== undefined) return answer;
    const { code, message, sqliteCode } = problem;
    throw new VscopeError(code, message, { cause: sqliteCause(sqliteCode) });
  }

  #start(): Worker {
    const worker = new Worker(THREAD, { workerData: this.#path });
    // One that ends while nobody asks: the next question starts another.
    worker.on("error", () => undefined);
    worker.once("exit", () => {
      if (worker === this.#worker) this.#worker = undefined;
    });
    return worker;
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker !== undefined) this.#ending = worker.terminate();
  }
}

function replyOf(worker: Worker): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(failure(error.message));
    const ended = (): void => reject(failure("its thread has ended"));
    worker.once("error", failed);
    worker.once("exit", ended);
    worker.once("message", (reply: ThreadAnswer) => {
      worker.off("error", failed);
      worker.off("exit", ended);
      resolve(reply);
    });
  });
}

function failure(fact: string): VscopeError {
  return new VscopeError("DATADIR_IO", `catalogue: ${fact}`);
}
