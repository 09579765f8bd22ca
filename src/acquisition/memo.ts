// Remembers the newest result for each name, as long as what it was computed from stays the same.

export class Memo<T> {
  readonly #newest = new Map<string, { readonly from: readonly unknown[]; readonly value: T }>();

  /** `from` is compared member by member, by identity. */
  of(name: string, from: readonly unknown[], compute: () => T): T {
    const before = this.#newest.get(name);
    const isSame =
      before?.from.length === from.length && from.every((one, index) => Object.is(one, before.from[index]));
    if (before !== undefined && isSame) return before.value;
    const value = compute();
    this.#newest.set(name, { from, value });
    return value;
  }
}
