// vscope find: spectra of a server, by words and by what is known of them.

import type { Command } from "commander";
import type { FoundSpectrum, SpectraQuery } from "../../../client/shapes.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { isoUtc } from "../../../base/clock.ts";
import { definedOnly } from "../../../base/defined-only.ts";
import { coapCodeOf, replyError } from "../../../client/reply-error.ts";
import { usageError } from "../exit-codes.ts";
import { colourText } from "../quality-text.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { timeOption } from "../time-option.ts";
import { listOption, numberOption } from "../value.ts";
import { printable } from "../value-text.ts";
import { shortTime } from "./schedule-text.ts";

/** The server's longest page. */
const PAGE = 500;
const DEFAULT_LIMIT = 50;

interface Options {
  readonly run?: readonly string[];
  readonly serial?: readonly string[];
  readonly channel?: readonly string[];
  readonly batch?: number;
  readonly kind?: "light" | "dark";
  readonly flags?: readonly string[];
  readonly notFlags?: readonly string[];
  readonly colour?: "green" | "amber" | "red";
  readonly from?: string;
  readonly to?: string;
  readonly sun?: Range;
  readonly near?: readonly [number, number, number];
  readonly integration?: Range;
  readonly oldest?: true;
  readonly limit: number;
  readonly csv?: true;
  readonly ids?: true;
}

type Range = readonly [number | undefined, number | undefined];

export function findCommand(session: Session): Command {
  const made = command({
    name: "find",
    summary: "find spectra by words, time, run, quality, sun or place",
    details:
      "words are looked for in names of runs, origins, failures and events; all must occur, a star ends the beginning of one. Servers are found by vscope servers",
    examples: [
      "vscope find --run plot10 --kind light --not-flags saturated,sun_low",
      'vscope find snow "fence post" --from 2026-06-01 --to 2026-07-01',
      "vscope find --near 55.92,-3.17,500 --sun 40..60 --limit 1000 --csv",
    ],
  });
  return withOptions(made).action((words: readonly string[], options: Options) =>
    session.withClient(async (client) => {
      const query = queryOf(words, options);
      const found = await collect(client, { query, limit: options.limit }, session.signal);
      session.print(found, () => textOf(session, found, options));
    }),
  );
}

function withOptions(made: Command): Command {
  const limit = numberOption("--limit", { min: 1, max: 1e6, integer: true });
  const batch = numberOption("--batch", { min: 0, max: 999_999_999, integer: true });
  return made
    .argument("[words...]", "words, phrases in quotes")
    .option("--run <names>", "of these runs, with commas between", listOption)
    .option("--serial <numbers>", "of these spectrometers", listOption)
    .option("--channel <names>", "of these channels", listOption)
    .option("--batch <n>", "of batches of this number", batch)
    .option("--kind <kind>", "light or dark")
    .option("--flags <names>", "with all these quality flags", listOption)
    .option("--not-flags <names>", "with none of these", listOption)
    .option("--colour <colour>", "green, amber or red")
    .option("--from <time>", "begun then or later: a day, or date, time and zone", timeText("--from"))
    .option("--to <time>", "begun before", timeText("--to"))
    .option("--sun <range>", "elevation of the sun in degrees, such as 40..60 or 40..", rangeOption("--sun"))
    .option("--near <place>", "latitude,longitude,metres, such as 55.92,-3.17,500", nearOption)
    .option("--integration <range>", "integration time in ms, such as 10..250", rangeOption("--integration"))
    .option("--oldest", "the oldest first")
    .option("--limit <n>", "list so many at most", limit, DEFAULT_LIMIT)
    .option("--csv", "as comma-separated values")
    .option("--ids", "only the ids, one a line");
}

interface Collected {
  readonly spectra: readonly FoundSpectrum[];
  /** Spectra that fit and are not among them. */
  readonly more: number;
  /** There are at least so many more; counting goes on no further. */
  readonly isAtLeast: boolean;
  /** The words are in more batches than the server looks at. */
  readonly isCut: boolean;
}

async function collect(
  client: VscopeClient,
  { query, limit }: { readonly query: SpectraQuery; readonly limit: number },
  signal: AbortSignal,
): Promise<Collected> {
  const first = await firstPage(client, { ...query, limit: Math.min(limit, PAGE), counts: true }, signal);
  const spectra = [...first.spectra];
  if (first.next !== undefined && spectra.length < limit) {
    for await (const one of client.spectra({ ...query, limit: PAGE, after: first.next }, signal)) {
      spectra.push(one);
      if (spectra.length >= limit) break;
    }
  }
  const { count = spectra.length, isAtLeast = false } = first.total ?? {};
  return { spectra, more: Math.max(0, count - spectra.length), isAtLeast, isCut: first.isCut === true };
}

