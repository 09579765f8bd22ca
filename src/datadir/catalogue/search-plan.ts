// How a search is answered: what leads to the spectra (a run, a device, flags ... by an index that has them in the order of
// time), and what is then asked of each. A page is the merge of the newest of each branch, so that it costs what its
// length costs, whatever the catalogue holds. SQLite's planner is not asked: it cannot know how rare a value is.

import type { Database } from "better-sqlite3";
import { flagMask, isFlag } from "../../spectra/flags.ts";
import { distanceM, latitudesNear, type Spot } from "./great-circle.ts";
import { INDEX_BY, INDEX_BY_SUN, INDEX_BY_TIME } from "./schema.ts";
import type { Criteria, Near, Order } from "./search.ts";
import { wordsQuery } from "./words.ts";

/** An ordered way to a part of the spectra. */
export interface Branch {
  readonly index: string;
  readonly sql: string;
}

export interface SearchPlan {
  /** Disjoint; none when nothing fits. */
  readonly branches: readonly Branch[];
  readonly conditions: readonly string[];
  /** The text is in more batches than are looked at. */
  readonly isCut: boolean;
}

type Column = keyof typeof INDEX_BY;

/** Spectra whose value of a column is one of these; of several, those that are in one of the parts. */
type Choice = readonly { readonly column: Column; readonly ids: readonly number[] }[];

/** Each branch is a query of its own. */
const MOST_BRANCHES = 200;
/** Each is looked up twice. */
const MOST_NARROWING = 20;
/** So many are sorted in a moment. */
const FEW = 20_000;
const MOST_HITS = 10_000;

/** Throws VALUE_INVALID for a text without words. */
export function planOf(database: Database, criteria: Criteria, order: Order): SearchPlan {
  const text = criteria.text === undefined ? undefined : textChoice(database, criteria, order);
  const choices = choicesOf(database, criteria, text?.choice);
  const sun = sunCondition(criteria);
  const others = [...plainConditions(database, criteria), ...(sun === undefined ? [] : [sun])];
  const lead = choices.find((choice) => sizeOf(choice) <= MOST_BRANCHES);
  const rest = choices.filter((choice) => choice !== lead).map(conditionOf);
  const times = [...timeConditions(criteria), ...narrowed(database, choices, criteria)];
  return {
    branches: lead === undefined ? [unlead(database, sun)] : branchesOf(lead),
    conditions: [...times, ...rest, ...others],
    isCut: text?.isCut === true,
  };
}

// What narrows most comes first.
function choicesOf(database: Database, criteria: Criteria, text: Choice | undefined): readonly Choice[] {
  const { batch, near, run, serial } = criteria;
  const one = (column: Column, ids: readonly number[]): Choice => [{ column, ids }];
  return [
    ...(batch === undefined ? [] : [one("batch", batchesOf(database, criteria))]),
    ...(text === undefined ? [] : [text]),
    ...flagChoices(database, criteria),
    ...(near === undefined ? [] : [one("place", placesNear(database, near))]),
    ...(run === undefined ? [] : [one("run", idsOf(database, "runs", "name", run))]),
    ...(serial === undefined ? [] : [one("device", idsOf(database, "devices", "serial", serial))]),
  ];
}

function flagChoices(database: Database, { flags = [], colour }: Criteria): readonly Choice[] {
  if (flags.length === 0 && (colour === undefined || colour === "green")) return [];
  return [[{ column: "flagList", ids: flagLists(database, flags, colour) }]];
}

/** The lists that have all these flags. */
function flagLists(database: Database, flags: readonly string[], colour?: string): readonly number[] {
  return database
    .prepare<[], { id: number; names: string; colour: string }>("SELECT * FROM flagLists")
    .all()
    .filter((list) => colour === undefined || list.colour === colour)
    .filter(({ names }) => flags.every((flag) => names.includes(JSON.stringify(flag))))
    .map(({ id }) => id);
}

