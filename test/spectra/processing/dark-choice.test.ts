import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SECOND } from "../../../src/base/clock.ts";
import type { PicoSpectrum } from "../../../src/spectra/pico.ts";
import {
  DARK_WAYS,
  type DarkWay,
  darkened,
  DarkShelf,
  type Recorded,
  recordedOf,
} from "../../../src/spectra/processing/dark-choice.ts";
import { rateOf } from "../../../src/spectra/signal-rate.ts";
import { sampleSpectrum } from "../../client/sample-spectra.ts";

function at(kind: "light" | "dark", atS: number, change: Partial<PicoSpectrum> = {}): PicoSpectrum {
  const one = sampleSpectrum({ serial: "FLMS01859", channel: "upwelling", kind, sequence: 0 });
  const start = one.exposureStartUtcUs + atS * SECOND;
  const times = { exposureStartUtcUs: start, exposureEndUtcUs: start + one.integrationTimeUs };
  return { ...one, ...times, ...change };
}

const recorded = (kind: "light" | "dark", atS: number, change: Partial<PicoSpectrum> = {}): Recorded =>
  recordedOf(at(kind, atS, change), `${kind}${atS}.pico`);

function chosen(light: Recorded, darks: readonly Recorded[], way: DarkWay) {
  const choice = new DarkShelf(darks).choose(light, way);
  assert.ok(choice.applied, "a dark is chosen");
  return [choice.how, ...choice.darks.map(({ item, weight }) => `${item.file} ${weight}`)];
}

test("the nearest dark counts, or the one that the light names; or both neighbours by their distance in time", () => {
  const darks = [recorded("dark", 0), recorded("dark", 100), recorded("dark", 300)];
  const light = recorded("light", 125);
  assert.deepEqual(chosen(light, darks, "nearest"), ["nearest", "dark100.pico 1"]);
  const naming = { ...light, darkFile: "dark0.pico" };
  assert.deepEqual(chosen(naming, darks, "nearest"), ["assigned", "dark0.pico 1"]);
  assert.deepEqual(chosen(naming, darks, "interpolated"), [
    "interpolated",
    "dark100.pico 0.875",
    "dark300.pico 0.125",
  ]);
  assert.deepEqual(chosen(recorded("light", 900), darks, "interpolated"), ["nearest", "dark300.pico 1"]);
});

test("only darks of the same exposure serve, and of a detector as warm unless the light lies between two", () => {
  const light = recorded("light", 50, { detectorTemperatureC: 22 });
  for (const change of [
    { integrationTimeUs: 1 },
    { channel: "downwelling" },
    { serial: "QEP00709" },
    { counts: new Float64Array(5) },
    { processing: { scans: 1, boxcarHalfWidth: 2, binning: 0 } },
    { processing: { scans: 1, boxcarHalfWidth: 0, binning: 1 } },
  ])
    assert.ok(
      !new DarkShelf([recorded("dark", 0, change)]).choose(light, "nearest").applied,
      JSON.stringify(change),
    );
  const cold = recorded("dark", 0, { detectorTemperatureC: 20 });
  const warm = recorded("dark", 100, { detectorTemperatureC: 24 });
  const refused = new DarkShelf([cold, warm]).choose(light, "nearest");
  assert.ok(!refused.applied);
  assert.match(refused.detail, /as warm, of 2 that fit else/);
  assert.equal(chosen(light, [cold, warm], "interpolated")[0], "interpolated");
  const hot = { ...light, detectorTemperatureC: 30 };
  assert.ok(
    !new DarkShelf([cold, warm]).choose(hot, "interpolated").applied,
    "it was not on the way between both",
  );
});

test("the order of the darks does not matter", () => {
  const darks = [0, 40, 90, 160, 300].map((atS) => recorded("dark", atS));
  const order = fc.shuffledSubarray(darks, { minLength: darks.length });
  fc.assert(
    fc.property(
      order,
      fc.integer({ min: -50, max: 400 }),
      fc.constantFrom(...DARK_WAYS),
      (other, atS, way) => {
        // Where two are equally near, either is right.
        fc.pre(way === "interpolated" || ![20, 65, 125, 230].includes(atS));
        const light = recorded("light", atS);
        assert.deepEqual(chosen(light, other, way), chosen(light, darks, way));
      },
    ),
  );
});

