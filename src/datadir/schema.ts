// The catalogue's tables. The catalogue is an index of the files and can be rebuilt from them at any time: a version that
// is not known, or damaged, is moved aside and a new one is filled.

export const SCHEMA_VERSION = 1;

/** Used as they are: to change a season of rows takes minutes on a small computer. 2 has the flags as a mask, too, which nothing needs. */
export const KNOWN_VERSIONS: readonly number[] = [1, 2];

/** Column of `spectra` and its SQL type; schema, INSERT and SELECT are made from this list. */
export const SPECTRUM_COLUMNS = {
  run: "TEXT NOT NULL",
  file: "TEXT NOT NULL",
  /** Index within the file, from 0. */
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
  /** The following are JSON arrays. */
  flags: "TEXT NOT NULL",
  wavelengthCoefficients: "TEXT NOT NULL",
  channelWavelengthCoefficients: "TEXT NOT NULL",
  nonlinearityCoefficients: "TEXT NOT NULL",
  darkPixels: "TEXT NOT NULL",
  opticalPixelRange: "TEXT NOT NULL",
} as const satisfies Record<string, string>;

export const SCHEMA = `
CREATE TABLE files (
  run TEXT NOT NULL,
  file TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  modifiedUtcUs INTEGER NOT NULL,
  spectra INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  problem TEXT,
  PRIMARY KEY (run, file)
) WITHOUT ROWID;

CREATE TABLE spectra (
  ${Object.entries(SPECTRUM_COLUMNS)
    .map(([name, type]) => `${name} ${type}`)
    .join(",\n  ")},
  PRIMARY KEY (run, file, position)
) WITHOUT ROWID;

CREATE INDEX spectraByTime ON spectra (exposureStartUtcUs);
CREATE INDEX spectraBySource ON spectra (serial, channel, exposureStartUtcUs);

PRAGMA user_version = ${SCHEMA_VERSION};
`;