function batchesOf(database: Database, { batch, run }: Criteria): readonly number[] {
  const found = database
    .prepare<[number], { id: number; name: string }>(
      "SELECT batches.id, runs.name FROM batches JOIN runs ON runs.id = batches.run WHERE batches.number = ?",
    )
    .all(batch ?? 0);
  return found.filter(({ name }) => run === undefined || run.includes(name)).map(({ id }) => id);
}

/** Where a text is: in a batch, or in all of a run. */
interface Hit {
  readonly run: number;
  readonly batch: number | null;
}

function textChoice(
  database: Database,
  criteria: Criteria,
  order: Order,
): { readonly choice: Choice; readonly isCut: boolean } {
  const query = wordsQuery(criteria.text ?? "");
  const some = database.prepare<[string], Hit>(`${HITS} LIMIT ${MOST_HITS + 1}`).all(query);
  const found = some.length > MOST_HITS ? firstHits(database, query, { criteria, order }) : some;
  const hits = found.slice(0, MOST_HITS);
  const runs = new Set(hits.filter(({ batch }) => batch === null).map(({ run }) => run));
  const batches = hits.flatMap(({ run, batch }) => (batch === null || runs.has(run) ? [] : [batch]));
  const choice: Choice = [
    { column: "run", ids: [...runs] },
    { column: "batch", ids: batches },
  ];
  return { choice, isCut: found.length > MOST_HITS };
}

const HITS =
  "SELECT DISTINCT run, batch FROM texts WHERE id IN (SELECT rowid FROM words WHERE words MATCH ?)";

// Those that a page in this order begins with. Their numbers do not tell: a catalogue that was made anew has read the newest first.
function firstHits(
  database: Database,
  query: string,
  { criteria, order }: { readonly criteria: Criteria; readonly order: Order },
): readonly Hit[] {
  const [end, sorted] = order === "newest" ? ["max", "DESC"] : ["min", "ASC"];
  const endOfAll = (column: "run" | "batch"): string =>
    `(SELECT ${end}(exposureStartUtcUs) FROM measurements INDEXED BY ${INDEX_BY[column]} ` +
    `WHERE ${[`measurements.${column} = hits.${column}`, ...timeConditions(criteria)].join(" AND ")})`;
  const at = `CASE WHEN batch IS NULL THEN ${endOfAll("run")} ELSE ${endOfAll("batch")} END`;
  const { run } = criteria;
  const within = run === undefined ? "" : ` WHERE run IN (${idsOf(database, "runs", "name", run).join()})`;
  return database
    .prepare<[string], Hit>(
      `SELECT run, batch FROM (SELECT run, batch, ${at} AS at FROM (${HITS}) AS hits${within}) ` +
        `WHERE at IS NOT NULL ORDER BY at ${sorted} LIMIT ${MOST_HITS + 1}`,
    )
    .all(query);
}

function placesNear(database: Database, near: Near): readonly number[] {
  return database
    .prepare<[number, number], Spot & { id: number }>(
      "SELECT * FROM places WHERE latitudeDeg BETWEEN ? AND ?",
    )
    .all(...latitudesNear(near))
    .filter((place) => distanceM(place, near) <= near.withinM)
    .map(({ id }) => id);
}

function idsOf(
  database: Database,
  table: "runs" | "devices" | "channels",
  column: "name" | "serial",
  values: readonly string[],
): readonly number[] {
  const statement = database.prepare<[string], { id: number }>(`SELECT id FROM ${table} WHERE ${column} = ?`);
  return [...new Set(values)].flatMap((value) => statement.get(value)?.id ?? []);
}

function sizeOf(choice: Choice): number {
  return choice.reduce((sum, { ids }) => sum + ids.length, 0);
}

function branchesOf(choice: Choice): readonly Branch[] {
  return choice.flatMap(({ column, ids }) =>
    ids.map((id) => ({ index: INDEX_BY[column], sql: `${column} = ${id}` })),
  );
}

function conditionOf(choice: Choice): string {
  return `(${choice.map(({ column, ids }) => `${column} IN (${ids.join()})`).join(" OR ")})`;
}

