// Which dark spectra a channel keeps, and when listeners hear of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NewestSpectra } from "../../src/instruments/newest-spectra.ts";
import type { Spectrum, SpectrumKind } from "../../src/spectra/spectrum.ts";

function spectrum(kind: SpectrumKind, integrationTimeUs: number, exposureStartUtcUs = 0): Spectrum {
  return {
    instrument: {
      serial: "TEST0001",
      model: "USB4000",
      pixels: 2,
      maxCounts: 65_535,
      saturationLevel: 65_535,
      darkPixelRanges: [],
      opticalPixelRange: [0, 2],
      integrationTimeUs: { min: 10, max: 65_535_000, step: 10 },
      calibration: { wavelengthCoefficients: [0, 1], nonlinearityCoefficients: [] },
      hasTec: false,
      isSimulated: true,
    },
    channel: "upwelling",
    kind,
    integrationTimeUs,
    counts: Uint32Array.of(1, 2),
    exposureStartUtcUs,
    exposureEndUtcUs: exposureStartUtcUs + integrationTimeUs,
    freshness: "timing",
    discardedFrames: 0,
    flags: [],
  };
}

test("the newest dark of the same integration time, however many lights came since", () => {
  const spectra = new NewestSpectra();
  const [first, second, other] = [
    spectrum("dark", 100, 1),
    spectrum("dark", 100, 2),
    spectrum("dark", 200, 3),
  ];
  for (const one of [first, second, other, spectrum("light", 100, 4), spectrum("light", 300, 5)])
    spectra.set(one);
  assert.equal(spectra.darkFor(spectrum("light", 100)), second);
  assert.equal(spectra.darkFor(spectrum("light", 200)), other);
  assert.equal(spectra.darkFor(spectrum("light", 300)), undefined, "a light is no dark");
});

test("darks of 16 integration times; the one not recorded for longest goes", () => {
  const spectra = new NewestSpectra();
  for (let us = 1; us <= 16; us++) spectra.set(spectrum("dark", us));
  spectra.set(spectrum("dark", 1, 1));
  spectra.set(spectrum("dark", 17));
  assert.ok(spectra.darkFor(spectrum("light", 1)), "recorded again");
  assert.equal(spectra.darkFor(spectrum("light", 2)), undefined);
  for (let us = 3; us <= 17; us++) assert.ok(spectra.darkFor(spectrum("light", us)));
});

test("a listener that hears of a dark finds it", () => {
  const spectra = new NewestSpectra();
  const dark = spectrum("dark", 100);
  const found: (Spectrum | undefined)[] = [];
  spectra.subscribe(() => found.push(spectra.darkFor(dark)));
  spectra.set(dark);
  assert.deepEqual(found, [dark]);
});

test("what was found out about the newest spectrum is told; about an older one it is not", () => {
  const spectra = new NewestSpectra();
  const [older, newest] = [spectrum("light", 100, 1), spectrum("light", 100, 2)];
  for (const one of [older, newest]) spectra.set(one);
  const flags = () => spectra.value?.flags;
  spectra.amend({ ...older, flags: ["dark_missing"] });
  assert.deepEqual(flags(), []);
  spectra.amend({ ...newest, flags: ["dark_stale"] });
  assert.deepEqual(flags(), ["dark_stale"]);
  const { version } = spectra;
  spectra.amend({ ...newest, flags: ["dark_stale"], darkAgeS: 1000 });
  assert.equal(spectra.version, version, "nothing new");
});

test("the newest two lights are kept, trials are none", () => {
  const spectra = new NewestSpectra();
  const [, second, third] = [1, 2, 3].map((at) => spectra.add(spectrum("light", 100, at)));
  spectra.add(spectrum("light", 100, 4), true);
  spectra.add(spectrum("dark", 100, 5));
  assert.deepEqual(spectra.lights, [third, second]);
});

test("the newest light is told with all of its flags although a dark came after it", () => {
  const spectra = new NewestSpectra();
  assert.deepEqual(spectra.ofEachKind, []);
  const light = spectra.add({ ...spectrum("light", 100, 1), flags: ["saturated"] });
  spectra.add(spectrum("light", 100, 2), true);
  const [, dark] = [3, 4].map((at) => spectra.add(spectrum("dark", 100 * at, at)));
  assert.deepEqual(spectra.ofEachKind, [light, dark]);
  const amended = { ...light, flags: ["saturated", "dark_stale"] } as const;
  spectra.amend(amended);
  assert.deepEqual(spectra.ofEachKind, [amended, dark]);
});

test("a red dark serves no light: an older one does, or none with the reason", () => {
  const spectra = new NewestSpectra();
  const light = spectrum("light", 100);
  const red = {
    ...spectrum("dark", 100, 2),
    counts: Uint32Array.of(65_535, 2),
    flags: ["saturated", "low_signal"],
  } as const;
  spectra.set(red);
  assert.equal(spectra.darkFor(light), undefined);
  assert.equal(spectra.darkObstacle(light), "the dark of 100 us is not usable: saturated");
  const good = spectrum("dark", 100, 3);
  for (const dark of [good, red]) spectra.set(dark);
  assert.deepEqual([spectra.darkFor(light), spectra.darkObstacle(light)], [good, undefined]);
  assert.equal(spectra.darkObstacle(spectrum("light", 200)), undefined, "no dark at all");
});

test("a light like its dark: no dark before it serves any light", () => {
  const spectra = new NewestSpectra();
  for (const us of [100, 200]) spectra.add(spectrum("dark", us, 1));
  spectra.add({ ...spectrum("light", 100, 2), flags: ["shutter_doubtful"] });
  const why = "a light since then was nearly as dark (shutter_doubtful)";
  for (const us of [100, 200]) {
    const light = spectrum("light", us, 3);
    assert.equal(spectra.darkFor(light), undefined);
    assert.equal(spectra.darkObstacle(light), `the dark of ${us} us is not usable: ${why}`);
  }
  const dark = spectra.add(spectrum("dark", 100, 4));
  assert.equal(spectra.darkFor(spectrum("light", 100, 5)), dark);
});
