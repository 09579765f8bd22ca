// What the log does when its file cannot be written any more.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { openLog } from "../../src/base/log.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vscope-log-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a line that a full disk does not take ends nothing", () => {
  const { log } = openLog({ level: "info", file: "/dev/full" });
  for (let line = 0; line < 3; line++) log.info({ line }, "shutter opened");
});

test("a file that cannot be opened again ends nothing, and the one of before says so", async () => {
  const inner = join(folder, "log");
  await mkdir(inner);
  const { log, reopen } = openLog({ level: "info", file: join(inner, "vscope.log") });
  await rename(inner, join(folder, "moved"));
  await writeFile(inner, "in the way");
  reopen();
  log.info({}, "still here");
  const text = await readFile(join(folder, "moved", "vscope.log"), "utf8");
  assert.match(text, /log cannot be reopened.*\n.*still here/);
});
