// The notes of batches, on media that fail or are changed.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Journal } from "../../src/acquisition/journal.ts";
import { BY_CLIENT } from "../../src/acquisition/origin.ts";
import { DEFAULTS } from "../../src/acquisition/settings.ts";
import { NEVER } from "../../src/base/abort.ts";
import { Cell, until } from "../../src/base/cell.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { openDirectory, temporaryFolder } from "../datadir/folder.ts";
import { systemError } from "../datadir/medium/fake-stick.ts";

const NAME = ".batch-under-way-1.json";
const BEGINNING = { settings: { ...DEFAULTS, run: "run", sequences: 10 }, origin: BY_CLIENT };

function journalOf(dataDirectory: DataDirectory, clock = new VirtualClock()): Journal {
  return new Journal({ clock, log: SILENT, dataDirectory, rack: { spectrometers: new Cell([]) } });
}

async function notesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith(".batch-under-way"));
}

/** A data directory whose medium can be changed for another. */
async function changeable(t: TestContext) {
  const folder = await temporaryFolder(t);
  const path = join(folder, "data");
  const clock = new VirtualClock();
  let device = 42;
  const stat: Disk["stat"] = async (asked) => {
    const found = await SYSTEM_DISK.stat(asked);
    return found === undefined ? undefined : { ...found, device: asked === "/" ? 1 : device };
  };
  const directory = await openDirectory(t, path, { disk: { ...SYSTEM_DISK, stat }, clock });
  const change = async (put: string, take: string): Promise<void> => {
    const { uuid } = directory.status.value;
    await rename(path, join(folder, put));
    await rename(join(folder, take), path);
    device += 1;
    const isOther = ({ mounted, uuid: now }: { mounted: boolean; uuid: string | undefined }): boolean =>
      mounted && now !== uuid;
    await clock.run(until(directory.status, isOther, NEVER));
  };
  return { folder, path, clock, directory, change };
}

test("the note of a batch goes to its own medium, and to no other with a note of that name", async (t) => {
  const { folder, path, clock, directory, change } = await changeable(t);
  await mkdir(join(folder, "B"));
  await writeFile(join(folder, "B", NAME), "of B");
  const journal = journalOf(directory, clock);
  const note = await journal.begin(BEGINNING, 0);
  assert.ok(note);
  assert.deepEqual(await notesIn(path), [NAME]);
  await change("A", "B");
  await note.change({ isPaused: true });
  assert.equal(await readFile(join(path, NAME), "utf8"), "of B");
  assert.equal(await note.remove(), false);
  assert.equal(await readFile(join(path, NAME), "utf8"), "of B");
  assert.deepEqual(await notesIn(join(folder, "A")), [NAME]);

  await change("B", "A");
  const { length } = (await journal.interrupted()).notes;
  assert.equal(length, 0, "it has ended");
  // In turn with the removal.
  assert.deepEqual(await directory.notes.names(NAME), []);
  assert.equal(await readFile(join(folder, "B", NAME), "utf8"), "of B");
});

test("a note whose write fails after it is in place does not stay", async (t) => {
  const path = await temporaryFolder(t);
  let failures = 0;
  const syncFolder: Disk["syncFolder"] = async (folder) => {
    failures -= 1;
    if (failures >= 0) throw systemError("EIO");
    await SYSTEM_DISK.syncFolder(folder);
  };
  const directory = await openDirectory(t, path, { disk: { ...SYSTEM_DISK, syncFolder } });
  const journal = journalOf(directory);
  failures = 1;
  assert.equal(await journal.begin(BEGINNING, 0), undefined);
  assert.deepEqual(await notesIn(path), []);

  // The removal fails, too: it is left to the next batch, and is not taken for interrupted until then.
  failures = 2;
  assert.equal(await journal.begin(BEGINNING, 1), undefined);
  assert.deepEqual((await journal.interrupted()).notes, []);
  const next = await journal.begin(BEGINNING, 2);
  assert.ok(next);
  assert.equal((await notesIn(path)).length, 1);
  const after = journalOf(directory);
  const { notes } = await after.interrupted();
  assert.deepEqual(
    notes.map(({ value: { batch } }) => batch),
    [2],
  );
});
