import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { sourceRoot } from "../support/sources.ts";
import { FLAGS } from "../../src/spectra/spectrum.ts";

test("the glossary explains every flag in the words of the table, and no other", async () => {
  const text = await readFile(new URL("docs/glossary.md", sourceRoot), "utf8");
  const section = text.slice(text.indexOf("## Quality flags"), text.indexOf("## Protocol"));
  const rows = [...section.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, flag, meaning]) => [flag, meaning]);
  assert.deepEqual(rows, Object.entries(FLAGS));
});
