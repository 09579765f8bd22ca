import assert from "node:assert/strict";
import { copyFile, mkdir, open, readdir, readFile, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { until } from "../../../src/base/cell.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import { logTo, SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE, Catalogue } from "../../../src/datadir/catalogue/catalogue.ts";
import type { DataDirectory } from "../../../src/datadir/data-directory.ts";
import type { SpectrumRow } from "../../../src/datadir/catalogue/catalogue-row.ts";
import type { SpectraSet, Spectrum } from "../../../src/spectra/spectrum.ts";
import { instrument, spectraSet, spectrum, START_UTC_US } from "../../spectra/sample.ts";
import { catalogued, SAMPLE } from "./catalogue-sample.ts";
import { makeEarlier } from "./earlier-catalogue.ts";
import { allSpectra, IGNORE, NEVER, openDirectory, temporaryFolder } from "../folder.ts";

const SECOND = 1_000_000;
const ALL = { limit: 100_000, offset: 0 };

/** Two runs of two instruments and two channels, ten seconds apart. */
async function recordSeason(directory: DataDirectory): Promise<void> {
  let at = START_UTC_US;
  for (const run of ["plot10", "plot11"]) {
    const batch = await directory.startBatch(run);
    for (let sequence = 0; sequence < 3; sequence++) {
      for (const kind of ["dark", "light"] as const) {
        await batch.write(turn(kind, sequence, at));
        at += 10 * SECOND;
      }
    }
    await batch.finish();
  }
}

function turn(kind: SpectraSet["kind"], sequence: number, exposureStartUtcUs: number): SpectraSet {
  const spectra: Spectrum[] = [];
  for (const channel of ["upwelling", "downwelling"]) {
    for (const serial of ["FLMT01859", "QEP00114"]) {
      const flags =
        kind === "light" && serial === "QEP00114"
          ? (["saturated", "simulated"] as const)
          : (["simulated"] as const);
      spectra.push(
        spectrum({ instrument: instrument({ serial }), channel, kind, flags, exposureStartUtcUs }),
      );
    }
  }
  return spectraSet({ kind, sequence, spectra });
}

test("every spectrum's metadata is in the catalogue", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  const batch = await directory.startBatch("plot10");
  const cooled = spectrum({
    detectorTemperatureC: -9.9,
    tecEnabled: true,
    tecSetpointC: -10,
    channelWavelengthCoefficients: [1, 2],
  });
  await batch.write(spectraSet({ sequence: 12, spectra: [cooled] }));
  assert.deepEqual(await directory.shelf.spectrum("plot10/b000000_s000012_light.pico/0"), {
    id: "plot10/b000000_s000012_light.pico/0",
    run: "plot10",
    file: "b000000_s000012_light.pico",
    position: 0,
    batch: 0,
    sequence: 12,
    kind: "light",
    serial: "FLMT01859",
    model: "Flame-T",
    firmware: "1.00.0",
    channel: "upwelling",
    exposureStartUtcUs: START_UTC_US,
    exposureEndUtcUs: START_UTC_US + 250_000,
    integrationTimeUs: 250_000,
    pixels: 6,
    peakCounts: 60_000,
    saturatedPixels: 1,
    saturationLevel: 60_000,
    clockErrorUs: null,
    latitudeDeg: null,
    longitudeDeg: null,
    heightM: null,
    sunElevationDeg: null,
    sunAzimuthDeg: null,
    maxCounts: 65_535,
    detectorTemperatureC: -9.9,
    tecEnabled: true,
    tecSetpointC: -10,
    isSimulated: true,
    freshness: "timing",
    discardedFrames: 1,
    strayLightConstant: null,
    opticalConfiguration: null,
    flags: ["saturated", "simulated"],
    wavelengthCoefficients: [340, 0.4, -1e-5, -2e-9],
    channelWavelengthCoefficients: [1, 2],
    nonlinearityCoefficients: [1, 1e-6],
    darkPixels: [0, 1],
    opticalPixelRange: [2, 6],
  });
  for (const id of ["plot10/b000000_s000012_light.pico/1", "nonsense", "a/b/c/d/0", ""]) {
    await assert.rejects(
      directory.shelf.spectrum(id),
      (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"),
      id,
    );
  }
});

const DAMAGE: readonly (readonly [string, (file: string) => Promise<void>])[] = [
  ["deleted", (file) => rm(file)],
  ["emptied", (file) => writeFile(file, "")],
  ["overwritten with rubbish", (file) => writeFile(file, "rubbish".repeat(1000))],
  ["damaged in the middle", damagePages],
  ["of a newer version", async (file) => changeDatabase(file, "PRAGMA user_version = 99")],
  ["another database", async (file) => changeDatabase(file, "PRAGMA user_version = 0; CREATE TABLE x (y)")],
  [
    "a part of the rows gone",
    async (file) =>
      changeDatabase(file, "DELETE FROM measurements WHERE run = 1; DELETE FROM files WHERE run = 1"),
  ],
];

for (const [what, damage] of DAMAGE) {
  test(`the catalogue comes back equal from the files: ${what}`, async (t) => {
    const path = await temporaryFolder(t);
    const first = await openDirectory(t, path);
    await recordSeason(first);
    const before = await allSpectra(first);
    await first.close();
    await damage(join(path, CATALOGUE_FILE));
    const second = await openDirectory(t, path);
    assert.deepEqual(await allSpectra(second), before);
  });
}

test("a catalogue that is not usable is kept beside the new one", async (t) => {
  const path = await temporaryFolder(t);
  await writeFile(join(path, CATALOGUE_FILE), "rubbish".repeat(1000));
  await openDirectory(t, path);
  assert.equal(
    (await readdir(path)).filter((name) => /^catalogue\.sqlite\.2026\d+T\d+Z$/.test(name)).length,
    1,
  );
});

test("one catalogue is kept aside, the newest", async (t) => {
  const path = join(await temporaryFolder(t), CATALOGUE_FILE);
  const clock = new VirtualClock();
  for (const rubbish of ["first", "second"]) {
    await writeFile(path, rubbish.repeat(1000));
    await (await Catalogue.open(path, { clock, log: SILENT })).close();
    await clock.advance(SECOND);
  }
  const [aside = "", ...others] = (await readdir(dirname(path))).filter((name) => name !== CATALOGUE_FILE);
  assert.match(await readFile(join(dirname(path), aside), "utf8"), /^second/);
  assert.deepEqual(others, []);
});

test("an empty file, as a power cut leaves it on vfat, is set aside at the start; a broken one stays and is named", async (t) => {
  const path = await temporaryFolder(t);
  await mkdir(join(path, "run"));
  await writeFile(join(path, "run", "b000000_s000000_dark.pico"), "");
  await writeFile(join(path, "run", "b000000_s000000_light.pico"), "{");
  const directory = await openDirectory(t, path);
  assert.deepEqual((await readdir(join(path, "run"))).sort(), [
    "b000000_s000000_dark.pico.empty",
    "b000000_s000000_light.pico",
  ]);
  const broken = (await directory.shelf.brokenFiles()).map(({ file }) => file);
  assert.deepEqual(broken, ["b000000_s000000_light.pico"]);
});

test("a start finds files that were added by hand and drops those that are gone", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  await recordSeason(first);
  await first.close();
  await copyFile(join(path, "plot10", "b000000_s000000_light.pico"), join(path, "plot11", "copy.pico"));
  await rm(join(path, "plot10", "b000000_s000001_light.pico"));
  await rm(join(path, "plot11", "b000000_s000000_dark.pico"));
  await writeFile(join(path, "plot11", "broken.pico"), '{"Spectra": [');
  const second = await openDirectory(t, path);
  const files = new Set((await allSpectra(second)).map(({ run, file }) => `${run}/${file}`));
  assert.equal(files.size, 12 - 2 + 1);
  assert.ok(files.has("plot11/copy.pico"));
  const broken = await second.shelf.brokenFiles();
  assert.deepEqual(
    broken.map(({ file }) => file),
    ["broken.pico"],
  );
  assert.match(broken[0]?.problem ?? "", /^plot11\/broken\.pico: not JSON/);
});

