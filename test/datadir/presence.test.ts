import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { type ErrorCode, isVscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { ID_FILE } from "../../src/datadir/medium/identity.ts";
import { spectraSet } from "../spectra/sample.ts";
import { FakeStick, FakeSystem, openStick, systemError } from "./medium/fake-stick.ts";
import { NEVER, openDirectory, temporaryFolder } from "./folder.ts";

const LOOK = 10 * SECOND;
const OTHER = "0f1f2f3f-0000-4000-8000-00000000000a";

async function record(directory: DataDirectory, run = "run"): Promise<number> {
  const batch = await directory.startBatch(run);
  await batch.write(spectraSet());
  await batch.finish();
  return batch.number;
}

function refused(attempt: Promise<unknown>, code: ErrorCode, fact: RegExp): Promise<void> {
  return assert.rejects(attempt, (error) => isVscopeError(error, code) && fact.test(error.message));
}

test("an entry of fstab that is not mounted: nothing is written there, and it is used when it is", async (t) => {
  const mountPoint = await temporaryFolder(t);
  const system = new FakeSystem();
  system.mountPoint = mountPoint;
  system.table = `LABEL=VSCOPE ${mountPoint} ext4 nofail 0 2\n`;
  const clock = new VirtualClock();
  const directory = await openDirectory(t, join(mountPoint, "data"), { system, clock });
  assert.equal(directory.status.value.mounted, false);
  assert.match(directory.status.value.problem ?? "", /nothing is mounted at /);
  await refused(directory.startBatch("run"), "DATADIR_NOT_MOUNTED", /the medium is not there/);
  assert.deepEqual(await readdir(mountPoint), []);

  system.source = "/dev/sda1";
  await clock.advance(LOOK);
  const { mounted, fileSystem, problem } = directory.status.value;
  assert.deepEqual(
    { mounted, fileSystem, problem },
    { mounted: true, fileSystem: "vfat", problem: undefined },
  );
  assert.equal(await record(directory), 0);
});

test("require_mount: the disk of the computer itself is not used", async (t) => {
  const mountPoint = await temporaryFolder(t);
  const system = new FakeSystem();
  system.mountPoint = mountPoint;
  const clock = new VirtualClock();
  const directory = await openDirectory(t, mountPoint, { system, clock, requireMount: true });
  assert.match(directory.status.value.problem ?? "", /it lies on the disk of \//);
  assert.deepEqual(await readdir(mountPoint), []);
  system.source = "/dev/sda1";
  await clock.advance(LOOK);
  assert.equal(directory.status.value.mounted, true);
});

test("a data directory keeps its uuid, and is refused where another one is wanted", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  const { uuid } = first.status.value;
  assert.ok(uuid !== undefined);
  await first.close();
  const again = await openDirectory(t, path, { uuid });
  assert.equal(again.status.value.uuid, uuid);
  assert.equal(await record(again), 0);
  await again.close();
  const before = await readdir(path);
  const wrong = await openDirectory(t, path, { uuid: OTHER });
  assert.equal(wrong.status.value.mounted, false);
  await refused(
    wrong.startBatch("run"),
    "DATADIR_WRONG",
    new RegExp(`is ${uuid}, datadir.uuid is ${OTHER}$`),
  );
  assert.deepEqual(await readdir(path), before);
});

test("where a certain one is wanted none is made", async (t) => {
  const folder = await temporaryFolder(t);
  const directory = await openDirectory(t, join(folder, "data"), { uuid: OTHER });
  await refused(directory.startBatch("run"), "DATADIR_WRONG", /has no uuid/);
  assert.deepEqual(await readdir(folder), []);
});

test("the wrong stick is unmounted and left alone; the right one is used when it comes", async (t) => {
  const { stick, clock, directory, mountPoint } = await openStick(t, { uuid: OTHER });
  assert.deepEqual(stick.ran.at(-1), `umount ${mountPoint}`);
  const attempts = stick.ran.length;
  await clock.advance(600 * SECOND);
  assert.equal(stick.ran.length, attempts);
  await refused(directory.startBatch("run"), "DATADIR_WRONG", /has no uuid/);
  await refused(directory.mount(NEVER), "DATADIR_WRONG", /has no uuid/);

  stick.isPlugged = false;
  await clock.advance(LOOK);
  await refused(directory.startBatch("run"), "DATADIR_NOT_MOUNTED", /the medium is not there/);
  await mkdir(join(mountPoint, "data"));
  const id = { uuid: OTHER, madeUtc: "2026-11-20T00:00:00Z", host: "mast" };
  await writeFile(join(mountPoint, "data", ID_FILE), JSON.stringify(id));
  stick.isPlugged = true;
  await clock.advance(LOOK);
  assert.equal(directory.status.value.uuid, OTHER);
  assert.equal(await record(directory), 0);
});

test("two sticks are told apart, and the list of both outlives a restart", async (t) => {
  const knownFile = join(await temporaryFolder(t), "state", "datadirs.json");
  const { stick, clock, directory, mountPoint } = await openStick(t, { knownFile });
  const first = directory.status.value.uuid;
  await record(directory, "plot10");
  await record(directory, "plot10");
  stick.isPlugged = false;
  await clock.advance(LOOK);
  assert.equal(directory.status.value.uuid, undefined);
  await rename(join(mountPoint, "data"), join(mountPoint, "elsewhere"));
  stick.isPlugged = true;
  await clock.advance(LOOK);
  const second = directory.status.value.uuid;
  assert.ok(first !== undefined && second !== undefined && first !== second);
  await record(directory, "plot11");
  await directory.close();

  const facts = directory.known.value.map(({ uuid, newestBatches }) => [uuid, newestBatches]);
  assert.deepEqual(facts, [
    [second, { plot11: 0 }],
    [first, { plot10: 1 }],
  ]);
  assert.deepEqual(JSON.parse(await readFile(knownFile, "utf8")), directory.known.value);
  const next = await openDirectory(t, await temporaryFolder(t), { knownFile });
  assert.deepEqual(next.known.value.slice(1), directory.known.value);
});

test("who asks while a medium is mounted does not make it absent", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  const disk = { ...stick.disk };
  let refusals = 0;
  let isAsking = false;
  // A client, at each look at the disk.
  stick.disk.stat = async (path) => {
    if (!isAsking) {
      isAsking = true;
      await directory.shelf.names().catch(() => (refusals += 1));
      isAsking = false;
    }
    return disk.stat(path);
  };
  await directory.unmount(NEVER);
  const seen: boolean[] = [];
  directory.exchanges.subscribe(() => seen.push(directory.status.value.mounted));
  await directory.mount(NEVER);
  assert.ok(refusals > 0);
  const { mounted, uuid, readOnly, freeBytes } = directory.status.value;
  assert.deepEqual({ mounted, readOnly }, { mounted: true, readOnly: false });
  assert.ok(uuid !== undefined && freeBytes > 0);
  assert.equal(seen.at(-1), true);
  await clock.advance(LOOK);
  assert.equal(seen.filter((one) => one).length, 1);
});

