// What gpsd says, one JSON object a line (gpsd_json(5)). Only a position with a fix matters here.

import { z } from "zod";

export interface GpsdFix {
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  /** Above sea level; absent without a fix in three dimensions. */
  readonly heightM?: number;
}

export type GpsdReport =
  | { readonly kind: "version"; readonly release: string }
  /** A receiver's report; without a fix there is no position in it. */
  | { readonly kind: "position"; readonly fix?: GpsdFix }
  | { readonly kind: "other" };

const version = z.object({ class: z.literal("VERSION"), release: z.string() });
const position = z.object({
  class: z.literal("TPV"),
  // 0 unknown, 1 no fix, 2 and 3 dimensions.
  mode: z.number(),
  lat: z.number().min(-90).max(90).optional(),
  lon: z.number().min(-180).max(180).optional(),
  altMSL: z.number().optional(),
  // What gpsd before 3.20 calls it.
  alt: z.number().optional(),
});

/** Undefined for a line that is no JSON object. */
export function parseReport(line: string): GpsdReport | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const found = position.safeParse(value);
  if (!found.success) {
    const hello = version.safeParse(value);
    return hello.success ? { kind: "version", release: hello.data.release } : { kind: "other" };
  }
  const { mode, lat, lon, altMSL, alt } = found.data;
  if (mode < 2 || lat === undefined || lon === undefined) return { kind: "position" };
  const height = mode >= 3 ? (altMSL ?? alt) : undefined;
  const fix = { latitudeDeg: lat, longitudeDeg: lon, ...(height === undefined ? {} : { heightM: height }) };
  return { kind: "position", fix };
}
