import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { definedOnly } from "../../../src/base/defined-only.ts";
import { logTo, SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE, Catalogue } from "../../../src/datadir/catalogue/catalogue.ts";
import type { SpectrumRow } from "../../../src/datadir/catalogue/catalogue-row.ts";
import { distanceM } from "../../../src/datadir/catalogue/great-circle.ts";
import type { Criteria, Found, Search } from "../../../src/datadir/catalogue/search.ts";
import { colourOf } from "../../../src/spectra/flags.ts";
import { catalogued, SAMPLE } from "./catalogue-sample.ts";
import { openDirectory, temporaryFolder } from "../folder.ts";
import { spectraSet } from "../../spectra/sample.ts";

const SECOND = 1_000_000;
const T0 = SAMPLE.exposureStartUtcUs;
const ALL = { limit: 100_000, offset: 0 };

const RUNS = ["plot10", "plot11", "moor"] as const;
const SERIALS = ["FLMT01859", "QEP00114"] as const;
const CHANNELS = ["upwelling", "downwelling"] as const;
const FLAG_LISTS = [
  [],
  ["saturated"],
  ["sun_low", "simulated"],
  ["of_a_later_version"],
  ["start_skew", "saturated"],
];
const PLACES = [
  [null, null],
  [55.92, -3.17],
  [55.9201, -3.1701],
  [-33.5, 179.999],
] as const;

/** Few different values, so that criteria meet; many of the same moment, so that pages end among them. */
const spectrumArbitrary = fc.record({
  run: fc.constantFrom(...RUNS),
  batch: fc.constantFrom(0, 1, 2, null),
  sequence: fc.nat(3),
  kind: fc.constantFrom("light" as const, "dark" as const),
  serial: fc.constantFrom(...SERIALS),
  channel: fc.constantFrom(...CHANNELS),
  exposureStartUtcUs: fc.nat(8).map((n) => T0 + n * SECOND),
  integrationTimeUs: fc.constantFrom(1000, 250_000, 5_000_000),
  isSimulated: fc.constantFrom(true, false, null),
  flags: fc.constantFrom(...FLAG_LISTS),
  sunElevationDeg: fc.constantFrom(null, -5, 20.25, 60),
  place: fc.constantFrom(...PLACES),
});

type Facts = typeof spectrumArbitrary extends fc.Arbitrary<infer T> ? T : never;

function row({ place, ...facts }: Facts, file: string, position: number): SpectrumRow {
  const [latitudeDeg, longitudeDeg] = place;
  const heightM = latitudeDeg === null ? null : 12;
  const where = { latitudeDeg, longitudeDeg, heightM, file, position };
  return { ...SAMPLE, ...facts, ...where, id: `${facts.run}/${file}/${position}` };
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const some = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 });

const criteriaArbitrary = fc
  .record({
    run: maybe(some(...RUNS, "none")),
    batch: maybe(fc.nat(3)),
    sequence: maybe(fc.nat(3)),
    serial: maybe(some(...SERIALS, "none")),
    channel: maybe(some(...CHANNELS, "none")),
    kind: maybe(fc.constantFrom("light" as const, "dark" as const)),
    flags: maybe(some("saturated", "simulated", "start_skew", "of_a_later_version")),
    flagsNone: maybe(some("saturated", "sun_low", "of_a_later_version")),
    colour: maybe(fc.constantFrom("green" as const, "amber" as const, "red" as const)),
    fromUtcUs: maybe(fc.nat(8).map((n) => T0 + n * SECOND)),
    toUtcUs: maybe(fc.nat(8).map((n) => T0 + n * SECOND)),
    sunElevationDeg: maybe(
      fc.constantFrom<[number, number]>([-10, 30], [20.25, 20.25], [50, Number.POSITIVE_INFINITY]),
    ),
    near: maybe(
      fc.constantFrom(
        { latitudeDeg: 55.92, longitudeDeg: -3.17, withinM: 1 },
        { latitudeDeg: 55.92, longitudeDeg: -3.17, withinM: 500 },
        { latitudeDeg: -33.5, longitudeDeg: -179.999, withinM: 1000 },
      ),
    ),
    integrationTimeUs: maybe(fc.constantFrom<[number, number]>([1000, 250_000], [1, 2])),
    isSimulated: maybe(fc.boolean()),
  })
  .map((criteria) => definedOnly(criteria));

