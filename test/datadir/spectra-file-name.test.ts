import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isSpectraFile,
  parseSpectraFileName,
  sortNewestFirst,
  spectraFileName,
} from "../../src/datadir/spectra-file-name.ts";

test("names are piccolo3's, also beyond six digits", () => {
  const light = { batch: 3, sequence: 12, kind: "light" } as const;
  assert.equal(spectraFileName(light), "b000003_s000012_light.pico");
  assert.deepEqual(parseSpectraFileName("b000003_s000012_light.pico"), light);
  const large = { batch: 1_234_567, sequence: 0, kind: "dark" } as const;
  assert.equal(spectraFileName(large), "b1234567_s000000_dark.pico");
  assert.deepEqual(parseSpectraFileName(spectraFileName(large)), large);
});

test("other names have no parts", () => {
  for (const name of [
    "b3_s12_light.pico",
    "b000003_s000012_white.pico",
    "bxxxxxx_s000001_dark.pico",
    "a.pico",
  ]) {
    assert.equal(parseSpectraFileName(name), undefined, name);
  }
});

test("parts, hidden files and other types are no spectra files", () => {
  for (const name of [
    "b000003_s000012_light.pico.part",
    ".x.pico",
    ".pico",
    "x.txt",
    "",
    "a/b.pico",
    "a\0.pico",
    "a\n.pico",
    "a.pico\r",
    "a\r.pico",
  ]) {
    assert.equal(isSpectraFile(name), false, name);
  }
  assert.equal(isSpectraFile("by hand.pico"), true);
});

test("newest first is by number, not by text", () => {
  const names = [
    "b1000000_s000000_light.pico",
    "b999999_s000001_light.pico",
    "b999999_s000001_dark.pico",
    "b999999_s000000_light.pico",
    "z.pico",
    "a.pico",
  ];
  assert.deepEqual(sortNewestFirst([...names].reverse()), names);
});