test("an archive of older files is read while the server works", async (t) => {
  const path = await temporaryFolder(t);
  const source = await openDirectory(t, join(path, "source"));
  const batch = await source.startBatch("run");
  const { path: file } = await batch.write(spectraSet());
  await source.close();
  const archive = join(path, "archive");
  await mkdir(join(archive, "old"), { recursive: true });
  for (let number = 0; number < 250; number++) await copyFile(file, join(archive, "old", `${number}.pico`));
  const directory = await openDirectory(t, archive);
  const { filesToIndex } = directory.status.value;
  assert.ok(filesToIndex > 0 && filesToIndex <= 150, String(filesToIndex));
  const recording = await directory.startBatch("new");
  await recording.write(spectraSet());
  await recording.finish();
  assert.equal((await allSpectra(directory)).length, 251);
  assert.equal(directory.status.value.filesToIndex, 0);
});

test("reindexing reads every file anew, tells how far it is, and skips what is broken", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  await recordSeason(directory);
  const before = await allSpectra(directory);
  // A file changed by hand keeps its name: only reading it shows the change.
  await writeFile(join(path, "plot10", "b000000_s000000_light.pico"), "{}");
  const progress: string[] = [];
  const report = await directory.reindex(({ done, of }) => progress.push(`${done}/${of}`), NEVER);
  assert.equal(report.indexed, 11);
  assert.deepEqual(
    report.broken.map(({ run, file }) => `${run}/${file}`),
    ["plot10/b000000_s000000_light.pico"],
  );
  assert.deepEqual([progress[0], progress.at(-1)], ["1/12", "12/12"]);
  const kept = before.filter(({ run, file }) => `${run}/${file}` !== "plot10/b000000_s000000_light.pico");
  assert.deepEqual(await allSpectra(directory), kept);
});

