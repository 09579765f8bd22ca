// SQLite that fails in the middle of a recorded batch, and its thread that dies in the middle of a search: the files are
// safe, recording goes on, and the catalogue has all of them afterwards.

import assert from "node:assert/strict";
import { once } from "node:events";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { SECOND, SystemClock } from "../../../src/base/clock.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE } from "../../../src/datadir/catalogue/catalogue.ts";
import type { DataDirectory } from "../../../src/datadir/data-directory.ts";
import { spectraSet } from "../../spectra/sample.ts";
import { IGNORE, NEVER, openDirectory, temporaryFolder } from "../folder.ts";
import { assertWhole } from "../recorded-batch.ts";

const LIGHTS = 40;

/** A batch of lights; what was acknowledged. */
async function record(directory: DataDirectory, run: string, onFirst = IGNORE): Promise<ReadonlySet<string>> {
  const batch = await directory.startBatch(run);
  const first = await batch.write(spectraSet({ sequence: 0 }));
  onFirst();
  const sequences = Array.from({ length: LIGHTS - 1 }, (_, index) => index + 1);
  const others = await Promise.all(sequences.map((sequence) => batch.write(spectraSet({ sequence }))));
  await directory.notes.addEvent(run, { event: "recorded" });
  await batch.finish();
  return new Set([first, ...others].map(({ file }) => file));
}

interface Fault {
  readonly what: string;
  /** `connection` is the one that rows are written by. Returns how to end it, unless it ends by itself. */
  readonly begin: (connection: Database.Database, file: string) => (() => void) | undefined;
}

const FAULTS: readonly Fault[] = [
  {
    what: "is full",
    begin: (connection) => {
      connection.pragma("max_page_count = 1");
      return () => connection.pragma("max_page_count = 4294967294");
    },
  },
  {
    what: "is locked by another program",
    begin: (_, file) => {
      const other = new Database(file);
      other.exec("BEGIN IMMEDIATE");
      return () => other.close();
    },
  },
  {
    what: "has lost its handle",
    begin: (connection) => {
      connection.close();
      return undefined;
    },
  },
];

interface Watched {
  readonly directory: DataDirectory;
  readonly clock: VirtualClock;
  /** The one that writes the catalogue. */
  readonly connection: Database.Database;
  /** What was logged. */
  readonly errors: string[];
}

async function openWatched(t: TestContext): Promise<Watched> {
  const pragma = t.mock.method(Database.prototype, "pragma");
  const errors: string[] = [];
  const clock = new VirtualClock();
  const log = { ...SILENT, error: (_: object, message: string) => void errors.push(message) };
  const directory = await openDirectory(t, await temporaryFolder(t), { log, clock });
  const connection: unknown = pragma.mock.calls.at(-1)?.this;
  pragma.mock.restore();
  assert.ok(connection instanceof Database);
  return { directory, clock, connection, errors };
}

/** Lets the server look after its catalogue until that has all files of a run; throws after some 20 s. */
async function caughtUp({ directory, clock }: Watched, run: string): Promise<void> {
  for (let look = 0; look < 2000; look++) {
    const found = await directory.shelf.search({ run: [run], limit: 1000 }).catch(() => undefined);
    if (found?.spectra.length === LIGHTS) return;
    await clock.advance(10 * SECOND);
    await new SystemClock().delay(10_000, NEVER);
  }
  assert.fail(`${run} is not found`);
}

for (const { what, begin } of FAULTS) {
  test(`a catalogue that ${what} in the middle of a batch stops no recording, and has all files afterwards`, async (t) => {
    const watched = await openWatched(t);
    const { directory, connection, errors } = watched;
    const before = await record(directory, "before");
    let end: (() => void) | undefined;
    const during = await record(directory, "during", () => {
      end = begin(connection, join(directory.path, CATALOGUE_FILE));
    });
    assert.equal(during.size, LIGHTS);
    assert.ok(errors.some((message) => /the files are written, the catalogue is not/.test(message)));
    const { spectra } = await directory.shelf.search({ run: ["before"], limit: 1000 });
    assert.equal(spectra.length, LIGHTS, "what it has is found meanwhile");
    assert.equal((await directory.shelf.names("during")).length, LIGHTS);
    const still = await record(directory, "still");
    end?.();
    await caughtUp(watched, "still");
    const after = await record(directory, "after");
    for (const [run, files] of Object.entries({ before, during, still, after }))
      assert.equal(await assertWhole(directory, run, files), LIGHTS);
    assert.equal(directory.status.value.catalogueProblem, undefined);
  });
}

