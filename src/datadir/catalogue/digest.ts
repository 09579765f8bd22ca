// What a day has brought, in few numbers, for whoever looks at the box over a slow link. It is counted in the thread of the
// catalogue's reader, and every list is short whatever the day held.

import type { Database } from "better-sqlite3";
import { type Day, OF_DAY, type Shortened, shortened } from "./day.ts";
import { noonSpectra, type NoonSpectrum } from "./noon-spectra.ts";
import { parseSpectraFileName } from "../spectra-file-name.ts";

export interface ColourCounts {
  readonly green: number;
  readonly amber: number;
  readonly red: number;
}

export interface RunOfDay extends ColourCounts {
  readonly run: string;
  readonly batches: number;
  readonly spectra: number;
}

export interface FilesOfDay {
  readonly files: number;
  readonly bytes: number;
  /** Nobody has told their checksum. */
  readonly withoutChecksum: number;
  /** They cannot be read. */
  readonly withProblem: number;
  /** Spectra that should have been recorded and could not be. */
  readonly failures: number;
}

export interface DigestOfDay {
  readonly batches: number;
  readonly spectra: number;
  readonly colours: ColourCounts;
  /** Those with most spectra first, as everywhere. */
  readonly runs: Shortened<RunOfDay>;
  readonly flags: Shortened<readonly [flag: string, spectra: number]>;
  readonly files: FilesOfDay;
  readonly failures: Shortened<readonly [text: string, batches: number]>;
  readonly detectors: Shortened<readonly [serial: string, leastC: number, mostC: number]>;
  /** The largest that a spectrum tells; null where none does. */
  readonly clockErrorUs: number | null;
  readonly noon: Shortened<NoonSpectrum>;
}

const MOST = { runs: 12, flags: 20, failures: 6, detectors: 24 } as const;
/** The file a spectrum is in tells its day; the time when it was written that of a file without any. */
const FILES_OF_DAY = `
  SELECT id, run, name, bytes, sha256, failures, problem FROM files
  WHERE id IN (SELECT file FROM measurements WHERE ${OF_DAY})
    OR (spectra = 0 AND modifiedUtcUs >= @fromUtcUs AND modifiedUtcUs < @toUtcUs)`;

const NO_COLOURS: ColourCounts = { green: 0, amber: 0, red: 0 };
const NO_FILES: FilesOfDay = { files: 0, bytes: 0, withoutChecksum: 0, withProblem: 0, failures: 0 };

/** Of a data directory that is not there. */
export const EMPTY_DAY: DigestOfDay = {
  batches: 0,
  spectra: 0,
  colours: NO_COLOURS,
  runs: shortened<RunOfDay>([], 0),
  flags: shortened<readonly [string, number]>([], 0),
  files: NO_FILES,
  failures: shortened<readonly [string, number]>([], 0),
  detectors: shortened<readonly [string, number, number]>([], 0),
  clockErrorUs: null,
  noon: shortened<NoonSpectrum>([], 0),
};

/** Throws what SQLite throws. */
export function digestOf(database: Database, day: Day): DigestOfDay {
  const groups = countedGroups(database, day);
  const runs = runsOf(groups, batchesByRun(database, day));
  return {
    batches: sum(runs, ({ batches }) => batches),
    spectra: sum(runs, ({ spectra }) => spectra),
    colours: coloursOf(groups),
    runs: shortened(runs, MOST.runs),
    flags: shortened(flagsOf(groups), MOST.flags),
    files: filesOf(database, day),
    failures: shortened(failuresOf(database, day), MOST.failures),
    detectors: shortened(detectorsOf(database, day), MOST.detectors),
    clockErrorUs: clockErrorOf(database, day),
    noon: noonSpectra(database, day),
  };
}

/** Spectra of a run with the same flags. */
interface Group {
  readonly run: string;
  readonly names: string;
  readonly colour: keyof ColourCounts;
  readonly spectra: number;
}

function countedGroups(database: Database, day: Day): readonly Group[] {
  const counted = `SELECT run, flagList, count(*) AS spectra FROM measurements WHERE ${OF_DAY} GROUP BY run, flagList`;
  const sql =
    `SELECT runs.name AS run, names, colour, spectra FROM (${counted}) AS counted ` +
    "JOIN runs ON runs.id = counted.run JOIN flagLists ON flagLists.id = counted.flagList";
  return database.prepare<[object], Group>(sql).all(day);
}

