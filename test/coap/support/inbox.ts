// What has arrived and was not taken yet, in order.

export class Inbox<T> {
  readonly #items: T[] = [];
  #hasEnded = false;
  #arrived: () => void = () => {};

  push(item: T): void {
    this.#items.push(item);
    this.#arrived();
  }

  /** Nothing comes any more. */
  end(): void {
    this.#hasEnded = true;
    this.#arrived();
  }

  /** Waits for the next one; undefined after the end. */
  async next(): Promise<T | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined || this.#hasEnded) return item;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}
