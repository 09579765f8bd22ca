// What comes first, and what at all: newest first, some days, some times, so many bytes a second, or nothing but the answer.

import assert from "node:assert/strict";
import { readdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { sync, type SyncOptions, type SyncReport } from "../../src/sync/sync.ts";
import { temporaryFolder } from "../datadir/folder.ts";
import { FarBox, hashesOf, writeDay } from "./far-box.ts";

const DAY_S = 86_400;
const NEWEST_UTC_S = Date.UTC(2026, 8, 21, 12) / 1000;

/** Batch 0 of `plot` is of the newest day, batch 1 of the day before, and so on; those of `tower` are half a day older. */
async function writeDays(folder: string, days: number): Promise<void> {
  for (const [index, run] of ["plot", "tower"].entries()) {
    const batches = Array.from({ length: days }, (_, batch) => batch);
    await writeDay(folder, run, batches);
    for (const batch of batches) {
      const atS = NEWEST_UTC_S - (batch + index / 2) * DAY_S;
      await utimes(join(folder, run, `b00000${batch}.sha256`), atS, atS);
    }
  }
}

async function far(t: TestContext, days: number): Promise<FarBox> {
  const folder = await temporaryFolder(t);
  await writeDays(folder, days);
  return FarBox.start(t, { folder });
}

function bringHome(
  box: FarBox,
  home: string,
  options: SyncOptions = {},
  signal = NEVER,
): Promise<SyncReport> {
  return box.visit((client) => sync(client, home, options, signal));
}

const spectraOf = async (folder: string): Promise<readonly string[]> =>
  [...(await hashesOf(folder)).keys()].filter((name) => name.endsWith(".pico"));

test("the newest comes first, over all runs", async (t) => {
  const box = await far(t, 4);
  const home = await temporaryFolder(t);
  const asked: string[] = [];
  const onProgress = (done: number, of: number, text: string): void => {
    assert.ok(done <= of && of === 8, `${done}/${of}`);
    if (text !== "") asked.push(text.replace(/ b00000(\d)_.*$/, " $1"));
  };
  await bringHome(box, home, { onProgress });
  assert.deepEqual(
    asked,
    [0, 1, 2, 3].flatMap((batch) => [`plot ${batch}`, `tower ${batch}`]),
  );
  assert.deepEqual(await hashesOf(home), await hashesOf(box.folder));
});

test("days count back from the newest data, whatever the clock here shows; the rest comes later", async (t) => {
  const box = await far(t, 4);
  const home = await temporaryFolder(t);
  const report = await bringHome(box, home, { days: 1.2 });
  assert.deepEqual([report.files, report.problems], [3, []]);
  assert.deepEqual(await spectraOf(home), [
    "plot/b000000_s000000_light.pico",
    "plot/b000001_s000000_light.pico",
    "tower/b000000_s000000_light.pico",
  ]);
  // What did not come is not taken for fetched.
  assert.equal((await bringHome(box, home, { days: 1.2 })).files, 0);
  assert.equal((await bringHome(box, home)).files, 5);
  assert.deepEqual(await hashesOf(home), await hashesOf(box.folder));
  assert.equal((await bringHome(box, home, { days: 1 })).isUnchanged, true);
});

test("only what was written from one time to another", async (t) => {
  const box = await far(t, 4);
  const home = await temporaryFolder(t);
  const [fromUtcUs, toUtcUs] = [2, 1].map((days) => (NEWEST_UTC_S - days * DAY_S) * SECOND);
  const times = { fromUtcUs: fromUtcUs ?? 0, toUtcUs: toUtcUs ?? 0 };
  assert.equal((await bringHome(box, home, times)).files, 2);
  assert.deepEqual(await spectraOf(home), [
    "plot/b000002_s000000_light.pico",
    "tower/b000001_s000000_light.pico",
  ]);
});

test("a trial tells what would come, and writes nothing", async (t) => {
  const box = await far(t, 3);
  const home = join(await temporaryFolder(t), "season");
  await box.instrument.model.dataDirectory.indexed();
  const { files, wanted, isUnchanged } = await bringHome(box, home, { isTrial: true });
  assert.deepEqual([files, isUnchanged], [0, false]);
  const bytes = (await Promise.all((await spectraOf(box.folder)).map((name) => stat(join(box.folder, name)))))
    .map(({ size }) => size)
    .reduce((sum, size) => sum + size, 0);
  assert.deepEqual(
    wanted.map(({ run, batches, files: all }) => [run, batches, all]),
    [
      ["plot", 3, 3],
      ["tower", 3, 3],
    ],
  );
  const told = wanted.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  assert.ok(Math.abs(told / bytes - 1) < 0.01, `${told} of ${bytes}`);
  await assert.rejects(stat(home), { code: "ENOENT" });
  await bringHome(box, home);
  const before = (await readdir(home, { recursive: true })).sort();
  assert.deepEqual((await bringHome(box, home, { isTrial: true })).wanted, []);
  assert.deepEqual((await readdir(home, { recursive: true })).sort(), before);
});

test("with a limit it takes as long as the bytes at that rate, and no longer", async (t) => {
  const box = await far(t, 4);
  const bytesPerS = 2000;
  const startUs = box.clock.nowUs();
  const { receivedBytes } = await bringHome(box, await temporaryFolder(t), { bytesPerS });
  const seconds = (box.clock.nowUs() - startUs) / SECOND;
  const wantedS = receivedBytes / bytesPerS;
  t.diagnostic(
    `${receivedBytes} bytes in ${seconds.toFixed(0)} s, ${wantedS.toFixed(0)} s at ${bytesPerS} bytes/s`,
  );
  // The last transfers, four at most, need not be waited for.
  const last = (4 * receivedBytes) / 8 / bytesPerS;
  assert.ok(seconds > wantedS - last && seconds < 1.15 * wantedS, `${seconds} s, not ${wantedS} s`);
});

test("a long list of batches is asked for once, however often the sync is cut", async (t) => {
  const folder = await temporaryFolder(t);
  const batches = Array.from({ length: 30 }, (_, batch) => batch);
  await writeDay(folder, "plot", batches);
  const box = await FarBox.start(t, { folder });
  const home = await temporaryFolder(t);
  const cut = async (afterUs: number): Promise<number> => {
    const before = box.sentBytes.up;
    const stop = new AbortController();
    box.clock.after(afterUs, () => stop.abort(new Error("cut")));
    await assert.rejects(bringHome(box, home, {}, stop.signal), { message: "cut" });
    return box.sentBytes.up - before;
  };
  await cut(8 * SECOND);
  assert.ok((await readdir(join(home, ".sync", "plot"))).includes(".listing.json"));
  const sent = box.network.sent.length;
  await cut(4 * SECOND);
  const lists = box.network.sent
    .slice(sent)
    .filter(
      ({ to, bytes }) => !to.startsWith("192.0.2.1 ") && Buffer.from(bytes).includes("b000003_s000000"),
    );
  assert.deepEqual(lists, []);
  assert.deepEqual((await bringHome(box, home)).problems, []);
  assert.deepEqual(await hashesOf(home), await hashesOf(folder));
  assert.deepEqual(await readdir(join(home, ".sync", "plot")), []);
});
