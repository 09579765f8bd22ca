// Answers searches from a catalogue's database: by the plan, page by page, with complete rows.

import type { Database } from "better-sqlite3";
import { fromStored, parseSpectrumId, type SpectrumRow, type StoredSpectrum } from "./catalogue-row.ts";
import { SPECTRUM_COLUMNS } from "./schema.ts";
import {
  type CompleteCriteria,
  type Cursor,
  cursorText,
  type Found,
  type Order,
  readCursor,
  type Search,
  type Slice,
  type Total,
} from "./search.ts";
import { planOf, type SearchPlan } from "./search-plan.ts";

/** What rows are made of; the mask follows from the flags. */
const COLUMNS = Object.keys(SPECTRUM_COLUMNS)
  .filter((name) => name !== "flagMask")
  .join(", ");
/** Counting goes on no further. */
const MOST_COUNTED = 10_000;
/** One more than is given tells whether there is a next. */
const ONE_MORE = 1;

interface Key {
  readonly number: number;
  readonly at: number;
}

export class Searcher {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Throws VALUE_INVALID for a text without words, and for what is no cursor. */
  search(search: Search): Found {
    const { order = "newest", limit, after, counts = false } = search;
    const plan = planOf(this.#database, search, order);
    const total = counts ? { total: this.#countUpTo(plan, MOST_COUNTED) } : {};
    const page = after === undefined ? plan : following(plan, this.#cursorSql(readCursor(after), order));
    const cut = plan.isCut ? { isCut: true as const } : {};
    const keys = this.#keys(page, order, { limit: limit + ONE_MORE, offset: 0 });
    const spectra = this.#rows(keys.slice(0, limit), order);
    const last = keys.length > limit ? keys[limit - 1] : undefined;
    return { spectra, ...(last === undefined ? {} : { next: this.#cursorOf(last) }), ...total, ...cut };
  }

  /** The newest first. Throws VALUE_INVALID. */
  slice(
    criteria: CompleteCriteria,
    slice: Slice,
  ): { readonly total: number; readonly spectra: readonly SpectrumRow[] } {
    const plan = planOf(this.#database, criteria, "newest");
    const { count } = this.#countUpTo(plan, Number.MAX_SAFE_INTEGER - ONE_MORE);
    return { total: count, spectra: this.#rows(this.#keys(plan, "newest", slice), "newest") };
  }

  /** A spectrum by its id, or undefined. */
  spectrum(id: string): SpectrumRow | undefined {
    const key = parseSpectrumId(id);
    if (key === undefined) return undefined;
    const row = this.#database
      .prepare<[object], StoredSpectrum>(
        `SELECT ${COLUMNS} FROM spectra WHERE run = @run AND file = @file AND position = @position`,
      )
      .get(key);
    return row === undefined ? undefined : fromStored(row);
  }

  #keys({ branches, conditions }: SearchPlan, order: Order, { limit, offset }: Slice): readonly Key[] {
    if (branches.length === 0) return [];
    const sorted = order === "newest" ? "at DESC, number DESC" : "at, number";
    const parts = branches.map(
      ({ index, sql }) =>
        `SELECT * FROM (SELECT id AS number, exposureStartUtcUs AS at FROM measurements INDEXED BY ${index} ` +
        `WHERE ${[sql, ...conditions].join(" AND ")} ORDER BY ${sorted} LIMIT ${limit + offset})`,
    );
    return this.#database
      .prepare<[], Key>(`${parts.join(" UNION ALL ")} ORDER BY ${sorted} LIMIT ${limit} OFFSET ${offset}`)
      .all();
  }

  #rows(keys: readonly Key[], order: Order): readonly SpectrumRow[] {
    const statement = this.#database.prepare<[string], StoredSpectrum>(
      `SELECT ${COLUMNS} FROM spectra WHERE number IN (SELECT value FROM json_each(?)) ` +
        `ORDER BY ${order === "newest" ? "exposureStartUtcUs DESC, number DESC" : "exposureStartUtcUs, number"}`,
    );
    return statement.all(JSON.stringify(keys.map(({ number }) => number))).map(fromStored);
  }

  #countUpTo({ branches, conditions }: SearchPlan, most: number): Total {
    if (branches.length === 0) return { count: 0, isAtLeast: false };
    const parts = branches.map(
      ({ index, sql }) =>
        `SELECT 1 FROM measurements INDEXED BY ${index} WHERE ${[sql, ...conditions].join(" AND ")}`,
    );
    const sql = `SELECT count(*) AS count FROM (${parts.join(" UNION ALL ")} LIMIT ${most + ONE_MORE})`;
    const { count = 0 } = this.#database.prepare<[], { count: number }>(sql).get() ?? {};
    return { count: Math.min(count, most), isAtLeast: count > most };
  }

  // In a catalogue that was made anew the numbers are others: a spectrum of the same moment may come twice, none is left out.
  #cursorSql({ epoch, exposureStartUtcUs, number }: Cursor, order: Order): string {
    const sign = order === "newest" ? "<" : ">";
    if (!this.#epoch().equals(epoch)) return `exposureStartUtcUs ${sign}= ${exposureStartUtcUs}`;
    return `(exposureStartUtcUs, id) ${sign} (${exposureStartUtcUs}, ${number})`;
  }

  #cursorOf({ at, number }: Key): string {
    return cursorText({ epoch: this.#epoch(), exposureStartUtcUs: at, number });
  }

  #epoch(): Buffer {
    const row = this.#database
      .prepare<[], { value: Buffer }>("SELECT value FROM meta WHERE key = 'epoch'")
      .get();
    return row?.value ?? Buffer.alloc(0);
  }
}

function following(plan: SearchPlan, sql: string): SearchPlan {
  return { ...plan, conditions: [...plan.conditions, sql] };
}