test("a clock that is behind the time of before is told of; numbers and lists do not go by it", async (t) => {
  const path = await temporaryFolder(t);
  const knownFile = join(await temporaryFolder(t), "datadirs.json");
  const at = (startUtcUs: number): Promise<DataDirectory> =>
    openDirectory(t, path, { knownFile, clock: new VirtualClock(startUtcUs) });
  const noonUtcUs = Date.parse("2026-06-21T12:00:00Z") * 1000;
  const before = await at(noonUtcUs);
  await before.setCurrentRun("run");
  assert.equal(await record(before), 0);
  await before.close();
  const after = await at(noonUtcUs - 3600 * SECOND);
  assert.equal(await record(after), 1);
  const events = await after.notes.events("run");
  assert.deepEqual(
    events.map(({ event, byS }) => [event, byS]),
    [["clock-set-back", -3600]],
  );
  assert.deepEqual(
    (await after.shelf.run("run")).batches.map(({ number }) => number),
    [1, 0],
  );
  await after.close();
  const later = await at(noonUtcUs);
  assert.equal((await later.notes.events("run")).length, 1, "once");
});

test("a clock that is behind is told of when the directory was there for long without a new batch", async (t) => {
  const path = await temporaryFolder(t);
  const knownFile = join(await temporaryFolder(t), "datadirs.json");
  const noonUtcUs = Date.parse("2026-06-21T12:00:00Z") * 1000;
  const clock = new VirtualClock(noonUtcUs);
  const before = await openDirectory(t, path, { knownFile, clock });
  await before.setCurrentRun("run");
  await clock.advance(3600 * SECOND);
  await before.close();
  const restarted = new VirtualClock(noonUtcUs + 600 * SECOND);
  const after = await openDirectory(t, path, { knownFile, clock: restarted });
  const [event] = await after.notes.events("run");
  assert.equal(event?.["event"], "clock-set-back");
  const byS = Number(event["byS"]);
  assert.ok(byS <= -2400 && byS >= -3000, String(byS));
});

