// Optional members: absent in this project's types, never undefined.

/**
 * The members that are there. Optional members are absent in the server's types, never undefined; in parsed values
 * they may be both.
 */
export function definedOnly<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }; // as: the filter is the proof
}
