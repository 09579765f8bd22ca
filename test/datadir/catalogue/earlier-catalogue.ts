// Catalogues as versions 1 and 2 made them, for the tests of taking them over.

import Database from "better-sqlite3";
import type { SpectrumRow } from "../../../src/datadir/catalogue/catalogue-row.ts";

const COLUMNS = {
  run: "TEXT NOT NULL",
  file: "TEXT NOT NULL",
  position: "INTEGER NOT NULL",
  batch: "INTEGER",
  sequence: "INTEGER NOT NULL",
  kind: "TEXT NOT NULL",
  serial: "TEXT NOT NULL",
  model: "TEXT",
  firmware: "TEXT",
  channel: "TEXT NOT NULL",
  exposureStartUtcUs: "INTEGER NOT NULL",
  exposureEndUtcUs: "INTEGER",
  integrationTimeUs: "INTEGER NOT NULL",
  pixels: "INTEGER NOT NULL",
  peakCounts: "REAL NOT NULL",
  saturatedPixels: "INTEGER NOT NULL",
  saturationLevel: "REAL NOT NULL",
  maxCounts: "REAL",
  detectorTemperatureC: "REAL",
  tecEnabled: "INTEGER NOT NULL",
  tecSetpointC: "REAL",
  isSimulated: "INTEGER",
  freshness: "TEXT",
  discardedFrames: "INTEGER",
  strayLightConstant: "REAL",
  opticalConfiguration: "TEXT",
  flags: "TEXT NOT NULL",
  wavelengthCoefficients: "TEXT NOT NULL",
  channelWavelengthCoefficients: "TEXT NOT NULL",
  nonlinearityCoefficients: "TEXT NOT NULL",
  darkPixels: "TEXT NOT NULL",
  opticalPixelRange: "TEXT NOT NULL",
} as const satisfies Partial<Record<keyof SpectrumRow, string>>;

const schema = (version: 1 | 2): string => `
CREATE TABLE files (
  run TEXT NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL, modifiedUtcUs INTEGER NOT NULL, spectra INTEGER NOT NULL,
  failures INTEGER NOT NULL, problem TEXT, PRIMARY KEY (run, file)
) WITHOUT ROWID;
CREATE TABLE spectra (
  ${Object.entries(COLUMNS)
    .map(([name, type]) => `${name} ${type}`)
    .join(
      ", ",
    )}${version === 2 ? ", flagMask INTEGER NOT NULL DEFAULT 0" : ""}, PRIMARY KEY (run, file, position)
) WITHOUT ROWID;
CREATE INDEX spectraByTime ON spectra (exposureStartUtcUs);
CREATE INDEX spectraBySource ON spectra (serial, channel, exposureStartUtcUs);
PRAGMA user_version = ${version};
`;

/** Makes a catalogue of an earlier version at the path, with these spectra. */
export function makeEarlier(path: string, version: 1 | 2, spectra: readonly SpectrumRow[]): void {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.exec(schema(version));
  const names = Object.keys(COLUMNS);
  const spectrum = database.prepare<unknown[]>(
    `INSERT INTO spectra (${names.join()}) VALUES (${names.map(() => "?").join()})`,
  );
  const file = database.prepare<[SpectrumRow]>(
    "INSERT OR REPLACE INTO files VALUES (@run, @file, 1000, 1, @position + 1, 0, NULL)",
  );
  database.transaction(() => {
    for (const row of spectra) {
      file.run(row);
      spectrum.run(...names.map((name) => stored(name, Reflect.get(row, name))));
    }
  })();
  database.close();
}

function stored(name: string, value: unknown): unknown {
  if (typeof value === "boolean") return Number(value);
  return Array.isArray(value) || name === "channelWavelengthCoefficients" ? JSON.stringify(value) : value;
}
