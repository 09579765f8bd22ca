// The catalogue's tables. The catalogue is an index of the files and can be filled from them at any time: one that is
// damaged, or of a version that is not known, is moved aside and a new one is made. docs/decisions/0008 tells why so.
// Other programs read the view `spectra`, whose columns stay; the tables below it may change.

import { FLAGS } from "../../spectra/flags.ts";

export const SCHEMA_VERSION = 3;

/** Their rows are copied (catalogue-migration.ts): they have tables `files` and `spectra` with a row for each. */
export const EARLIER_VERSIONS: readonly number[] = [1, 2];

const fact = (name: string): string => `calibrations.facts ->> '$.${name}'`;
/** An array, as JSON text. */
const list = (name: string): string => `calibrations.facts -> '$.${name}'`;

/** Columns of the view `spectra`, and where each comes from. */
export const SPECTRUM_COLUMNS = {
  run: "runs.name",
  file: "files.name",
  /** Index within the file, from 0. */
  position: "measurements.position",
  batch: "batches.number",
  sequence: "measurements.sequence",
  kind: "iif(measurements.kind = 0, 'dark', 'light')",
  serial: "devices.serial",
  model: fact("model"),
  firmware: fact("firmware"),
  channel: "channels.name",
  exposureStartUtcUs: "measurements.exposureStartUtcUs",
  exposureEndUtcUs: "measurements.exposureEndUtcUs",
  integrationTimeUs: "measurements.integrationTimeUs",
  pixels: fact("pixels"),
  peakCounts: "measurements.peakCounts",
  saturatedPixels: "measurements.saturatedPixels",
  saturationLevel: fact("saturationLevel"),
  maxCounts: fact("maxCounts"),
  detectorTemperatureC: "measurements.detectorTemperatureC",
  tecEnabled: "measurements.tecEnabled",
  tecSetpointC: "measurements.tecSetpointC",
  isSimulated: fact("isSimulated"),
  freshness: "measurements.freshness",
  discardedFrames: "measurements.discardedFrames",
  strayLightConstant: fact("strayLightConstant"),
  opticalConfiguration: fact("opticalConfiguration"),
  clockErrorUs: "measurements.clockErrorUs",
  latitudeDeg: "places.latitudeDeg",
  longitudeDeg: "places.longitudeDeg",
  heightM: "places.heightM",
  sunElevationDeg: "measurements.sunElevationDeg",
  sunAzimuthDeg: "measurements.sunAzimuthDeg",
  flagMask: "measurements.flagMask",
  /** The following are JSON arrays. */
  flags: "flagLists.names",
  wavelengthCoefficients: list("wavelengthCoefficients"),
  channelWavelengthCoefficients: list("channelWavelengthCoefficients"),
  nonlinearityCoefficients: list("nonlinearityCoefficients"),
  darkPixels: list("darkPixels"),
  opticalPixelRange: list("opticalPixelRange"),
} as const satisfies Record<string, string>;

/** The index that has the rows of each value of a column in the order of time. */
export const INDEX_BY = {
  run: "measurementsByRun",
  batch: "measurementsByBatch",
  device: "measurementsByDevice",
  place: "measurementsByPlace",
  flagList: "measurementsByFlags",
} as const;
export const INDEX_BY_TIME = "measurementsByTime";
export const INDEX_BY_SUN = "measurementsBySun";

/** A spectrum's number: stays when its file is read again, so that a search goes on where it was. */
export const SPECTRA_IN_A_FILE = 2 ** 20;

const TABLES = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, eventsBytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE batches (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, number INTEGER NOT NULL, origin TEXT, UNIQUE (run, number)
);
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  modifiedUtcUs INTEGER NOT NULL,
  sha256 BLOB,
  spectra INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  problem TEXT,
  generation INTEGER NOT NULL,
  UNIQUE (run, name)
);
CREATE INDEX filesByRun ON files (run, bytes);
CREATE INDEX filesByGeneration ON files (generation);
CREATE INDEX brokenFiles ON files (run, name) WHERE problem IS NOT NULL;

