// A value that is here already or will be. What is here is used at once, so that a quick answer costs no turn of the
// event loop.

export type MaybePromise<T> = T | Promise<T>;

/** `use` of the value: at once when it is here, otherwise when it comes. */
export function whenHere<T, U>(value: MaybePromise<T>, use: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}
