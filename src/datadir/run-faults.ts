// Runs that their medium does not let be read, as with a bad sector: each is told in the log, and the others work on.

import { isVscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

export class RunFaults {
  readonly #log: Log;
  /** What was told: runs are looked at again and again. */
  readonly #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** What is read of a run, or something else where its medium fails. Throws whatever is not DATADIR_IO. */
  async passingOver<T, U>(
    run: string,
    read: () => Promise<T>,
    otherwise: (problem: string) => U | Promise<U>,
  ): Promise<T | U> {
    try {
      return await read();
    } catch (error) {
      if (!isVscopeError(error, "DATADIR_IO")) throw error;
      this.#tell(run, error.message);
      return await otherwise(error.message);
    }
  }

  #tell(run: string, problem: string): void {
    if (this.#told.has(problem)) return;
    this.#told.add(problem);
    this.#log.error({ run, problem }, "something of a run cannot be read, it is passed over");
  }
}
