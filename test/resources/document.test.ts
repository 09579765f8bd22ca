import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { newStats } from "../../src/coap/engine/limits.ts";
import { resourcesDocument } from "../../src/resources/document.ts";
import { TREE } from "../../src/resources/tree.ts";
import { sourceRoot } from "../support/sources.ts";

test("docs/resources.md is what the declarations say (npm run docs prints it)", () => {
  assert.equal(readFileSync(new URL("docs/resources.md", sourceRoot), "utf8"), resourcesDocument(TREE));
});

test("every counter of /stats has its unit and its meaning in the document", () => {
  const section = resourcesDocument(TREE).split("\n## `/stats`\n")[1] ?? "";
  for (const name of Object.keys(newStats())) {
    assert.match(section, new RegExp(`^\\| \`${name}\` \\| [a-z]+ \\| [a-z].{6,} \\|$`, "m"), name);
  }
});

test("paths of piccolo3 stay free for its adapter", () => {
  for (const { path } of TREE) {
    assert.doesNotMatch(path, /^\/(spectrometer|shutter|data_dir|control)(\/|$)/);
  }
});

test("paths are nouns in kebab-case with placeholders", () => {
  for (const { path } of TREE) assert.match(path, /^(\/([a-z]+(-[a-z]+)*|\{[a-z]+\}))+$/, path);
});
