import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import { spectraSet } from "../spectra/sample.ts";
import { NEVER, openDirectory, temporaryFolder, readText } from "./folder.ts";

const OUTSIDE = [
  "",
  ".",
  "..",
  "../secret.pico",
  "/secret.pico",
  "../../etc/passwd",
  "a/../../secret.pico",
  "a\0.pico",
  "x".repeat(300),
];

test("a batch writes one file per set and lists them newest first", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path, { writer: "vscope-server 9.9" });
  const batch = await directory.startBatch("plot10");
  assert.equal(batch.number, 0);
  const dark = await batch.write(spectraSet({ kind: "dark" }));
  const light = await batch.write(spectraSet());
  await batch.finish();
  assert.equal(light.file, "b000000_s000000_light.pico");
  assert.equal(light.path, join(path, "plot10", light.file));
  const bytes = Buffer.from(await readText(directory, "plot10", light.file));
  assert.equal(bytes.length, light.bytes);
  const content = parsePico(String(bytes), light.file);
  assert.deepEqual(content.format, { version: 2, writer: "vscope-server 9.9" });
  assert.equal(content.spectra[0]?.run, "plot10");
  assert.deepEqual(await directory.shelf.run("plot10"), {
    name: "plot10",
    total: 2,
    files: [light, dark].map(({ file, bytes: size }) => ({ file, bytes: size })),
    batches: [{ number: 0, files: 2 }],
    bytes: light.bytes + dark.bytes,
    unfinished: [],
  });
});

test("writes are in order, and the caller need not wait for each", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  const batch = await directory.startBatch("run");
  const order: number[] = [];
  const writes: Promise<unknown>[] = [];
  for (let sequence = 0; sequence < 10; sequence++) {
    writes.push(batch.write(spectraSet({ sequence })).then(() => order.push(sequence)));
    await batch.room(NEVER);
  }
  await batch.finish();
  await Promise.all(writes);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a caller that never waits is refused before the memory is full", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  const batch = await directory.startBatch("run");
  const writes = Array.from({ length: 70 }, (_, sequence) => batch.write(spectraSet({ sequence })));
  const results = await Promise.allSettled(writes);
  const refused = results.filter((result) => result.status === "rejected");
  assert.ok(refused.length > 0 && refused.length < 10, String(refused.length));
  for (const { reason } of refused) assert.ok(isVscopeError(reason, "DEVICE_BUSY"));
  assert.equal((await directory.shelf.run("run")).files.length, results.length - refused.length);
});

test("the same sequence twice in a batch is a conflict, so is a write to a finished batch", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  await assert.rejects(batch.write(spectraSet()), (error) => isVscopeError(error, "STATE_CONFLICT"));
  await batch.finish();
  await assert.rejects(batch.write(spectraSet({ sequence: 1 })), (error) =>
    isVscopeError(error, "STATE_CONFLICT"),
  );
});

test("batch numbers are never used twice: not after a restart, a batch without files, or files added by hand", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  const numbers: number[] = [];
  const take = async (directory = first): Promise<void> => {
    const batch = await directory.startBatch("run");
    await batch.finish();
    numbers.push(batch.number);
  };
  await take();
  await take();
  await first.close();
  await writeFile(join(path, "run", "b000041_s000000_light.pico"), "{}");
  const second = await openDirectory(t, path);
  await take(second);
  await rm(join(path, "run", "b000041_s000000_light.pico"));
  await second.close();
  await take(await openDirectory(t, path));
  assert.deepEqual(numbers, [0, 1, 42, 43]);
  const taken = await Promise.all(["a", "a", "a"].map((run) => openBatchNumber(t, path, run)));
  assert.equal(new Set(taken).size, 1, "the second opening is refused");
});

async function openBatchNumber(
  t: Parameters<typeof openDirectory>[0],
  path: string,
  run: string,
): Promise<string> {
  return openDirectory(t, path).then(
    () => `opened ${run}`,
    (error: unknown) => (isVscopeError(error, "SERVER_CONFLICT") ? "refused" : String(error)),
  );
}

test("a batch is not numbered by a look through the whole run", async (t) => {
  let listings = 0;
  const list: Disk["list"] = (path) => {
    if (path.endsWith("season")) listings += 1;
    return SYSTEM_DISK.list(path);
  };
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path, { disk: { ...SYSTEM_DISK, list } });
  for (const expected of [0, 1, 2, 3, 4, 5]) {
    const batch = await directory.startBatch("season");
    await batch.write(spectraSet());
    await batch.finish();
    assert.equal(batch.number, expected);
  }
  assert.equal(listings, 1);
});

