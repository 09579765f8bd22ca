// A catalogue of a million spectra: how fast rows go in, how long ten typical searches take, how large memory and file are,
// and how fast real files are read again. Searches are asked as the server asks them, through their thread.
//   node dist/bench/catalogue.bench.js [spectra]

import { cp, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../src/base/abort.ts";
import { SECOND, SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { CATALOGUE_FILE, Catalogue } from "../src/datadir/catalogue/catalogue.ts";
import type { CataloguedFile, SpectrumRow } from "../src/datadir/catalogue/catalogue-row.ts";
import { DataDirectory } from "../src/datadir/data-directory.ts";
import type { Search } from "../src/datadir/catalogue/search.ts";
import { Random } from "../src/emulator/random.ts";
import { spectraSet, spectrum } from "../test/spectra/sample.ts";
import { catalogued, SAMPLE } from "../test/datadir/catalogue/catalogue-sample.ts";

const SPECTRA = Number(process.argv[2] ?? 1_000_000);
const RUNS = 100;
const A_FILE = 4;
const A_GROUP = 25;
const A_BATCH = 100;
const REAL_FILES = 2000;
const ROUNDS = 100;
const T0 = Date.UTC(2026, 0, 1) * 1000;
const DAY = 86_400 * SECOND;
const FILES = SPECTRA / A_FILE / RUNS;
const MINUTE = 60 * SECOND;
const SPAN = RUNS * FILES * MINUTE;

const clock = new SystemClock();
const dice = new Random(17);
const below = (most: number): number => Math.floor(dice.uniform() * most);
const words =
  "cloud canopy barley soil panel cleaned operator wind rain calibration birch fence station north".split(
    " ",
  );
const places = Array.from({ length: 500 }, () => ({
  latitudeDeg: 55 + dice.uniform(),
  longitudeDeg: -3 + dice.uniform(),
}));

async function measureSearches(path: string): Promise<void> {
  const catalogue = await Catalogue.open(path, { clock, log: SILENT });
  fill(catalogue);
  const { size } = await stat(path);
  print("file", `${(size / 1e6).toFixed(0)} MB, ${(size / SPECTRA).toFixed(0)} B a spectrum`);
  console.log("search".padEnd(44), "p50 ms   p95 ms   spectra");
  for (const [name, make] of Object.entries(SEARCHES)) await measure(catalogue, name, make);
  print("memory", `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
  await catalogue.close();
  const before = clock.nowUs();
  await (await Catalogue.open(path, { clock, log: SILENT })).close();
  print("open and close", `${((clock.nowUs() - before) / 1000).toFixed(0)} ms`);
}

function fill(catalogue: Catalogue): void {
  const times: number[] = [];
  const before = clock.nowUs();
  for (let run = 0; run < RUNS; run++) {
    for (let file = 0; file < FILES; file += A_GROUP) {
      const group = Array.from({ length: Math.min(A_GROUP, FILES - file) }, (_, n) => fileOf(run, file + n));
      const start = clock.nowUs();
      catalogue.record(group);
      times.push(clock.nowUs() - start);
    }
  }
  const seconds = (clock.nowUs() - before) / SECOND;
  const [p50, p95] = [0.5, 0.95].map((share) => (quantile(times, share) / 1000).toFixed(1));
  const group = `a group of ${A_GROUP * A_FILE}: p50 ${p50}, p95 ${p95} ms`;
  print("insert", `${(SPECTRA / seconds).toFixed(0)} spectra/s, ${group}`);
}

function fileOf(run: number, number: number): CataloguedFile {
  const name = `plot${run}`;
  const batch = Math.floor(number / A_BATCH);
  const sequence = number % A_BATCH;
  const kind = number % 10 === 0 ? "dark" : "light";
  const digits = (value: number): string => String(value).padStart(6, "0");
  const file = `b${digits(batch)}_s${digits(sequence)}_${kind}.pico`;
  const at = T0 + (run * FILES + number) * MINUTE;
  const sunElevationDeg = 61 * Math.sin((((at / DAY) % 1) - 0.25) * 2 * Math.PI) + dice.uniform();
  const place = places[(run * 5 + (number >> 9)) % places.length];
  const rows = Array.from({ length: A_FILE }, (_, position): SpectrumRow => {
    const flags = flagsOf(sunElevationDeg);
    const channel = position < 2 ? "downwelling" : "upwelling";
    const serial = position % 2 === 0 ? "FLMS01859" : "FLMS01860";
    const where = {
      run: name,
      file,
      position,
      batch,
      sequence,
      kind,
      id: `${name}/${file}/${position}`,
    } as const;
    const when = {
      exposureStartUtcUs: at + position * 100_000,
      exposureEndUtcUs: at + position * 100_000 + 20_000,
    };
    const peakCounts = Math.round(40_000 * dice.uniform());
    return {
      ...SAMPLE,
      ...place,
      heightM: 12,
      ...where,
      ...when,
      serial,
      channel,
      peakCounts,
      flags,
      sunElevationDeg,
    };
  });
  const [first = SAMPLE, ...others] = rows;
  const text =
    sequence === 0 ? [`${words[below(words.length)]} ${words[below(words.length)]} n${batch}r${run}`] : [];
  return { ...catalogued(first, ...others), texts: text };
}

function flagsOf(sunElevationDeg: number): string[] {
  const flags = ["simulated"];
  if (dice.uniform() < 0.01) flags.push("saturated");
  if (dice.uniform() < 0.2) flags.push("low_signal");
  if (sunElevationDeg < 15) flags.push("sun_low");
  if (dice.uniform() < 1e-4) flags.push("shutter_doubtful");
  return flags;
}

const anyTime = (): number => Math.round(T0 + dice.uniform() * SPAN);
const anyRun = (): string => `plot${below(RUNS)}`;

const SEARCHES: Readonly<Record<string, () => Search>> = {
  "newest 50": () => ({ limit: 50 }),
  "one day": () => {
    const fromUtcUs = anyTime();
    return { fromUtcUs, toUtcUs: fromUtcUs + DAY, limit: 50 };
  },
  "a run, oldest first": () => ({ run: [anyRun()], order: "oldest", limit: 50 }),
  "serial, channel, light, within a month": () => {
    const fromUtcUs = anyTime();
    const range = { fromUtcUs, toUtcUs: fromUtcUs + 30 * DAY };
    return { serial: ["FLMS01859"], channel: ["upwelling"], kind: "light", ...range, limit: 50 };
  },
  "a flag of 1 in 10,000": () => ({ flags: ["shutter_doubtful"], toUtcUs: anyTime(), limit: 50 }),
  "a flag of 1 in 100 in a run": () => ({ flags: ["saturated"], run: [anyRun()], limit: 50 }),
  "lights without bad flags": () => ({
    kind: "light",
    flagsNone: ["saturated", "low_signal", "sun_low"],
    toUtcUs: anyTime(),
    limit: 50,
  }),
  "sun 40..41 degrees": () => ({ sunElevationDeg: [40, 41], toUtcUs: anyTime(), limit: 50 }),
  "sun above 61.9 degrees (rare)": () => ({ sunElevationDeg: [61.9, 90], toUtcUs: anyTime(), limit: 50 }),
  "within 5 km of a place": () => {
    const place = places[below(places.length)] ?? { latitudeDeg: 55, longitudeDeg: -3 };
    return { near: { ...place, withinM: 5000 }, limit: 50 };
  },
  "text, a frequent word": () => ({ text: "barley", toUtcUs: anyTime(), limit: 50 }),
  "text, a rare word": () => ({ text: `n${below(FILES / A_BATCH)}r${below(RUNS)}`, limit: 50 }),
  "run, serial, channel, kind, no flags, counted": () => ({
    run: [anyRun()],
    serial: ["FLMS01860"],
    channel: ["downwelling"],
    kind: "light",
    flagsNone: ["saturated"],
    counts: true,
    limit: 50,
  }),
};

async function measure(catalogue: Catalogue, name: string, make: () => Search): Promise<void> {
  const times: number[] = [];
  let found = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const search = make();
    const start = clock.nowUs();
    found += (await catalogue.search(search)).spectra.length;
    times.push(clock.nowUs() - start);
  }
  const columns = [quantile(times, 0.5), quantile(times, 0.95)].map((us) =>
    (us / 1000).toFixed(1).padStart(6),
  );
  console.log(name.padEnd(44), columns.join("   "), (found / ROUNDS).toFixed(0).padStart(9));
}

async function measureReindex(path: string): Promise<void> {
  await mkdir(path);
  const directory = await DataDirectory.open({ path, clock, log: SILENT });
  const batch = await directory.startBatch("run");
  const counts = Uint32Array.from({ length: 2048 }, (_, pixel) => 1500 + ((pixel * 7919) % 50_000));
  const spectra = ["FLMS01859", "FLMS01860"].flatMap(() =>
    ["downwelling", "upwelling"].map((channel) => spectrum({ channel, counts })),
  );
  const written = await batch.write(spectraSet({ spectra }));
  await batch.finish();
  for (let number = 1; number < REAL_FILES; number++)
    await cp(written.path, join(path, "run", `b${String(number).padStart(6, "0")}_s000000_light.pico`));
  const before = clock.nowUs();
  const { indexed } = await directory.reindex(() => undefined, NEVER);
  const seconds = (clock.nowUs() - before) / SECOND;
  print("reindex", `${(indexed / seconds).toFixed(0)} files/s of 4 spectra, 2048 pixels each`);
  await directory.close();
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

function print(what: string, value: string): void {
  console.log(what.padEnd(44), value);
}

const folder = await mkdtemp(join(tmpdir(), "vscope-bench-"));
try {
  await measureSearches(join(folder, CATALOGUE_FILE));
  await measureReindex(join(folder, "real"));
} finally {
  await rm(folder, { recursive: true });
}
