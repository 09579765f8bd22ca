// SQLite that fails in the middle of a recorded batch, and its thread that dies in the middle of a search: the files are
// safe, recording goes on, and the catalogue has all of them afterwards.

import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { isVscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { CATALOGUE_FILE } from "../../../src/datadir/catalogue/catalogue.ts";
import type { DataDirectory } from "../../../src/datadir/data-directory.ts";
import { spectraSet } from "../../spectra/sample.ts";
import { IGNORE, openDirectory, temporaryFolder } from "../folder.ts";
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
  /** `connection` is the one that rows are written by. Returns how to end it, unless only a restart does. */
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

/** A data directory, and the connection that it writes its catalogue by. */
async function openWatched(t: TestContext, path: string, errors: string[]) {
  const pragma = t.mock.method(Database.prototype, "pragma");
  const log = { ...SILENT, error: (_: object, message: string) => void errors.push(message) };
  const directory = await openDirectory(t, path, { log });
  const connection: unknown = pragma.mock.calls.at(-1)?.this;
  pragma.mock.restore();
  assert.ok(connection instanceof Database);
  return { directory, connection };
}

for (const { what, begin } of FAULTS) {
  test(`a catalogue that ${what} in the middle of a batch stops no recording, and has all files afterwards`, async (t) => {
    const path = await temporaryFolder(t);
    const errors: string[] = [];
    const { directory, connection } = await openWatched(t, path, errors);
    const before = await record(directory, "before");
    let end: (() => void) | undefined;
    const during = await record(directory, "during", () => {
      end = begin(connection, join(path, CATALOGUE_FILE));
    });
    assert.equal(during.size, LIGHTS);
    assert.ok(errors.some((message) => /the files are written, the catalogue is not/.test(message)));
    const { spectra } = await directory.shelf.search({ run: ["before"], limit: 1000 });
    assert.equal(spectra.length, LIGHTS, "what it has is found meanwhile");
    assert.equal((await directory.shelf.names("during")).length, LIGHTS);
    const still = await record(directory, "still");
    end?.();
    const mended = end === undefined ? await reopened(t, directory) : directory;
    const after = await record(mended, "after");
    for (const [run, files] of Object.entries({ before, during, still, after }))
      assert.equal(await assertWhole(mended, run, files), LIGHTS);
  });
}

async function reopened(t: TestContext, directory: DataDirectory): Promise<DataDirectory> {
  await directory.close();
  return openDirectory(t, directory.path);
}

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
