// A run that is removed is whole in the trash, or whole where it was; nobody sees it there, and moving it back brings it back.

import assert from "node:assert/strict";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { SECOND } from "../../src/base/clock.ts";
import { isVscopeError, messageOf } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE } from "../../src/datadir/catalogue/catalogue.ts";
import type { DataDirectory, DataDirectoryOptions } from "../../src/datadir/data-directory.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { runTagOf } from "../../src/datadir/checksums/manifest-listing.ts";
import { trashName } from "../../src/datadir/trash.ts";
import { spectraSet } from "../spectra/sample.ts";
import { FailingDisk } from "./disk/failing-disk.ts";
import { allSpectra, IGNORE, NEVER, openDirectory, temporaryFolder } from "./folder.ts";

const RUN = "plot10";
const HOUR_US = 3600 * SECOND;
const DAY_US = 24 * HOUR_US;

async function recordInto(directory: DataDirectory, run: string): Promise<readonly string[]> {
  const batch = await directory.startBatch(run);
  for (let sequence = 0; sequence < 2; sequence++) await batch.write(spectraSet({ sequence }));
  await batch.finish();
  return (await readdir(join(directory.path, run))).sort();
}

async function tagOf(directory: DataDirectory, run = RUN): Promise<Uint8Array> {
  return Buffer.from(runTagOf(await directory.manifests.batches(run)), "hex");
}

/** With the current run `home` and the run that is to be removed. */
async function recorded(t: TestContext, options: Partial<DataDirectoryOptions> = {}) {
  const directory = await openDirectory(t, await temporaryFolder(t), options);
  await directory.setCurrentRun("home");
  const files = await recordInto(directory, RUN);
  return { directory, files, trash: join(directory.path, ".trash") };
}

