// Reservations of sequence numbers on disk: an empty file `<path>.<next number>`. To reserve is to rename it, which happens
// or not, wherever the power fails, and happens once, whatever other process does the same: the old name is gone then.
// A file that was lost, or came back from a backup, would bring used numbers back; so none is below what the clock gives.

import { open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, SystemClock } from "../../base/clock.ts";
import { messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import { RESERVED, type SequenceStore } from "./sender-sequence.ts";

const HOUR_US = 3_600_000_000;
const SINCE_UTC_US = Date.UTC(2026) * 1000;
/** 1165 messages a second; the clock's share of the 2^40 numbers lasts for 15 years, the file's is never used up. */
const NUMBERS_PER_HOUR = 2 ** 22;
const LAST_OF_CLOCK = 2 ** 39;

export class SequenceFile implements SequenceStore {
  readonly #folder: string;
  readonly #prefix: string;
  readonly #clock: Pick<Clock, "utcUs">;

  /** The folder of `path` must exist, and be this computer's own. */
  constructor(path: string, clock: Pick<Clock, "utcUs"> = new SystemClock()) {
    this.#folder = dirname(path);
    this.#prefix = `${basename(path)}.`;
    this.#clock = clock;
  }

  /** Throws DATADIR_IO when the folder cannot be read or written. */
  async reserve(): Promise<number> {
    try {
      for (;;) {
        const [known] = await this.#numbers();
        if (known === undefined) await this.#create(this.#lowest());
        else {
          const first = Math.max(known, this.#lowest());
          if (await this.#claim(known, first + RESERVED)) return first;
        }
      }
    } catch (cause) {
      throw new VscopeError("DATADIR_IO", `${this.#name("*")}: ${messageOf(cause)}`, { cause });
    }
  }

  #lowest(): number {
    const hours = Math.floor((this.#clock.utcUs() - SINCE_UTC_US) / HOUR_US);
    return Math.min(Math.max(hours, 0) * NUMBERS_PER_HOUR, LAST_OF_CLOCK);
  }

  // Two processes that begin at the same time make the same file, or files an hour's numbers apart. One that is made
  // after the other process has gone on is beside a higher one, and goes.
  async #create(number: number): Promise<void> {
    if (!(await succeeds(async () => (await open(this.#name(number), "wx", 0o600)).close(), "EEXIST")))
      return;
    const [highest] = await this.#numbers();
    if (highest !== number) await succeeds(() => unlink(this.#name(number)), "ENOENT");
  }

  /** False when another process was faster. */
  async #claim(known: number, end: number): Promise<boolean> {
    if (!(await succeeds(() => rename(this.#name(known), this.#name(end)), "ENOENT"))) return false;
    const folder = await open(this.#folder, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return true;
  }

  /** Highest first. */
  async #numbers(): Promise<readonly number[]> {
    return (await readdir(this.#folder))
      .filter((name) => name.startsWith(this.#prefix))
      .map((name) => name.slice(this.#prefix.length))
      .filter((suffix) => /^\d+$/.test(suffix))
      .map(Number)
      .toSorted((left, right) => right - left);
  }

  #name(number: number | "*"): string {
    return join(this.#folder, `${this.#prefix}${number}`);
  }
}

/** False when the task failed with this code; other failures are thrown. */
async function succeeds(task: () => Promise<unknown>, expected: string): Promise<boolean> {
  try {
    await task();
    return true;
  } catch (error) {
    if (systemCodeOf(error) === expected) return false;
    throw error;
  }
}
