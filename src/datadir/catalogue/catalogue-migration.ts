// From versions 1 and 2 of the catalogue to this one, which takes minutes for a season: the files are taken over at once,
// their spectra in small steps while the server works. What is not copied yet is not found yet.

import type { Database } from "better-sqlite3";
import {
  type CataloguedFile,
  type FileRow,
  fromStored,
  type SpectrumRow,
  type StoredSpectrum,
} from "./catalogue-row.ts";
import type { CatalogueWriter } from "./catalogue-writer.ts";

/** Generation of a file whose spectra are still in the earlier table. */
const TO_COPY = -1;
/** Files of a step: recording waits so long at most. */
const STEP = 25;

/** Call before the tables are made. */
export function setEarlierAside(database: Database): void {
  database.exec("ALTER TABLE files RENAME TO earlierFiles; ALTER TABLE spectra RENAME TO earlierSpectra");
}

/** Call after the tables are made, in the same transaction. */
export function takeFilesOver(database: Database): void {
  database.exec(`
    INSERT INTO runs (name) SELECT DISTINCT run FROM earlierFiles;
    INSERT INTO texts (run, text) SELECT id, name FROM runs;
    INSERT INTO files (run, name, bytes, modifiedUtcUs, spectra, failures, problem, generation)
      SELECT runs.id, file, bytes, modifiedUtcUs, spectra, failures, problem, ${TO_COPY}
      FROM earlierFiles JOIN runs ON runs.name = earlierFiles.run;
    DROP TABLE earlierFiles;
  `);
}

/** Files whose spectra are still to be copied. */
export function filesToCopy(database: Database): number {
  const sql = "SELECT count(*) AS count FROM files WHERE generation = ?";
  return database.prepare<[number], { count: number }>(sql).get(TO_COPY)?.count ?? 0;
}

/** Whether spectra of an earlier version are there. */
export function hasEarlier(database: Database): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'earlierSpectra'").get() !== undefined;
}

/** Copies the spectra of some files, those of the newest runs first; the earlier table is dropped with the last. */
export function copyStep(database: Database, writer: CatalogueWriter): void {
  if (!hasEarlier(database)) return;
  const remove = database.prepare<[FileRow]>("DELETE FROM earlierSpectra WHERE run = @run AND file = @file");
  writer.transaction(() => {
    // Within, so that no file is among them that is recorded or read again meanwhile.
    const files = nextToCopy(database);
    writer.record(
      files.map((file) => earlier(database, file)),
      0,
    );
    for (const file of files) remove.run(file);
    if (files.length < STEP) database.exec("DROP TABLE earlierSpectra");
  });
}

function nextToCopy(database: Database): readonly FileRow[] {
  return database
    .prepare<[number, number], FileRow>(
      `SELECT runs.name AS run, files.name AS file, bytes, modifiedUtcUs, sha256, spectra, failures, problem
       FROM files JOIN runs ON runs.id = files.run WHERE generation = ? ORDER BY files.id DESC LIMIT ?`,
    )
    .all(TO_COPY, STEP);
}

function earlier(database: Database, file: FileRow): CataloguedFile {
  const rows = database
    .prepare<[FileRow], StoredSpectrum>(
      "SELECT * FROM earlierSpectra WHERE run = @run AND file = @file ORDER BY position",
    )
    .all(file);
  return { file, spectra: rows.map((row) => ({ ...UNKNOWN, ...fromStored(row) })), origin: null, texts: [] };
}

/** What earlier versions did not keep. */
const UNKNOWN = {
  clockErrorUs: null,
  latitudeDeg: null,
  longitudeDeg: null,
  heightM: null,
  sunElevationDeg: null,
  sunAzimuthDeg: null,
} as const satisfies Partial<SpectrumRow>;
