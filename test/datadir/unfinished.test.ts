// Files that a crash left while they were written: told at the mount and in lists, once in the events, never removed.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { FailingDisk } from "./disk/failing-disk.ts";
import { openDirectory, temporaryFolder } from "./folder.ts";

const PART = "b000003_s000012_light.pico.part";
const CRASH = new Date("2026-06-20T22:00:00Z");
const NOON_US = Date.UTC(2026, 5, 21, 12) * 1000;

async function crashedFolder(path: string, file = PART): Promise<void> {
  await mkdir(join(path, "plot10"), { recursive: true });
  const part = join(path, "plot10", file);
  await writeFile(part, '{"half":');
  await utimes(part, CRASH, CRASH);
}

test("an unfinished file is told in the log, the list of runs, the run, and once in its events", async (t) => {
  const path = await temporaryFolder(t);
  await crashedFolder(path);
  const clock = new VirtualClock(NOON_US);
  const lines: object[] = [];
  const log: Log = { ...SILENT, warn: (fields) => void lines.push(fields), child: () => log };
  const directory = await openDirectory(t, path, { clock, log });
  assert.deepEqual(lines, [{ run: "plot10", files: 1, oldest: "2026-06-20T22:00:00.000000Z" }]);
  const { runs } = await directory.shelf.runs({});
  assert.deepEqual([runs[0]?.files, runs[0]?.unfinished], [0, 1]);
  const { total, unfinished } = await directory.shelf.run("plot10");
  assert.deepEqual(
    [total, unfinished],
    [0, [{ file: PART, bytes: 8, modifiedUtcUs: CRASH.getTime() * 1000 }]],
  );
  const event = { utc: "2026-06-21T12:00:00.000000Z", event: "unfinished-files", files: [PART] };
  assert.deepEqual(await directory.notes.events("plot10"), [event]);
  await directory.close();

  await crashedFolder(path, PART.replace("12", "13"));
  const again = await openDirectory(t, path, { clock });
  const second = { ...event, files: [PART.replace("12", "13")] };
  assert.deepEqual(await again.notes.events("plot10"), [event, second]);
  assert.equal(await readFile(join(path, "plot10", PART), "utf8"), '{"half":');
  assert.equal((await readdir(join(path, "plot10"))).filter((name) => name.endsWith(".part")).length, 2);
});

test("a file that is being written is not told; a disk that takes no event is mounted all the same", async (t) => {
  const path = await temporaryFolder(t);
  await crashedFolder(path);
  const clock = new VirtualClock(CRASH.getTime() * 1000 + 1_000_000);
  const failing = new FailingDisk();
  const disk = {
    ...failing.disk,
    extend: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })),
  };
  const directory = await openDirectory(t, path, { clock, disk });
  assert.deepEqual((await directory.shelf.run("plot10")).unfinished, []);
  assert.deepEqual(await directory.notes.events("plot10"), []);
  await clock.advance(61_000_000);
  assert.equal((await directory.shelf.run("plot10")).unfinished.length, 1);
});
