// What waits for the disk, taken together as soon as the disk is free: one by one where it is quick, in groups where a
// flush takes long. So a slow card delays the news that a file is safe, and not the next exposure.

import { Cell, until } from "../base/cell.ts";
import { VscopeError } from "../base/errors.ts";
import type { Writer } from "./writer.ts";

/** About 4 MB of text while a group of four spectra each is written; a caller that waits for room() has no more on its way. */
const GROUP = 48;
/** A caller that does not wait is refused here with DEVICE_BUSY. */
const MOST = 64;

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (reason: unknown) => void;
}

export class Gathering<T, R> {
  readonly #writer: Writer;
  readonly #take: (items: readonly T[]) => Promise<readonly (R | VscopeError)[]>;
  readonly #pending = new Cell(0);
  #waiting: Waiting<T, R>[] = [];
  #isQueued = false;

  /** `take` has the writer's turn; it tells of each item what came of it, or throws for all. */
  constructor(writer: Writer, take: (items: readonly T[]) => Promise<readonly (R | VscopeError)[]>) {
    this.#writer = writer;
    this.#take = take;
  }

  /** Resolves with what came of the item, in the order in which they are added. Throws what it came to, or DEVICE_BUSY. */
  async add(item: T): Promise<R> {
    const waiting = this.#waiting.length;
    if (waiting >= MOST) {
      const fact = `${waiting} sets are waiting, ${MOST} are allowed`;
      throw new VscopeError("DEVICE_BUSY", `data directory: ${fact}`);
    }
    this.#pending.set(this.#pending.value + 1);
    try {
      return await new Promise<R>((resolve, reject) => {
        this.#waiting.push({ item, resolve, reject });
        this.#queue();
      });
    } finally {
      this.#pending.set(this.#pending.value - 1);
    }
  }

  /** Resolves when less than a group is on its way. */
  async room(signal: AbortSignal): Promise<void> {
    await until(this.#pending, (pending) => pending < GROUP, signal);
  }

  #queue(): void {
    if (this.#isQueued || this.#waiting.length === 0) return;
    this.#isQueued = true;
    void this.#writer.runAlways(() => this.#next());
  }

  async #next(): Promise<void> {
    this.#isQueued = false;
    const group = this.#waiting.splice(0, GROUP);
    this.#queue();
    try {
      const results = await this.#take(group.map(({ item }) => item));
      for (const [index, { resolve, reject }] of group.entries()) {
        const result = results[index];
        if (result === undefined || result instanceof VscopeError) reject(result);
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