test("reindexing can be aborted, does not run twice, and recording goes on meanwhile", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  await recordSeason(directory);
  const controller = new AbortController();
  const reason = new Error("enough");
  const reindex = () =>
    directory.reindex(({ done }) => (done === 3 ? controller.abort(reason) : undefined), controller.signal);
  // Either may be the first.
  const outcomes = await Promise.allSettled([reindex(), reindex()]);
  const reasons = outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : undefined));
  assert.equal(reasons.filter((one) => one === reason).length, 1);
  assert.equal(reasons.filter((one) => isVscopeError(one, "STATE_CONFLICT")).length, 1);
  const batch = await directory.startBatch("plot12");
  const [report] = await Promise.all([directory.reindex(IGNORE, NEVER), batch.write(spectraSet())]);
  assert.ok(report.indexed >= 12);
  assert.equal((await allSpectra(directory)).length, 49);
});

test("a catalogue that fails in mid-season loses no spectrum, and has all at the next start", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet());
  changeDatabase(join(path, CATALOGUE_FILE), "DROP TABLE measurements");
  const { file } = await batch.write(spectraSet({ sequence: 1 }));
  await batch.finish();
  assert.ok((await directory.shelf.run("run")).files.some((entry) => entry.file === file));
  await assert.rejects(directory.shelf.search({ limit: 1 }), (error) => isVscopeError(error, "DATADIR_IO"));
  await directory.close();
  assert.equal((await allSpectra(await openDirectory(t, path))).length, 2);
});

test("another program can read the catalogue while the server writes it", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  await recordSeason(directory);
  const reader = new Database(join(path, CATALOGUE_FILE), { readonly: true });
  t.after(() => reader.close());
  const count = reader.prepare("SELECT count(*) FROM spectra WHERE run = 'plot10'").pluck();
  assert.equal(count.get(), 24);
  const batch = await directory.startBatch("plot10");
  await batch.write(spectraSet());
  assert.equal(count.get(), 25);
});

function changeDatabase(file: string, sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.close();
}

