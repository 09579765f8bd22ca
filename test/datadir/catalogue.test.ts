import assert from "node:assert/strict";
import { copyFile, mkdir, open, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { isVscopeError } from "../../src/base/errors.ts";
import { logTo } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE, Catalogue } from "../../src/datadir/catalogue.ts";
import { SPECTRUM_COLUMNS } from "../../src/datadir/schema.ts";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import type { SpectrumQuery } from "../../src/datadir/spectrum-query.ts";
import type { SpectraSet, Spectrum } from "../../src/spectra/spectrum.ts";
import type { Flag } from "../../src/spectra/flags.ts";
import { instrument, spectraSet, spectrum, START_UTC_US } from "../spectra/sample.ts";
import { allSpectra, IGNORE, NEVER, openDirectory, temporaryFolder } from "./folder.ts";

const SECOND = 1_000_000;

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

test("a search gives what a filter over all spectra gives", async (t) => {
  const directory = await openDirectory(t, await temporaryFolder(t));
  await recordSeason(directory);
  const all = await allSpectra(directory);
  assert.equal(all.length, 2 * 3 * 2 * 4);
  const maybe = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
  const time = maybe(START_UTC_US, START_UTC_US + 20 * SECOND, START_UTC_US + 65 * SECOND);
  const query = fc.record({
    run: maybe("plot10", "plot11", "none"),
    batch: maybe(0, 1),
    sequence: maybe(0, 2),
    serial: maybe("FLMT01859", "QEP00114"),
    channel: maybe("upwelling", "downwelling"),
    kind: maybe("light" as const, "dark" as const),
    flag: maybe("saturated", "simulated", "' OR 1"),
    flags: maybe<Flag[]>(["saturated"], ["simulated", "saturated"], ["sun_low"]),
    flagsNone: maybe<Flag[]>(["saturated"], ["sun_low"], ["simulated", "sun_low"]),
    fromUtcUs: time,
    toUtcUs: time,
  });
  await fc.assert(
    fc.asyncProperty(query, fc.nat(5), fc.nat(60), async (asked, offset, limit) => {
      const { fromUtcUs, toUtcUs, flag, flags = [], flagsNone = [], ...equal } = asked;
      const expected = all.filter(
        (row) =>
          Object.entries(equal).every(
            ([key, value]) => value === undefined || Reflect.get(row, key) === value,
          ) &&
          (flag === undefined || row.flags.includes(flag)) &&
          flags.every((name) => row.flags.includes(name)) &&
          !flagsNone.some((name) => row.flags.includes(name)) &&
          (fromUtcUs === undefined || row.exposureStartUtcUs >= fromUtcUs) &&
          (toUtcUs === undefined || row.exposureStartUtcUs < toUtcUs),
      );
      const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
      const found = await directory.shelf.search({ ...given, offset, limit } satisfies SpectrumQuery);
      assert.equal(found.total, expected.length);
      assert.deepEqual(found.spectra, expected.slice(offset, offset + limit));
    }),
    { numRuns: 100 },
  );
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
      changeDatabase(
        file,
        "DELETE FROM files WHERE run = 'plot10'; DELETE FROM spectra WHERE run = 'plot10'",
      ),
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
  const atStart = (await directory.shelf.search({})).total;
  assert.ok(atStart >= 100 && atStart < 250, String(atStart));
  assert.ok(directory.status.value.filesToIndex > 0);
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
  const running = directory.reindex(
    ({ done }) => (done === 3 ? controller.abort(reason) : undefined),
    controller.signal,
  );
  await assert.rejects(directory.reindex(IGNORE, NEVER), (error) => isVscopeError(error, "STATE_CONFLICT"));
  await assert.rejects(running, (error) => error === reason);
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
  changeDatabase(join(path, CATALOGUE_FILE), "DROP TABLE spectra");
  const { file } = await batch.write(spectraSet({ sequence: 1 }));
  await batch.finish();
  assert.ok((await directory.shelf.run("run")).files.some((entry) => entry.file === file));
  await assert.rejects(directory.shelf.search({}), (error) => isVscopeError(error, "DATADIR_IO"));
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

// As earlier versions made them: 1 has the columns of today, 2 one more.
const EARLIER = ["", "ALTER TABLE spectra ADD COLUMN flagMask INTEGER NOT NULL DEFAULT 0"];

for (const [index, change] of EARLIER.entries()) {
  test(`a catalogue of version ${index + 1} with 50,000 spectra is used as it is`, async (t) => {
    const folder = await temporaryFolder(t);
    const directory = await openDirectory(t, folder);
    await recordSeason(directory);
    const [sample] = await allSpectra(directory);
    await directory.close();
    const path = join(folder, CATALOGUE_FILE);
    changeDatabase(path, `${change}; PRAGMA user_version = ${index + 1}; ${copiesOf(sample?.id)}`);
    const before = await readFile(path);
    const logged: string[] = [];
    const log = logTo({ write: (line) => void logged.push(line) });
    const catalogue = await Catalogue.open(path, { clock: new VirtualClock(), log });
    assert.deepEqual(await readFile(path), before, "no row was written");
    const { total, spectra } = catalogue.search({ flags: ["saturated"], limit: 1 });
    assert.deepEqual([total, spectra[0]?.flags], [25_012, ["saturated", "simulated"]]);
    assert.equal(catalogue.search({ flagsNone: ["saturated"], limit: 1 }).total, 25_036);
    const row = { ...(sample ?? assert.fail()), file: "b900000_s000000_light.pico" };
    catalogue.record({ ...row, bytes: 1, modifiedUtcUs: 1, spectra: 1, failures: 0, problem: null }, [row]);
    assert.deepEqual(catalogue.spectrum(`${row.run}/${row.file}/${row.position}`)?.flags, row.flags);
    catalogue.close();
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith(`${CATALOGUE_FILE}.`)),
      [],
    );
    assert.deepEqual(logged, []);
  });
}

