// The catalogue's rows of what happened to runs, from their lists of events. Those are short and only grow: of a list that
// has changed all rows are made anew.

import type { Database } from "better-sqlite3";
import { breath } from "../../base/clock.ts";
import type { CatalogueWriter } from "./catalogue-writer.ts";
import type { RunEvent } from "../run-events.ts";

/** Of one transaction. */
const SLICE = 100;
/** Of a list whose rows are being made: when that is interrupted, it is done again. */
const UNDER_WAY = -1;

export class EventRows {
  readonly #database: Database;
  readonly #writer: CatalogueWriter;

  constructor(database: Database, writer: CatalogueWriter) {
    this.#database = database;
    this.#writer = writer;
  }

  /** How long the list of a run was when it was read; 0 when it never was. */
  knownBytes(run: string): number {
    const statement = this.#database.prepare<[string], { eventsBytes: number }>(
      "SELECT eventsBytes FROM runs WHERE name = ?",
    );
    return statement.get(run)?.eventsBytes ?? 0;
  }

  /** The runs of which there are events. */
  runs(): readonly string[] {
    return this.#database
      .prepare<[], { name: string }>("SELECT name FROM runs WHERE eventsBytes <> 0")
      .all()
      .map(({ name }) => name);
  }

  /** Replaces the events of a run, one list at a time; other work goes on meanwhile. */
  async record(run: string, events: readonly RunEvent[], bytes: number): Promise<void> {
    this.#writer.transaction(() => {
      const id = this.#writer.run(run);
      this.#database.prepare<[number]>("DELETE FROM texts WHERE run = ? AND event IS NOT NULL").run(id);
      this.#database.prepare<[number]>("DELETE FROM events WHERE run = ?").run(id);
      this.#setKnown(id, UNDER_WAY);
    });
    for (let done = 0; done < events.length; done += SLICE) {
      await breath();
      this.#writer.transaction(() => {
        const id = this.#writer.run(run);
        for (const event of events.slice(done, done + SLICE)) this.#add({ id, run }, event);
      });
    }
    this.#writer.transaction(() => this.#setKnown(this.#writer.run(run), bytes));
  }

  #setKnown(run: number, bytes: number): void {
    this.#database.prepare<[number, number]>("UPDATE runs SET eventsBytes = ? WHERE id = ?").run(bytes, run);
  }

  #add({ id, run }: { readonly id: number; readonly run: string }, event: RunEvent): void {
    const { utc, event: kind, ...facts } = event;
    const number = facts["batch"];
    const batch = typeof number === "number" ? this.#writer.batch(id, number) : null;
    const utcMs = typeof utc === "string" ? Date.parse(utc) : Number.NaN;
    const name = typeof kind === "string" ? kind : "unknown";
    const row = this.#database
      .prepare<[number, number | null, number | null, string, string], { id: number }>(
        "INSERT INTO events (run, batch, utcUs, kind, facts) VALUES (?, ?, ?, ?, ?) RETURNING id",
      )
      .get(id, batch, Number.isNaN(utcMs) ? null : utcMs * 1000, name, JSON.stringify(facts));
    const text = [run, name, ...Object.values(facts).map((value) => wordsOf(value))].join(" ");
    this.#writer.addText({ run: id, batch, event: row?.id ?? null, text });
  }
}

function wordsOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
