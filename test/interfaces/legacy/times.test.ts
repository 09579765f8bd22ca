import assert from "node:assert/strict";
import { test } from "node:test";
import { Float, jsonText } from "../../../src/interfaces/legacy/json-text.ts";
import {
  momentOf,
  momentText,
  timeOfDayOf,
  timeOfDayText,
  zoneOffsetS,
} from "../../../src/interfaces/legacy/times.ts";

const NOON = Date.parse("2030-01-01T12:00:00Z") * 1000;

test("moments as clients write them", () => {
  const read = (text: unknown): number => momentOf("at_time", text, false) - NOON;
  assert.equal(read("2030-01-01 12:00:00.5+00:00"), 500_000);
  assert.equal(read("2030-01-01 12:00:00.000001+00:00"), 1);
  assert.equal(read("2030-01-01T12:00:00Z"), 0);
  assert.equal(read("2030-01-01T12:00:00.123456+0000"), 123_456);
  assert.equal(read("2030-01-01T12:00:00.123456789Z"), 123_456);
  assert.equal(read("1 Jan 2030 12:00 UTC"), 0);
  assert.equal(read("1 January 2030 12:00:01 UTC"), 1_000_000);
  // An offset counts, unlike in piccolo3.
  assert.equal(read("2030-01-01 12:00:00+02:00"), -7_200_000_000);
  assert.equal(read("2030-01-01 12:00:00-01:30"), 5_400_000_000);
});

test("what is no moment is refused, and what has no offset unless it may be UTC", () => {
  for (const given of [
    "tomorrow",
    "2030-01-01",
    "2030-13-01 12:00:00Z",
    "1 Foo 2030 12:00 UTC",
    5,
    null,
    "12:00",
  ])
    assert.throws(() => momentOf("at_time", given, true), { code: "VALUE_INVALID" }, String(given));
  assert.throws(() => momentOf("at_time", "2030-01-01 12:00:00", false), { code: "VALUE_INVALID" });
  assert.equal(momentOf("at_time", "2030-01-01 12:00:00", true), NOON);
});

test("moments and times of day as clients read them", () => {
  assert.equal(momentText(NOON + 274_000), "2030-01-01T12:00:00.274000+00:00");
  assert.equal(timeOfDayText(79_200, 0), "22:00:00+0000");
  assert.equal(timeOfDayText(3_723, 0), "01:02:03+0000");
  assert.equal(timeOfDayText(3_723, zoneOffsetS("Asia/Kathmandu", NOON)), "01:02:03+0545");
  assert.equal(timeOfDayText(3_723, zoneOffsetS("America/St_Johns", NOON)), "01:02:03-0330");
  assert.equal(zoneOffsetS("UTC", NOON), 0);
  assert.equal(zoneOffsetS("Europe/London", NOON), 0);
  assert.equal(timeOfDayOf("quietStart", "1:2:3"), 3_723);
  assert.equal(timeOfDayOf("quietStart", "01:00:00+0200"), 82_800);
});

test("JSON has blanks, plain ASCII, and points in floats", () => {
  const value = [1, [new Float(2), new Float(0.5), null], { a: "ä\u{1f600}", b: true }, "\n"];
  assert.equal(jsonText(value), '[1, [2.0, 0.5, null], {"a": "\\u00e4\\ud83d\\ude00", "b": true}, "\\n"]');
  assert.equal(jsonText(new Float(Number.NaN)), "null");
  assert.equal(jsonText(undefined), "null");
});
