import assert from "node:assert/strict";
import { appendFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isVscopeError, messageOf } from "../../src/base/errors.ts";
import { FailingDisk } from "./disk/failing-disk.ts";
import { openDirectory, temporaryFolder } from "./folder.ts";

async function notesOn(t: TestContext) {
  const path = await temporaryFolder(t);
  const failing = new FailingDisk();
  const directory = await openDirectory(t, path, { disk: failing.disk });
  return { path, failing, directory, notes: directory.notes };
}

test("a note is there until it is removed, and its absence is no error", async (t) => {
  const { notes, path } = await notesOn(t);
  assert.equal(await notes.read(".note"), undefined);
  await notes.remove(".note");
  await notes.write(".note", "one");
  await notes.write(".note", "two");
  assert.equal(await notes.read(".note"), "two");
  await notes.remove(".note");
  assert.equal(await notes.read(".note"), undefined);
  assert.ok(!(await readdir(path)).some((name) => name.startsWith(".note")));
});

test("whatever disk call fails, a note is the old one or the new one, and the error is the disk's", async (t) => {
  const { notes, failing } = await notesOn(t);
  await notes.write(".note", "old");
  for (let nth = 1; ; nth++) {
    failing.arm(nth, "EIO");
    const failed = await notes.write(".note", "new").catch((error: unknown) => error);
    failing.disarm();
    if (failed === undefined) break;
    assert.ok(isVscopeError(failed, "DATADIR_IO", "DATADIR_NOT_MOUNTED"), messageOf(failed));
    assert.match((await notes.read(".note")) ?? "", /^(old|new)$/);
    await notes.write(".note", "old");
  }
  assert.equal(await notes.read(".note"), "new");
});

test("events are added line by line; a line that a power cut has torn stays on its own", async (t) => {
  const { notes, path, directory } = await notesOn(t);
  await directory.setCurrentRun("plot10");
  const file = join(path, "plot10", "events.jsonl");
  await notes.addEvent("plot10", { event: "a" });
  await appendFile(file, '{"event":"to');
  await notes.addEvent("plot10", { event: "b" });
  await notes.addEvent("plot10", { event: "c" });
  assert.equal(await readFile(file, "utf8"), '{"event":"a"}\n{"event":"to\n{"event":"b"}\n{"event":"c"}\n');
  // Beside the spectra, but none of them.
  assert.equal((await directory.shelf.run("plot10")).total, 0);
});

test("the events of a run, and what is left of a torn line", async (t) => {
  const { notes, path, directory } = await notesOn(t);
  await directory.setCurrentRun("plot10");
  assert.deepEqual(await notes.events("plot10"), []);
  for (let number = 0; number < 60; number++)
    await notes.addEvent("plot10", { utc: "2026", event: "a", number });
  await appendFile(join(path, "plot10", "events.jsonl"), '{"utc":"to');
  const events = await notes.events("plot10");
  assert.deepEqual(events.slice(-2), [{ utc: "2026", event: "a", number: 59 }, { torn: '{"utc":"to' }]);
  assert.equal(events.length, 61);
  await assert.rejects(notes.events(".."), (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"));
});

test("notes are listed by the beginning of their names, and can be set aside", async (t) => {
  const { notes } = await notesOn(t);
  for (const name of [".b-2", ".a-1", ".a-0"]) await notes.write(name, name);
  assert.deepEqual(await notes.names(".a"), [".a-0", ".a-1"]);
  await notes.setAside(".a-0", ".c-0");
  assert.deepEqual([await notes.names(".a"), await notes.read(".c-0")], [[".a-1"], ".a-0"]);
});

test("an event of a run that is not there is refused, and leads to no other folder", async (t) => {
  const { notes } = await notesOn(t);
  await assert.rejects(notes.addEvent("nowhere", {}), (error) => isVscopeError(error, "DATADIR_IO"));
  for (const run of ["..", "../..", "../vscope-other", "a/b", "", "."])
    await assert.rejects(notes.addEvent(run, {}), (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"));
});
