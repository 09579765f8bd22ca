// Whether a run may begin now. The answer is the reason why not, in words for the history, or nothing.

import { messageOf } from "../base/errors.ts";
import { type Place, sunPosition } from "../spectra/sun.ts";
import type { Comparison, Conditions } from "./job.ts";

/** Reads a resource's value. Rejects with what is wrong. */
export type ReadValue = (path: string, signal: AbortSignal) => Promise<unknown>;

/**
 * Looks at a comparison when its job is added. Throws VALUE_INVALID when it can never hold, such as one of a resource that
 * does not exist; the answer is a warning, such as of a device that is not there now.
 */
export type CheckValue = (wanted: Comparison) => string | undefined;

export interface Circumstances {
  readonly utcUs: number;
  readonly place: Place | undefined;
  readonly read: ReadValue;
}

/** Why a run is not begun. */
export interface Refusal {
  readonly reason: "sun" | "condition";
  readonly message: string;
}

/** Looks at the sun first, then at one value after the other. */
export async function refusalOf(
  { sunElevationDeg, sunAzimuthDeg, values = [] }: Conditions,
  circumstances: Circumstances,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  if (sunElevationDeg !== undefined || sunAzimuthDeg !== undefined) {
    const message = sunRefusal({ sunElevationDeg, sunAzimuthDeg }, circumstances);
    if (message !== undefined) return { reason: "sun", message };
  }
  for (const wanted of values) {
    const message = await valueRefusal(wanted, circumstances.read, signal);
    if (message !== undefined) return { reason: "condition", message };
  }
  return undefined;
}

type SunWindow = Pick<Conditions, "sunElevationDeg" | "sunAzimuthDeg">;

/** Why the sun alone keeps a run from beginning. */
export function sunRefusal(
  { sunElevationDeg, sunAzimuthDeg }: SunWindow,
  { utcUs, place }: Omit<Circumstances, "read">,
): string | undefined {
  if (place === undefined) return "the position is unknown, and with it where the sun is";
  const { elevationDeg, azimuthDeg } = sunPosition(utcUs, place);
  const { min = -90, max = 90 } = sunElevationDeg ?? {};
  if (elevationDeg < min) return `sun elevation ${elevationDeg.toFixed(1)} degrees, below ${min}`;
  if (elevationDeg > max) return `sun elevation ${elevationDeg.toFixed(1)} degrees, above ${max}`;
  if (sunAzimuthDeg === undefined || isBetween(azimuthDeg, sunAzimuthDeg)) return undefined;
  return `sun azimuth ${azimuthDeg.toFixed(1)} degrees, outside ${sunAzimuthDeg.from}..${sunAzimuthDeg.to}`;
}

function isBetween(
  azimuthDeg: number,
  { from, to }: { readonly from: number; readonly to: number },
): boolean {
  return from <= to ? azimuthDeg >= from && azimuthDeg <= to : azimuthDeg >= from || azimuthDeg <= to;
}

async function valueRefusal(
  wanted: Comparison,
  read: ReadValue,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = [wanted.path, wanted.field].filter((part) => part !== undefined).join(" ");
  try {
    const found = memberOf(await read(wanted.path, signal), wanted.field);
    if (typeof found !== typeof wanted.value)
      return `${name}: ${printed(found)} cannot be compared with ${printed(wanted.value)}`;
    return holds(found, wanted)
      ? undefined
      : `${name}: ${printed(found)}, not ${wanted.is} ${printed(wanted.value)}`;
  } catch (error) {
    signal.throwIfAborted();
    return `${name}: cannot be read, ${messageOf(error)}`;
  }
}

function memberOf(value: unknown, field: string | undefined): unknown {
  let found = value;
  for (const name of field?.split(".") ?? []) {
    if (typeof found !== "object" || found === null) return undefined;
    found = new Map<string, unknown>(Object.entries(found)).get(name);
  }
  return found;
}

function holds(found: unknown, { is, value }: Comparison): boolean {
  if (is === "=") return found === value;
  if (is === "!=") return found !== value;
  if (typeof found === "string" && typeof value === "string") return inOrder(found, is, value);
  return inOrder(Number(found), is, Number(value));
}

function inOrder<T extends number | string>(a: T, is: "<" | "<=" | ">" | ">=", b: T): boolean {
  return { "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b }[is];
}

function printed(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 60);
}
