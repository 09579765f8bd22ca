// Columns and values as people read them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesText } from "../../../src/base/bytes-text.ts";
import { clipped, renderTable } from "../../../src/interfaces/cli/table.ts";
import { inlineText, printable, scalarText, valueText } from "../../../src/interfaces/cli/value-text.ts";

test("columns are aligned, without spaces at the ends of lines", () => {
  const text = renderTable(
    [{ heading: "run" }, { heading: "files", align: "right" }, { heading: "note" }],
    [
      ["plot10", "7", "ok"],
      ["é", "1200"],
    ],
  );
  assert.equal(text, "run     files  note\nplot10      7  ok\né        1200\n");
});

test("a table has as many rows as a season has files", () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => [String(index)]);
  const text = renderTable([{ heading: "n", align: "right" }], rows);
  assert.ok(text.startsWith("     n\n     0\n"));
  assert.ok(text.endsWith("199998\n199999\n"));
});

test("a table without headings has no line for them", () => {
  assert.equal(renderTable([{ heading: "" }, { heading: "" }], [["a", "1"]]), "a  1\n");
  assert.equal(renderTable([{ heading: "" }], []), "");
});

test("lines are cut to the width of a terminal", () => {
  assert.equal(clipped("short\n\u00e9 longer line\n", 8), "short\n\u00e9 longe\u2026\n");
  assert.equal(clipped("any length", Number.POSITIVE_INFINITY), "any length");
});

test("scalars carry their unit", () => {
  assert.equal(scalarText(250_000, "us"), "250000 us");
  assert.equal(scalarText(-10, "Cel"), "-10 °C");
  assert.equal(scalarText("open", "us"), "open");
  assert.equal(scalarText(null), "-");
  assert.equal(scalarText([1]), undefined);
});

test("an object is one member a line, nested ones by dotted names", () => {
  const text = valueText({ state: "running", progress: { done: 1, of: 10 }, empty: [] });
  assert.equal(text, "state          running\nprogress.done  1\nprogress.of    10\nempty          none\n");
});

test("an object's lists of objects follow as tables, and its unit is not theirs", () => {
  const value = { total: 2, runs: [{ name: "a" }, { name: "b" }], broken: [] };
  assert.equal(valueText(value, "us"), "total   2\nbroken  none\n\nruns:\nname\na\nb\n");
});

test("an object in one line is its members", () => {
  assert.equal(
    inlineText({ phase: "light", of: 5, last: null, at: { x: 1 } }),
    'phase=light of=5 last=- at={"x":1}',
  );
});

test("a list of objects is a table with numbers to the right", () => {
  const text = valueText([
    { name: "a", files: 1 },
    { name: "plot", files: 12, note: "x" },
  ]);
  assert.equal(text, "name  files  note\na         1\nplot     12  x\n");
});

test("a long list is shown by its ends, a short one whole", () => {
  assert.equal(valueText([1, 2, 3], "nm"), "1, 2, 3 nm");
  assert.equal(valueText(Array.from({ length: 2048 }, (_, i) => i)), "0, 1, 2 .. 2047 (2048 values)");
});

test("a text of several lines stays as it is", () => {
  assert.equal(valueText("[a]\nb = 1\n"), "[a]\nb = 1\n");
});

test("nothing that a server says can move the cursor", () => {
  assert.equal(printable("a\u001b[2Jb\u009b\n"), "a?[2Jb??");
  assert.equal(inlineText({ "\u001b": ["\u001b"] }), '?=["\\u001b"]');
  assert.equal(valueText({ "\u001b[1m": 1 }), "?[1m  1\n");
});

for (const [bytes, text] of [
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [61_234, "61.2 kB"],
  [3e9, "3.0 GB"],
  [5e15, "5000.0 TB"],
] as const) {
  test(`${bytes} bytes are ${text}`, () => assert.equal(bytesText(bytes), text));
}