test("a batch gets past numbers that were taken by hand, before it began or in its middle", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  await (await directory.startBatch("run")).finish();
  await writeFile(join(path, "run", "b000001_s000000_dark.pico"), "by hand");
  await writeFile(join(path, "run", "b000004_s000000_dark.pico"), "by hand");
  const batch = await directory.startBatch("run");
  assert.equal(batch.number, 5);
  const names = [(await batch.write(spectraSet())).file];
  await writeFile(join(path, "run", "b000005_s000001_light.pico"), "by hand");
  await writeFile(join(path, "run", "b000008_s000002_light.pico"), "by hand");
  names.push((await batch.write(spectraSet({ sequence: 1 }))).file);
  await assert.rejects(batch.write(spectraSet({ sequence: 1 })), (error) =>
    isVscopeError(error, "STATE_CONFLICT"),
  );
  names.push((await batch.write(spectraSet({ sequence: 2 }))).file);
  assert.deepEqual(names, [
    "b000005_s000000_light.pico",
    "b000009_s000001_light.pico",
    "b000009_s000002_light.pico",
  ]);
  assert.equal(await readFile(join(path, "run", "b000005_s000001_light.pico"), "utf8"), "by hand");
  const { spectra } = await directory.shelf.slice({ batch: 9 }, { limit: 100, offset: 0 });
  assert.equal(spectra.length, 2, "the catalogue and the files have the new number");
  assert.equal((await directory.startBatch("run")).number, 10);
});

test("batches started together get different numbers", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  const batches = await Promise.all([1, 2, 3].map(() => directory.startBatch("run")));
  assert.deepEqual(
    batches.map(({ number }) => number),
    [0, 1, 2],
  );
});

test("the current run is remembered; without one it is the newest folder, else spectra", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  assert.equal(first.currentRun.value, "spectra");
  assert.deepEqual((await first.shelf.runs({})).runs, []);
  const told: string[] = [];
  first.currentRun.subscribe((run) => told.push(run));
  await first.setCurrentRun("plot10");
  await first.setCurrentRun("plot11");
  await first.setCurrentRun("plot10");
  assert.deepEqual(told, ["plot10", "plot11", "plot10"]);
  await first.close();

  const second = await openDirectory(t, path);
  assert.equal(second.currentRun.value, "plot10");
  await second.close();

  await rm(join(path, "plot10"), { recursive: true });
  await mkdir(join(path, "by hand"));
  await utimes(join(path, "plot11"), 1, 1);
  const third = await openDirectory(t, path);
  assert.equal(third.currentRun.value, "by hand");
});

test("a name that cannot be a run changes nothing, inside and outside", async (t) => {
  const parent = await temporaryFolder(t);
  const path = join(parent, "data");
  const directory = await openDirectory(t, path);
  const before = await readdir(path);
  for (const name of [...OUTSIDE, ".hidden", "my.pico_run/x", "a".repeat(65), "x.part"]) {
    for (const attempt of [directory.setCurrentRun(name), directory.startBatch(name)]) {
      await assert.rejects(attempt, (error) => isVscopeError(error, "VALUE_INVALID"), name.slice(0, 20));
    }
  }
  assert.deepEqual(await readdir(path), before);
  assert.deepEqual(await readdir(parent), ["data"]);
  assert.equal(directory.currentRun.value, "spectra");
});

test("a run with .pico in its name keeps its files to itself", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  const batch = await directory.startBatch("my.pico_run");
  await batch.write(spectraSet());
  assert.equal((await directory.shelf.run("my.pico_run")).files.length, 1);
});

