// Reservations of sequence numbers on disk. The newest is the name of an empty file, `<path>.<end of the reservation>`:
// creating a file that must not exist is one step, whatever other process does the same, and whenever the power fails.

import { open, readdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import { RESERVED, type SequenceStore } from "./sender-sequence.ts";

export class SequenceFile implements SequenceStore {
  readonly #folder: string;
  readonly #prefix: string;

  /** The folder of `path` must exist, and last as long as the key. */
  constructor(path: string) {
    this.#folder = dirname(path);
    this.#prefix = `${basename(path)}.`;
  }

  /** Throws DATADIR_IO when the folder cannot be read or written. */
  async reserve(): Promise<number> {
    try {
      for (;;) {
        const first = Math.max(0, ...(await this.#ends()));
        if (await this.#claim(first + RESERVED)) return first;
      }
    } catch (cause) {
      throw new VscopeError("DATADIR_IO", `${this.#folder}: ${this.#prefix}*: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  /** Removes what was reserved, when the key is removed: used with the same key again, its numbers would repeat. */
  async remove(): Promise<void> {
    for (const end of await this.#ends()) await unlink(this.#name(end));
  }

  // All reservations are of one size, so who reserves the same numbers makes the same file, and one fails. A file beyond
  // means that others have gone on, and have removed that one before it was made again here.
  async #claim(end: number): Promise<boolean> {
    try {
      await (await open(this.#name(end), "wx", 0o600)).close();
    } catch (error) {
      if (systemCodeOf(error) === "EEXIST") return false;
      throw error;
    }
    await this.#sync();
    const ends = await this.#ends();
    if (ends.some((other) => other > end)) return false;
    for (const old of ends) if (old < end) await unlink(this.#name(old)).catch(() => {});
    return true;
  }

  // A listing can miss a file that another process makes or removes meanwhile; two equal ones have missed none.
  async #ends(): Promise<readonly number[]> {
    let before = await this.#list();
    for (;;) {
      const now = await this.#list();
      if (now.length === before.length && now.every((end, index) => end === before[index])) return now;
      before = now;
    }
  }

  async #list(): Promise<readonly number[]> {
    const names = await readdir(this.#folder);
    return names
      .filter((name) => name.startsWith(this.#prefix) && /^\d+$/.test(name.slice(this.#prefix.length)))
      .map((name) => Number(name.slice(this.#prefix.length)))
      .toSorted((left, right) => left - right);
  }

  #name(end: number): string {
    return join(this.#folder, `${this.#prefix}${end}`);
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
