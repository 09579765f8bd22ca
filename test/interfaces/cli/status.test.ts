// vscope status: what is missing, faulty, due and running is told, with since when.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { Cell } from "../../../src/base/cell.ts";
import { FakeServer } from "../../client/fake-server.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { vscope } from "./spawn-vscope.ts";

let fake: FakeServer;
let server: CoapInstrument;

before(async () => {
  fake = await FakeServer.start();
  const configuration =
    "[channels]\n[[shutter_1]]\ndirection = downwelling\n[spectrometers]\n[[QEP00709]]\n[[QEP00711]]\n";
  server = await CoapInstrument.start({ configuration });
});

after(async () => {
  await fake.close();
  await server.close();
});

test("an unplugged spectrometer stays on the screen with since when, a configured one that never came as missing", async () => {
  const url = `coap://127.0.0.1:${server.port}`;
  const { rack } = server.server.model;
  assert.equal((await server.put("/emulator/FLMS01859/plugged", false)).code, "2.04");
  const away = rack.spectrometer("FLMS01859");
  while (away.status.value.state !== "disconnected")
    await new Promise((resolve) => away.status.subscribe(resolve));
  const { code, out, errors } = await vscope(["status"], { url });
  assert.equal(code, 0, errors);
  assert.match(
    out,
    /^server +\S+, version \S+, up \d+ s, SIMULATED\nrecording +nothing\nnext +nothing is scheduled\n/,
  );
  assert.match(
    out,
    /\ndisk +\d.* free of .*, run spectra\nclock +20.* UTC, whether it is synchronised is unknown\n/,
  );
  assert.match(
    out,
    /\nFLMS01859 +Flame-S +DISCONNECTED +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d +USB .*: unplugged\n/,
  );
  assert.match(out, /\nQEP00709 +QE Pro +idle +20/);
  assert.match(out, /\nQEP00711 +- +MISSING +- +configured, not seen since the start\n/);
});

test("a box that records: progress, estimate, next run, darks, problems, and who recorded before the restart", async () => {
  for (const [path, value] of Object.entries({
    "acquisition/status": { phase: "light", operation: "7", run: "plot10", sequence: 2, of: 60 },
    "acquisition/operations/7": {
      id: "7",
      kind: "record",
      state: "running",
      progress: { done: 5, of: 180 },
      estimate: { remainingS: 840, endsUtc: "2026-06-21T12:14:00.000000Z" },
    },
    sysinfo: {
      version: "1.2.3",
      host: "fieldbox",
      clock: "2026-06-21T12:00:00.000000+00:00",
      clockState: { isSynchronised: false, source: "chrony", errorUs: 12_300 },
      uptime: { serverS: 7200 },
    },
    spectrometers: {
      spectrometers: [
        {
          serial: "A1",
          model: "Flame-S",
          state: "faulty",
          reason: "answers nothing",
          since: "2026-06-21T11:00:00Z",
        },
      ],
      problems: [{ portPath: "1-1", model: "QE Pro", message: "no permission" }],
    },
    quality: {
      newest: [
        {
          serial: "A1",
          channel: "up",
          kind: "light",
          exposureStart: "2026-06-21T10:59:00Z",
          colour: "red",
          flags: ["saturated"],
        },
        // Another dark than a usable one is shown as well.
        ...["green", "red"].map((colour) => ({
          serial: "A1",
          channel: "up",
          kind: "dark",
          exposureStart: "2026-06-21T10:58:00Z",
          colour,
          flags: [],
        })),
      ],
    },
    datadir: {
      path: "/data",
      mounted: true,
      freeBytes: 5e6,
      totalBytes: 1e9,
      reserveBytes: 6e7,
      run: "plot10",
    },
    "datadir/spectra": {
      spectra: [
        { serial: "A1", channel: "up", exposureStart: "2026-06-21T10:58:00Z" },
        { serial: "B2", channel: "up", exposureStart: "2026-06-21T09:30:00Z" },
        { serial: "B2", channel: "up", exposureStart: "2026-06-21T09:20:00Z" },
      ],
    },
    scheduler: { problems: ["the clock is not set"], isQuiet: true },
    "scheduler/jobs": [
      { id: 1, state: "suspended", action: { do: "dark" }, start: "2026-06-21T00:00:00Z" },
      {
        id: 2,
        state: "active",
        action: { do: "record", settings: { run: "p" } },
        start: "2026-06-21T00:00:00Z",
        next: "2026-06-21T12:10:00Z",
      },
    ],
  }))
    fake.values.set(path, new Cell<unknown>(value));
  const { code, out, errors } = await vscope(["status"], { url: fake.url });
  assert.equal(code, 0, errors);
  assert.equal(
    out,
    `server     fieldbox, version 1.2.3, up 2 h 0 min
recording  record into plot10, light, sequence 3 of 60, step 5 of 180, 14 min left, until 2026-06-21 12:14:00
next       QUIET TIME now; 2026-06-21 12:10:00, job 2: record run=p
disk       FULL: 5.0 MB free of 1.0 GB, /data, run plot10
clock      2026-06-21 12:00:00 UTC, NOT SYNCHRONISED within 12.3 ms (chrony)
problem    QE Pro: no permission
problem    scheduler: the clock is not set

spectrometer  model    state    since (UTC)
A1            Flame-S  FAULTY   2026-06-21 11:00:00  answers nothing
B2            -        MISSING  2026-06-21 09:30:00  not seen since the start

     newest of  channel  kind   start (UTC)          dark age  flags
red    A1         up       light  2026-06-21 10:59:00  62 min    saturated
red    A1         up       dark   2026-06-21 10:58:00  62 min
`.replace("\n     newest", "\n       newest"),
  );
});

test("a paused recording that goes on with an interrupted one: until when, and the sequences of both", async () => {
  const where = { run: "plot10", sequence: 1, of: 6, inAll: { sequence: 5, of: 10 } };
  const pauseEndsUtc = "2026-06-21T13:00:00.000000Z";
  const operation = {
    id: "7",
    kind: "record",
    state: "running",
    progress: { done: 3, of: 20 },
    paused: true,
  };
  const status = { phase: "paused", operation: "7", ...where, pauseEndsUtc };
  fake.values.set("acquisition/status", new Cell<unknown>(status));
  fake.values.set("acquisition/operations/7", new Cell<unknown>(operation));
  const { out, errors } = await vscope(["status"], { url: fake.url });
  const shown =
    "record into plot10, PAUSED until 2026-06-21 13:00:00 at the latest, sequence 6 of 10, step 3 of 20";
  assert.ok(out.includes(`recording  ${shown}\n`), `${out}${errors}`);
});

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
  assert.match(out, /\nproblem +scheduler: /, errors);
  assert.match(out, reason);
  const { isLasting, problems } = JSON.parse((await vscope(["get", "/scheduler", "--json"], { url })).out);
  assert.equal(isLasting, false);
  assert.match(problems[0], reason);
});