function batchesByRun(database: Database, day: Day): ReadonlyMap<string, number> {
  const sql =
    "SELECT runs.name AS run, count(DISTINCT batch) AS batches FROM measurements " +
    `JOIN runs ON runs.id = measurements.run WHERE ${OF_DAY} GROUP BY measurements.run`;
  const rows = database.prepare<[object], { run: string; batches: number }>(sql).all(day);
  return new Map(rows.map(({ run, batches }) => [run, batches]));
}

function runsOf(groups: readonly Group[], batches: ReadonlyMap<string, number>): readonly RunOfDay[] {
  const runs = new Map<string, RunOfDay>();
  for (const { run, colour, spectra } of groups) {
    const known = runs.get(run);
    const before = known ?? { run, batches: batches.get(run) ?? 0, spectra: 0, ...NO_COLOURS };
    runs.set(run, { ...before, spectra: before.spectra + spectra, [colour]: before[colour] + spectra });
  }
  return [...runs.values()].sort((a, b) => b.spectra - a.spectra);
}

function coloursOf(groups: readonly Group[]): ColourCounts {
  const of = (wanted: keyof ColourCounts): number =>
    sum(groups, ({ colour, spectra }) => (colour === wanted ? spectra : 0));
  return { green: of("green"), amber: of("amber"), red: of("red") };
}

function flagsOf(groups: readonly Group[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { names, spectra } of groups) {
    const flags: readonly string[] = JSON.parse(names);
    for (const flag of flags) counts.set(flag, (counts.get(flag) ?? 0) + spectra);
  }
  return mostFirst(counts);
}

function filesOf(database: Database, day: Day): FilesOfDay {
  const sql =
    "SELECT count(*) AS files, ifnull(sum(bytes), 0) AS bytes, ifnull(sum(sha256 IS NULL), 0) AS withoutChecksum, " +
    "ifnull(sum(problem IS NOT NULL), 0) AS withProblem, ifnull(sum(failures), 0) AS failures " +
    `FROM (${FILES_OF_DAY})`;
  return database.prepare<[object], FilesOfDay>(sql).get(day) ?? NO_FILES;
}

// The catalogue has the texts of failures by batch, beside who began it.
function failuresOf(database: Database, day: Day): readonly (readonly [string, number])[] {
  const failed = `SELECT run, name FROM (${FILES_OF_DAY}) WHERE failures > 0`;
  const files = database.prepare<[object], { run: number; name: string }>(failed).all(day);
  const batches = new Map(
    files.map(({ run, name }) => {
      const batch = parseSpectraFileName(name)?.batch ?? null;
      return [`${run} ${batch}`, { run, batch }];
    }),
  );
  const texts = database.prepare<[object], { text: string }>(
    "SELECT substr(texts.text, length(runs.name) + 2) AS text FROM texts JOIN runs ON runs.id = texts.run " +
      "JOIN batches ON batches.run = texts.run AND batches.number = @batch " +
      "WHERE texts.run = @run AND ifnull(texts.batch, 0) = batches.id AND ifnull(texts.event, 0) = 0 " +
      "AND texts.text IS NOT runs.name || ' ' || batches.origin",
  );
  const counts = new Map<string, number>();
  for (const batch of batches.values())
    for (const { text } of texts.all(batch)) counts.set(text, (counts.get(text) ?? 0) + 1);
  return mostFirst(counts);
}

function detectorsOf(database: Database, day: Day): readonly (readonly [string, number, number])[] {
  const sql =
    "SELECT serial, min(detectorTemperatureC) AS least, max(detectorTemperatureC) AS most FROM measurements " +
    `JOIN devices ON devices.id = device WHERE ${OF_DAY} AND detectorTemperatureC IS NOT NULL ` +
    "GROUP BY device ORDER BY serial";
  const rows = database.prepare<[object], { serial: string; least: number; most: number }>(sql).all(day);
  return rows.map(({ serial, least, most }) => [serial, least, most]);
}

function clockErrorOf(database: Database, day: Day): number | null {
  const sql = `SELECT max(clockErrorUs) AS most FROM measurements WHERE ${OF_DAY}`;
  return database.prepare<[object], { most: number | null }>(sql).get(day)?.most ?? null;
}

function mostFirst(counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].sort(([, a], [, b]) => b - a);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
