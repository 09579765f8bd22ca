// Conditions on notifications as query parameters, draft-ietf-core-conditional-attributes-12: what they are, and whether
// a value fulfils them. Written with or without the prefix `c.`; a resource's own query parameters go before.

import { SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { nearestName } from "../../config/nearest-name.ts";

export interface Conditions {
  /** Shortest time between two notifications. */
  readonly minUs?: number;
  /** Longest time between two notifications, whether or not the value has changed. */
  readonly maxUs?: number;
  /** c.gt and c.lt: crossing them, in either direction, is told; with `isBand` they are the limits of a band. */
  readonly above?: number;
  readonly below?: number;
  /** Change against the value told last. */
  readonly step?: number;
  /** Every value within the band is told, or outside it when `above` is larger than `below`. */
  readonly isBand?: boolean;
  /** Changes of a truth to this value are told. */
  readonly edge?: boolean;
  readonly isConfirmable?: boolean;
}

/** What a notification is compared with. */
export interface Before {
  /** The value told last. */
  readonly told: unknown;
  /** The value before this one, told or not. */
  readonly previous: unknown;
}

type Query = Readonly<Record<string, string>>;
/** As they came: a parameter can come twice. */
export type Parameters = readonly (readonly [name: string, text: string])[];

const PREFIX = "c.";
const LONGEST_S = 86_400;
/** A client cannot ask for more than this: notifications go to whoever's address is in the request. */
const SHORTEST_MAXIMUM_S = 0.1;
const SHORTEST_S = 0.001;

const READERS: Readonly<Record<string, (name: string, text: string) => Conditions>> = {
  pmin: (name, text) => ({ minUs: seconds(name, text, SHORTEST_S) }),
  pmax: (name, text) => ({ maxUs: seconds(name, text, SHORTEST_MAXIMUM_S) }),
  gt: (name, text) => ({ above: number(name, text) }),
  lt: (name, text) => ({ below: number(name, text) }),
  st: (name, text) => ({ step: positive(name, text) }),
  band: (name, text) => ({ isBand: flag(name, text === "" ? "1" : text) }),
  edge: (name, text) => ({ edge: flag(name, text) }),
  con: (name, text) => ({ isConfirmable: flag(name, text) }),
};

/**
 * Takes the conditions out of a query; `isOwn` tells which parameters are the resource's own.
 * Throws VALUE_INVALID with the parameter's name, also for one that is mistyped or given twice.
 */
export function takeConditions(
  parameters: Parameters,
  isOwn: (name: string) => boolean,
): { readonly query: Query; readonly conditions?: Conditions } {
  const query = new Map<string, string>();
  const taken = new Set<string>();
  let conditions: Conditions | undefined;
  for (const [name, text] of parameters) {
    const reader = isOwn(name) ? undefined : readerOf(name);
    const isAgain = reader === undefined ? query.has(name) : taken.has(plainName(name));
    if (isAgain) throw invalid(name.slice(0, 40), "given twice");
    if (reader === undefined) query.set(name, text);
    else {
      conditions = { ...conditions, ...reader(name, text) };
      taken.add(plainName(name));
    }
  }
  if (conditions === undefined) return { query: Object.fromEntries(query) };
  check(conditions);
  return { query: Object.fromEntries(query), conditions };
}

/** Throws VALUE_INVALID when a condition is about numbers or truths and the value is none. */
export function requireComparable(
  { above, below, step, edge }: Conditions,
  value: unknown,
  subject: string,
): void {
  const isNumeric = above !== undefined || below !== undefined || step !== undefined;
  if (isNumeric && typeof value !== "number") {
    const name = step !== undefined ? "st" : above !== undefined ? "gt" : "lt";
    throw invalid(name, `${subject} is not a number`);
  }
  if (edge !== undefined && typeof value !== "boolean")
    throw invalid("edge", `${subject} is not true or false`);
}

/** Whether a change can be judged only by looking at the value. */
export function needsValue({ above, below, step, edge }: Conditions): boolean {
  return above !== undefined || below !== undefined || step !== undefined || edge !== undefined;
}

/** Whether a value is to be told. One that cannot be compared is: something else has happened. */
export function isNotable(conditions: Conditions, value: unknown, { told, previous }: Before): boolean {
  if (typeof value === "number" && typeof told === "number") return isNotableNumber(conditions, value, told);
  if (typeof value === "boolean") return value !== previous && value === conditions.edge;
  return true;
}

function isNotableNumber({ above, below, step, isBand }: Conditions, value: number, told: number): boolean {
  if (step !== undefined && Math.abs(value - told) >= step) return true;
  if (isBand === true) return isInBand(value, above, below);
  const hasCrossed = (limit: number | undefined, isBeyond: (one: number) => boolean): boolean =>
    limit !== undefined && isBeyond(value) !== isBeyond(told);
  return hasCrossed(above, (one) => one > (above ?? 0)) || hasCrossed(below, (one) => one < (below ?? 0));
}

// Section 3.2.4 of the draft: alone, gt is the highest value of the band and lt the lowest.
function isInBand(value: number, above: number | undefined, below: number | undefined): boolean {
  if (above === undefined) return value >= (below ?? Number.NEGATIVE_INFINITY);
  if (below === undefined) return value <= above;
  return above <= below ? value >= above && value <= below : value > above || value < below;
}

function readerOf(name: string): ((name: string, text: string) => Conditions) | undefined {
  const plain = plainName(name);
  if (Object.hasOwn(READERS, plain)) return READERS[plain];
  if (name.startsWith(PREFIX)) throw unknown(name);
  return undefined;
}

function plainName(name: string): string {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
}

// The prefix is for conditions only, so this one is mistyped, and to ignore it would send what nobody asked for.
function unknown(name: string): VscopeError {
  const known = Object.keys(READERS);
  const nearest = nearestName(plainName(name), known);
  const hint =
    nearest === undefined
      ? `known are ${known.map((one) => PREFIX + one).join(", ")}`
      : `did you mean ${PREFIX}${nearest}?`;
  return invalid(name.slice(0, 40), `no such condition, ${hint}`);
}

function check({ minUs = 0, maxUs = Number.POSITIVE_INFINITY, isBand, above, below }: Conditions): void {
  if (minUs > maxUs) throw invalid("pmax", `${maxUs / SECOND} s is shorter than pmin, ${minUs / SECOND} s`);
  if (isBand === true && above === undefined && below === undefined)
    throw invalid("band", "needs gt, lt or both");
}

function seconds(name: string, text: string, min: number): number {
  const value = number(name, text);
  if (value < min || value > LONGEST_S) throw invalid(name, `${value} s is outside ${min}..${LONGEST_S} s`);
  return Math.round(value * SECOND);
}

function positive(name: string, text: string): number {
  const value = number(name, text);
  if (value <= 0) throw invalid(name, `${value} is not above 0`);
  return value;
}

function number(name: string, text: string): number {
  if (/^[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})$/.test(text)) return Number(text);
  throw invalid(name, `${JSON.stringify(text.slice(0, 40))} is not a decimal number`);
}

function flag(name: string, text: string): boolean {
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw invalid(name, `${JSON.stringify(text.slice(0, 40))} is not 0 or 1`);
}

function invalid(name: string, fact: string): VscopeError {
  return new VscopeError("VALUE_INVALID", `${name}: ${fact}`);
}
