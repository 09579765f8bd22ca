// Several transfers at once. As many as the link bears: one more after each that succeeds, half as many after one that
// found nobody.

const FIRST = 2;
const MOST = 4;

export class Lanes {
  #width = FIRST;

  get width(): number {
    return this.#width;
  }

  succeeded(): void {
    this.#width = Math.min(MOST, this.#width + 1);
  }

  timedOut(): void {
    this.#width = Math.max(1, Math.floor(this.#width / 2));
  }

  /** Does the work on all items. After the first that throws no other begins; it is thrown when all have ended. */
  async run<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const waiting = [...items].reverse();
    const running = new Set<Promise<void>>();
    const errors: unknown[] = [];
    const begin = (item: T): void => {
      const task = work(item)
        .catch((error: unknown) => void errors.push(error))
        .finally(() => running.delete(task));
      running.add(task);
    };
    for (;;) {
      while (running.size < this.#width && errors.length === 0) {
        const item = waiting.pop();
        if (item === undefined) break;
        begin(item);
      }
      if (running.size === 0) break;
      await Promise.race(running);
    }
    if (errors.length > 0) throw errors[0];
  }
}
