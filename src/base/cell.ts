// A cell is an observable value: the newest one, with a version. Observers may skip values, never see an old one last.

export interface ReadableCell<T> {
  readonly value: T;
  /** Counts the changes, from 0. */
  readonly version: number;
  /** Calls `listener` after each change until the returned function is called. */
  subscribe(listener: (value: T) => void): () => void;
}

export class Cell<T> implements ReadableCell<T> {
  #value: T;
  #version = 0;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  get version(): number {
    return this.#version;
  }

  /** Stores a value and tells the listeners, unless it equals the present one. */
  set(value: T): void {
    if (isSame(value, this.#value)) return;
    this.#value = value;
    this.#version += 1;
    // A copy: a listener may unsubscribe itself or another one.
    const told = [...this.#listeners];
    for (const listener of told) listener(value);
  }

  subscribe(listener: (value: T) => void): () => void {
    // A fresh function, so that one listener subscribed twice is told twice and unsubscribed once.
    const entry = (value: T): void => listener(value);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }
}

// Plain data are compared by content; whatever has a class is itself and nothing else.
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Resolves with the first value that satisfies `test`, the present one included; rejects when the signal aborts. */
export function until<T>(
  cell: ReadableCell<T>,
  test: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    if (test(cell.value)) {
      resolve(cell.value);
      return;
    }
    const unsubscribe = cell.subscribe((value) => {
      if (!test(value)) return;
      finish();
      resolve(value);
    });
    const onAbort = (): void => {
      finish();
      reject(signal.reason);
    };
    const finish = (): void => {
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
