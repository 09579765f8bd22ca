// Keeps the digest of a day small: what does not fit is cut from the ends of its lists, and counted.

import { encode } from "cborg";

/** Bytes of the whole, as JSON and as CBOR. */
export const MOST_JSON_BYTES = 4_000;
export const MOST_CBOR_BYTES = 2_500;

/** Bytes of JSON that a list may take before others are cut. */
const SHARES = { noon: 2_200, runs: 350, flags: 250, failures: 350, detectors: 300, jobs: 350 } as const;
export type ListName = keyof typeof SHARES;
const NAMES = [
  "noon",
  "runs",
  "flags",
  "failures",
  "detectors",
  "jobs",
] as const satisfies readonly ListName[];

export type Lists = { readonly [name in ListName]: readonly unknown[] };
/** By list, how many items are left out. */
export type LeftOut = Partial<Record<ListName, number>>;

/** Cuts the lists of a digest until it fits; `totals` are their lengths before anybody has cut them. */
export function fitted<T extends Lists>(
  digest: T,
  totals: Readonly<Record<ListName, number>>,
): T & { readonly leftOut: LeftOut } {
  let lists = digest;
  for (;;) {
    const whole = { ...lists, leftOut: leftOutOf(lists, totals) };
    if (fits(whole)) return whole;
    const name = longest(lists);
    if (name === undefined) return whole;
    lists = { ...lists, [name]: lists[name].slice(0, -1) };
  }
}

function fits(whole: object): boolean {
  return bytesOf(whole) <= MOST_JSON_BYTES && encode(whole).length <= MOST_CBOR_BYTES;
}

function leftOutOf(lists: Lists, totals: Readonly<Record<ListName, number>>): LeftOut {
  const counts = NAMES.map((name): [ListName, number] => [name, totals[name] - lists[name].length]);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** The list that is furthest above its share. */
function longest(lists: Lists): ListName | undefined {
  const excess = (name: ListName): number => bytesOf(lists[name]) / SHARES[name];
  const cuttable = NAMES.filter((name) => lists[name].length > 0);
  return cuttable.sort((a, b) => excess(b) - excess(a))[0];
}

function bytesOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
