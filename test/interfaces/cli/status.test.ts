// What somebody should see to is told by `status`, and by the resource.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { vscope } from "./spawn-vscope.ts";

test("a schedule that does not last is told with its reason", async (context) => {
  const state = await mkdtemp(join(tmpdir(), "vscope-"));
  const other = new Database(join(state, "scheduler.sqlite"));
  other.exec("CREATE TABLE other (a); BEGIN EXCLUSIVE");
  const server = await CoapInstrument.start({ security: { state } });
  context.after(async () => {
    await server.close();
    other.close();
    await rm(state, { recursive: true });
  });
  const url = `coap://127.0.0.1:${server.port}`;
  const reason = /scheduler\.sqlite: database is locked, jobs and history are kept in memory/;
  const { out, errors } = await vscope(["status"], { url });
  assert.match(out, /\nscheduler problem: /, errors);
  assert.match(out, reason);
  const { isLasting, problems } = JSON.parse((await vscope(["get", "/scheduler", "--json"], { url })).out);
  assert.equal(isLasting, false);
  assert.match(problems[0], reason);
});
