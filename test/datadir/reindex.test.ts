// Reindexing: goes on after an interruption and ends as if there had been none, passes over what is known, and takes
// nothing from a recording beside it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { until } from "../../src/base/cell.ts";
import { isVscopeError, VscopeError } from "../../src/base/errors.ts";
import { CATALOGUE_FILE } from "../../src/datadir/catalogue/catalogue.ts";
import { SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { picoFileOf } from "../../src/spectra/pico.ts";
import { picoText } from "../../src/spectra/pico-text.ts";
import { spectraFileName } from "../../src/datadir/spectra-file-name.ts";
import { spectraSet, spectrum, START_UTC_US } from "../spectra/sample.ts";
import { openStick } from "./medium/fake-stick.ts";
import { Dice } from "../support/dice.ts";
import { SEED } from "../support/seed.ts";
import { allSpectra, IGNORE, NEVER, openDirectory, temporaryFolder } from "./folder.ts";

const REINDEXER = fileURLToPath(new URL("./reindexer.js", import.meta.url));
const RUN = "plot10";
const FILES = 900;
const KILLS = 20;

/** A run of files that nobody has catalogued. */
async function filled(t: TestContext, files: number): Promise<string> {
  const path = await temporaryFolder(t);
  await mkdir(join(path, RUN));
  // In whole seconds: copies have them, too.
  const recorded = new Date("2026-11-20T15:00:07Z");
  for (let sequence = 0; sequence < files; sequence++) {
    await writeFile(fileAt(path, sequence), textOf(sequence));
    await utimes(fileAt(path, sequence), recorded, recorded);
  }
  return path;
}

function fileAt(path: string, sequence: number): string {
  return join(path, RUN, spectraFileName({ batch: 0, sequence, kind: "light" }));
}

function textOf(sequence: number, startUtcUs = START_UTC_US + sequence * 1_000_000): string {
  const spectra = ["upwelling", "downwelling"].map((channel) =>
    spectrum({ channel, exposureStartUtcUs: startUtcUs }),
  );
  const set = spectraSet({ sequence, spectra });
  return picoText(picoFileOf(set, { run: RUN, batch: 0, writer: "test" }));
}

/** All rows of the catalogue as texts, without the numbers that SQLite gives. */
function rowsOf(path: string): readonly string[] {
  const database = new Database(join(path, CATALOGUE_FILE));
  const files = database
    .prepare(
      "SELECT name, bytes, modifiedUtcUs, hex(sha256), spectra, failures, problem FROM files ORDER BY name",
    )
    .all();
  const spectra = database
    .prepare<[], { number: number }>("SELECT * FROM spectra ORDER BY run, file, position")
    .all()
    .map(({ number: _, ...row }) => row);
  database.close();
  return [...files, ...spectra].map((row) => JSON.stringify(row));
}

/** Makes every row wrong, as if a fault of an older version had written them. */
function spoil(path: string): void {
  const database = new Database(join(path, CATALOGUE_FILE));
  database.exec("UPDATE files SET spectra = 99; UPDATE measurements SET peakCounts = -1, sequence = 0");
  database.close();
}

/** Runs a reindexer and kills it after so many files; gives what it has printed. */
async function reindexAndKill(path: string, after: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [REINDEXER, path, "all"], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "close");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === after) assert.ok(child.kill("SIGKILL"));
  }
  await exited;
  return lines;
}