// The filter that a search must equal, criterion by criterion.
function fits(one: SpectrumRow, criteria: Criteria): boolean {
  const { run, batch, sequence, serial, channel, kind, fromUtcUs, toUtcUs, isSimulated } = criteria;
  return (
    (run === undefined || run.includes(one.run)) &&
    (batch === undefined || one.batch === batch) &&
    (sequence === undefined || one.sequence === sequence) &&
    (serial === undefined || serial.includes(one.serial)) &&
    (channel === undefined || channel.includes(one.channel)) &&
    (kind === undefined || one.kind === kind) &&
    (fromUtcUs === undefined || one.exposureStartUtcUs >= fromUtcUs) &&
    (toUtcUs === undefined || one.exposureStartUtcUs < toUtcUs) &&
    (isSimulated === undefined || one.isSimulated === isSimulated) &&
    isWithin(one.integrationTimeUs, criteria.integrationTimeUs) &&
    isWithin(one.sunElevationDeg, criteria.sunElevationDeg) &&
    isNear(one, criteria) &&
    hasFlags(one, criteria)
  );
}

function isWithin(value: number | null, range: readonly [number, number] | undefined): boolean {
  return range === undefined || (value !== null && value >= range[0] && value <= range[1]);
}

function isNear({ latitudeDeg, longitudeDeg }: SpectrumRow, { near }: Criteria): boolean {
  if (near === undefined) return true;
  if (latitudeDeg === null || longitudeDeg === null) return false;
  return distanceM({ latitudeDeg, longitudeDeg }, near) <= near.withinM;
}

function hasFlags({ flags }: SpectrumRow, { flags: all = [], flagsNone = [], colour }: Criteria): boolean {
  const has = (flag: string): boolean => flags.includes(flag);
  return all.every(has) && !flagsNone.some(has) && (colour === undefined || colourOf(flags) === colour);
}

async function openCatalogue(t: TestContext): Promise<Catalogue> {
  const path = join(await temporaryFolder(t), CATALOGUE_FILE);
  const catalogue = await Catalogue.open(path, { clock: new VirtualClock(), log: SILENT });
  t.after(() => catalogue.close());
  return catalogue;
}

/** Spectra in files of three. */
function season(facts: readonly Facts[], name: string): SpectrumRow[] {
  return facts.map((one, index) => row(one, `${name}${Math.floor(index / 3)}.pico`, index % 3));
}

function record(catalogue: Catalogue, rows: readonly SpectrumRow[]): void {
  const files = new Map<string, SpectrumRow[]>();
  for (const one of rows)
    files.set(`${one.run}/${one.file}`, [...(files.get(`${one.run}/${one.file}`) ?? []), one]);
  catalogue.record(
    [...files.values()].flatMap(([first, ...rest]) => (first ? [catalogued(first, ...rest)] : [])),
  );
}

async function allPages(catalogue: Catalogue, search: Search, between: () => void = () => {}) {
  const found: SpectrumRow[] = [];
  let page: Found = await catalogue.search(search);
  found.push(...page.spectra);
  while (page.next !== undefined) {
    between();
    assert.equal(page.spectra.length, search.limit);
    page = await catalogue.search({ ...search, after: page.next });
    found.push(...page.spectra);
  }
  return found;
}

const byId = (rows: readonly SpectrumRow[]) => rows.map(({ id }) => id).sort();

test("a search gives what a filter over all spectra gives, page by page, in the order of time", async (t) => {
  const catalogue = await openCatalogue(t);
  const rows = season(fc.sample(spectrumArbitrary, { numRuns: 400, seed: 7 }), "a");
  record(catalogue, rows);
  const search = fc.record({
    criteria: criteriaArbitrary,
    order: fc.constantFrom("newest" as const, "oldest" as const),
    limit: fc.constantFrom(1, 7, 500),
  });
  await fc.assert(
    fc.asyncProperty(search, async ({ criteria, order, limit }) => {
      const expected = rows.filter((one) => fits(one, criteria));
      const found = await allPages(catalogue, { ...criteria, order, limit });
      assert.deepEqual(byId(found), byId(expected));
      const times = found.map(({ exposureStartUtcUs }) => exposureStartUtcUs);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => (order === "newest" ? b - a : a - b)),
      );
      for (const one of found)
        assert.deepEqual(
          one,
          rows.find(({ id }) => id === one.id),
        );
      const { total, spectra } = await catalogue.slice(criteria, { limit: 5, offset: 2 });
      assert.equal(total, expected.length);
      assert.equal(spectra.length, Math.max(0, Math.min(5, expected.length - 2)));
      const { total: counted } = await catalogue.search({ ...criteria, limit: 1, counts: true });
      assert.deepEqual(counted, { count: expected.length, isAtLeast: false });
    }),
    { numRuns: 150 },
  );
});

