// The buffer of finished frames in a QE Pro or an Ocean FX. When it is full the oldest frame is lost.

/** Frames that fit at most. */
export const LARGEST_BUFFER = 1024;

export class FrameBuffer {
  readonly #frames: Uint8Array[] = [];
  #capacity = LARGEST_BUFFER;
  #isEnabled = true;
  /** Exposures that one command or trigger makes. */
  backToBack = 1;

  get count(): number {
    return this.#frames.length;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  push(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#trim();
  }

  /** Takes the oldest frames out, one behind the other. */
  take(count: number): Uint8Array {
    return Buffer.concat(this.#frames.splice(0, count));
  }

  removeOldest(count: number): void {
    this.#frames.splice(0, count);
  }

  clear(): void {
    this.#frames.length = 0;
  }

  setCapacity(frames: number): void {
    this.#capacity = frames;
    this.#trim();
  }

  /** Frames are lost when buffering is switched off. */
  setEnabled(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    if (!isEnabled) this.clear();
  }

  reset(): void {
    this.clear();
    this.#capacity = LARGEST_BUFFER;
    this.#isEnabled = true;
    this.backToBack = 1;
  }

  #trim(): void {
    while (this.#frames.length > this.#capacity) this.#frames.shift();
  }
}
