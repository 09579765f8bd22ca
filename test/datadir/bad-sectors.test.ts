// A medium with a bad sector: whatever lies on it cannot be read for good. It costs what lies there, and nothing else.

import assert from "node:assert/strict";
import { appendFile, cp, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isVscopeError } from "../../src/base/errors.ts";
import { type Log, logTo } from "../../src/base/log.ts";
import { CATALOGUE_FILE } from "../../src/datadir/catalogue/catalogue.ts";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import { spectraSet } from "../spectra/sample.ts";
import { FailingDisk } from "./disk/failing-disk.ts";
import { IGNORE, NEVER, openDirectory, temporaryFolder } from "./folder.ts";
import { assertWhole, FILES_OF_BATCH, recordBatch } from "./recorded-batch.ts";

const RUNS = ["current", "older", "oldest"];
const NOTE = ".batch-under-way-7.json";

/** Three runs with a batch each, all that a server keeps beside them, and what a crash has left. */
async function recorded(t: TestContext): Promise<string> {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  await directory.notes.write(NOTE, "{}");
  for (const [age, run] of RUNS.entries()) {
    await recordBatch(directory, run, new Set());
    const unfinished = join(path, run, "b000000_s000009_light.pico.part");
    await writeFile(unfinished, "{");
    for (const one of [unfinished, join(path, run)]) await utimes(one, -age, -age);
  }
  await directory.setCurrentRun("current");
  await directory.close();
  return path;
}

function logged(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, log: logTo({ write: (line: string) => void lines.push(line) }) };
}

async function recordSet(directory: DataDirectory, run: string): Promise<void> {
  const batch = await directory.startBatch(run);
  await batch.write(spectraSet({ sequence: 0 }));
  await batch.finish();
}

async function verified({ verification }: DataDirectory) {
  verification.start({ repairs: false });
  await verification.ended();
  return verification.status.value;
}

/** The current run with all its files, another run, and what lies beside them; and what of them can be read. */
async function callsOf(path: string): Promise<readonly (readonly [string, readonly string[]])[]> {
  const found: [string, readonly string[]][] = [];
  for (const name of await readdir(path, { recursive: true })) {
    const isOfSqlite = name.startsWith(CATALOGUE_FILE) || name.startsWith(".vscope.lock");
    if (isOfSqlite || name.startsWith("oldest") || name.startsWith("older/")) continue;
    for (const calls of [["stat"], RUNS.includes(name) ? ["list"] : ["read", "readRange"]])
      found.push([name, calls]);
  }
  return found;
}

/** What the other runs must give whatever is bad. */
async function assertOthersWork(directory: DataDirectory, others: readonly string[]): Promise<void> {
  const { runs } = await directory.shelf.runs({});
  for (const { name, files, problem } of runs.filter((run) => others.includes(run.name)))
    assert.deepEqual([files > 0, problem], [true, undefined], name);
  const tagged = (await directory.manifests.runs()).filter(({ tag }) => tag !== "").map(({ name }) => name);
  for (const run of others) {
    assert.ok(tagged.includes(run), run);
    const { spectra } = await directory.shelf.search({ text: run, limit: 100 });
    assert.ok(spectra.length >= FILES_OF_BATCH, run);
    assert.ok(
      (await directory.notes.events(run)).some(({ event }) => event === "unfinished-files"),
      run,
    );
  }
  const { state, error, report } = await verified(directory);
  assert.equal(state, "done", error);
  assert.deepEqual(
    report?.findings.filter(({ kind, run }) => kind !== "unfinished" && others.includes(run)),
    [],
  );
  assert.ok((await directory.reindex(IGNORE, NEVER)).indexed >= others.length * FILES_OF_BATCH);
}

test("a bad sector anywhere below a data directory keeps no server from starting, and costs its own run only", async (t) => {
  const whole = await recorded(t);
  const all = await callsOf(whole);
  assert.ok(all.length > 20, String(all.length));
  for (const [name, calls] of all) {
    const path = await temporaryFolder(t);
    await cp(whole, path, { recursive: true, preserveTimestamps: true });
    const failing = new FailingDisk();
    failing.break(join(path, name), calls);
    const fails = (error: unknown): never => assert.fail(`${calls.join()} of ${name}: ${String(error)}`);
    const directory = await openDirectory(t, path, { disk: failing.disk }).catch(fails);
    const others = RUNS.filter((run) => !name.startsWith(run));
    await recordSet(directory, "oldest").catch(fails);
    // A job that names no run goes on recording, too.
    await recordSet(directory, directory.currentRun.value).catch(fails);
    await directory.indexed();
    await assertOthersWork(directory, others).catch(fails);
    await directory.close();
    const after = await openDirectory(t, path);
    // A file that could not be read for it is known as such.
    await after.reindex(IGNORE, NEVER);
    for (const run of RUNS) assert.ok((await assertWhole(after, run, new Set())) >= FILES_OF_BATCH, run);
    await after.close();
  }
});

