// Which error ends vscope with which code, and that the manual says the same.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CommanderError } from "commander";
import { VscopeError } from "../../../src/base/errors.ts";
import { replyError, serverUnreachable } from "../../../src/client/reply-error.ts";
import {
  EXIT,
  EXIT_TEXTS,
  exitCodeOf,
  interrupted,
  usageError,
} from "../../../src/interfaces/cli/exit-codes.ts";

const ENDINGS = [
  ["a failed operation", new VscopeError("DEVICE_FAULT", "x", { details: { operation: "1" } }), 1],
  ["a cancelled operation", new VscopeError("OPERATION_CANCELLED", "x", { details: { operation: "1" } }), 1],
  ["a local file that cannot be read", new VscopeError("DATADIR_IO", "x"), 1],
  ["a fault of vscope", new TypeError("x"), 1],
  ["a wrong option", usageError("x"), 2],
  ["commander's own complaint", new CommanderError(1, "commander.unknownOption", "x"), 2],
  ["help", new CommanderError(0, "commander.help", "x"), 0],
  ["no answer", serverUnreachable("x"), 3],
  ["an answer 4.04", replyError("4.04", "x"), 4],
  ["an answer 4.09", replyError("4.09", "x"), 4],
  ["an answer 5.00", replyError("5.00", "x"), 5],
  ["an answer 5.04", replyError("5.04", "x"), 5],
  ["an answer that makes no sense", new VscopeError("DEVICE_PROTOCOL", "x"), 5],
  ["Ctrl-C", interrupted(), 130],
] as const;

for (const [what, error, code] of ENDINGS) {
  test(`${what} ends with ${code}`, () => assert.equal(exitCodeOf(error), code));
}

test("the manual has the table of exit codes", async () => {
  const manual = await readFile(new URL("../../../../docs/how-to/use-vscope.md", import.meta.url), "utf8");
  const written = [...manual.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code, text]) => [
    Number(code),
    text,
  ]);
  const known = Object.entries(EXIT).map(([name, code]) => [
    code,
    Object.entries(EXIT_TEXTS).find(([key]) => key === name)?.[1],
  ]);
  assert.deepEqual(written, known);
});

test("every command line of the manual is one that vscope takes", async () => {
  const manual = await readFile(new URL("../../../../docs/how-to/use-vscope.md", import.meta.url), "utf8");
  const names = [...manual.matchAll(/^ {4}vscope (\w+)/gm)].map(([, name]) => name);
  const commands = [
    "abort",
    "auto",
    "dark",
    "doctor",
    "download",
    "find",
    "get",
    "list",
    "observe",
    "put",
    "record",
    "reindex",
    "runs",
    "show",
  ];
  assert.deepEqual(
    [...new Set(names)].sort((a = "", b = "") => a.localeCompare(b)),
    commands,
  );
});