test("pages have every spectrum once, while others are recorded, and while files are read again", async (t) => {
  const added = fc.array(spectrumArbitrary, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(criteriaArbitrary, added, fc.boolean(), async (criteria, more, isNewest) => {
      const catalogue = await openCatalogue(t);
      const rows = season(fc.sample(spectrumArbitrary, { numRuns: 60, seed: 3 }), "a");
      record(catalogue, rows);
      let count = 0;
      const between = (): void => {
        record(catalogue, season(more, `b${count++}-`));
        record(catalogue, rows);
      };
      const search: Search = { ...criteria, limit: 3, order: isNewest ? "newest" : "oldest" };
      // What is added may come, too: after a while nothing is added any more.
      const found = await allPages(catalogue, search, () => (count < 5 ? between() : undefined));
      const ids = found.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, "none twice");
      const missing = rows.filter((one) => fits(one, criteria) && !ids.includes(one.id));
      assert.deepEqual(missing, []);
      await catalogue.close();
    }),
    { numRuns: 25 },
  );
});

test("a search goes on in a catalogue that was made anew, and leaves none out", async (t) => {
  const rows = season(fc.sample(spectrumArbitrary, { numRuns: 60, seed: 5 }), "a");
  const first = await openCatalogue(t);
  record(first, rows);
  const page = await first.search({ limit: 20 });
  const second = await openCatalogue(t);
  record(second, rows.toReversed());
  const rest = await second.search({ limit: 100, after: page.next ?? assert.fail() });
  const ids = new Set([...page.spectra, ...rest.spectra].map(({ id }) => id));
  assert.equal(ids.size, 60);
  await assert.rejects(second.search({ limit: 1, after: "nonsense" }), /after: "nonsense" is not the next/);
});

test("text is found in names of runs, origins, failures and events; what looks like an operator is a word", async (t) => {
  const path = await temporaryFolder(t);
  const directory = await openDirectory(t, path);
  for (const [run, origin] of [
    ["Snow plot", "schedule 3"],
    ["Moor", "client"],
  ] as const) {
    const batch = await directory.startBatch(run);
    const failures =
      run === "Moor"
        ? [{ serial: "QEP00114", channel: "up", code: "DEVICE_TIMEOUT" as const, message: "no frame" }]
        : [];
    await batch.write({ ...spectraSet({ failures }), origin });
    await batch.finish();
  }
  await directory.notes.addEvent("Moor", {
    utc: "2026-06-21T12:00:00Z",
    event: "clock-set",
    batch: 0,
    byS: -3,
  });
  const runsOf = async (text: string) => {
    const { spectra } = await directory.shelf.search({ text, limit: 100 });
    return [...new Set(spectra.map(({ run }) => run))].sort();
  };
  assert.deepEqual(await runsOf("snow"), ["Snow plot"]);
  assert.deepEqual(await runsOf("plot snow"), ["Snow plot"]);
  assert.deepEqual(await runsOf("sno*"), ["Snow plot"]);
  assert.deepEqual(await runsOf('"plot snow"'), []);
  assert.deepEqual(await runsOf("moor client"), ["Moor"]);
  assert.deepEqual(await runsOf("schedule"), ["Snow plot"]);
  assert.deepEqual(await runsOf("QEP00114 timeout"), ["Moor"]);
  assert.deepEqual(await runsOf("QEP00114 timeouts"), []);
  assert.deepEqual(await runsOf("QEP00114 frame"), ["Moor"]);
  assert.deepEqual(await runsOf("clock-set"), ["Moor"]);
  assert.deepEqual(await runsOf("snow OR moor"), []);
  assert.deepEqual(await runsOf("text: NEAR(a) ^snow -moor {"), []);
  await directory.notes.addEvent("Moor", { utc: "2026-06-21T13:00:00Z", event: "lamp-changed" });
  assert.deepEqual(await runsOf("lamp changed"), ["Moor"]);
  await assert.rejects(directory.shelf.search({ text: ' "*" -', limit: 1 }), { code: "VALUE_INVALID" });
});

