// A `scheduler.sqlite` as piccolo3-server 0.5 makes it: the tables and forms of values that were seen in its files.

import Database from "better-sqlite3";

const TABLES = `
  CREATE TABLE settings ("key" VARCHAR NOT NULL, value VARCHAR, PRIMARY KEY ("key"));
  CREATE TABLE quiettime (label VARCHAR NOT NULL, datetime DATETIME, PRIMARY KEY (label));
  CREATE TABLE jobs (
    id INTEGER NOT NULL, job VARCHAR, start_time DATETIME, next_time DATETIME, end_time DATETIME, interval DATETIME,
    "ignoreQuietTime" BOOLEAN, status VARCHAR(9), PRIMARY KEY (id), CHECK ("ignoreQuietTime" IN (0, 1)),
    CONSTRAINT piccoloschedulerstatus CHECK (status IN ('active', 'done', 'suspended', 'deleted'))
  );`;

export interface OldRow {
  readonly id: number;
  readonly job: string;
  readonly start: string;
  readonly end?: string;
  readonly interval?: string;
  readonly status?: string;
}

export interface OldQuietTime {
  readonly enabled?: string;
  readonly powerOff?: string;
  readonly powerDelay?: string;
  readonly start?: string;
  readonly end?: string;
}

/** The caller closes it. */
export function piccolo3Database(
  path: string,
  rows: readonly OldRow[],
  quietTime: OldQuietTime = {},
): Database.Database {
  const database = new Database(path);
  database.exec(TABLES);
  const job = database.prepare("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const { id, job: what, start, end = null, interval = null, status = "active" } of rows)
    job.run(id, what, start, start, end, interval, Number(what.startsWith('["power')), status);
  const { enabled = "False", powerOff = "False", powerDelay = "600" } = quietTime;
  const setting = database.prepare("INSERT INTO settings VALUES (?, ?)");
  setting.run("quiet_time_enabled", enabled);
  setting.run("power_off_enabled", powerOff);
  setting.run("power_delay", powerDelay);
  const label = database.prepare("INSERT INTO quiettime VALUES (?, ?)");
  label.run("start", quietTime.start ?? "2026-11-21 22:00:00.000000");
  label.run("end", quietTime.end ?? "2026-11-22 04:00:00.000000");
  return database;
}