test("nothing outside a run can be read, by whatever name", async (t) => {
  const parent = await temporaryFolder(t);
  const path = join(parent, "data");
  const directory = await openDirectory(t, path);
  const batch = await directory.startBatch("run");
  const { file } = await batch.write(spectraSet());
  await writeFile(join(parent, "secret.pico"), "secret");
  await writeFile(join(path, "secret.pico"), "secret");
  await writeFile(join(path, "run", "notes.txt"), "secret");
  await writeFile(join(path, "run", `${file}.part`), "secret");
  await symlink(join(parent, "secret.pico"), join(path, "run", "link.pico"));
  await symlink(parent, join(path, "link"));
  await mkdir(join(path, "run", "folder.pico"));
  const matrix = [
    ...OUTSIDE.flatMap((name) => [
      ["run", name],
      [name, file],
      [name, name],
    ]),
    ["link", "secret.pico"],
    ["run", "link.pico"],
    ["run", "notes.txt"],
    ["run", "folder.pico"],
    ["run", `${file}.part`],
    ["run", ".batch"],
    ["run", "../secret.pico"],
    ["run", "b000009_s000000_light.pico"],
    [".", ".current-run"],
    ["run", "../catalogue.sqlite"],
    ["none", file],
  ];
  for (const [run = "", name = ""] of matrix) {
    await assert.rejects(
      directory.shelf.openFile(run, name),
      (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"),
      `${run} ${name}`,
    );
  }
  for (const name of [...OUTSIDE, "link", "none"]) {
    await assert.rejects(directory.shelf.run(name), (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"));
  }
  assert.deepEqual(
    (await directory.shelf.run("run")).files.map((entry) => entry.file),
    [file],
  );
});

test("run folders of other systems are listed, read and recorded into", async (t) => {
  const path = await temporaryFolder(t);
  await mkdir(join(path, "plot, 10 (old)"));
  await writeFile(join(path, "plot, 10 (old)", "b000007_s000000_dark.pico"), "{}");
  await mkdir(join(path, "lost+found"));
  await mkdir(join(path, ".trash"));
  await writeFile(join(path, "piccolo.config"), "");
  const directory = await openDirectory(t, path);
  const { total, runs } = await directory.shelf.runs({});
  assert.equal(total, 1);
  assert.deepEqual(
    runs.map(({ name, files, newestBatch }) => ({ name, files, newestBatch })),
    [{ name: "plot, 10 (old)", files: 1, newestBatch: 7 }],
  );
  assert.equal((await directory.startBatch("plot, 10 (old)")).number, 8);
});

test("runs are paged, filtered and sorted by their newest change", async (t) => {
  const path = await temporaryFolder(t);
  for (const [age, name] of ["Alpha", "beta", "alphabet", "gamma"].entries()) {
    await mkdir(join(path, name));
    await utimes(join(path, name), 1000 - age, 1000 - age);
  }
  const directory = await openDirectory(t, path);
  const names = async (page: object): Promise<readonly [number, string[]]> => {
    const { total, runs } = await directory.shelf.runs(page);
    return [total, runs.map(({ name }) => name)];
  };
  assert.deepEqual(await names({}), [4, ["Alpha", "beta", "alphabet", "gamma"]]);
  assert.deepEqual(await names({ offset: 1, limit: 2 }), [4, ["beta", "alphabet"]]);
  assert.deepEqual(await names({ match: "ALPHA" }), [2, ["Alpha", "alphabet"]]);
  assert.deepEqual(await names({ offset: 9 }), [4, []]);
});

test("a run of any length is paged without looking through it for each page", async (t) => {
  let listings = 0;
  const list: Disk["list"] = (path) => {
    if (path.endsWith("season")) listings += 1;
    return SYSTEM_DISK.list(path);
  };
  const path = await temporaryFolder(t);
  const folder = join(path, "season");
  await mkdir(folder);
  const fileOf = (index: number): string =>
    `b${String(index >> 1).padStart(6, "0")}_s000000_${index % 2 === 0 ? "dark" : "light"}.pico`;
  for (let index = 0; index < 30; index++)
    await writeFile(join(folder, fileOf(index)), "?".repeat(index + 1));
  const directory = await openDirectory(t, path, { disk: { ...SYSTEM_DISK, list } });
  listings = 0;
  const pages = [0, 7, 14, 21, 28, 35].map((offset) => directory.shelf.run("season", { offset, limit: 7 }));
  const [first, ...rest] = await Promise.all(pages);
  assert.equal(first?.total, 30);
  assert.equal(first.bytes, (30 * 31) / 2);
  assert.deepEqual(first.batches.at(-1), { number: 11, files: 2 }, "one of the two is on this page");
  assert.deepEqual(
    [first, ...rest].flatMap(({ files }) => files),
    Array.from({ length: 30 }, (_, index) => ({ file: fileOf(29 - index), bytes: 30 - index })),
  );
  assert.equal(listings, 0, "the listing of the start is known");
  await utimes(folder, 5, 5);
  assert.equal((await directory.shelf.run("season")).files.length, 30);
  assert.equal(listings, 1, "the folder has changed");
  const batch = await directory.startBatch("season");
  const { file } = await batch.write(spectraSet());
  await utimes(folder, 5, 5);
  const [newest] = (await directory.shelf.run("season", { limit: 1 })).files;
  assert.equal(newest?.file, file, "a file of our own is never missing, however coarse the folder's time is");
});

test("a file that was added by hand in the step of the folder's time shows after ten seconds", async (t) => {
  const path = await temporaryFolder(t);
  const clock = new VirtualClock();
  await mkdir(join(path, "run"));
  await utimes(join(path, "run"), 5, 5);
  const directory = await openDirectory(t, path, { clock });
  assert.equal((await directory.shelf.run("run")).total, 0);
  await writeFile(join(path, "run", "b000000_s000000_dark.pico"), "by hand");
  await utimes(join(path, "run"), 5, 5);
  await clock.advance(10 * SECOND);
  assert.equal((await directory.shelf.run("run")).total, 1);
});

test("the status follows the medium's space and a medium that is pulled out", async (t) => {
  let space: Disk["space"] = async () => ({ freeBytes: 100e6, totalBytes: 200e6 });
  const disk: Disk = { ...SYSTEM_DISK, space: (path) => space(path) };
  const path = join(await temporaryFolder(t), "data");
  const clock = new VirtualClock();
  const directory = await openDirectory(t, path, { disk, clock });
  assert.equal(clock.pending, 1);
  const told: object[] = [];
  directory.status.subscribe(({ mounted, freeBytes }) => told.push({ mounted, freeBytes }));
  space = async () => ({ freeBytes: 70e6, totalBytes: 200e6 });
  await clock.advance(25 * SECOND);
  space = async () => {
    throw Object.assign(new Error("injected"), { code: "EIO" });
  };
  await clock.advance(10 * SECOND);
  space = async () => ({ freeBytes: 60e6, totalBytes: 200e6 });
  await clock.advance(10 * SECOND);
  await rename(path, `${path}.away`);
  await clock.advance(10 * SECOND);
  assert.deepEqual(told, [
    { mounted: true, freeBytes: 70e6 },
    { mounted: false, freeBytes: 0 },
    { mounted: true, freeBytes: 60e6 },
    { mounted: false, freeBytes: 0 },
  ]);
  await directory.close();
  assert.equal(clock.pending, 0, "no timer is left");
});

test("looks at the medium never overlap, and closing awaits the last", async (t) => {
  let looks = 0;
  let answer = (): void => {};
  let isOpen = false;
  const space: Disk["space"] = async () => {
    if (isOpen) looks += 1;
    if (isOpen) await new Promise<void>((resolve) => (answer = resolve));
    return { freeBytes: 100e6, totalBytes: 200e6 };
  };
  const clock = new VirtualClock();
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path, { disk: { ...SYSTEM_DISK, space }, clock });
  isOpen = true;
  await clock.advance(60 * SECOND);
  assert.equal(looks, 1);
  const closing = directory.close();
  answer();
  await closing;
  assert.equal(directory.status.value.mounted, false);
  assert.equal(clock.pending, 0);
});

test("recording stops before the reserve is touched, with the figures", async (t) => {
  let freeBytes = 100e6;
  const disk: Disk = { ...SYSTEM_DISK, space: async () => ({ freeBytes, totalBytes: 200e6 }) };
  const directory = await openDirectory(t, await temporaryFolder(t), { disk, reserveBytes: 50e6 });
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  freeBytes = 50e6 + 100;
  await assert.rejects(batch.write(spectraSet({ sequence: 1 })), (error) => {
    return (
      isVscopeError(error, "DATADIR_FULL") &&
      /50\.0 MB are free, .* 50\.0 MB stay in reserve$/.test(error.message)
    );
  });
  freeBytes = 100;
  await assert.rejects(directory.startBatch("other"), {
    message: "data directory: 100 B are free, 50.0 MB stay in reserve",
  });
  await assert.rejects(batch.write(spectraSet({ sequence: 1 })), {
    message: /^data directory: 100 B are free, \d+\.\d kB are wanted, 50\.0 MB stay in reserve$/,
  });
  freeBytes = 49e6;
  await assert.rejects(directory.startBatch("run"), (error) => isVscopeError(error, "DATADIR_FULL"));
  assert.equal((await directory.shelf.run("run")).files.length, 1);
});

test("a run folder that is removed while recording is made again", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  await rm(join(path, "run"), { recursive: true });
  const { file } = await batch.write(spectraSet({ sequence: 1 }));
  assert.deepEqual(
    (await directory.shelf.run("run")).files.map((entry) => entry.file),
    [file],
  );
});

for (const what of ["its first write fails", "its first write succeeds"])
  test(`nothing counts as recorded on the bare mount point when the medium goes and ${what}`, async (t) => {
    const parent = await temporaryFolder(t);
    const path = join(parent, "data");
    let isThere = true;
    // The medium goes while the second file is flushed; what is at its path then is another file system.
    const take = async (): Promise<void> => {
      isThere = false;
      await rename(path, join(parent, "medium"));
      await mkdir(path);
      if (what.endsWith("fails")) throw Object.assign(new Error("gone"), { code: "EIO" });
      await rename(join(parent, "medium", "run"), join(path, "run"));
    };
    const disk: Disk = {
      ...SYSTEM_DISK,
      stat: async (place) => {
        const found = await SYSTEM_DISK.stat(place);
        return found && { ...found, device: isThere && place !== "/" ? 42 : 1 };
      },
      create: async (place) => {
        const file = await SYSTEM_DISK.create(place);
        const sync = (): Promise<void> => (place.includes("s000001") ? take() : file.sync());
        return { write: (bytes) => file.write(bytes), sync, close: () => file.close() };
      },
    };
    const directory = await openDirectory(t, path, { disk });
    const batch = await directory.startBatch("run");
    await batch.write(spectraSet());
    await assert.rejects(batch.write(spectraSet({ sequence: 1 })), (error) =>
      isVscopeError(error, "DATADIR_NOT_MOUNTED"),
    );
    await directory.close();
    if (what.endsWith("fails")) assert.deepEqual(await readdir(path), []);
  });

test("a data directory that is removed is not made again under the server's feet", async (t) => {
  const path = join(await temporaryFolder(t), "data");
  const directory = await openDirectory(t, path);
  const batch = await directory.startBatch("run");
  await rm(path, { recursive: true });
  await assert.rejects(batch.write(spectraSet()), (error) => isVscopeError(error, "DATADIR_NOT_MOUNTED"));
  assert.equal(directory.status.value.mounted, false);
});

test("two servers cannot use one data directory; after closing it is free", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  await assert.rejects(openDirectory(t, path), (error) => isVscopeError(error, "SERVER_CONFLICT"));
  await first.close();
  await (await openDirectory(t, path)).close();
});

