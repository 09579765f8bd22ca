// Which error ends vscope with which code, and that the manual says the same.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { CommanderError } from "commander";
import { VscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { replyError, serverUnreachable } from "../../../src/client/reply-error.ts";
import {
  EXIT,
  EXIT_TEXTS,
  exitCodeOf,
  interrupted,
  usageError,
} from "../../../src/interfaces/cli/exit-codes.ts";
import { runVscope } from "../../../src/interfaces/cli/program.ts";
import { FakeTerminal } from "./fake-terminal.ts";

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
    "archive",
    "auto",
    "calibrate",
    "dark",
    "digest",
    "doctor",
    "download",
    "export",
    "find",
    "get",
    "list",
    "observe",
    "pause",
    "plan",
    "process",
    "put",
    "record",
    "reindex",
    "remove",
    "resume",
    "runs",
    "schedule",
    "servers",
    "show",
    "status",
    "sync",
    "verify",
    "white",
  ];
  assert.deepEqual(
    [...new Set(names)].sort((a = "", b = "") => a.localeCompare(b)),
    commands,
  );
});

const ROOT = new URL("../../../../", import.meta.url);
const PREFIX = /^(?: {4})?(?:npx |sudo )?vscope +/;

/** The command lines of vscope in a manual: what is indented, or stands in a fence, and begins with it. */
function commandLines(manual: string): readonly string[] {
  let isFenced = false;
  return manual.split("\n").filter((line) => {
    if (line.startsWith("```")) isFenced = !isFenced;
    return (isFenced || line.startsWith("    ")) && PREFIX.test(line) && !line.includes("NOPASSWD");
  });
}

/** The first word that is neither a global option nor the value of one. */
function commandOf(line: string): string | undefined {
  const words = line.replace(PREFIX, "").split(/ +/);
  while (words[0]?.startsWith("--") === true) words.splice(0, words[0] === "--json" ? 1 : 2);
  return words[0];
}

test("every command line of every manual has a command that vscope knows", async () => {
  const terminal = new FakeTerminal();
  const world = { terminal, clock: new VirtualClock(), signal: new AbortController().signal };
  assert.equal(await runVscope(["--help"], world), EXIT.ok);
  const known = new Set([...terminal.output.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name));
  const manuals = ["README.md"];
  for (const folder of ["docs/", "docs/how-to/"])
    for (const name of await readdir(new URL(folder, ROOT)))
      if (name.endsWith(".md")) manuals.push(folder + name);
  let count = 0;
  for (const name of manuals) {
    const lines = commandLines(await readFile(new URL(name, ROOT), "utf8"));
    for (const line of lines) assert.ok(known.has(commandOf(line)), `${name}: ${line}`);
    count += lines.length;
  }
  assert.ok(count > 50, `${count} lines`);
});
