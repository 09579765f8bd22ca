// Arguments as values, in the way piccolo3 takes them: numbers may come as text, since its web pages send text, and a
// whole number is what remains of any number before the point.

import { VscopeError } from "../../base/errors.ts";
import { quoted } from "../../datadir/run-name.ts";

/** A whole number; fractions are cut off. Throws VALUE_INVALID. */
export function wholeNumber(name: string, given: unknown): number {
  if (typeof given === "string" && !/^\s*[+-]?\d+\s*$/.test(given))
    throw wrong(name, given, "a whole number");
  const value = Math.trunc(numberOf(given));
  if (!Number.isSafeInteger(value)) throw wrong(name, given, "a whole number");
  // Not -0.
  return value + 0;
}

/** An integer, not a text or a fraction; true is 1. Throws VALUE_INVALID. */
export function integerOf(name: string, given: unknown): number {
  const value = typeof given === "boolean" ? Number(given) : given;
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrong(name, given, "an integer");
  return value;
}

/** Any finite number. Throws VALUE_INVALID. */
export function decimalNumber(name: string, given: unknown): number {
  const value = numberOf(given);
  if (!Number.isFinite(value)) throw wrong(name, given, "a number");
  return value;
}

/** A number, not a text; true is 1. Throws VALUE_INVALID. */
export function plainNumber(name: string, given: unknown): number {
  if (typeof given === "string") throw wrong(name, given, "a number");
  return decimalNumber(name, given);
}

/** Throws VALUE_INVALID. */
export function textOf(name: string, given: unknown): string {
  if (typeof given !== "string") throw wrong(name, given, "a text");
  return given;
}

/** True, False, and these words. Throws VALUE_INVALID. */
export function switchOf(name: string, given: unknown): boolean {
  if (given === true || given === "True") return true;
  if (given === false || given === "False") return false;
  throw wrong(name, given, "one of true, false");
}

/** Anything stands for yes or no, as in Python: nothing, 0 and what is empty are no. */
export function truthOf(given: unknown): boolean {
  if (Array.isArray(given)) return given.length > 0;
  if (typeof given === "object" && given !== null) return Object.keys(given).length > 0;
  return Boolean(given);
}

/** Throws VALUE_INVALID unless `value` is within the limits. */
export function within(name: string, value: number, [min, max]: readonly [number, number]): number {
  if (value >= min && value <= max) return value;
  throw new VscopeError("VALUE_INVALID", `${name}: ${value} is outside ${min}..${max}`);
}

/** What is not given, or null, is undefined. */
export function optional<T>(
  read: (name: string, given: unknown) => T,
  name: string,
  given: unknown,
): T | undefined {
  return given === null || given === undefined ? undefined : read(name, given);
}

export function wrong(name: string, given: unknown, expectation: string): VscopeError {
  const shown = typeof given === "string" ? quoted(given) : (JSON.stringify(given) ?? "nothing");
  return new VscopeError("VALUE_INVALID", `${name}: ${shown.slice(0, 80)} is not ${expectation}`);
}

function numberOf(given: unknown): number {
  if (typeof given === "number") return given;
  if (typeof given === "boolean") return Number(given);
  if (typeof given === "string" && /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(given))
    return Number(given);
  return Number.NaN;
}
