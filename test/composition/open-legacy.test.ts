// A data directory that a Piccolo has used before.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { logTo } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { Server } from "../../src/server.ts";
import { emulatedConfig } from "../support/instrument.ts";

test("the log says that the jobs of a Piccolo are not carried out, until they are imported", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  t.after(() => rm(folder, { recursive: true }));
  const config = emulatedConfig(folder);
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = logTo({ write: (line) => void lines.push(line) });
  const hints = async (job?: string): Promise<number> => {
    const server = await clock.run(Server.start({ config, clock, log, version: "test" }, NEVER));
    const action = { do: "dark" } as const;
    const intervalUs = 86_400e6;
    if (job !== undefined) server.model.scheduler.add({ name: job, action, startUtcUs: 4e15, intervalUs });
    await clock.run(server.close());
    return lines.splice(0).filter((line) => line.includes("jobs of a Piccolo")).length;
  };
  assert.equal(await hints(), 0);
  await mkdir(config.datadir.datadir, { recursive: true });
  await writeFile(join(config.datadir.datadir, "scheduler.sqlite"), "");
  assert.equal(await hints("piccolo3/7"), 1);
  assert.equal(await hints(), 0);
});
