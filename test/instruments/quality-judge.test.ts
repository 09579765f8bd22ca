// What the judge takes from position and clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cell } from "../../src/base/cell.ts";
import type { ClockState } from "../../src/instruments/clock-state.ts";
import type { Position } from "../../src/instruments/position.ts";
import { qualityJudge } from "../../src/instruments/quality-judge.ts";
import { DEFAULT_LIMITS } from "../../src/spectra/quality.ts";
import { instrument, spectrum } from "../spectra/sample.ts";

const NOON_UTC_US = Date.UTC(2026, 5, 21, 12) * 1000;
const EDINBURGH = { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80 };

function setUp() {
  const position = new Cell<Position | undefined>({ ...EDINBURGH, source: "gpsd", ageS: 0 });
  const clockState = new Cell<ClockState>({ isSynchronised: true, source: "chrony", errorUs: 20 });
  const judge = qualityJudge({ limits: DEFAULT_LIMITS, position, clockState });
  const known = {
    instrument: instrument({ isSimulated: false, saturationLevel: 65_535 }),
    flags: [],
    exposureStartUtcUs: NOON_UTC_US,
  } as const;
  return {
    position,
    clockState,
    judged: (kind: "light" | "dark" = "light") => judge(spectrum({ ...known, kind }), undefined),
  };
}

test("the age of a position of gpsd, as it is when the spectrum is recorded", () => {
  const { position, judged } = setUp();
  assert.deepEqual(judged().flags, []);
  position.set({ ...EDINBURGH, source: "gpsd", ageS: 610 });
  assert.deepEqual(judged().flags, ["position_stale"]);
  position.set({ ...EDINBURGH, source: "configuration", ageS: 0 });
  assert.deepEqual(judged().flags, []);
});

test("the sun at that position; without one nothing is said of it", () => {
  const { position, judged } = setUp();
  position.set({ latitudeDeg: -75, longitudeDeg: 0, heightM: 0, source: "configuration", ageS: 0 });
  assert.deepEqual(judged().flags, ["sun_low"], "polar night");
  position.set(undefined);
  assert.deepEqual(judged().flags, []);
});

test("position and sun go along, for darks too; unknown they are left out", () => {
  const { position, judged } = setUp();
  const { place, sun } = judged();
  assert.deepEqual(place, { ...EDINBURGH, source: "gpsd", ageS: 0 });
  // By an almanac: 57.49 degrees high at 12:00 UTC, a quarter of an hour before noon.
  assert.ok(sun !== undefined && Math.abs(sun.elevationDeg - 57.4) < 0.2, String(sun?.elevationDeg));
  assert.ok(sun.azimuthDeg > 170 && sun.azimuthDeg < 180, String(sun.azimuthDeg));
  assert.ok(judged("dark").sun !== undefined);
  position.set(undefined);
  assert.ok(!("place" in judged()) && !("sun" in judged()));
});

test("who told how good the clock is, and its error", () => {
  const { clockState, judged } = setUp();
  assert.deepEqual([judged().clockSource, judged().clockErrorUs], ["chrony", 20]);
  clockState.set({ isSynchronised: false, source: "timedatectl" });
  const off = judged();
  assert.deepEqual(
    [off.flags, off.clockSource, off.clockErrorUs],
    [["clock_unsynchronised"], "timedatectl", undefined],
  );
  clockState.set({ source: "unknown" });
  assert.deepEqual([judged().flags, judged().clockSource], [[], undefined]);
});
