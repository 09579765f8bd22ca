// When to mount a medium without being asked: at the start a stick can need longer than the server, and one that was
// pulled out is put back.

import type { Medium } from "./medium.ts";

const LONGEST_PAUSE = 64;

export class MediumWatch {
  readonly #medium: Medium;
  #isWanted = true;
  #pause = 0;
  #looksToSkip = 0;

  constructor(medium: Medium) {
    this.#medium = medium;
  }

  /** After it was mounted, or unmounted on request: then it stays so, since somebody is about to take it out. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#pause = 0;
    this.#looksToSkip = 0;
  }

  /**
   * Asked at every look while the medium is not mounted. After each yes the next comes later, up to 64 looks: mounting
   * that fails now fails the next second, too, and every attempt as another user than root is a line in the system's log.
   */
  async isDue(): Promise<boolean> {
    if (!(await this.#medium.isThere())) {
      this.want(true);
      return false;
    }
    if (!this.#isWanted) return false;
    this.#looksToSkip -= 1;
    if (this.#looksToSkip >= 0) return false;
    this.#looksToSkip = this.#pause;
    this.#pause = Math.min(LONGEST_PAUSE, Math.max(1, 2 * this.#pause));
    return true;
  }
}
