import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isVscopeError } from "../../src/base/errors.ts";
import { isRunFolderName, isSegment, validRunName } from "../../src/datadir/run-name.ts";

const GOOD = [
  "spectra",
  "plot10",
  "Plot 10-b_2",
  "2026.11.20",
  "Wiese Süd",
  "草原",
  "a",
  "ä".repeat(64),
  "x".repeat(64),
];

const BAD = [
  "",
  ".",
  "..",
  "../x",
  "/x",
  "a/b",
  "a\\b",
  ".hidden",
  " lead",
  "trail ",
  "trail.",
  "a\0b",
  "a\nb",
  "a\u200bb",
  "x".repeat(65),
  "x".repeat(300),
  "草".repeat(67),
  "c:x",
  'q"q',
  "a*b",
  "plot.part",
  "my.pico",
  "my.PICO",
  "lost+found",
  "System Volume Information",
];

for (const name of GOOD)
  test(`"${name.slice(0, 20)}" is a run name`, () => assert.equal(validRunName(name), name));

for (const name of BAD) {
  test(`${JSON.stringify(name.slice(0, 20))} (${name.length}) is refused with the rule`, () => {
    assert.throws(
      () => validRunName(name),
      (error) =>
        isVscopeError(error, "VALUE_INVALID") &&
        /1 to 64 letters/.test(error.message) &&
        error.message.length < 400,
    );
  });
}

test("names are stored in normal form C", () => assert.equal(validRunName("a\u0308"), "ä"));

test("whatever passes stays one visible segment of at most 200 bytes", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.string({ unit: fc.constantFrom("a", "b", ".", " ", "/", "\\", "-", "_", "ä", "草") }),
      ),
      (text) => {
        let name: string;
        try {
          name = validRunName(text);
        } catch {
          return;
        }
        assert.ok(isSegment(name) && isRunFolderName(name) && !/[\\:*?"<>|]/.test(name));
        assert.ok(Buffer.byteLength(name) <= 200);
        assert.equal(validRunName(name), name);
      },
    ),
    { numRuns: 1000 },
  );
});
