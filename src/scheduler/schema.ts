// The tables of the scheduler. Unlike the catalogue they are no index of something else, so a newer server brings an older
// file up to its version: each entry is run once, in order, and is never changed after a release.

export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state TEXT NOT NULL,
  definition TEXT NOT NULL,
  settledUtcUs INTEGER NOT NULL
);

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER,
  what TEXT NOT NULL,
  plannedUtcUs INTEGER NOT NULL,
  lastPlannedUtcUs INTEGER NOT NULL,
  runs INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT,
  message TEXT,
  startedUtcUs INTEGER,
  endedUtcUs INTEGER,
  operation TEXT,
  result TEXT
);

CREATE INDEX historyByJob ON history (job, id);
CREATE INDEX historyByOutcome ON history (outcome, id);
`,
];
