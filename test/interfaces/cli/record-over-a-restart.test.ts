// vscope record while the server is restarted: it follows the operation that goes on.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { until } from "../../../src/base/cell.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { Server } from "../../../src/server.ts";
import { emulatedConfig } from "../../support/instrument.ts";
import { vscope } from "./spawn-vscope.ts";

/** A server on a data directory; `port` is a free one unless given. */
async function started(
  folder: string,
  port = 0,
  interruptedBatch: "resume" | "close" = "resume",
): Promise<Server> {
  const emulated = emulatedConfig(folder, { interruptedBatch });
  const coap = { ...emulated.coap, enabled: true, address: ["127.0.0.1"], port };
  const config = { ...emulated, coap };
  return Server.start({ config, clock: new SystemClock(), log: SILENT, version: "test" }, NEVER);
}

async function restarted(context: TestContext, interruptedBatch: "resume" | "close") {
  const folder = await mkdtemp(join(tmpdir(), "vscope-restart-"));
  context.after(() => rm(folder, { recursive: true }));
  const first = await started(folder);
  const { port = 0 } = first;
  const followed = vscope(["record", "-r", "season", "-n", "4"], { url: `coap://127.0.0.1:${port}` });
  await until(first.model.recorder.status, ({ sequence }) => sequence === 2, NEVER);
  await first.close();
  const second = await started(folder, port, interruptedBatch);
  context.after(() => second.close());
  return { url: `coap://127.0.0.1:${port}`, ...(await followed) };
}

test("a recording that is taken up again is followed to its end", async (context) => {
  const { code, out, errors, url } = await restarted(context, "resume");
  const said =
    /vscope: the server was restarted \(server-stopped\), \d of 4 sequences are recorded; operation 1 goes on/;
  assert.match(errors, said);
  assert.match(out, /^record: done, /);
  assert.equal(code, 0);
  const runs = await vscope(["runs", "season"], { url });
  assert.match(
    runs.out,
    /Z: batch 0 was interrupted \(server-stopped\) after \d of 4 sequences: goes on as batch 1\n/,
  );
  assert.match(runs.out, /Z: batch 1 goes on with batch 0, 4 of 4 sequences in all: done\n$/);
});

test("one that is closed fails, with the reason", async (context) => {
  const { code, errors } = await restarted(context, "close");
  assert.match(
    errors,
    /its batch is closed, \d of 4 sequences are recorded: acquisition.interrupted_batch = close/,
  );
  assert.notEqual(code, 0);
});
