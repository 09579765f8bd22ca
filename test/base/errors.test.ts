import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { asVscopeError, ERRORS, isVscopeError, systemCodeOf, VscopeError } from "../../src/base/errors.ts";
import { sourceFiles, sourceRoot } from "../support/sources.ts";

test("docs/errors.md and the table of codes are identical", () => {
  const document = readFileSync(new URL("docs/errors.md", sourceRoot), "utf8");
  const rows = document.split("\n").filter((line) => line.startsWith("| `"));
  const documented = rows.map((line) => line.split("|").map((cell) => cell.trim()));
  const expected = Object.entries(ERRORS).map(([code, { group, coap, http, again, when }]) => [
    "",
    `\`${code}\``,
    group,
    coap,
    String(http),
    again ? "yes" : "no",
    when,
    "",
  ]);
  assert.deepEqual(documented, expected);
});

test("every code is thrown somewhere", () => {
  const text = sourceFiles("src")
    .filter(({ path }) => path !== "src/base/errors.ts")
    .map(({ text: source }) => source)
    .join("\n");
  const unused = Object.keys(ERRORS).filter((code) => !text.includes(`"${code}"`));
  assert.deepEqual(unused, []);
});

test("a foreign error becomes INTERNAL and keeps its cause", () => {
  const cause = new TypeError("x is undefined");
  const error = asVscopeError(cause);
  assert.equal(error.code, "INTERNAL");
  assert.equal(error.cause, cause);
  const own = new VscopeError("DEVICE_BUSY", "busy");
  assert.equal(asVscopeError(own), own);
  assert.equal(isVscopeError(own, "DEVICE_TIMEOUT"), false);
  assert.equal(isVscopeError(own, "DEVICE_TIMEOUT", "DEVICE_BUSY"), true);
});

test("systemCodeOf reads the code of a system error", () => {
  try {
    readFileSync("/does/not/exist");
    assert.fail("the file exists");
  } catch (error) {
    assert.equal(systemCodeOf(error), "ENOENT");
  }
  assert.equal(systemCodeOf(new Error("plain")), undefined);
});