async function firstPage(client: VscopeClient, query: SpectraQuery, signal: AbortSignal) {
  try {
    return await client.search(query, signal);
  } catch (error) {
    if (coapCodeOf(error) !== "4.04") throw error;
    const text = `${client.url}: the server cannot search; \`vscope servers\` finds servers`;
    throw replyError("4.04", text);
  }
}

function queryOf(words: readonly string[], options: Options): SpectraQuery {
  const { notFlags, sun = [], integration = [], oldest, limit: _l, csv: _c, ids: _i, ...same } = options;
  // The shell has taken the quotes away.
  const text = words.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(" ");
  const us = integration.map((ms) => (ms === undefined ? undefined : Math.round(ms * 1000)));
  return definedOnly({
    ...same,
    flags_none: notFlags,
    sun_min: sun[0],
    sun_max: sun[1],
    integration_min: us[0],
    integration_max: us[1],
    order: oldest === true ? ("oldest" as const) : undefined,
    text: text === "" ? undefined : text,
  });
}

function textOf(session: Session, found: Collected, { csv, ids }: Options): string {
  const { spectra, more, isAtLeast, isCut } = found;
  if (ids === true) return spectra.map(({ id }) => `${printable(id)}\n`).join("");
  if (csv === true) return csvOf(spectra);
  const tail = more === 0 ? "" : `and ${isAtLeast ? "at least " : ""}${more} more, --limit shows them\n`;
  const cut = isCut ? "the words are in too many batches to look at all, further words find the rest\n" : "";
  return spectra.length === 0 ? `no spectrum fits\n${cut}` : tableOf(session, spectra) + tail + cut;
}

function tableOf({ terminal: { hasColour } }: Session, spectra: readonly FoundSpectrum[]): string {
  const columns = [
    { heading: "start" },
    { heading: "spectrum" },
    { heading: "serial" },
    { heading: "channel" },
    { heading: "ms", align: "right" },
    { heading: "peak", align: "right" },
    { heading: "sun", align: "right" },
    { heading: "quality" },
  ] as const;
  const rows = spectra.map((one) => [
    shortTime(one.exposureStart),
    printable(one.id),
    printable(one.serial),
    printable(one.channel),
    String(one.integrationTimeUs / 1000),
    one.peakCounts.toFixed(0),
    one.sunElevationDeg === null ? "-" : one.sunElevationDeg.toFixed(1),
    [colourText(one.qualityColour, { hasColour, width: 5 }), ...one.flags.map(printable)].join(" "),
  ]);
  return renderTable(columns, rows);
}

// RFC 4180; the columns are the members of the first, which all have.
function csvOf(spectra: readonly FoundSpectrum[]): string {
  const names = Object.keys(spectra[0] ?? {});
  const rows = spectra.map((one) => names.map((name) => csvCell(Reflect.get(one, name))).join(","));
  return names.length === 0 ? "" : [names.join(","), ...rows, ""].join("\n");
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = plainText(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function plainText(value: unknown): string {
  if (Array.isArray(value)) return value.join("|");
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

// A day alone begins at midnight, UTC.
function timeText(name: string): (text: string) => string {
  return (text) => isoUtc(timeOption(name)(text));
}

function rangeOption(name: string): (text: string) => Range {
  return (text) => {
    const [from = "", to = "", ...others] = text.split("..");
    const [least, most] = [from, to].map((end) => (end === "" ? undefined : numberIn(end)));
    const isRange = text.includes("..") && others.length === 0 && (from !== "" || to !== "");
    if (isRange && !Number.isNaN(least) && !Number.isNaN(most)) return [least, most];
    throw usageError(`${name}: "${text}" is no range such as 40..60`);
  };
}

function nearOption(text: string): readonly [number, number, number] {
  const [latitude = Number.NaN, longitude = Number.NaN, metres = Number.NaN, ...others] = text
    .split(",")
    .map(numberIn);
  if (others.length === 0 && [latitude, longitude, metres].every(Number.isFinite))
    return [latitude, longitude, metres];
  throw usageError(`--near: "${text}" is not latitude,longitude,metres`);
}

// Number alone takes a blank for 0.
function numberIn(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}
