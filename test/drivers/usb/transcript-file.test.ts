import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Log, SILENT } from "../../../src/base/log.ts";
import { openTranscriptFile } from "../../../src/drivers/usb/transcript-file.ts";

async function inFolder(task: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-transcript-"));
  try {
    await task(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("appends lines", () =>
  inFolder(async (folder) => {
    const path = join(folder, "usb.log");
    for (const line of ["one", "two"]) {
      const file = openTranscriptFile({ path, log: SILENT });
      file.sink(line);
      await file.close();
      file.sink("too late");
      await file.close();
    }
    assert.equal(await readFile(path, "utf8"), "one\ntwo\n");
  }));

test("a disk that is too slow costs lines, and the file tells how many", () =>
  inFolder(async (folder) => {
    const path = join(folder, "usb.log");
    const file = openTranscriptFile({ path, log: SILENT, queueBytes: 10 });
    for (let line = 0; line < 5; line++) file.sink(`line ${line}`);
    await file.close();
    assert.equal(await readFile(path, "utf8"), "line 0\nline 1\n# 3 lines are lost: the disk is too slow\n");
  }));

test("ends at its limit", () =>
  inFolder(async (folder) => {
    const path = join(folder, "usb.log");
    const file = openTranscriptFile({ path, log: SILENT, fileBytes: 20 });
    for (let line = 0; line < 9; line++) file.sink(`line ${line}`);
    await file.close();
    assert.equal(await readFile(path, "utf8"), "line 0\nline 1\nline 2\n# the end: 20 bytes are the limit\n");
  }));

test("a file that cannot be written is logged once", () =>
  inFolder(async (folder) => {
    const messages: string[] = [];
    const log: Log = { ...SILENT, error: (_, message) => messages.push(message) };
    const file = openTranscriptFile({ path: join(folder, "absent", "usb.log"), log });
    file.sink("one");
    await file.close();
    file.sink("two");
    assert.deepEqual(messages, ["USB transcript: the file cannot be written"]);
  }));
