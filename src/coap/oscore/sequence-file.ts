// Reservations of sequence numbers on disk: an empty file `<path>.<next number>`. To reserve is to rename it, which happens
// or not, wherever the power fails, and happens once, whatever other process does the same: the old name is gone then.

import { open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import { RESERVED, type SequenceStore } from "./sender-sequence.ts";

/** A listing can miss a file that is being renamed, but hardly several times. */
const MISSES = 5;

export class SequenceFile implements SequenceStore {
  readonly #folder: string;
  readonly #prefix: string;

  constructor(path: string) {
    this.#folder = dirname(path);
    this.#prefix = `${basename(path)}.`;
  }

  /**
   * Makes the file of a new key. To be called once in the life of a key: with a second file its nonces would repeat.
   * Throws STATE_CONFLICT when there is one, DATADIR_IO when the folder cannot be written.
   */
  async create(): Promise<void> {
    if ((await this.#numbers()).length > 0)
      throw new VscopeError("STATE_CONFLICT", `${this.#name("*")}: the key has one already`);
    await this.#guarded(async () => {
      await (await open(this.#name(0), "wx", 0o600)).close();
      await this.#sync();
    });
  }

  /** Throws CONFIG_INVALID when the file is missing: the key must not be used any more. DATADIR_IO as `create`. */
  async reserve(): Promise<number> {
    let misses = 0;
    while (misses < MISSES) {
      const [first] = await this.#numbers();
      if (first === undefined) misses += 1;
      else if (await this.#guarded(() => this.#claim(first))) return first;
    }
    const fact = "missing, so the messages sent so far are not known; the key has to be replaced";
    throw new VscopeError("CONFIG_INVALID", `${this.#name("*")}: ${fact}`);
  }

  /** Removes the file together with its key. */
  async remove(): Promise<void> {
    const numbers = await this.#numbers();
    await this.#guarded(async () => {
      for (const number of numbers) await unlink(this.#name(number));
    });
  }

  /** False when another process was faster. */
  async #claim(first: number): Promise<boolean> {
    try {
      await rename(this.#name(first), this.#name(first + RESERVED));
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return false;
      throw error;
    }
    await this.#sync();
    return true;
  }

  /** Highest first; one, but for the moment in which a listing sees both names of a renaming. */
  async #numbers(): Promise<readonly number[]> {
    const names = await this.#guarded(() => readdir(this.#folder));
    return names
      .filter((name) => name.startsWith(this.#prefix))
      .map((name) => name.slice(this.#prefix.length))
      .filter((suffix) => /^\d+$/.test(suffix))
      .map(Number)
      .toSorted((left, right) => right - left);
  }

  async #guarded<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (cause) {
      throw new VscopeError("DATADIR_IO", `${this.#name("*")}: ${messageOf(cause)}`, { cause });
    }
  }

  #name(number: number | "*"): string {
    return join(this.#folder, `${this.#prefix}${number}`);
  }

  async #sync(): Promise<void> {
    const folder = await open(this.#folder, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