/** Names of what was removed. */
async function runsIn(trash: string): Promise<readonly string[]> {
  const entries = await readdir(trash, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function remove(directory: DataDirectory, run = RUN): Promise<void> {
  await directory.removal.remove(run, { by: "a tester", tags: [await tagOf(directory)] });
}

/** Resolves when the trash has been counted that often since. */
function counted(directory: DataDirectory): Promise<void> {
  return new Promise((resolve) => {
    const stop = directory.removal.trash.status.subscribe(() => {
      stop();
      resolve();
    });
  });
}

test("a removed run is in the trash, and nobody else sees it; moved back, it is there again", async (t) => {
  const { directory, files, trash } = await recorded(t);
  const told = counted(directory);
  await remove(directory);
  await told;
  const [name = "", ...others] = await runsIn(trash);
  assert.match(name, /^plot10-\d{8}T\d{6}Z$/);
  assert.deepEqual(others, []);
  assert.deepEqual((await readdir(join(trash, name))).sort(), [...files, "events.jsonl"].sort());
  assert.equal(directory.removal.trash.status.value.runs, 1);
  assert.ok(directory.removal.trash.status.value.bytes > 1000);
  assert.deepEqual(await directory.shelf.names(), ["home"]);
  assert.deepEqual(
    (await directory.manifests.runs()).map((run) => run.name),
    ["home"],
  );
  assert.deepEqual(await allSpectra(directory), []);
  assert.equal((await directory.reindex(IGNORE, NEVER, { isAll: true })).indexed, 0);
  directory.verification.start({ repairs: true });
  await directory.verification.ended();
  assert.equal(directory.verification.status.value.report?.files, 0);
  const [event] = await directory.notes.events("home");
  assert.deepEqual([event?.["event"], event?.["run"], event?.["by"]], ["run-removed", RUN, "a tester"]);
  await rename(join(trash, name), join(directory.path, RUN));
  assert.equal((await directory.shelf.run(RUN)).total, 2);
  assert.equal((await directory.reindex(IGNORE, NEVER)).indexed, 2);
  assert.ok((await allSpectra(directory)).length > 0);
  assert.equal((await directory.notes.events(RUN)).length, 1);
});

/** Spectra files are read when `release` is called. */
class HeldReads {
  release = IGNORE;
  readonly #released = new Promise<void>((resolve) => (this.release = resolve));
  readonly disk: Disk = {
    ...SYSTEM_DISK,
    read: async (path) => {
      if (path.endsWith(".pico")) await this.#released;
      return SYSTEM_DISK.read(path);
    },
  };
}

type Start = (directory: DataDirectory, reads: HeldReads) => Promise<() => unknown>;

const USES: readonly (readonly [string, RegExp, Start])[] = [
  [
    "the current run",
    /current run/,
    async (directory) => {
      await directory.setCurrentRun(RUN);
      return IGNORE;
    },
  ],
  [
    "one that is recorded",
    /being recorded/,
    async (directory) => {
      const batch = await directory.startBatch(RUN);
      return () => batch.finish();
    },
  ],
  [
    "one that is exported",
    /being exported/,
    async (directory) => {
      let end = IGNORE;
      const ended = new Promise<void>((resolve) => (end = resolve));
      const filled = directory.exports.fill({ id: "1", run: RUN }, () => ended);
      return () => (end(), filled);
    },
  ],
  [
    "any while files are verified",
    /being verified/,
    async (directory, reads) => {
      directory.verification.start({ repairs: false });
      return () => (reads.release(), directory.verification.ended());
    },
  ],
  [
    "one of a white reference that is in use",
    /a white reference of it is in use.*\.white-references\.json/,
    async (directory) => {
      const note = { serial: "FLMT01859", channel: "upwelling", run: RUN, batch: 0 };
      await directory.notes.write(".white-references.json", JSON.stringify([note]));
      return () => directory.notes.write(".white-references.json", "[]");
    },
  ],
  [
    "one with the note of a batch",
    /\.batch-under-way-3\.json/,
    async (directory) => {
      const note = { settings: { run: RUN }, batch: 0 };
      await directory.notes.write(".batch-under-way-3.json", JSON.stringify(note));
      return () => directory.notes.remove(".batch-under-way-3.json");
    },
  ],
];

for (const [what, message, start] of USES) {
  test(`not removed: ${what}`, async (t) => {
    const reads = new HeldReads();
    const { directory, files } = await recorded(t, { disk: reads.disk });
    const end = await start(directory, reads);
    await assert.rejects(remove(directory), (error) => {
      assert.ok(isVscopeError(error, "STATE_CONFLICT"));
      assert.match(error.message, message);
      return true;
    });
    await end();
    reads.release();
    const left = await readdir(join(directory.path, RUN));
    assert.deepEqual(
      files.filter((file) => !left.includes(file)),
      [],
    );
    await directory.setCurrentRun("home");
    await remove(directory);
  });
}

test("the events of a removed run leave the catalogue with it, and come back with it", async (t) => {
  const { directory, trash } = await recorded(t);
  await directory.notes.addEvent(RUN, { utc: "2026-06-21T12:00:00Z", event: "lamp-changed" });
  const found = async () => (await directory.shelf.search({ text: "lamp", limit: 10 })).spectra.length;
  const rows = () => {
    const database = new Database(join(directory.path, CATALOGUE_FILE), { readonly: true });
    const count = database.prepare("SELECT count(*) FROM events WHERE kind = 'lamp-changed'").pluck().get();
    database.close();
    return count;
  };
  assert.deepEqual([await found(), rows()], [2, 1]);
  await remove(directory);
  assert.deepEqual([await found(), rows()], [0, 0]);
  const [name = ""] = await runsIn(trash);
  await rename(join(trash, name), join(directory.path, RUN));
  await directory.reindex(IGNORE, NEVER);
  assert.deepEqual([await found(), rows()], [2, 1]);
});

test("not removed: without the tag it has now, and what is no run", async (t) => {
  const { directory } = await recorded(t);
  const old = await tagOf(directory);
  await recordInto(directory, RUN);
  for (const tags of [[], [old], [new Uint8Array()]]) {
    await assert.rejects(directory.removal.remove(RUN, { by: "", tags }), (error) =>
      isVscopeError(error, "PRECONDITION_FAILED"),
    );
  }
  const tags = [await tagOf(directory)];
  for (const run of ["nowhere", ".trash", "..", "", "PLOT10"]) {
    await assert.rejects(directory.removal.remove(run, { by: "", tags }), (error) =>
      isVscopeError(error, "RESOURCE_NOT_FOUND"),
    );
  }
  assert.equal((await directory.shelf.run(RUN)).total, 4);
});

for (const systemCode of ["EIO", "EROFS", "ENOSPC", "EACCES"]) {
  test(`${systemCode} at any disk call of a removal: the run is whole, here or in the trash, and the catalogue knows`, async (t) => {
    const failing = new FailingDisk();
    const { directory, trash } = await recorded(t, { disk: failing.disk });
    const seen = new Set<string>();
    await rm(join(directory.path, RUN), { recursive: true });
    await directory.notes.write(".batch-under-way-1.json", '{"settings":{"run":"home"}}');
    for (let failAt = 1; ; failAt++) {
      await rm(trash, { recursive: true, force: true, maxRetries: 20 });
      const files = await recordInto(directory, RUN);
      const tags = [await tagOf(directory)];
      failing.arm(failAt, systemCode);
      const asked = directory.removal.remove(RUN, { by: "", tags });
      const failure = await asked.then(IGNORE, (error: unknown) => error);
      const { failed } = failing;
      failing.disarm();
      const here = await readdir(join(directory.path, RUN)).catch(() => undefined);
      const [name] = await runsIn(trash).catch(() => []);
      assert.notEqual(here === undefined, name === undefined, `${failAt} ${failed}`);
      const found = here ?? (await readdir(join(trash, name ?? "")));
      assert.deepEqual(
        files.filter((file) => !found.includes(file)),
        [],
        `${failAt} ${failed}`,
      );
      const isSaid = isVscopeError(failure) && failure.message.includes("in the trash");
      if (failure !== undefined) assert.equal(isSaid, here === undefined, `${failed}: ${messageOf(failure)}`);
      if (failure === undefined) assert.equal(here, undefined);
      if (failed !== undefined) seen.add(failed);
      await directory.reindex(IGNORE, NEVER);
      const runs = new Set((await allSpectra(directory)).map(({ run }) => run));
      assert.equal(runs.has(RUN), here !== undefined);
      await rm(join(directory.path, RUN), { recursive: true, force: true });
      if (failed === undefined) break;
    }
    for (const call of ["stat", "list", "read", "makeFolder", "syncFolder", "rename", "write", "sync"])
      assert.ok(seen.has(call), call);
  });
}

/** A server looks into the trash at a time, and ends. */
async function lookAt(
  t: TestContext,
  path: string,
  utcUs: number,
  trashDays = 3,
): Promise<readonly string[]> {
  const directory = await openDirectory(t, path, { clock: new VirtualClock(utcUs), trashDays });
  await directory.close();
  return runsIn(join(path, ".trash"));
}

const NOON_UTC_US = Date.UTC(2026, 5, 21, 12) * 1000;

async function trashOf(t: TestContext, names: readonly string[]): Promise<string> {
  const path = await temporaryFolder(t);
  for (const name of names) {
    await mkdir(join(path, ".trash", name), { recursive: true });
    await writeFile(join(path, ".trash", name, "b000000_s000000_light.pico"), "{}");
  }
  return path;
}

test("the trash is emptied of what was there for trash_days, by the clock and by the days of looking, and of nothing else", async (t) => {
  const old = trashName("old", NOON_UTC_US - 9 * DAY_US);
  const young = trashName("young", NOON_UTC_US);
  const half = `.${trashName("half", NOON_UTC_US)}`;
  const others = ["kept by hand", young];
  const path = await trashOf(t, [old, young, half, "kept by hand"]);
  // What has begun to be deleted is half a run.
  for (const day of [0, 1, 2]) {
    for (const hour of [0, 5]) {
      const left = await lookAt(t, path, NOON_UTC_US + day * DAY_US + hour * HOUR_US);
      assert.deepEqual([...left].sort(), [...others, old].sort(), `day ${day}`);
    }
  }
  assert.deepEqual([...(await lookAt(t, path, NOON_UTC_US + 3 * DAY_US))].sort(), others.sort());
  assert.deepEqual(await lookAt(t, path, NOON_UTC_US + 3 * DAY_US + HOUR_US), ["kept by hand"]);
  assert.deepEqual(await lookAt(t, path, NOON_UTC_US + 900 * DAY_US), ["kept by hand"]);
});

test("with trash_days = 0 nothing is deleted", async (t) => {
  const name = trashName("old", NOON_UTC_US - 9 * DAY_US);
  const path = await trashOf(t, [name]);
  for (const day of [0, 1, 2, 40])
    assert.deepEqual(await lookAt(t, path, NOON_UTC_US + day * DAY_US, 0), [name]);
});

test("a clock that jumps ahead, or starts in 1970 after each power cut, empties no trash early", async (t) => {
  const name = trashName(RUN, NOON_UTC_US);
  const path = await trashOf(t, [name]);
  for (const day of [0, 1]) {
    // Each time it comes up with another time, corrected some minutes later, and once is years ahead.
    const times = [Date.UTC(1970, 0, 1), Date.UTC(1970, 0, 1, 0, 9), 0, 6].map((at) =>
      at < 100 ? NOON_UTC_US + day * DAY_US + at * HOUR_US : at * 1000,
    );
    for (const time of [...times, NOON_UTC_US + 4000 * DAY_US, NOON_UTC_US + 4000 * DAY_US + HOUR_US])
      assert.deepEqual(await lookAt(t, path, time, 5), [name], String(time));
  }
  await writeFile(join(path, ".trash", "days.json"), "\0".repeat(50));
  assert.deepEqual(await lookAt(t, path, NOON_UTC_US + 90 * DAY_US, 5), [name], "nobody knows any more");
});

test("while a server works it looks every hour, and tells what is left", async (t) => {
  const old = trashName("old", NOON_UTC_US - 9 * DAY_US);
  const path = await trashOf(t, [old, "kept by hand"]);
  await lookAt(t, path, NOON_UTC_US - 2 * DAY_US, 1);
  const clock = new VirtualClock(NOON_UTC_US - 2 * DAY_US + HOUR_US);
  const directory = await openDirectory(t, path, { clock, trashDays: 1 });
  await counted(directory);
  assert.deepEqual(directory.removal.trash.status.value, { runs: 2, bytes: 4 });
  const emptied = counted(directory);
  await clock.advance(DAY_US);
  await emptied;
  assert.deepEqual(directory.removal.trash.status.value, { runs: 1, bytes: 2 });
});