test("of a detector that drifts, interpolated darks leave no dark signal, the nearest does", () => {
  const drift = (atS: number): Partial<PicoSpectrum> => ({ counts: new Float64Array(1024).fill(1500 + atS) });
  const darks = [0, 100].map((atS) => at("dark", atS, drift(atS)));
  const light = at("light", 40, { counts: new Float64Array(1024).fill(1540 + 200) });
  const rateWith = (way: DarkWay): number => {
    const facts = darks.map((dark, index) => ({ ...recordedOf(dark, `${index}.pico`), dark }));
    const choice = new DarkShelf(facts).choose(recordedOf(light, "light.pico"), way);
    assert.ok(choice.applied);
    const weighed = choice.darks.map(({ item, weight }) => ({ item: item.dark, weight }));
    return rateOf(darkened(light, weighed)).values[7] ?? Number.NaN;
  };
  // 200 counts in 40 ms.
  assert.ok(Math.abs(rateWith("interpolated") - 5000) < 1e-6);
  assert.ok(Math.abs(rateWith("nearest") - 6000) < 1e-6);
});

interface Facts {
  readonly atS: number;
  readonly temperature: number | null;
  readonly scans: number;
}

/** As the shelf is to choose, by looking at every dark. */
function bySearch(light: Recorded, darks: readonly Recorded[]): number | undefined {
  const distances = darks
    .filter((dark) => new DarkShelf([dark]).choose(light, "nearest").applied)
    .map((dark) => Math.abs(dark.exposureStartUtcUs - light.exposureStartUtcUs));
  return distances.length === 0 ? undefined : Math.min(...distances);
}

test("of darks of many temperatures and scans the nearest of all that serve is found", () => {
  const facts: fc.Arbitrary<Facts> = fc.record({
    atS: fc.integer({ min: 0, max: 3600 }),
    temperature: fc.option(fc.double({ min: 20, max: 24, noNaN: true })),
    scans: fc.constantFrom(1, 4),
  });
  const made = (kind: "light" | "dark", { atS, temperature, scans }: Facts) =>
    recorded(kind, atS, {
      detectorTemperatureC: temperature,
      processing: { scans, boxcarHalfWidth: 0, binning: 0 },
      statistics: null,
    });
  fc.assert(
    fc.property(facts, fc.array(facts, { maxLength: 30 }), (light, others) => {
      const target = made("light", light);
      const darks = others.map((one) => made("dark", one));
      const choice = new DarkShelf(darks).choose(target, "nearest");
      const [chosenDark] = choice.applied ? choice.darks : [];
      const distance = chosenDark && Math.abs(chosenDark.item.exposureStartUtcUs - target.exposureStartUtcUs);
      assert.equal(distance, bySearch(target, darks));
    }),
  );
});

test("ten times as many lights and darks are looked at little more than ten times as often", () => {
  const base = { dark: recorded("dark", 0), light: recorded("light", 0) };
  const looksFor = (count: number, way: DarkWay): number => {
    let looks = 0;
    const watched = (one: Recorded): Recorded =>
      new Proxy(one, {
        get(target, key, receiver) {
          looks += 1;
          return Reflect.get(target, key, receiver);
        },
      });
    // A detector that warms up over the day, so that most darks are of another temperature.
    const made = (kind: "light" | "dark", atS: number): Recorded => {
      const exposureStartUtcUs = base[kind].exposureStartUtcUs + atS * SECOND;
      const detectorTemperatureC = 15 + (20 * atS) / (60 * count);
      const exposure = { ...base[kind].exposure, detectorTemperatureC };
      const times = { exposureStartUtcUs, exposureEndUtcUs: exposureStartUtcUs };
      return watched({ ...base[kind], ...times, detectorTemperatureC, exposure });
    };
    const times = Array.from({ length: count }, (_, index) => 60 * index);
    const shelf = new DarkShelf(times.map((atS) => made("dark", atS)));
    for (const atS of times) assert.ok(shelf.choose(made("light", atS + 20), way).applied);
    return looks;
  };
  for (const way of DARK_WAYS) {
    const [few, many] = [looksFor(200, way), looksFor(2000, way)];
    assert.ok(many < 20 * few, `${way}: ${few} looks for 200, ${many} for 2000`);
  }
});
