// The C library of this process, for the few system calls that Node.js does not have. Loaded on first use.

/** A function of the C library; -1 means failure. A variadic argument is preceded by its type, such as "void *". */
export type LibcFunction = (...values: readonly (number | string | Uint8Array)[]) => number;

/** The same in a thread of the pool, for a call that waits. */
export type LibcCall = (...values: readonly (number | string | Uint8Array)[]) => Promise<number>;

export interface Libc {
  /** Declares a function by its C prototype. */
  readonly declare: (prototype: string) => LibcFunction;
  readonly declareWaiting: (prototype: string) => LibcCall;
  /** The system's name for the last failure, such as EAGAIN. */
  readonly errorName: () => string;
  /** The last failure as an error with the system's `code`; `call` begins its message. */
  readonly lastError: (call: string) => Error;
}

export async function openLibc(): Promise<Libc> {
  const koffi = await import("koffi");
  const library = koffi.load(null);
  // Some numbers have two names: the first one counts, EAGAIN before EWOULDBLOCK.
  const names = new Map(
    Object.entries(koffi.os.errno)
      .reverse()
      .map(([name, number]) => [number, name]),
  );
  const errorName = (): string => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`;
  return {
    declare: (prototype) => library.func(prototype),
    declareWaiting: (prototype) => {
      const call = library.func(prototype);
      return (...values) =>
        new Promise((resolve) =>
          call.async(...values, (error: unknown, result: number) => resolve(error ? -1 : result)),
        );
    },
    errorName,
    lastError: (call) => {
      const code = errorName();
      return Object.assign(new Error(`${call}: ${code}`), { code });
    },
  };
}
