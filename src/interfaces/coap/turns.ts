// Writers of one resource take turns, so that what If-Match or a patch has read is still so when it is written.

export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `task` when those that came before it have ended; each of them has a deadline of its own. */
  async take<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? task() : before.then(task);
    const ended = mine.then(
      () => {},
      () => {},
    );
    this.#last.set(key, ended);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    }
  }
}