test("only the data directory itself refuses an opening", async (t) => {
  const path = await recorded(t);
  for (const call of ["stat", "list"]) {
    const failing = new FailingDisk();
    failing.break(path, [call]);
    await assert.rejects(openDirectory(t, path, { disk: failing.disk }), (error) =>
      isVscopeError(error, "DATADIR_IO"),
    );
  }
});

for (const call of ["stat", "list"]) {
  test(`a run of which the ${call} fails is told, once in the log, in the lists and by a verification`, async (t) => {
    const path = await recorded(t);
    const { log, lines } = logged();
    const failing = new FailingDisk();
    failing.break(join(path, "older"), [call]);
    const directory = await openDirectory(t, path, { disk: failing.disk, log });
    for (let again = 0; again < 3; again++) {
      const { total, runs } = await directory.shelf.runs({});
      assert.equal(total, RUNS.length);
      const run = runs.find(({ name }) => name === "older");
      assert.match(run?.problem ?? "", /older: the medium failed \(EIO\)/);
      assert.equal(run?.files, 0);
      const tags = await directory.manifests.runs();
      assert.equal(tags.find(({ name }) => name === "older")?.tag, call === "list" ? "" : tags[1]?.tag);
    }
    const told = (await verified(directory)).report?.findings.filter(({ kind }) => kind === "unreadable");
    assert.deepEqual(
      told?.map(({ run, file }) => [run, file]),
      [["older", ""]],
    );
    assert.equal((await directory.reindex(IGNORE, NEVER)).dropped, 0);
    assert.equal(lines.filter((line) => line.includes("passed over")).length, 1, lines.join(""));
    const { spectra } = await directory.shelf.search({ run: ["older"], limit: 100 });
    assert.equal(spectra.length, FILES_OF_BATCH);
  });
}

test("a batch file that cannot be read gives no number twice, nor does a folder that cannot be listed", async (t) => {
  for (const [file, call] of [
    [".batch", "read"],
    [".batch", "stat"],
    ["", "list"],
  ] as const) {
    const path = await recorded(t);
    const failing = new FailingDisk();
    failing.break(join(path, "older", file), [call]);
    const directory = await openDirectory(t, path, { disk: failing.disk });
    const numbers: number[] = [];
    for (const isEmpty of [true, false, true, false]) {
      const batch = await directory.startBatch("older");
      if (!isEmpty) await batch.write(spectraSet({ sequence: 0 }));
      await batch.finish();
      numbers.push(batch.number);
    }
    // Of the two that `recordBatch` has taken the last one has no file.
    const first = file === "" ? 2 : 1;
    assert.deepEqual(numbers, [first, first + 1, first + 2, first + 3], `${call} ${file}`);
    await directory.close();
  }
});

test("a current run that cannot be read is written anew when it is chosen", async (t) => {
  const path = await recorded(t);
  const failing = new FailingDisk();
  failing.break(join(path, ".current-run"), ["read"]);
  const directory = await openDirectory(t, path, { disk: failing.disk });
  await directory.setCurrentRun("oldest");
  await directory.close();
  assert.equal((await openDirectory(t, path)).currentRun.value, "oldest");
});

test("events are added to a list whose end cannot be read, on a line of their own", async (t) => {
  const path = await recorded(t);
  const list = join(path, "older", "events.jsonl");
  await appendFile(list, '{"torn');
  const failing = new FailingDisk();
  failing.break(list, ["readRange"]);
  const directory = await openDirectory(t, path, { disk: failing.disk });
  await directory.notes.addEvent("older", { event: "wind" });
  await directory.close();
  const events = await (await openDirectory(t, path)).notes.events("older");
  const torn = events.findIndex((event) => "torn" in event);
  assert.deepEqual(events.slice(torn, torn + 2), [{ torn: '{"torn' }, { event: "wind" }]);
});