test("a full disk gets no uuid and is opened all the same", async (t) => {
  const stick = new FakeStick();
  stick.source = "/dev/sda1";
  stick.createError = systemError("ENOSPC");
  const directory = await openDirectory(t, await temporaryFolder(t), { disk: stick.disk });
  const { mounted, uuid } = directory.status.value;
  assert.deepEqual({ mounted, uuid }, { mounted: true, uuid: undefined });
});

test("a uuid that cannot be read keeps nobody from recording but who wants a certain one; it stays", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  const { uuid = "" } = first.status.value;
  await first.close();
  const read: Disk["read"] = (file) =>
    file.endsWith(ID_FILE) ? Promise.reject(systemError("EIO")) : SYSTEM_DISK.read(file);
  const disk = { ...SYSTEM_DISK, read };
  const second = await openDirectory(t, path, { disk });
  assert.equal(second.status.value.uuid, undefined);
  assert.equal(await record(second), 0);
  await second.close();
  await refused(openDirectory(t, path, { disk, uuid }), "DATADIR_IO", /the medium failed/);
  assert.equal((await openDirectory(t, path)).status.value.uuid, uuid);
});

/** The stick's file system has a number that udev shows. */
function numbered(stick: FakeStick, number: string): FakeStick {
  const folder = "/dev/disk/by-uuid";
  const before = { ...stick.disk };
  stick.disk.list = async (path) =>
    path === folder ? [{ name: number, isFile: false, isFolder: false }] : before.list(path);
  stick.disk.realPath = async (path) =>
    path === `${folder}/${number}` ? "/dev/sda1" : before.realPath(path);
  return stick;
}

for (const [what, damage] of [
  ["torn", (id: string) => id.slice(0, 30)],
  ["of zeros", (id: string) => "\0".repeat(id.length)],
  ["empty", () => ""],
  ["unreadable", undefined],
] as const) {
  test(`an id that is ${what} after a power cut stays that of its medium, and is never that of another`, async (t) => {
    const mountPoint = await temporaryFolder(t);
    const knownFile = join(await temporaryFolder(t), "datadirs.json");
    const path = join(mountPoint, "data");
    const start = (number: string | undefined, wanted?: string) => {
      const stick = number === undefined ? new FakeStick() : numbered(new FakeStick(), number);
      stick.mountPoint = mountPoint;
      stick.source = "/dev/sda1";
      if (damage === undefined && wanted !== undefined)
        stick.disk.read = (file) =>
          file.endsWith(ID_FILE) ? Promise.reject(systemError("EIO")) : SYSTEM_DISK.read(file);
      const { disk } = stick;
      return openDirectory(t, path, { disk, system: stick, knownFile, ...(wanted && { uuid: wanted }) });
    };
    const first = await start("A-B");
    const { uuid = "" } = first.status.value;
    await first.close();
    const id = await readFile(join(path, ID_FILE), "utf8");
    const spoil = async () => damage && writeFile(join(path, ID_FILE), damage(id));
    await spoil();
    const second = await start("A-B", uuid);
    assert.equal(second.status.value.uuid, uuid);
    assert.equal(await record(second), 0);
    await second.close();
    assert.equal(JSON.parse(await readFile(join(path, ID_FILE), "utf8")).uuid, uuid, "it is whole again");
    if (damage === undefined) return;
    for (const other of ["C-D", undefined]) {
      await spoil();
      const refusal = await start(other, uuid);
      await refused(refusal.startBatch("run"), "DATADIR_WRONG", /has a damaged .vscope-id/);
      await refusal.close();
      const third = await start(other);
      assert.ok(![uuid, undefined].includes(third.status.value.uuid));
      await third.close();
    }
  });
}

test("another file system at the same place is another data directory, whoever mounts it", async (t) => {
  const mountPoint = await temporaryFolder(t);
  const stick = new FakeStick();
  stick.mountPoint = mountPoint;
  stick.source = "/dev/sda1";
  const clock = new VirtualClock();
  let device = 0x801;
  const stat: FakeStick["disk"]["stat"] = async (path) => {
    const found = await stick.disk.stat(path);
    return found === undefined || path === "/" ? found : { ...found, device };
  };
  const disk = { ...stick.disk, stat };
  const directory = await openDirectory(t, join(mountPoint, "data"), { system: stick, disk, clock });
  const { uuid } = directory.status.value;
  await rename(join(mountPoint, "data"), join(mountPoint, "elsewhere"));
  await mkdir(join(mountPoint, "data"));
  device = 0x811;
  await clock.advance(LOOK);
  assert.equal(directory.status.value.mounted, true);
  assert.notEqual(directory.status.value.uuid, uuid);
});

