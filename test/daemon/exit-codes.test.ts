import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { VscopeError } from "../../src/base/errors.ts";
import { EXIT_CODES, exitCodeOf } from "../../src/daemon/exit-codes.ts";

test("errors that end the process have their codes", () => {
  assert.equal(exitCodeOf(new VscopeError("CONFIG_INVALID", "x")), 2);
  assert.equal(exitCodeOf(new VscopeError("SERVER_CONFLICT", "x")), 3);
  assert.equal(exitCodeOf(new VscopeError("DEVICE_PERMISSION", "x")), 4);
  assert.equal(exitCodeOf(new VscopeError("DATADIR_NOT_MOUNTED", "x")), 5);
  assert.equal(exitCodeOf(new VscopeError("INTERNAL", "x")), 1);
  assert.equal(exitCodeOf(new Error("x")), 1);
  assert.equal(exitCodeOf("x"), 1);
});

test("the table in the documentation is the table in the source", async () => {
  const page = await readFile("docs/how-to/run-as-a-service.md", "utf8");
  const rows = [...page.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code, when]) => ({
    code: Number(code),
    when,
  }));
  assert.deepEqual(
    rows,
    Object.values(EXIT_CODES).map(({ code, when }) => ({ code, when })),
  );
});
