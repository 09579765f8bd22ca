// A forecast for people: the first runs, then each job with its sum.

import { bytesText } from "../../base/bytes-text.ts";
import { isoUtc } from "../../base/clock.ts";
import type { IdleJob, PlannedRun } from "./forecast.ts";
import { type Column, renderTable } from "./table.ts";
import { printable } from "./value-text.ts";

const RIGHT = "right";
const RUNS: readonly Column[] = [
  { heading: "utc" },
  { heading: "job" },
  { heading: "run" },
  { heading: "time", align: RIGHT },
  { heading: "data", align: RIGHT },
  { heading: "" },
];
const JOBS: readonly Column[] = [
  { heading: "job" },
  { heading: "runs", align: RIGHT },
  { heading: "skipped", align: RIGHT },
  { heading: "darks", align: RIGHT },
  { heading: "searches", align: RIGHT },
  { heading: "time", align: RIGHT },
  { heading: "data", align: RIGHT },
];

const SEARCHED =
  "~ with the integration times of now: searches will find others, and take longer in dim light\n";

export interface ForecastShown {
  readonly limit: number;
  readonly days: number;
  readonly freeBytes: number | undefined;
  readonly idle: readonly IdleJob[];
}

export function forecastText(runs: readonly PlannedRun[], shown: ForecastShown): string {
  const { limit, days, freeBytes, idle } = shown;
  const lines = idle.map(({ job, reason }) => `${printable(job)}: no run within ${days} days, ${reason}\n`);
  const listed = runs
    .slice(0, limit)
    .map((one) => [
      isoUtc(one.utcUs).slice(0, 19).replace("T", " "),
      one.job,
      one.run,
      one.skipped === undefined ? runTimeText(one) : "",
      one.skipped === undefined ? bytesText(one.bytes) : "",
      one.skipped === undefined ? "" : `skipped: ${one.skipped}`,
    ]);
  const more = runs.length > limit ? `and ${runs.length - limit} more, --limit shows them\n` : "";
  const list =
    limit === 0 || runs.length === 0
      ? ""
      : `${renderTable(
          RUNS,
          listed.map((cells) => cells.map(printable)),
        )}${more}\n`;
  const note = runs.some(({ searches }) => searches > 0) ? SEARCHED : "";
  return list + summary(runs, idle) + lines.join("") + note + room(runs, { freeBytes, days });
}

function summary(runs: readonly PlannedRun[], idle: readonly IdleJob[]): string {
  const names = [...new Set([...runs, ...idle].map(({ job }) => job))];
  const row = (name: string, own: readonly PlannedRun[]): readonly string[] => {
    const made = own.filter(({ skipped }) => skipped === undefined);
    const sum = (value: (run: PlannedRun) => number): number =>
      made.reduce((all, one) => all + value(one), 0);
    const searches = sum((one) => one.searches);
    return [
      name,
      String(made.length),
      String(own.length - made.length),
      sum(({ darks }) => darks).toFixed(0),
      String(searches),
      runTimeText({ seconds: sum(({ seconds }) => seconds), searches }),
      bytesText(dataOf(made)),
    ];
  };
  const rows = names.map((name) =>
    row(
      printable(name),
      runs.filter(({ job }) => job === name),
    ),
  );
  return renderTable(JOBS, names.length === 1 ? rows : [...rows, row("all", runs)]);
}

function room(
  runs: readonly PlannedRun[],
  { freeBytes, days }: Pick<ForecastShown, "freeBytes" | "days">,
): string {
  const bytes = dataOf(runs.filter(({ skipped }) => skipped === undefined));
  if (freeBytes === undefined || bytes === 0) return "";
  const enough = Math.floor((freeBytes / bytes) * days);
  return `${bytesText(freeBytes)} are free on the server: enough for ${enough} days like these\n`;
}

function dataOf(runs: readonly PlannedRun[]): number {
  return Math.round(runs.reduce((sum, { bytes }) => sum + bytes, 0));
}

function runTimeText({ seconds, searches }: Pick<PlannedRun, "seconds" | "searches">): string {
  return `${searches > 0 ? "~" : ""}${timeText(seconds)}`;
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = new Date(Math.round(seconds) * 1000).toISOString();
  const hours = Math.floor(seconds / 3600);
  return `${hours}:${whole.slice(14, 19)} h`;
}
