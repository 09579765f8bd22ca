// Which stored dark serves a light, its age, and the flag that a light gets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { StoredDarks } from "../../src/acquisition/stored-darks.ts";
import { DEFAULT_LIMITS } from "../../src/spectra/quality.ts";
import type { Spectrum } from "../../src/spectra/spectrum.ts";
import { START_UTC_US, spectrum } from "../spectra/sample.ts";

const LASTED_US = 250_000;

/** Both clocks agree. */
function at(startS: number, change: Partial<Spectrum> = {}): Spectrum {
  const exposureStartUtcUs = START_UTC_US + startS * SECOND;
  const times = { exposureStartUtcUs, exposureEndUtcUs: exposureStartUtcUs + LASTED_US };
  return spectrum({ ...times, exposureStartUs: 5000 * SECOND + startS * SECOND, flags: [], ...change });
}

const LIGHT = at(0, { detectorTemperatureC: -10 });
const DARK = at(-1, { kind: "dark", detectorTemperatureC: -10 });

function judged(dark: Partial<Spectrum> | undefined, light: Spectrum = LIGHT, run = "plot") {
  const darks = new StoredDarks(DEFAULT_LIMITS);
  if (dark !== undefined) darks.add({ run: "plot", file: "dark.pico" }, [{ ...DARK, ...dark }]);
  const [found] = darks.withDarks(run, [light]);
  return [found?.darkAgeS, found?.darkFile, ...(found?.flags ?? [])];
}

const GOOD = [0.75, "dark.pico"];
const NONE = [undefined, undefined, "dark_missing"];
const OTHER = [undefined, undefined, "dark_mismatched"];

test("the dark of the same run, spectrometer and channel", () => {
  assert.deepEqual(judged({}), GOOD);
  assert.deepEqual(judged(undefined), NONE);
  assert.deepEqual(judged({}, LIGHT, "other"), NONE);
  assert.deepEqual(judged({ channel: "downwelling" }), NONE);
  assert.deepEqual(judged({ instrument: { ...DARK.instrument, serial: "other" } }), NONE);
  for (const flag of ["saturated", "shutter_doubtful", "stale_risk"] as const)
    assert.deepEqual(judged({ flags: [flag] }), NONE, flag);
  assert.deepEqual(judged({ flags: ["tec_unstable"] }), GOOD, "the temperature decides");
});

test("exposed and processed in the same way, by a detector as warm", () => {
  const plain = { scans: 1, boxcarHalfWidth: 0, binning: 0 };
  assert.deepEqual(judged({ integrationTimeUs: 1000 }), OTHER);
  assert.deepEqual(judged({ processing: { ...plain, boxcarHalfWidth: 2 } }), OTHER);
  assert.deepEqual(judged({ processing: { ...plain, binning: 1 } }), OTHER);
  assert.deepEqual(judged({ processing: { ...plain, scans: 2 } }), GOOD, "more scans do no harm");
  assert.deepEqual(judged({}, { ...LIGHT, processing: { ...plain, scans: 2 } }), OTHER, "fewer are noise");
  assert.deepEqual(judged({ detectorTemperatureC: -8.9 }), OTHER);
  assert.deepEqual(judged({ detectorTemperatureC: -9.1 }), GOOD);
  assert.deepEqual(judged({}, { ...LIGHT, flags: ["external_timing"] }).slice(0, 2), OTHER.slice(0, 2));
});

test("its age by the clock that does not jump", () => {
  const { exposureStartUs = 0 } = LIGHT;
  const aged = (ageS: number) => judged({ exposureStartUs: exposureStartUs - ageS * SECOND - LASTED_US });
  assert.deepEqual(aged(900), [900, "dark.pico"]);
  assert.deepEqual(aged(901), [901, "dark.pico", "dark_stale"]);
});

test("the newest that serves, until the shutter is doubted or the medium goes", () => {
  const darks = new StoredDarks(DEFAULT_LIMITS);
  const ages = () => darks.withDarks("plot", [LIGHT]).map(({ darkAgeS }) => darkAgeS);
  for (const startS of [-20, -10])
    darks.add({ run: "plot", file: `${startS}` }, [at(startS, { kind: "dark" })]);
  darks.add({ run: "plot", file: "short" }, [at(-5, { kind: "dark", integrationTimeUs: 1000 })]);
  assert.deepEqual(ages(), [9.75]);
  const doubtful: Spectrum = { ...LIGHT, flags: ["shutter_doubtful"] };
  const [shown] = darks.withDarks("plot", [doubtful]);
  assert.deepEqual([shown?.darkAgeS, shown?.flags], [undefined, ["dark_missing", "shutter_doubtful"]]);
  assert.deepEqual(ages(), [undefined]);
  darks.add({ run: "plot", file: "new" }, [DARK]);
  assert.deepEqual(ages(), [0.75]);
  darks.clear();
  assert.deepEqual(ages(), [undefined]);
});

test("256 darks are kept, the newest", () => {
  const darks = new StoredDarks(DEFAULT_LIMITS);
  for (let number = 0; number < 257; number++) darks.add({ run: `${number}`, file: "dark.pico" }, [DARK]);
  const has = (run: string) => darks.withDarks(run, [LIGHT])[0]?.darkFile !== undefined;
  assert.deepEqual([has("0"), has("1"), has("256")], [false, true, true]);
});
