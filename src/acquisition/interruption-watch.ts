// When to look for batches that were interrupted: at the start, whenever a medium has come or can be written again, when the
// loss of a medium has ended a batch, and again while something cannot be read.

import { type Clock, SECOND } from "../base/clock.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { Journal } from "./journal.ts";

export interface InterruptionWatchParts {
  readonly clock: Clock;
  readonly dataDirectory: DataDirectory;
  readonly journal: Journal;
  /** False when there may be more, of which nothing could be read now. Must not throw. */
  readonly look: () => Promise<boolean>;
}

const READ_AGAIN_US = 10 * SECOND;
const READ_AGAIN_WITHIN_US = 600 * SECOND;

export class InterruptionWatch {
  readonly #parts: InterruptionWatchParts;
  #ends: readonly (() => void)[] = [];
  #looks: Promise<void> = Promise.resolve();
  #afterUs = READ_AGAIN_US;
  #cancel = (): void => {};
  #isClosed = false;
  #outages = 0;

  constructor(parts: InterruptionWatchParts) {
    this.#parts = parts;
  }

  /** Whether the medium is there and can be written. */
  get isUsable(): boolean {
    const { mounted, readOnly } = this.#parts.dataDirectory.status.value;
    return mounted && !readOnly;
  }

  /** How often it has gone, or could not be written any more. */
  get outages(): number {
    return this.#outages;
  }

  /** Looks, and from now on whenever there is a reason. Resolves after the first look. */
  async begin(): Promise<void> {
    const { dataDirectory, journal } = this.#parts;
    // Nothing can be noted on a medium that is read-only.
    if (!dataDirectory.status.value.readOnly) await this.#look();
    let wasUsable = this.isUsable;
    const followMedium = (): void => {
      const isNew = this.isUsable && !wasUsable;
      if (wasUsable && !this.isUsable) this.#outages += 1;
      wasUsable = this.isUsable;
      if (isNew) this.#lookAgain();
    };
    const ends = [
      dataDirectory.status.subscribe(followMedium),
      journal.losses.subscribe(() => this.#lookAgain()),
    ];
    this.#ends = ends;
  }

  /** Resolves when the last look has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#ends) end();
    this.#cancel();
    await this.#looks;
  }

  #lookAgain(): void {
    // When it is back, that is a reason.
    if (!this.isUsable) return;
    this.#looks = this.#looks.then(() => (this.#isClosed ? undefined : this.#look()));
  }

  async #look(): Promise<void> {
    const isAll = await this.#parts.look();
    this.#cancel();
    if (isAll) this.#afterUs = READ_AGAIN_US;
    if (isAll || this.#isClosed) return;
    this.#cancel = this.#parts.clock.after(this.#afterUs, () => this.#lookAgain());
    this.#afterUs = Math.min(2 * this.#afterUs, READ_AGAIN_WITHIN_US);
  }
}
