// Takes files out of the catalogue, with all that nobody can find any more without them.

import type { Database } from "better-sqlite3";
import { grouped } from "../../base/grouped.ts";
import { parseSpectraFileName, spectraFilesOf } from "../spectra-file-name.ts";
import type { FileReference } from "./catalogue-row.ts";

/** Within a transaction. */
export function dropFiles(database: Database, files: readonly FileReference[]): void {
  const find = database.prepare<[string], { id: number }>("SELECT id FROM runs WHERE name = ?");
  for (const [name, ofRun] of grouped(files, ({ run }) => run)) {
    const run = find.get(name)?.id;
    if (run === undefined) continue;
    dropRows(database, run, ofRun);
    if (hasFiles(database, run)) dropTexts(database, run, ofRun);
    else dropAllTexts(database, run);
  }
}

function dropRows(database: Database, run: number, files: readonly FileReference[]): void {
  const spectra = database.prepare<[number, string]>(
    "DELETE FROM measurements WHERE file = (SELECT id FROM files WHERE run = ? AND name = ?)",
  );
  const row = database.prepare<[number, string]>("DELETE FROM files WHERE run = ? AND name = ?");
  for (const { file } of files) {
    spectra.run(run, file);
    row.run(run, file);
  }
}

function hasFiles(database: Database, run: number): boolean {
  return database.prepare<[number]>("SELECT 1 FROM files WHERE run = ? LIMIT 1").get(run) !== undefined;
}

// Its events are read again should it come back.
function dropAllTexts(database: Database, run: number): void {
  database.prepare<[number]>("DELETE FROM texts WHERE run = ?").run(run);
  database.prepare<[number]>("DELETE FROM events WHERE run = ?").run(run);
  database.prepare<[number]>("UPDATE runs SET eventsBytes = 0 WHERE id = ?").run(run);
}

// Those of events stay: they are as the list of events is.
function dropTexts(database: Database, run: number, files: readonly FileReference[]): void {
  const others = database.prepare<[number, string, string]>(
    "SELECT 1 FROM files WHERE run = ? AND name >= ? AND name < ? LIMIT 1",
  );
  const texts = database.prepare<[number, number, number]>(
    "DELETE FROM texts WHERE run = ? AND event IS NULL AND batch = (SELECT id FROM batches WHERE run = ? AND number = ?)",
  );
  const batches = new Set(files.flatMap(({ file }) => parseSpectraFileName(file)?.batch ?? []));
  for (const batch of batches) {
    if (others.get(run, ...spectraFilesOf(batch)) === undefined) texts.run(run, run, batch);
  }
}
