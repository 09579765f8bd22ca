// When to mount a medium without being asked: at the start a stick can need longer than the server, and one that was
// pulled out is put back.

import { GrowingPause } from "./growing-pause.ts";
import type { Medium } from "./medium.ts";

export class MediumWatch {
  readonly #medium: Medium;
  /** The device that was unmounted on request: somebody is about to take it out. */
  #released: number | undefined;
  readonly #pause = new GrowingPause();

  constructor(medium: Medium) {
    this.#medium = medium;
  }

  /** After it was mounted. */
  mounted(): void {
    this.#released = undefined;
  }

  async isPlugged(): Promise<boolean> {
    return (await this.#medium.node()) !== undefined;
  }

  /** It was seen to be mounted and writable: the next mounting does not wait. */
  works(): void {
    this.#pause.end();
  }

  /** After it was unmounted on request, or is the wrong one: this one is left alone until it has been taken out. */
  async unmounted(): Promise<void> {
    this.#released = await this.#medium.node();
  }

  /**
   * Asked at every look while the medium is not mounted, or is read-only: whether to mount it now. After each yes the next
   * comes later: every attempt as another user than root is a line in the system's log.
   */
  async takeTurn(): Promise<boolean> {
    const node = await this.#medium.node();
    if (node === undefined || node !== this.#released) this.#released = undefined;
    if (node === undefined) this.#pause.end();
    return node !== undefined && this.#released === undefined && this.#pause.takeTurn();
  }
}
