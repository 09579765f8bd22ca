// Times of spectra before and after the clock was set do not fit together: whoever reads the run finds out why.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { Server } from "../../src/server.ts";
import { SettableClock } from "../scheduler/bench.ts";
import { emulatedConfig } from "../support/instrument.ts";

test("a client's batch, with no job at all: the clock is set while it records", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  const virtual = new VirtualClock();
  const clock = new SettableClock(virtual);
  const options = { config: emulatedConfig(folder), clock, log: SILENT, version: "test" };
  const server = await virtual.run(Server.start(options, NEVER));
  context.after(async () => {
    await virtual.run(server.close());
    await rm(folder, { recursive: true });
  });
  const operation = server.model.recorder.record({ run: "moss", sequences: 3, delayS: 60 });
  await virtual.advance(30 * SECOND);
  clock.offsetUs += 3600 * SECOND;
  await virtual.advance(30 * SECOND);
  await virtual.run(operation.finished);
  const [event = "", ...more] = (await readFile(join(folder, "moss", "events.jsonl"), "utf8"))
    .trim()
    .split("\n");
  assert.match(event, /^{"utc":"2026-[^"]+","event":"clock-set","byS":3600,"batch":0}$/);
  assert.deepEqual(more, []);
});
