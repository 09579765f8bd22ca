import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenChannels, startSkewUs, turnsOf, withStartSkew } from "../../src/acquisition/turns.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { DEFAULT_LIMITS } from "../../src/spectra/quality.ts";
import type { SpectrumKind } from "../../src/spectra/spectrum.ts";
import { spectrum } from "../spectra/sample.ts";

const shown = (order: "turns" | "interleaved", channels: readonly string[]): string =>
  turnsOf(order, channels)
    .map(({ channel, bracket = "-" }) => `${channel} ${bracket}`)
    .join(", ");

test("in turns, each channel comes once, in their order", () => {
  assert.equal(shown("turns", ["a", "b"]), "a -, b -");
  assert.equal(shown("turns", ["upwelling"]), "upwelling -");
});

test("interleaved, downwelling comes before and after all others", () => {
  assert.equal(
    shown("interleaved", ["Downwelling", "upwelling"]),
    "Downwelling before, upwelling -, Downwelling after",
  );
  assert.equal(
    shown("interleaved", ["a", "downwelling", "b"]),
    "downwelling before, a -, b -, downwelling after",
  );
});

for (const channels of [["downwelling"], ["a", "b"], []]) {
  test(`channels ${channels.join(", ") || "(none)"} cannot be interleaved`, () => {
    assert.throws(
      () => turnsOf("interleaved", channels),
      (error) => isVscopeError(error, "VALUE_INVALID"),
    );
  });
}

test("lights that began further apart than a tenth of a second and a quarter of the shortest have a flag", () => {
  const exposed = (startUs: number, lastedUs: number, kind: SpectrumKind = "light") =>
    spectrum({
      exposureStartUs: startUs,
      exposureStartUtcUs: 0,
      exposureEndUtcUs: lastedUs,
      kind,
      flags: ["simulated"],
    });
  const flagsOf = (skewUs: number, lastedUs: number, kind?: SpectrumKind): string[] => {
    const spectra = [exposed(1e6, lastedUs, kind), exposed(1e6 + skewUs, 3 * lastedUs, kind)];
    const found = withStartSkew(spectra, DEFAULT_LIMITS);
    assert.deepEqual([...new Set(found.map(({ startSkewUs: us }) => us))], [skewUs]);
    return [...new Set(found.flatMap(({ flags }) => flags))];
  };
  assert.deepEqual(flagsOf(350_000, 1e6), ["simulated"]);
  assert.deepEqual(flagsOf(350_001, 1e6), ["simulated", "start_skew"]);
  assert.deepEqual(flagsOf(102_000, 10_000), ["simulated"]);
  assert.deepEqual(flagsOf(103_000, 10_000), ["simulated", "start_skew"]);
  assert.deepEqual(flagsOf(9e6, 10_000, "dark"), ["simulated"], "darks are the same later");
  assert.deepEqual(withStartSkew([], DEFAULT_LIMITS), []);
});

test("the skew is from the first start to the last, and that of one spectrometer is 0", () => {
  const starts = [1_000_300, 1_000_000, 1_000_800].map((exposureStartUs) => spectrum({ exposureStartUs }));
  assert.equal(startSkewUs(starts), 800);
  assert.equal(startSkewUs(starts.slice(1, 2)), 0);
  assert.equal(startSkewUs([]), undefined);
});

test("the channels that are chosen keep their order; unknown or none are refused with those there are", () => {
  const all = ["downwelling", "upwelling", "swir"];
  assert.deepEqual(chosenChannels(undefined, all), all);
  assert.deepEqual(chosenChannels(["swir", "downwelling", "swir"], all), ["downwelling", "swir"]);
  const there = "there are downwelling, upwelling, swir";
  for (const [asked, message] of [
    [["nir"], `channels: no nir, ${there}`],
    [[], `channels: none is chosen, ${there}`],
  ] as const)
    assert.throws(() => chosenChannels(asked, all), { code: "VALUE_INVALID", message });
});
