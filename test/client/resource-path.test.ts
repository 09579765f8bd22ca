// Paths as people write them, to the options of a request.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pathText, targetOf } from "../../src/client/resource-path.ts";

const PATHS = [
  ["/", [], []],
  ["/shutters/upwelling", ["shutters", "upwelling"], []],
  ["shutters/upwelling/", ["shutters", "upwelling"], []],
  ["/datadir/runs?limit=5&match=a%26b", ["datadir", "runs"], ["limit=5", "match=a&b"]],
  ["/datadir/runs/plot%2010", ["datadir", "runs", "plot 10"], []],
  ["/datadir/runs/a%2Fb", ["datadir", "runs", "a/b"], []],
  ["/x?a?b", ["x"], ["a?b"]],
] as const;

for (const [text, path, query] of PATHS) {
  test(`${text} has ${path.length} segments and ${query.length} queries`, () => {
    assert.deepEqual(targetOf(text), { path, query });
  });
}

test("segments are taken as they are, and come back from their text", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, unit: "grapheme" })), (segments) => {
      assert.deepEqual(targetOf(segments), { path: segments, query: [] });
      assert.deepEqual(targetOf(pathText(segments)), { path: segments, query: [] });
    }),
  );
});

test("a broken escape is named", () => {
  assert.throws(() => targetOf("/datadir/runs/100%"), {
    code: "VALUE_INVALID",
    message: 'path "/datadir/runs/100%": "100%" has a broken % escape',
  });
});