test(`a reindexing killed ${KILLS} times ends as one that nothing disturbed`, {
  timeout: 300_000,
}, async (t) => {
  const path = await filled(t, FILES);
  await (await openDirectory(t, path)).close();
  const undisturbed = join(await temporaryFolder(t), "data");
  await cp(path, undisturbed, { recursive: true, preserveTimestamps: true });
  spoil(path);
  const before = rowsOf(path);
  const dice = new Dice("reindex", SEED);
  const starts: number[] = [];
  for (let round = 0; round < KILLS; round++) {
    const lines = await reindexAndKill(path, dice.whole(20, 50));
    assert.ok(!lines.at(-1)?.startsWith("end"), `round ${round} was not killed in time`);
    starts.push(Number(lines[0]));
  }
  t.diagnostic(`seed ${SEED}, began at ${starts.join(" ")}`);
  assert.ok((starts.at(-1) ?? 0) > KILLS * 10, "each goes on where the one before was killed");
  const last = await reindexAndKill(path, Infinity);
  assert.ok(Number(last[0]) > (starts.at(-1) ?? 0) - 1);
  const [, parsed] = last.at(-1)?.split(" ") ?? [];
  assert.equal(Number(parsed), FILES - Number(last[0]) + 1, "each file is read once after the last kill");
  const directory = await openDirectory(t, undisturbed);
  await directory.reindex(IGNORE, NEVER, { isAll: true });
  await directory.close();
  const expected = rowsOf(undisturbed);
  assert.equal(expected.length, 3 * FILES);
  assert.ok(
    before.every((row, index) => row !== expected[index]),
    "every row was spoilt",
  );
  for (const [index, row] of rowsOf(path).entries()) assert.equal(row, expected[index]);
});

test("a file is parsed when its bytes or its time have changed, or all are asked for", async (t) => {
  const path = await filled(t, 5);
  const directory = await openDirectory(t, path);
  const reindex = async (isAll = false) => (await directory.reindex(IGNORE, NEVER, { isAll })).parsed;
  assert.equal(await reindex(), 0);
  assert.equal(await reindex(true), 5);
  await writeFile(fileAt(path, 1), textOf(1, START_UTC_US - 7));
  const later = new Date("2030-01-01T00:00:00Z");
  await utimes(fileAt(path, 2), later, later);
  assert.equal(await reindex(), 2);
  const starts = (await allSpectra(directory)).map(({ exposureStartUtcUs }) => exposureStartUtcUs);
  assert.equal(starts.filter((start) => start === START_UTC_US - 7).length, 2);
  assert.equal(await reindex(), 0);
});

test("one that was interrupted is not taken for one of all files, and one of all files stays that", async (t) => {
  const path = await filled(t, 60);
  const directory = await openDirectory(t, path);
  const interrupted = async (isAll: boolean): Promise<void> => {
    const stop = new AbortController();
    const onProgress = ({ done }: { readonly done: number }): void => {
      if (done === 40) stop.abort(new VscopeError("OPERATION_CANCELLED", "stop"));
    };
    await assert.rejects(directory.reindex(onProgress, stop.signal, { isAll }), (error) =>
      isVscopeError(error, "OPERATION_CANCELLED"),
    );
  };
  await interrupted(false);
  assert.equal((await directory.reindex(IGNORE, NEVER, { isAll: true })).parsed, 60);
  await interrupted(true);
  const { parsed } = await directory.reindex(IGNORE, NEVER);
  assert.ok(parsed >= 20 && parsed < 60, `${parsed} were left`);
  assert.equal((await directory.reindex(IGNORE, NEVER)).parsed, 0);
});

test("a server that records while it reindexes and verifies loses nothing and finds no fault", async (t) => {
  const path = await filled(t, 300);
  const directory = await openDirectory(t, path);
  await directory.indexed();
  const first = directory.verification.status.value;
  assert.equal(first.state, "idle");
  directory.reindexing.start({ isAll: true });
  assert.throws(
    () => directory.reindexing.start({ isAll: true }),
    (error) => isVscopeError(error, "STATE_CONFLICT"),
  );
  directory.verification.start({ repairs: false, run: "meadow" });
  await directory.verification.ended();
  assert.equal(directory.verification.status.value.state, "failed", "there is no such run yet");
  const batch = await directory.startBatch("meadow");
  const acknowledged: string[] = [];
  for (let sequence = 0; sequence < 60; sequence++) {
    if (sequence % 10 === 5) {
      await directory.verification.ended();
      directory.verification.start({ repairs: false, run: "meadow" });
    }
    acknowledged.push((await batch.write(spectraSet({ sequence }))).file);
  }
  await batch.finish();
  await directory.reindexing.ended();
  await directory.verification.ended();
  const { state, report } = directory.reindexing.status.value;
  assert.equal(state, "done");
  assert.ok((report?.indexed ?? 0) >= 300);
  const verified = directory.verification.status.value;
  assert.deepEqual(verified.report?.findings, []);
  const all = await allSpectra(directory);
  assert.equal(all.length, 2 * 300 + 60);
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  assert.deepEqual(
    all
      .filter(({ run }) => run === "meadow")
      .map(({ file }) => file)
      .sort(),
    acknowledged,
  );
});

