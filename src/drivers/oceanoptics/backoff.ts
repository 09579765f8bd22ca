// Which of many occurrences to act on: the first, then rarer and rarer while acting does not help.

/** Most occurrences between two that are acted on. */
const RAREST = 64;

export class Backoff {
  #period = 1;
  #left = 1;

  /** Counts an occurrence. True when it is one to act on. */
  isDue(): boolean {
    this.#left -= 1;
    if (this.#left > 0) return false;
    this.#period = Math.min(2 * this.#period, RAREST);
    this.#left = this.#period;
    return true;
  }
}