/** Adds 50,000 rows like one that is there, every second of them saturated. */
function copiesOf(id: string | undefined): string {
  const [run, file] = (id ?? assert.fail("no spectrum")).split("/");
  const names = Object.keys(SPECTRUM_COLUMNS);
  const values = names.map((name) => {
    if (name === "file") return "printf('b%06d_s000000_light.pico', 1000 + n)";
    return name === "flags" ? `iif(n % 2, '["simulated"]', '["saturated","simulated"]')` : `spectra.${name}`;
  });
  return `WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 50000)
    INSERT INTO spectra (${names.join(", ")}) SELECT ${values.join(", ")} FROM counted, spectra
    WHERE run = '${run}' AND file = '${file}' AND position = 0`;
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

test("a catalogue that takes no rows keeps neither a start nor a batch from working, and gets them later", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  await recordSeason(first);
  await first.close();
  const file = join(path, CATALOGUE_FILE);
  const full = "BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
  changeDatabase(file, `DELETE FROM files WHERE run = 'plot11'; CREATE TRIGGER full ${full}`);
  const logged: string[] = [];
  const second = await openDirectory(t, path, { log: logTo({ write: (line) => void logged.push(line) }) });
  assert.match(logged.join(""), /database or disk is full.*the catalogue is behind the files/);
  const record = async (sequence: number): Promise<void> => {
    const batch = await second.startBatch("plot12");
    await batch.write(spectraSet({ sequence }));
    await batch.finish();
  };
  await record(0);
  assert.equal((await second.shelf.search({ run: "plot12" })).total, 0);
  assert.deepEqual((await second.shelf.names("plot12")).length, 1);
  changeDatabase(file, "DROP TRIGGER full");
  await record(1);
  assert.equal((await second.shelf.search({ run: "plot12" })).total, 2);
  assert.equal((await second.shelf.search({ run: "plot11" })).total, 24);
  assert.deepEqual(await second.shelf.brokenFiles(), []);
});
