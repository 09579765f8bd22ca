// Which requests a server has seen already (RFC 8613 sections 3.2.2 and 7.4): the highest sequence number, and a bit for
// each of those just below it. After a start nothing is known, so nothing is fresh until the client has proven it (Echo).

/** Requests may overtake each other by this many; RFC 8613 asks for 32. */
export const WINDOW = 64;

const ALL = (1n << BigInt(WINDOW)) - 1n;

export class ReplayWindow {
  #highest: number | undefined;
  // Bit 0 is the highest number itself.
  #seen = 0n;

  /** False from the start of the process until the first request that is known to be fresh. */
  get isKnown(): boolean {
    return this.#highest !== undefined;
  }

  /** Begins with a request that is known to be fresh: that one and all before it count as seen. */
  beginAt(sequence: number): void {
    this.#highest = sequence;
    this.#seen = ALL;
  }

  /** Whether a request with this number was certainly not seen before. */
  isFresh(sequence: number): boolean {
    if (this.#highest === undefined) return false;
    const behind = this.#highest - sequence;
    return behind < 0 || (behind < WINDOW && ((this.#seen >> BigInt(behind)) & 1n) === 0n);
  }

  /** Notes a request that was fresh and has verified. */
  note(sequence: number): void {
    if (this.#highest === undefined) return;
    const ahead = sequence - this.#highest;
    if (ahead > 0) {
      this.#seen = ((this.#seen << BigInt(Math.min(ahead, WINDOW))) | 1n) & ALL;
      this.#highest = sequence;
    } else if (ahead > -WINDOW) {
      this.#seen |= 1n << BigInt(-ahead);
    }
  }
}
