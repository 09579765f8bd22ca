import assert from "node:assert/strict";
import { test } from "node:test";
import { wordsQuery } from "../../../src/datadir/catalogue/words.ts";

test("a text with a NUL is refused, which would end it within SQLite", () => {
  assert.throws(() => wordsQuery("snow\0moor"), { code: "VALUE_INVALID", message: "text: holds a NUL" });
});
