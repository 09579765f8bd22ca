// An option that is a time: a day, which begins at midnight UTC, or date, time and zone.

import { isoTime, isoTimeUtcUs } from "../../resources/iso-time.ts";
import { usageError } from "./exit-codes.ts";

/** UTC microseconds; commander calls it with the option's text. Throws a usage error. */
export function timeOption(name: string): (text: string) => number {
  return (text) => {
    const time = isoTime.safeParse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
    if (time.success) return isoTimeUtcUs(time.data);
    const expected = "a day such as 2026-06-21, or date, time and zone such as 2026-06-21T12:00:00Z";
    throw usageError(`${name}: "${text}" is not ${expected}`);
  };
}
