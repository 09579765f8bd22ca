import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scanValue } from "../../src/config/ini-value.ts";

const CASES: readonly (readonly [string, string | readonly string[]])[] = [
  ["5683", "5683"],
  ["  5683  # the port", "5683"],
  ["5683#the port", "5683"],
  ["5683 ; the port", "5683"],
  ["a;b", "a;b"],
  ["", ""],
  ["# nothing", ""],
  ['"a # b, c" # comment', "a # b, c"],
  ["'it is \"so\"'", 'it is "so"'],
  ["it's", "it's"],
  ["1, 2,3", ["1", "2", "3"]],
  ["1,", ["1"]],
  ["\"a, b\", 'c', d e # f", ["a, b", "c", "d e"]],
  ['""', ""],
  ["float(default=None)", "float(default=None)"],
  ["::", "::"],
];

for (const [text, value] of CASES) {
  test(`value ${JSON.stringify(text)}`, () => assert.deepEqual(scanValue(text), { value }));
}

for (const text of ['"open', '"a" b', "'a' 'b'", '"""a"""', '1, "b']) {
  test(`fault in ${text}`, () => assert.ok("fault" in scanValue(text)));
}

test("quoted items come back as they are, whatever they hold", () => {
  const item = fc.string().filter((text) => !/["\n\r]/.test(text));
  fc.assert(
    fc.property(fc.array(item, { minLength: 2 }), (items) => {
      assert.deepEqual(scanValue(items.map((text) => `"${text}"`).join(", ")), { value: items });
    }),
  );
});
