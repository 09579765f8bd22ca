// A thread of its own that searches the catalogue: the main loop goes on meanwhile. It starts with the first question.

import { Worker } from "node:worker_threads";
import { type Clock, SECOND, SystemClock } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { CatalogueAnswer, CatalogueTask } from "./catalogue-task.ts";
import type { ThreadAnswer } from "./reader-thread.ts";

const THREAD = new URL("./reader-thread.js", import.meta.url);
/** SQLite cannot be interrupted: what takes longer is ended with its thread, and the next question starts another. */
const PATIENCE_US = 60 * SECOND;

interface Waiting {
  readonly answered: (answer: CatalogueAnswer) => void;
  readonly failed: (error: VscopeError) => void;
  readonly cancel: () => void;
}

export class Reader {
  readonly #path: string;
  /** Not a clock of tests: a thread takes real time. */
  readonly #clock: Clock = new SystemClock();
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #asked = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws VALUE_INVALID, and DATADIR_IO where SQLite fails or the thread ends. */
  ask(task: CatalogueTask): Promise<CatalogueAnswer> {
    const id = this.#asked++;
    const worker = (this.#worker ??= this.#start());
    return new Promise<CatalogueAnswer>((answered, failed) => {
      const late = (): void => void this.#end(`no answer within ${PATIENCE_US / SECOND} s`);
      const cancel = this.#clock.after(PATIENCE_US, late);
      this.#waiting.set(id, { answered, failed, cancel });
      worker.ref();
      worker.postMessage({ id, task });
    });
  }

  /** Ends the thread, which has the catalogue open; what was asked fails. */
  close(): Promise<void> {
    return this.#end("it is being closed");
  }

  #start(): Worker {
    const worker = new Worker(THREAD, { workerData: this.#path });
    worker.on("message", (answer: ThreadAnswer) => this.#answered(answer));
    worker.on("error", (error) => this.#lost(worker, error.message));
    worker.on("exit", () => this.#lost(worker, "its thread has ended"));
    return worker;
  }

  #lost(worker: Worker, reason: string): void {
    if (worker === this.#worker) void this.#end(reason);
  }

  #answered({ id, answer, problem }: ThreadAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    waiting?.cancel();
    if (answer !== undefined) waiting?.answered(answer);
    else waiting?.failed(new VscopeError(problem.code, problem.message));
  }

  async #end(reason: string): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    for (const { failed, cancel } of this.#waiting.values()) {
      cancel();
      failed(new VscopeError("DATADIR_IO", `catalogue: ${reason}`));
    }
    this.#waiting.clear();
    await worker?.terminate();
  }
}
