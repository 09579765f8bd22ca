// Options that are a time: a day (its start, UTC), or date, time and zone.

import { MS } from "../../base/clock.ts";
import { isoTime } from "../../resources/iso-time.ts";
import { usageError } from "./exit-codes.ts";

/** Reads UTC, us. */
export function timeOption(name: string): (text: string) => number {
  return (text) => {
    const time = isoTime.safeParse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
    if (time.success) return Date.parse(time.data) * MS;
    const examples = "2026-06-21 or 2026-06-21T12:00:00Z";
    throw usageError(`${name}: "${text}" is no day, and no date, time and zone, such as ${examples}`);
  };
}
