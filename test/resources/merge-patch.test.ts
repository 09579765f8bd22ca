import assert from "node:assert/strict";
import { test } from "node:test";
import { isVscopeError } from "../../src/base/errors.ts";
import { mergePatch } from "../../src/resources/merge-patch.ts";

test("the test cases of RFC 7396, appendix A", () => {
  for (const [target, patch, result] of [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const) {
    const before = JSON.stringify([target, patch]);
    assert.deepEqual(mergePatch(target, patch), result, before);
    assert.equal(JSON.stringify([target, patch]), before);
  }
});

test("a patch that nests without end is refused", () => {
  const patch: unknown = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`);
  assert.throws(
    () => mergePatch({}, patch),
    (error) => isVscopeError(error, "VALUE_INVALID"),
  );
});

test("a member called __proto__ is a member", () => {
  const patch: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
  mergePatch({}, patch);
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});
