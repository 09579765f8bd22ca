// What was opened is closed, in reverse order, each thing once, whatever fails on the way.
// (Node 20 has no AsyncDisposableStack.)

export class Lifetime {
  readonly #closers: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];
  #closed: Promise<void> | undefined;

  /** Registers how to close a thing; `name` appears in the error when closing fails. */
  defer(name: string, close: () => Promise<void> | void): void {
    this.#closers.push({ name, close });
  }

  /** Closes everything, last opened first. Further calls return the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    const failures: Error[] = [];
    for (let next = this.#closers.pop(); next !== undefined; next = this.#closers.pop()) {
      try {
        await next.close();
      } catch (error) {
        failures.push(new Error(`${next.name} did not close`, { cause: error }));
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, failures.map((failure) => failure.message).join("; "));
  }
}
