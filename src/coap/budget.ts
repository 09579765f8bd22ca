// A number of bytes that may be held at one time.

export class Budget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.limitBytes;
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