test("a query as the manual has it works on the view, and uses an index", async (t) => {
  const manual = await readFile(
    new URL("../../../../docs/how-to/data-directory.md", import.meta.url),
    "utf8",
  );
  const [, sql = ""] = /sqlite3 -readonly data\/catalogue.sqlite "([^"]+)"/.exec(manual) ?? [];
  const path = join(await temporaryFolder(t), CATALOGUE_FILE);
  const catalogue = await Catalogue.open(path, { clock: new VirtualClock(), log: SILENT });
  const rows = season(fc.sample(spectrumArbitrary, { numRuns: 100, seed: 1 }), "a");
  record(catalogue, rows);
  const database = new Database(path, { readonly: true });
  const found = database.prepare(sql).all();
  const expected = rows.filter(({ run, channel }) => run === "plot10" && channel === "upwelling");
  assert.ok(expected.length > 0);
  assert.equal(found.length, expected.length);
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
  assert.match(JSON.stringify(plan), /measurementsByRun/);
  database.close();
  await catalogue.close();
});

test("a catalogue in memory is searched as one on the disk", async (t) => {
  const catalogue = await Catalogue.open("/proc/nowhere/catalogue.sqlite", {
    clock: new VirtualClock(),
    log: SILENT,
  });
  t.after(() => catalogue.close());
  record(catalogue, season(fc.sample(spectrumArbitrary, { numRuns: 10, seed: 1 }), "a"));
  assert.equal((await catalogue.slice({}, ALL)).total, 10);
  assert.equal((await allPages(catalogue, { limit: 3 })).length, 10);
});

test("text is found where new events cannot be stored, as on a full disk; and later those, too, each once", async (t) => {
  const path = await temporaryFolder(t);
  const logged: string[] = [];
  const directory = await openDirectory(t, path, { log: logTo({ write: (line) => void logged.push(line) }) });
  const batch = await directory.startBatch("Moor");
  await batch.write(spectraSet({ kind: "light" }));
  await batch.finish();
  const database = new Database(join(path, CATALOGUE_FILE));
  t.after(() => database.close());
  const full = "BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
  database.exec(`CREATE TRIGGER full ${full}`);
  for (let hour = 10; hour < 13; hour++)
    await directory.notes.addEvent("Moor", { utc: `2026-06-21T${hour}:00:00Z`, event: "lamp-changed" });
  const found = async (text: string) =>
    (await directory.shelf.search({ text, limit: 100 })).spectra.length > 0;
  assert.equal(await found("moor"), true);
  assert.equal(await found("lamp"), false);
  assert.match(logged.join(""), /disk is full.*the newest events cannot be found/);
  database.exec("DROP TRIGGER full");
  assert.deepEqual(await Promise.all([found("lamp"), found("lamp")]), [true, true]);
  assert.equal(database.prepare("SELECT count(*) FROM events WHERE kind = 'lamp-changed'").pluck().get(), 3);
});

/** A catalogue whose batches from `from` on have a spectrum each, a minute apart, and the text "snow". */
async function snowedIn(t: TestContext) {
  const path = join(await temporaryFolder(t), CATALOGUE_FILE);
  const parts = { clock: new VirtualClock(), log: SILENT };
  const first = await Catalogue.open(path, parts);
  first.record([catalogued(SAMPLE)]);
  await first.close();
  const database = new Database(path);
  t.after(() => database.close());
  const columns = database
    .prepare<[], { name: string }>("SELECT name FROM pragma_table_info('measurements')")
    .all()
    .map(({ name }) => name);
  const own = new Map([
    ["id", "batches.id * 1048576 * 16"],
    ["batch", "batches.id"],
    ["exposureStartUtcUs", "exposureStartUtcUs + batches.number * 60000000"],
  ]);
  const values = columns.map((name) => own.get(name) ?? `measurements.${name}`);
  const add = (count: number, numberOf: string): void => {
    const before = Number(database.prepare("SELECT max(id) FROM batches").pluck().get());
    database
      .prepare(
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?) " +
          `INSERT INTO batches (run, number) SELECT 1, ${numberOf} FROM n`,
      )
      .run(count);
    database
      .prepare(
        `INSERT INTO measurements (${columns.join()}) SELECT ${values.join()} FROM batches ` +
          "JOIN measurements ON measurements.id = (SELECT min(id) FROM measurements) WHERE batches.id > ?",
      )
      .run(before);
    database
      .prepare(
        "INSERT INTO texts (run, batch, text) SELECT run, id, 'snow' FROM batches WHERE id > ? ORDER BY id",
      )
      .run(before);
  };
  const search = async (asked: Omit<Search, "limit">): Promise<Found> => {
    const catalogue = await Catalogue.open(path, parts);
    const found = await catalogue.search({ limit: 1, ...asked });
    await catalogue.close();
    return found;
  };
  return { add, search };
}

