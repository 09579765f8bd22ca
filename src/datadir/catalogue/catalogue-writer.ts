// Puts files with their spectra into the catalogue's tables. What many spectra share (run, device, calibration, channel,
// place, flags) has a row of its own, found or made once.

import type { Database, Statement } from "better-sqlite3";
import { colourOf, flagMask } from "../../spectra/flags.ts";
import type { CataloguedFile, FileReference, SpectrumRow } from "./catalogue-row.ts";
import { dropFiles } from "./dropped-files.ts";
import { SPECTRA_IN_A_FILE } from "./schema.ts";
import { parseSpectraFileName } from "../spectra-file-name.ts";

/** Columns that make a row of a table of shared facts the one it is. */
const SHARED = {
  runs: ["name"],
  batches: ["run", "number"],
  devices: ["serial"],
  calibrations: ["device", "facts"],
  channels: ["name"],
  places: ["latitudeDeg", "longitudeDeg", "heightM"],
  flagLists: ["names", "colour"],
} as const;
type SharedTable = keyof typeof SHARED;
type Value = string | number;

/** Where the instruments move, every file has a place of its own. */
const MOST_REMEMBERED = 5000;

const MEASUREMENT = [
  "id",
  "file",
  "position",
  "run",
  "batch",
  "sequence",
  "kind",
  "device",
  "calibration",
  "channel",
  "place",
  "exposureStartUtcUs",
  "exposureEndUtcUs",
  "integrationTimeUs",
  "peakCounts",
  "saturatedPixels",
  "detectorTemperatureC",
  "tecEnabled",
  "tecSetpointC",
  "freshness",
  "discardedFrames",
  "flagList",
  "flagMask",
  "sunElevationDeg",
  "sunAzimuthDeg",
  "clockErrorUs",
] as const;
type Measurement = Readonly<Record<(typeof MEASUREMENT)[number], Value | null>>;

/** Where a spectrum belongs, as numbers of rows. */
interface Belonging {
  readonly file: number;
  readonly run: number;
}

export class CatalogueWriter {
  readonly #database: Database;
  readonly #known = new Map<string, number>();
  readonly #find: ReadonlyMap<string, Statement<Value[], { id: number }>>;
  readonly #make: ReadonlyMap<string, Statement<Value[]>>;
  readonly #file: Statement<[object], { id: number }>;
  readonly #clear: Statement<[number]>;
  readonly #spectrum: Statement<[Measurement]>;
  readonly #origin: Statement<[string, number]>;
  readonly #text: Statement<[object]>;

