import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { resourcesDocument } from "../../src/resources/document.ts";
import { TREE } from "../../src/resources/tree.ts";
import { sourceRoot } from "../support/sources.ts";

test("docs/resources.md is what the declarations say (npm run docs prints it)", () => {
  assert.equal(readFileSync(new URL("docs/resources.md", sourceRoot), "utf8"), resourcesDocument(TREE));
});

test("paths of piccolo3 stay free for its adapter", () => {
  for (const { path } of TREE) {
    assert.doesNotMatch(path, /^\/(spectrometer|shutter|data_dir|control)(\/|$)/);
  }
});

test("paths are nouns in kebab-case with placeholders", () => {
  for (const { path } of TREE) assert.match(path, /^(\/([a-z]+(-[a-z]+)*|\{[a-z]+\}))+$/, path);
});