CREATE TABLE devices (id INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE);
-- What a device was, and how it was calibrated, when it recorded.
CREATE TABLE calibrations (
  id INTEGER PRIMARY KEY, device INTEGER NOT NULL REFERENCES devices, facts TEXT NOT NULL, UNIQUE (device, facts)
);
CREATE TABLE channels (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE places (
  id INTEGER PRIMARY KEY, latitudeDeg REAL NOT NULL, longitudeDeg REAL NOT NULL, heightM REAL NOT NULL,
  UNIQUE (latitudeDeg, longitudeDeg, heightM)
);
CREATE TABLE flags (bit INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, severity TEXT NOT NULL, meaning TEXT NOT NULL);
-- The flags of a spectrum, also those of later versions: a season has some dozen of such lists.
CREATE TABLE flagLists (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE, colour TEXT NOT NULL);

CREATE TABLE measurements (
  id INTEGER PRIMARY KEY,
  file INTEGER NOT NULL REFERENCES files,
  position INTEGER NOT NULL,
  run INTEGER NOT NULL REFERENCES runs,
  batch INTEGER REFERENCES batches,
  sequence INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  device INTEGER NOT NULL REFERENCES devices,
  calibration INTEGER NOT NULL REFERENCES calibrations,
  channel INTEGER NOT NULL REFERENCES channels,
  place INTEGER REFERENCES places,
  exposureStartUtcUs INTEGER NOT NULL,
  exposureEndUtcUs INTEGER,
  integrationTimeUs INTEGER NOT NULL,
  peakCounts REAL NOT NULL,
  saturatedPixels INTEGER NOT NULL,
  detectorTemperatureC REAL,
  tecEnabled INTEGER NOT NULL,
  tecSetpointC REAL,
  freshness TEXT,
  discardedFrames INTEGER,
  flagList INTEGER NOT NULL REFERENCES flagLists,
  flagMask INTEGER NOT NULL,
  sunElevationDeg REAL,
  sunAzimuthDeg REAL,
  clockErrorUs INTEGER
);
CREATE INDEX measurementsByFile ON measurements (file);
CREATE INDEX ${INDEX_BY_TIME} ON measurements (exposureStartUtcUs, id);
CREATE INDEX ${INDEX_BY_SUN} ON measurements (sunElevationDeg, exposureStartUtcUs, id);
${Object.entries(INDEX_BY)
  .map(([column, index]) => `CREATE INDEX ${index} ON measurements (${column}, exposureStartUtcUs, id);`)
  .join("\n")}

-- Pictures that belong to spectra.
CREATE TABLE frames (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, name TEXT NOT NULL, startUtcUs INTEGER NOT NULL,
  camera TEXT, width INTEGER, height INTEGER, facts TEXT
);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, batch INTEGER REFERENCES batches, utcUs INTEGER,
  kind TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE INDEX eventsByRun ON events (run, utcUs);
CREATE INDEX eventsByBatch ON events (batch);
-- Texts that can be searched: names of runs; origins, failures and events of batches. Row numbers are those of words.
CREATE TABLE texts (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, batch INTEGER REFERENCES batches, event INTEGER, text TEXT NOT NULL
);
CREATE UNIQUE INDEX textsOnce ON texts (run, ifnull(batch, 0), ifnull(event, 0), text);
CREATE VIRTUAL TABLE words USING fts5(text, content='texts', content_rowid='id', tokenize='unicode61 remove_diacritics 2');
CREATE TRIGGER textsAdded AFTER INSERT ON texts BEGIN INSERT INTO words (rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER textsGone AFTER DELETE ON texts BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
`;

const VIEW = `
CREATE VIEW spectra AS SELECT
  ${Object.entries(SPECTRUM_COLUMNS)
    .map(([name, source]) => `${source} AS ${name}`)
    .join(",\n  ")},
  measurements.id AS number
FROM measurements
JOIN runs ON runs.id = measurements.run
JOIN files ON files.id = measurements.file
JOIN devices ON devices.id = measurements.device
JOIN calibrations ON calibrations.id = measurements.calibration
JOIN channels ON channels.id = measurements.channel
JOIN flagLists ON flagLists.id = measurements.flagList
LEFT JOIN batches ON batches.id = measurements.batch
LEFT JOIN places ON places.id = measurements.place;
`;

const FLAG_ROWS = Object.entries(FLAGS)
  .map(
    ([name, { bit, severity, meaning }]) =>
      `(${bit}, '${name}', '${severity}', '${meaning.replaceAll("'", "''")}')`,
  )
  .join(",\n  ");

const FLAG_TABLE = `INSERT INTO flags (bit, name, severity, meaning) VALUES\n  ${FLAG_ROWS};`;

/** Makes an empty catalogue; the epoch tells it from the one that was there before. */
export const SCHEMA = `${TABLES}${VIEW}${FLAG_TABLE}
INSERT INTO meta (key, value) VALUES ('epoch', randomblob(8)), ('generation', 0);
PRAGMA user_version = ${SCHEMA_VERSION};
`;