const atMinute = (minute: number): number => T0 + minute * 60 * SECOND;

test("a search tells when its text is in more batches than are looked at", async (t) => {
  const { add, search } = await snowedIn(t);
  add(10_000, "1000 + x");
  assert.equal((await search({ text: "snow" })).isCut, undefined);
  add(1, "20000 + x");
  assert.equal((await search({ text: "snow" })).isCut, true);
  assert.equal((await search({ text: "snow", fromUtcUs: atMinute(1002) })).isCut, undefined);
});

// A catalogue that was made anew has read the newest first.
for (const [what, numberOf] of [
  ["in the order of time", "x"],
  ["the newest first", "12001 - x"],
] as const) {
  test(`a text in more batches than are looked at gives the newest or the oldest, entered ${what}`, async (t) => {
    const { add, search } = await snowedIn(t);
    add(12_000, numberOf);
    const at = async (asked: Omit<Search, "limit">): Promise<readonly number[]> =>
      (await search({ text: "snow", ...asked })).spectra.map(({ exposureStartUtcUs }) => exposureStartUtcUs);
    assert.deepEqual(await at({}), [atMinute(12_000)]);
    assert.deepEqual(await at({ order: "oldest" }), [atMinute(1)]);
    const toUtcUs = atMinute(1500);
    assert.deepEqual(await at({ toUtcUs }), [atMinute(1499)]);
    assert.deepEqual(await at({ fromUtcUs: toUtcUs, order: "oldest" }), [atMinute(1500)]);
  });
}

test("the texts of runs and batches that are gone are dropped, and come back with them", async (t) => {
  const path = join(await temporaryFolder(t), CATALOGUE_FILE);
  const catalogue = await Catalogue.open(path, { clock: new VirtualClock(), log: SILENT });
  t.after(() => catalogue.close());
  const fileOf = (batch: number, sequence: number): string => `b00000${batch}_s00000${sequence}_light.pico`;
  const store = (batch: number, sequence: number): void => {
    const file = fileOf(batch, sequence);
    const row = { ...SAMPLE, batch, sequence, file, id: `run/${file}/0` };
    catalogue.record([{ ...catalogued(row), texts: [`snow ${batch}`] }]);
  };
  const database = new Database(path, { readonly: true });
  t.after(() => database.close());
  const texts = (): unknown => database.prepare("SELECT text FROM texts ORDER BY id").pluck().all();
  const words = (): unknown =>
    database.prepare("SELECT count(*) FROM words WHERE words MATCH 'run'").pluck().get();
  store(1, 0);
  store(1, 1);
  store(2, 0);
  await catalogue.recordEvents("run", [{ event: "wind" }], 17);
  assert.deepEqual(texts(), ["run", "run snow 1", "run snow 2", "run wind"]);
  catalogue.drop([{ run: "run", file: fileOf(1, 0) }]);
  assert.deepEqual(texts(), ["run", "run snow 1", "run snow 2", "run wind"]);
  catalogue.drop([{ run: "run", file: fileOf(1, 1) }]);
  assert.deepEqual(texts(), ["run", "run snow 2", "run wind"]);
  catalogue.drop([{ run: "run", file: fileOf(2, 0) }]);
  assert.deepEqual([texts(), words(), catalogue.knownEventBytes("run")], [[], 0, 0]);
  store(1, 0);
  assert.deepEqual(texts(), ["run", "run snow 1"]);
  assert.equal((await catalogue.search({ text: "run", limit: 9 })).spectra.length, 1);
});

test("as many spectra as are counted are told as that many, one more as at least", async (t) => {
  const { add, search } = await snowedIn(t);
  const total = async () => (await search({ counts: true })).total;
  add(9_999, "x");
  assert.deepEqual(await total(), { count: 10_000, isAtLeast: false });
  add(1, "20000 + x");
  assert.deepEqual(await total(), { count: 10_000, isAtLeast: true });
});