// A few spectra of a rare sun are sorted; frequent ones turn up soon in the order of time.
function unlead(database: Database, sun: string | undefined): Branch {
  if (sun === undefined) return { index: INDEX_BY_TIME, sql: "true" };
  const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM measurements WHERE ${sun} LIMIT ${FEW + 1})`;
  const { count = 0 } = database.prepare<[], { count: number }>(sql).get() ?? {};
  return { index: count > FEW ? INDEX_BY_TIME : INDEX_BY_SUN, sql: "true" };
}

function sunCondition({ sunElevationDeg: range }: Criteria): string | undefined {
  return range === undefined
    ? undefined
    : `sunElevationDeg BETWEEN ${number(range[0])} AND ${number(range[1])}`;
}

function timeConditions({ fromUtcUs, toUtcUs }: Criteria): readonly string[] {
  return [
    ...(fromUtcUs === undefined ? [] : [`exposureStartUtcUs >= ${number(fromUtcUs)}`]),
    ...(toUtcUs === undefined ? [] : [`exposureStartUtcUs < ${number(toUtcUs)}`]),
  ];
}

/**
 * Runs, batches, devices and places have their time: whatever leads, it need not be followed beyond. So a rare flag in an
 * old run is found at once.
 */
function narrowed(database: Database, choices: readonly Choice[], criteria: Criteria): readonly string[] {
  const few = choices.filter((choice) => sizeOf(choice) <= MOST_NARROWING);
  if (choices.length < 2 && criteria.sunElevationDeg === undefined) return [];
  return few.flatMap((choice) => {
    const branches = branchesOf(choice);
    const first = branches.flatMap((branch) => endOf(database, branch, "ASC") ?? []);
    const last = branches.flatMap((branch) => endOf(database, branch, "DESC") ?? []);
    if (first.length === 0) return [];
    return [`exposureStartUtcUs BETWEEN ${Math.min(...first)} AND ${Math.max(...last)}`];
  });
}

function endOf(database: Database, { index, sql }: Branch, order: "ASC" | "DESC"): number | undefined {
  return database
    .prepare<[], { at: number }>(
      `SELECT exposureStartUtcUs AS at FROM measurements INDEXED BY ${index} WHERE ${sql} ` +
        `ORDER BY exposureStartUtcUs ${order} LIMIT 1`,
    )
    .get()?.at;
}

function plainConditions(database: Database, criteria: Criteria): readonly string[] {
  const { sequence, channel, kind, integrationTimeUs: times, isSimulated } = criteria;
  return [
    ...(sequence === undefined ? [] : [`sequence = ${number(sequence)}`]),
    ...(channel === undefined ? [] : [`channel IN (${idsOf(database, "channels", "name", channel).join()})`]),
    ...(kind === undefined ? [] : [`kind = ${kind === "dark" ? 0 : 1}`]),
    ...(times === undefined ? [] : [`integrationTimeUs BETWEEN ${number(times[0])} AND ${number(times[1])}`]),
    ...(isSimulated === undefined ? [] : [`calibration IN (${simulated(database, isSimulated).join()})`]),
    ...withoutFlags(database, criteria),
  ];
}

function simulated(database: Database, isSimulated: boolean): readonly number[] {
  return database
    .prepare<[number], { id: number }>("SELECT id FROM calibrations WHERE facts ->> '$.isSimulated' = ?")
    .all(Number(isSimulated))
    .map(({ id }) => id);
}

function withoutFlags(database: Database, { flagsNone = [], colour }: Criteria): readonly string[] {
  const later = flagsNone.filter((flag) => !isFlag(flag)).flatMap((flag) => flagLists(database, [flag]));
  const mask = flagMask(flagsNone);
  return [
    ...(mask === 0 ? [] : [`flagMask & ${mask} = 0`]),
    ...(later.length === 0 ? [] : [`flagList NOT IN (${later.join()})`]),
    ...(colour === "green" ? [`flagList IN (${flagLists(database, [], colour).join()})`] : []),
  ];
}

// Numbers go into the text of the query; nothing else does.
function number(value: number): string {
  return Number.isFinite(value) ? String(value) : value > 0 ? "9e999" : "-9e999";
}
