// A day of a data directory, and lists of it that are short whatever it held.

/** Half open, and the folder of the data directory. */
export interface Day {
  readonly folder: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
}

/** Condition on `measurements`, with the parameters of a day. */
export const OF_DAY = "exposureStartUtcUs >= @fromUtcUs AND exposureStartUtcUs < @toUtcUs";

/** The first items, and how many there are in all. */
export interface Shortened<T> {
  readonly list: readonly T[];
  readonly total: number;
}

export function shortened<T>(items: readonly T[], most: number): Shortened<T> {
  return { list: items.slice(0, most), total: items.length };
}
