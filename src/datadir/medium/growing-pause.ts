// How long to leave alone what has failed, counted in looks: what fails now fails the next second, too.

const LONGEST_LOOKS = 64;

export class GrowingPause {
  #looks = 0;
  #toSkip = 0;

  /** Asked at every look. After each yes the next comes later, up to 64 looks. */
  takeTurn(): boolean {
    this.#toSkip -= 1;
    if (this.#toSkip >= 0) return false;
    this.#toSkip = this.#looks;
    this.#looks = Math.min(LONGEST_LOOKS, Math.max(1, 2 * this.#looks));
    return true;
  }

  /** The next yes comes at once. */
  end(): void {
    this.#looks = 0;
    this.#toSkip = 0;
  }
}
