import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { sourceRoot } from "../support/sources.ts";
import { FLAGS, flagMask } from "../../src/spectra/flags.ts";

const COLOURS = { note: "green", warning: "amber", unusable: "red" } as const;

test("the glossary explains every flag in the words of the table, and no other", async () => {
  const text = await readFile(new URL("docs/glossary.md", sourceRoot), "utf8");
  const section = text.slice(text.indexOf("## Quality flags"), text.indexOf("## Protocol"));
  const rows = [...section.matchAll(/^\| `(\w+)` \| (\d+) \| (\w+) \| (.*?) \|/gm)].map((row) =>
    row.slice(1),
  );
  const expected = Object.entries(FLAGS).map(([name, { severity, meaning }]) => [
    name,
    String(flagMask([name])),
    COLOURS[severity],
    meaning,
  ]);
  assert.deepEqual(rows, expected);
});