test("closing waits for what was handed in, and refuses the rest", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  const batch = await directory.startBatch("run");
  const writes = [0, 1, 2].map((sequence) => batch.write(spectraSet({ sequence })));
  await directory.close();
  await Promise.all(writes);
  assert.equal((await readdir(join(path, "run"))).filter((name) => name.endsWith(".pico")).length, 3);
  await assert.rejects(batch.write(spectraSet({ sequence: 3 })), (error) =>
    isVscopeError(error, "DATADIR_NOT_MOUNTED"),
  );
  await directory.close();
});

test("the data directory may be a link, not a file", async (t) => {
  const parent = await temporaryFolder(t);
  await mkdir(join(parent, "real"));
  await symlink(join(parent, "real"), join(parent, "link"));
  const directory = await openDirectory(t, join(parent, "link"));
  await (await directory.startBatch("run")).write(spectraSet());
  assert.deepEqual((await readdir(join(parent, "real"))).includes("run"), true);
  await writeFile(join(parent, "file"), "");
  await assert.rejects(openDirectory(t, join(parent, "file")), (error) => isVscopeError(error));
});

test("a group does not wait for an export that is being written: it asks for no sync of the whole medium", async (t) => {
  let hastened = 0;
  const hastenSyncs = async (): Promise<void> => void (hastened += 1);
  const directory = await openDirectory(t, await temporaryFolder(t), {
    disk: { ...SYSTEM_DISK, hastenSyncs },
  });
  const batch = await directory.startBatch("run");
  const group = (from: number): Promise<unknown> =>
    Promise.all([0, 1, 2].map((offset) => batch.write(spectraSet({ sequence: from + offset }))));
  await directory.exports.fill({ id: "e1", run: "run" }, () => group(0));
  assert.equal(hastened, 0);
  await group(3);
  assert.ok(hastened > 0);
  await batch.finish();
});