async function damagePages(file: string): Promise<void> {
  const handle = await open(file, "r+");
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(size - 8192, 0xa5), 0, size - 8192, 4096);
  await handle.close();
}

for (const version of [1, 2] as const) {
  test(`a catalogue of version ${version} is taken over while the server works: every row, and no file is read`, async (t) => {
    const path = await temporaryFolder(t);
    const first = await openDirectory(t, path);
    await recordSeason(first);
    const before = await allSpectra(first);
    await first.close();
    const file = join(path, CATALOGUE_FILE);
    await rm(file);
    const many = copiesOf(before[0] ?? assert.fail(), 1000);
    makeEarlier(file, version, [...before, ...many]);
    // Not readable any more: what the catalogue tells can only come from the catalogue before.
    for (const { run, file: name } of before) await writeFile(join(path, run, name), "{");
    for (const { run, file: name } of many) await writeFile(join(path, run, name), "{");
    const logged: string[] = [];
    const log = logTo({ write: (line) => void logged.push(line) });
    const second = await openDirectory(t, path, { log });
    assert.ok(second.status.value.filesToIndex > 0);
    const after = await allSpectra(second);
    assert.equal(second.status.value.filesToIndex, 0);
    const byId = (rows: readonly SpectrumRow[]) => [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual(byId(after), byId([...before, ...many]));
    await second.close();
    assert.equal(tablesOf(file).includes("earlierSpectra"), false);
    assert.doesNotMatch(logged.join(""), /damaged|cannot/);
  });
}

test("an earlier catalogue is taken over at the next start, too, and what was recorded meanwhile stays", async (t) => {
  const path = join(await temporaryFolder(t), CATALOGUE_FILE);
  const sample = { ...SAMPLE, run: "plot10" };
  makeEarlier(path, 2, copiesOf(sample, 100));
  const parts = { clock: new VirtualClock(), log: SILENT };
  const first = await Catalogue.open(path, parts);
  const stop = new AbortController();
  await assert.rejects(
    first.copyEarlier(() => stop.abort(new Error("enough")), stop.signal),
    /enough/,
  );
  const left = first.filesToCopy();
  assert.ok(left > 0 && left < 100, String(left));
  const [changed] = copiesOf({ ...sample, peakCounts: 7 }, 1);
  first.record([catalogued(changed ?? assert.fail())]);
  await first.close();
  const second = await Catalogue.open(path, parts);
  await second.copyEarlier(IGNORE, NEVER);
  const { total } = await second.slice({}, ALL);
  assert.equal(total, 100);
  assert.equal(second.spectrum(changed?.id ?? "")?.peakCounts, 7);
  await second.close();
});

/** Each in a file of its own. */
function copiesOf(row: SpectrumRow, count: number): SpectrumRow[] {
  return Array.from({ length: count }, (_, n) => {
    const file = `b${String(1000 + n).padStart(6, "0")}_s000000_light.pico`;
    const flags = n % 2 === 0 ? ["saturated", "simulated"] : ["of_a_later_version"];
    return { ...row, batch: 1000 + n, file, position: 0, id: `${row.run}/${file}/0`, flags };
  });
}

function tablesOf(file: string): readonly unknown[] {
  const database = new Database(file, { readonly: true });
  const names = database.prepare("SELECT name FROM sqlite_schema").pluck().all();
  database.close();
  return names;
}

// What a disk that is full, fails or is read-only makes of opening; none of it is damage.
const OBSTACLES: readonly (readonly [string, (file: string, t: TestContext) => Promise<void>, boolean])[] = [
  ["no memory can be shared, as on a full disk", (file) => symlink("/dev/full", `${file}-shm`), true],
  ["its journal cannot be opened", (file) => mkdir(`${file}-wal`), false],
  [
    "another program has it to itself",
    async (file, t) => {
      const other = new Database(file);
      t.after(() => other.close());
      other.pragma("locking_mode = EXCLUSIVE");
      other.exec("BEGIN EXCLUSIVE; COMMIT");
    },
    false,
  ],
];

for (const [what, obstruct, isUsed] of OBSTACLES) {
  test(`a catalogue that cannot be opened is kept, and recording goes on: ${what}`, async (t) => {
    const path = await temporaryFolder(t);
    const first = await openDirectory(t, path);
    await recordSeason(first);
    await first.close();
    const file = join(path, CATALOGUE_FILE);
    const before = await readFile(file);
    await obstruct(file, t);
    const logged: string[] = [];
    const log = logTo({ write: (line) => void logged.push(line) });
    const second = await openDirectory(t, path, { log });
    assert.equal((await allSpectra(second)).length, 48);
    assert.match(logged.join(""), isUsed ? /no other program can read/ : /it is kept in memory/);
    assert.deepEqual(await readFile(file), before);
    const batch = await second.startBatch("plot12");
    await batch.write(spectraSet());
    await batch.finish();
    assert.equal((await allSpectra(second)).length, 49);
    await second.close();
    assert.deepEqual(
      (await readdir(path)).filter((name) => name.startsWith(`${CATALOGUE_FILE}.`)),
      [],
    );
  });
}

test("a catalogue that was kept in memory goes on in its file as soon as that can be opened", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  await recordSeason(first);
  const before = await allSpectra(first);
  await first.close();
  const file = join(path, CATALOGUE_FILE);
  await mkdir(`${file}-wal`);
  const clock = new VirtualClock();
  const second = await openDirectory(t, path, { clock });
  assert.match(second.status.value.catalogueProblem ?? "", /unable to open database file/);
  const batch = await second.startBatch("plot12");
  await batch.write(spectraSet());
  await rmdir(`${file}-wal`);
  await clock.advance(10 * SECOND);
  await until(second.status, ({ catalogueProblem }) => catalogueProblem === undefined, NEVER);
  await batch.write(spectraSet({ sequence: 1 }));
  await batch.finish();
  const after = await allSpectra(second);
  assert.equal(after.length, before.length + 2);
  await second.close();
  assert.deepEqual(await allSpectra(await openDirectory(t, path)), after);
});

