// vscope reindex on this machine changes the catalogue and nothing else.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { runVscope } from "../../../src/interfaces/cli/program.ts";
import { FakeTerminal } from "./fake-terminal.ts";

test("a run that was removed long ago stays in the trash, since its server may keep it for ever", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  t.after(() => rm(folder, { recursive: true }));
  const removed = join(folder, ".trash", "plot10-20200101T000000Z");
  await mkdir(removed, { recursive: true });
  await writeFile(join(removed, "b000000_s000000_light.pico"), "{}");
  const terminal = new FakeTerminal();
  const code = await runVscope(["reindex", folder], { terminal, clock: new SystemClock(), signal: NEVER });
  assert.equal(code, 0, terminal.errors);
  assert.deepEqual(await readdir(removed), ["b000000_s000000_light.pico"]);
});