  constructor(database: Database) {
    const tables = Object.entries(SHARED);
    this.#database = database;
    this.#find = new Map(
      tables.map(([table, columns]) => [
        table,
        database.prepare<Value[], { id: number }>(
          `SELECT id FROM ${table} WHERE ${columns.map((column) => `${column} = ?`).join(" AND ")}`,
        ),
      ]),
    );
    this.#make = new Map(
      tables.map(([table, columns]) => [
        table,
        database.prepare<Value[]>(
          `INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => "?").join()})`,
        ),
      ]),
    );
    this.#file = database.prepare(UPSERT_FILE);
    this.#clear = database.prepare("DELETE FROM measurements WHERE file = ?");
    this.#spectrum = database.prepare(
      `INSERT INTO measurements (${MEASUREMENT.join()}) VALUES (${MEASUREMENT.map((name) => `@${name}`).join()})`,
    );
    this.#origin = database.prepare("UPDATE batches SET origin = ? WHERE id = ? AND origin IS NULL");
    this.#text = database.prepare(
      "INSERT OR IGNORE INTO texts (run, batch, event, text) VALUES (@run, @batch, @event, @text)",
    );
  }

  /** Stores files with their spectra, all or none; replaces what was known about them. */
  record(files: readonly CataloguedFile[], generation: number): void {
    this.transaction(() => {
      for (const file of files) this.#record(file, generation);
    });
  }

  /** Drops files and their spectra, all or none, and the texts of batches and runs that have no file any more. */
  drop(files: readonly FileReference[]): void {
    if (files.length === 0) return;
    this.transaction(() => dropFiles(this.#database, files));
    // A run that comes back has to have its name among the texts again.
    this.#known.clear();
  }

  /** What was remembered of rows that are undone must be forgotten, too. */
  transaction(task: () => void): void {
    try {
      // At once: one that has read before it waits for another writer would have to begin anew.
      this.#database.transaction(task).immediate();
    } catch (error) {
      this.#known.clear();
      throw error;
    }
  }

  /** Makes the run known, and its name a text. */
  run(name: string): number {
    const known = this.#known.get(keyOf("runs", [name]));
    if (known !== undefined) return known;
    const run = this.#shared("runs", [name]);
    this.addText({ run, batch: null, event: null, text: name });
    return run;
  }

  batch(run: number, number: number): number {
    return this.#shared("batches", [run, number]);
  }

  addText(text: { run: number; batch: number | null; event: number | null; text: string }): void {
    this.#text.run(text);
  }

  #record({ file, spectra, origin, texts }: CataloguedFile, generation: number): void {
    const run = this.run(file.run);
    const id = this.#file.get({ ...file, run, generation })?.id ?? 0;
    this.#clear.run(id);
    for (const row of spectra) this.#spectrum.run(this.#measurement(row, { file: id, run }));
    const number = spectra[0]?.batch ?? parseSpectraFileName(file.file)?.batch;
    const batch = number === undefined ? null : this.batch(run, number);
    if (origin !== null && batch !== null) this.#origin.run(origin, batch);
    for (const text of texts) this.addText({ run, batch, event: null, text: `${file.run} ${text}` });
  }

  #measurement(row: SpectrumRow, { file, run }: Belonging): Measurement {
    const device = this.#shared("devices", [row.serial]);
    const { latitudeDeg, longitudeDeg, heightM } = row;
    const isPlaced = latitudeDeg !== null && longitudeDeg !== null;
    return {
      ...row,
      id: file * SPECTRA_IN_A_FILE + row.position,
      file,
      run,
      batch: row.batch === null ? null : this.batch(run, row.batch),
      kind: row.kind === "dark" ? 0 : 1,
      device,
      calibration: this.#shared("calibrations", [device, JSON.stringify(factsOf(row))]),
      channel: this.#shared("channels", [row.channel]),
      place: isPlaced ? this.#shared("places", [latitudeDeg, longitudeDeg, heightM ?? 0]) : null,
      tecEnabled: Number(row.tecEnabled),
      flagList: this.#shared("flagLists", [JSON.stringify(row.flags), colourOf(row.flags)]),
      flagMask: flagMask(row.flags),
    };
  }

  #shared(table: SharedTable, values: readonly Value[]): number {
    const key = keyOf(table, values);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = this.#find.get(table)?.get(...values)?.id;
    const id = found ?? Number(this.#make.get(table)?.run(...values).lastInsertRowid);
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
    this.#known.set(key, id);
    return id;
  }
}

const UPSERT_FILE = `
INSERT INTO files (run, name, bytes, modifiedUtcUs, sha256, spectra, failures, problem, generation)
VALUES (@run, @file, @bytes, @modifiedUtcUs, @sha256, @spectra, @failures, @problem, @generation)
ON CONFLICT (run, name) DO UPDATE SET bytes = excluded.bytes, modifiedUtcUs = excluded.modifiedUtcUs,
  sha256 = excluded.sha256, spectra = excluded.spectra, failures = excluded.failures, problem = excluded.problem,
  generation = excluded.generation
RETURNING id`;

function keyOf(table: SharedTable, values: readonly Value[]): string {
  return [table, ...values].join("\n");
}

// In one order, so that equal facts are equal texts.
function factsOf(row: SpectrumRow): Partial<SpectrumRow> {
  return {
    model: row.model,
    firmware: row.firmware,
    pixels: row.pixels,
    saturationLevel: row.saturationLevel,
    maxCounts: row.maxCounts,
    isSimulated: row.isSimulated,
    opticalConfiguration: row.opticalConfiguration,
    strayLightConstant: row.strayLightConstant,
    wavelengthCoefficients: row.wavelengthCoefficients,
    channelWavelengthCoefficients: row.channelWavelengthCoefficients,
    nonlinearityCoefficients: row.nonlinearityCoefficients,
    darkPixels: row.darkPixels,
    opticalPixelRange: row.opticalPixelRange,
  };
}