/** All pages but the first and the last are rubbish, and no connection remembers them. */
async function damage(path: string): Promise<void> {
  const file = join(path, CATALOGUE_FILE);
  const other = new Database(file);
  other.exec("UPDATE meta SET value = value");
  other.pragma("wal_checkpoint(TRUNCATE)");
  other.close();
  const handle = await open(file, "r+");
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(size - 8192, 0xa5), 0, size - 8192, 4096);
  await handle.close();
}

const MEETINGS: readonly {
  readonly who: string;
  readonly meet: (directory: DataDirectory) => Promise<unknown>;
}[] = [
  {
    who: "a search",
    meet: (directory) =>
      assert.rejects(directory.shelf.search({ limit: 1 }), (error) => isVscopeError(error, "DATADIR_IO")),
  },
  { who: "a recording", meet: (directory) => record(directory, "other") },
  {
    who: "a verification",
    meet: async (directory) => {
      directory.verification.start({ repairs: true });
      await directory.verification.ended();
      const { report } = directory.verification.status.value;
      assert.deepEqual(report?.counts, { "damaged-catalogue": 1 });
      assert.equal(report?.isCatalogueCompared, false);
    },
  },
];

for (const { who, meet } of MEETINGS) {
  test(`damage that ${who} meets is told, and the catalogue made anew beside a recording, which loses nothing`, async (t) => {
    const watched = await openWatched(t);
    const { directory, errors } = watched;
    const before = await record(directory, "before");
    const batch = await directory.startBatch("during");
    const during = new Set([(await batch.write(spectraSet({ sequence: 0 }))).file]);
    await damage(directory.path);
    await meet(directory);
    assert.match(directory.status.value.catalogueProblem ?? "", /malformed|integrity|not a database/);
    assert.ok(errors.includes("the catalogue is damaged and will be made anew"), errors.join("\n"));
    const recording = (async () => {
      for (let sequence = 1; sequence < LIGHTS; sequence++)
        during.add((await batch.write(spectraSet({ sequence }))).file);
    })();
    await caughtUp(watched, "before");
    await recording;
    await batch.finish();
    await caughtUp(watched, "during");
    assert.equal(directory.status.value.catalogueProblem, undefined);
    for (const [run, files] of Object.entries({ before, during }))
      assert.equal(await assertWhole(directory, run, files), LIGHTS);
    const others = (await readdir(directory.path)).filter((name) => name.startsWith(`${CATALOGUE_FILE}.`));
    assert.equal(others.length, 1, others.join());
    directory.verification.start({ repairs: false });
    await directory.verification.ended();
    assert.equal(directory.verification.status.value.report?.faults, 0);
  });
}

test("damage that was met before the end of the server is mended by the next start", async (t) => {
  const { directory } = await openWatched(t);
  const files = await record(directory, "run");
  await damage(directory.path);
  await assert.rejects(directory.shelf.search({ limit: 1 }));
  await directory.close();
  const again = await openDirectory(t, directory.path);
  assert.equal(await assertWhole(again, "run", files), LIGHTS);
  assert.ok(!(await readdir(again.path)).includes(`${CATALOGUE_FILE}.damaged`));
});

test("the thread that dies in the middle of a search fails that one at once; the next one and recordings work", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  const files = await record(directory, "run");
  const search = () => directory.shelf.search({ run: ["run"], limit: 1000 });
  const started = once(process, "worker");
  const searching = search();
  const failing = assert.rejects(
    searching,
    (error) => isVscopeError(error, "DATADIR_IO") && /catalogue: its thread has ended/.test(error.message),
  );
  await killed(started);
  await failing;
  const again = once(process, "worker");
  const [found] = await Promise.all([search(), record(directory, "meanwhile")]);
  assert.equal(found.spectra.length, LIGHTS);
  await killed(again);
  assert.equal((await search()).spectra.length, LIGHTS, "after it has died while nothing was asked");
  await assertWhole(directory, "run", files);
});

async function killed(started: Promise<readonly unknown[]>): Promise<void> {
  const [worker] = await started;
  assert.ok(worker instanceof Worker);
  await worker.terminate();
}