test("a medium that turns read-only is shown, refuses batches, is checked and mounted again, and told of", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  await directory.setCurrentRun("run");
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  stick.isReadOnly = true;
  stick.createError = systemError("EROFS");
  await refused(batch.write(spectraSet({ sequence: 1 })), "DATADIR_IO", /the medium is read-only/);
  // The failed write makes the server look at once.
  await clock.advance(1);
  assert.equal(directory.status.value.readOnly, true);
  await refused(directory.startBatch("run"), "DATADIR_IO", /the medium is read-only$/);
  assert.equal((await directory.shelf.run("run")).total, 1, "it can still be read");
  const { checked } = stick;
  await clock.advance(6 * LOOK);
  assert.equal(stick.checked, checked, "a batch is under way");

  stick.createError = undefined;
  await batch.finish();
  await clock.advance(2 * LOOK);
  assert.equal(stick.checked, checked + 1);
  assert.equal(directory.status.value.readOnly, false);
  const [event] = await directory.notes.events("run");
  assert.equal(event?.["event"], "medium-read-only", "as soon as it is mounted");
  assert.equal(await record(directory), 1);
  await clock.advance(6 * LOOK);
  assert.equal((await directory.notes.events("run")).length, 1, "once");
});

test("what made a medium read-only is noted on it and on no other", async (t) => {
  const { stick, clock, directory, mountPoint } = await openStick(t);
  await directory.setCurrentRun("run");
  stick.isReadOnly = true;
  stick.staysReadOnly = true;
  await clock.advance(LOOK);
  assert.equal(directory.status.value.readOnly, true);
  stick.isPlugged = false;
  await clock.advance(LOOK);
  await rename(join(mountPoint, "data"), join(mountPoint, "first"));
  await mkdir(join(mountPoint, "data", "run"), { recursive: true });
  stick.staysReadOnly = false;
  stick.isPlugged = true;
  await clock.advance(2 * LOOK);
  assert.equal(directory.status.value.mounted, true);
  await directory.setCurrentRun("run");
  await clock.advance(2 * LOOK);
  assert.deepEqual(await directory.notes.events("run"), []);
});

test("a medium that was unmounted on request says how it comes back, until it is taken out", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  await directory.unmount(NEVER);
  const hint = "unmounted on request, vscope put /datadir/mount true mounts it again";
  assert.equal(directory.status.value.problem, hint);
  await clock.advance(2 * LOOK);
  assert.equal(directory.status.value.problem, hint);
  stick.isPlugged = false;
  await clock.advance(LOOK);
  assert.equal(directory.status.value.problem, undefined);
  stick.plugNumber += 1;
  stick.isPlugged = true;
  await clock.advance(LOOK);
  assert.equal(directory.status.value.mounted, true);
  await directory.unmount(NEVER);
  await directory.mount(NEVER);
  assert.equal(directory.status.value.problem, undefined);
});

test("a medium that stays read-only is not mounted again and again", async (t) => {
  const { stick, clock, directory } = await openStick(t);
  stick.staysReadOnly = true;
  stick.isReadOnly = true;
  const attempts = stick.ran.length;
  await clock.advance(3600 * SECOND);
  assert.equal(stick.ran.length, attempts + 2, "once");
  assert.equal(directory.status.value.mounted, true);
  assert.equal(directory.status.value.readOnly, true);
});

test("what was opened read-only is opened anew, with its lock, when it can be written", async (t) => {
  const path = await temporaryFolder(t);
  const system = new FakeSystem();
  system.mountPoint = path;
  system.source = "/dev/sda1";
  system.isReadOnly = true;
  const clock = new VirtualClock();
  const directory = await openDirectory(t, path, { system, clock });
  assert.equal(directory.status.value.uuid, undefined, "nothing is written");
  assert.equal(directory.status.value.readOnly, true);
  system.isReadOnly = false;
  await clock.advance(LOOK);
  assert.notEqual(directory.status.value.uuid, undefined);
  assert.equal(await record(directory), 0);
});