const FORGET_PLOT11 = "DELETE FROM measurements WHERE run = 2; DELETE FROM files WHERE run = 2";

test("a catalogue that takes no rows keeps neither a start nor a batch from working, and gets them later", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  await recordSeason(first);
  await first.close();
  const file = join(path, CATALOGUE_FILE);
  const full = "BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
  changeDatabase(file, `${FORGET_PLOT11}; CREATE TRIGGER full ${full}`);
  const logged: string[] = [];
  const second = await openDirectory(t, path, { log: logTo({ write: (line) => void logged.push(line) }) });
  assert.match(logged.join(""), /database or disk is full.*the catalogue is behind the files/);
  const record = async (sequence: number): Promise<void> => {
    const batch = await second.startBatch("plot12");
    await batch.write(spectraSet({ sequence }));
    await batch.finish();
  };
  await record(0);
  assert.equal((await second.shelf.slice({ run: ["plot12"] }, ALL)).total, 0);
  assert.deepEqual((await second.shelf.names("plot12")).length, 1);
  changeDatabase(file, "DROP TRIGGER full");
  await record(1);
  assert.equal((await second.shelf.slice({ run: ["plot12"] }, ALL)).total, 2);
  assert.equal((await second.shelf.slice({ run: ["plot11"] }, ALL)).total, 24);
  assert.deepEqual(await second.shelf.brokenFiles(), []);
});

test("the known files of a run are read while other work goes on", async () => {
  const catalogue = await Catalogue.open(":memory:", { clock: new VirtualClock(), log: SILENT });
  const rows = copiesOf({ ...SAMPLE, run: "plot10" }, 1200);
  catalogue.record(rows.map((row) => catalogued(row)));
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const known = await catalogue.files("plot10");
  isOver = true;
  assert.deepEqual(
    [...known.keys()],
    rows.map(({ file }) => file),
  );
  assert.ok(turns >= 2, String(turns));
  await catalogue.close();
});
