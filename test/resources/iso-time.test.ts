import assert from "node:assert/strict";
import { test } from "node:test";
import { isoTime, isoTimeUtcUs } from "../../src/resources/iso-time.ts";

test("a time is read to the microsecond, with any zone and any number of digits", () => {
  const noon = Date.UTC(2026, 5, 21, 12) * 1000;
  for (const [text, us] of [
    ["2026-06-21T12:00:00Z", 0],
    ["2026-06-21T12:00:00.5Z", 500_000],
    ["2026-06-21T12:00:00.044382Z", 44_382],
    ["2026-06-21T14:00:00.000001+02:00", 1],
    ["2026-06-21T12:00:00.123456789012Z", 123_456],
  ] as const) {
    assert.equal(isoTimeUtcUs(isoTime.parse(text)), noon + us, text);
  }
});