test("the end of the server ends both, and what is asked for next goes on", async (t) => {
  const path = await filled(t, 80);
  const directory = await openDirectory(t, path);
  directory.reindexing.start({ isAll: true });
  directory.verification.start({ repairs: true });
  await directory.close();
  assert.equal(directory.reindexing.status.value.state, "cancelled");
  assert.equal(directory.verification.status.value.state, "cancelled");
  const again = await openDirectory(t, path);
  assert.equal((await again.reindex(IGNORE, NEVER)).indexed, 80);
  assert.match(await readFile(fileAt(path, 0), "utf8"), /"Spectra"/);
});

test("one that the end of the server has interrupted goes on by itself; one that was cancelled waits to be asked for", async (t) => {
  const path = await filled(t, 200);
  const first = await openDirectory(t, path);
  await first.indexed();
  await first.close();
  spoil(path);
  const left = (): number => rowsOf(path).filter((row) => row.includes('"spectra":99')).length;
  /** Closes a data directory in the middle of reading its files. */
  const endWithin = async (): Promise<void> => {
    const directory = await openDirectory(t, path);
    const onProgress = ({ done, of }: { readonly done: number; readonly of: number }): void => {
      if (done === of - 150 || done === of - 50) void directory.close();
    };
    await assert.rejects(directory.reindex(onProgress, NEVER, { isAll: true }), /is being closed/);
    await directory.close();
  };
  await endWithin();
  const cancelled = await openDirectory(t, path);
  await until(cancelled.reindexing.status, ({ state }) => state === "running", NEVER);
  await cancelled.reindexing.cancel();
  await cancelled.close();
  assert.ok(left() > 50, "it was cancelled in time");
  const idle = await openDirectory(t, path);
  await idle.indexed();
  assert.equal(idle.reindexing.status.value.state, "idle");
  await idle.close();
  await endWithin();
  const last = await openDirectory(t, path);
  await until(last.reindexing.status, ({ state }) => state === "done", NEVER);
  assert.equal(last.reindexing.status.value.report?.indexed, 200);
  await last.close();
  assert.equal(left(), 0);
  const again = await openDirectory(t, path);
  await again.indexed();
  assert.equal(again.reindexing.status.value.state, "idle");
});

test("unmounting ends a verification that waits for its turn, and no file of a medium that is gone is missing", async (t) => {
  const { stick, directory, mountPoint } = await openStick(t);
  await directory.indexed();
  const batch = await directory.startBatch(RUN);
  for (let sequence = 0; sequence < 3; sequence++) await batch.write(spectraSet({ sequence }));
  await batch.finish();
  await rm(join(mountPoint, "data", RUN, "b000000_s000001_light.pico"));
  const { disk } = stick;
  const reached = new Promise<void>((resolve) => {
    disk.read = (path) => {
      if (path.endsWith(".sha256")) resolve();
      return SYSTEM_DISK.read(path);
    };
  });
  directory.verification.start({ repairs: false });
  await reached;
  await directory.unmount(NEVER);
  await directory.verification.ended();
  assert.equal(directory.verification.status.value.state, "cancelled");
  await directory.mount(NEVER);
  directory.verification.start({ repairs: false });
  await directory.verification.ended();
  assert.deepEqual(directory.verification.status.value.report?.counts, { missing: 1 });
  directory.verification.start({ repairs: false });
  stick.isPlugged = false;
  await directory.verification.ended();
  const { state, error } = directory.verification.status.value;
  assert.equal(state, "failed");
  assert.match(error ?? "", /the medium is not there/);
});
