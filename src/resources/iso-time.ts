// A time as clients write it. Date.parse alone would take "1", "noon 2026" and times without a zone.

import { z } from "zod";
import { utcUsOf } from "../spectra/pico-reader.ts";

/** Date, time and zone of ISO 8601; a fraction of a second may follow. */
export const isoTime = z.iso.datetime({
  offset: true,
  error: "expected date, time and zone in ISO 8601, such as 2026-06-21T12:00:00Z",
});

/** UTC of such a text. Date.parse would leave out what is finer than a millisecond. */
export function isoTimeUtcUs(text: string): number {
  return utcUsOf(text) ?? Number.NaN;
}
