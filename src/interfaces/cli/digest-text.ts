// What `vscope digest` prints: plain text that a mail can carry.

import { z } from "zod";
import { bytesText } from "../../base/bytes-text.ts";
import { amount } from "./amount.ts";
import { renderTable } from "./table.ts";
import { printable } from "./value-text.ts";

const count = z.tuple([z.string(), z.number()]);

export const digestShape = z.looseObject({
  day: z.string(),
  batches: z.number(),
  spectra: z.number(),
  colours: z.tuple([z.number(), z.number(), z.number()]),
  files: z.looseObject({
    files: z.number(),
    bytes: z.number(),
    withoutChecksum: z.number(),
    withProblem: z.number(),
    failures: z.number(),
  }),
  medium: z.looseObject({
    mounted: z.boolean(),
    readOnly: z.boolean(),
    freeBytes: z.number(),
    totalBytes: z.number(),
    filesToIndex: z.number(),
    problem: z.string().optional(),
  }),
  clock: z.looseObject({
    isSynchronised: z.boolean().optional(),
    source: z.string(),
    errorUs: z.number().optional(),
    worstErrorUs: z.number().optional(),
  }),
  scheduler: z.looseObject({ skipped: z.number(), failed: z.number() }),
  runs: z.array(z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), z.number()])),
  flags: z.array(count),
  failures: z.array(count),
  detectors: z.array(z.tuple([z.string(), z.number(), z.number()])),
  jobs: z.array(z.tuple([z.number().nullable(), z.string(), z.string(), z.string(), z.number()])),
  noon: z.array(
    z.tuple([
      z.string(),
      z.string(),
      z.string(),
      z.string(),
      z.number(),
      z.number().nullable(),
      z.number().nullable(),
      z.string(),
    ]),
  ),
  leftOut: z.record(z.string(), z.number()),
});
type Digest = z.infer<typeof digestShape>;

/** From dark to bright. */
const SHADES = " .:-=+*#%@";
const BANDS = 32;

export function digestText(digest: Digest): string {
  const facts = [
    ["day", `${digest.day} UTC`],
    ["medium", mediumText(digest)],
    ["clock", clockText(digest)],
    ...(digest.medium.mounted ? dayFacts(digest) : [["recorded", "NOT KNOWN"]]),
    ["schedule", scheduleText(digest)],
    ...digest.jobs.map(([job, what, outcome, why, runs]) => [
      "",
      `${job === null ? what : `job ${job}, ${what}`}: ${outcome}${why === "" ? "" : `, ${why}`} (${amount(runs, "run")})`,
    ]),
    ...leftOutText(digest),
  ].map((cells) => cells.map(printable));
  return [renderTable([{ heading: "" }, { heading: "" }], facts), noonTable(digest)]
    .filter(Boolean)
    .join("\n");
}

// Of a medium that is away there are no numbers: noughts would read as a day on which nothing has failed.
function dayFacts(digest: Digest): string[][] {
  return [
    ["recorded", recordedText(digest)],
    ...digest.runs.map(([run, batches, spectra, ...colours]) => [
      "run",
      `${run}: ${amount(batches, "batch", "batches")}, ${coloursText(spectra, colours)}`,
    ]),
    ...(digest.flags.length === 0
      ? []
      : [["flags", digest.flags.map(([flag, n]) => `${flag} ${n}`).join(", ")]]),
    ["files", filesText(digest)],
    [
      "failures",
      digest.files.failures === 0 ? "none" : `${digest.files.failures} SPECTRA COULD NOT BE RECORDED`,
    ],
    ...digest.failures.map(([text, batches]) => ["", `${text} (${amount(batches, "batch", "batches")})`]),
  ];
}

function mediumText({ medium }: Digest): string {
  const { mounted, readOnly, freeBytes, totalBytes, filesToIndex, problem } = medium;
  if (!mounted)
    return `NOT MOUNTED, nothing is known of the day${problem === undefined ? "" : `: ${problem}`}`;
  const space = `${bytesText(freeBytes)} of ${bytesText(totalBytes)} free`;
  const reading =
    filesToIndex === 0 ? "" : `, ${filesToIndex} files are still to be read and not counted here`;
  return `${readOnly ? "READ-ONLY, " : ""}${space}${reading}`;
}

function clockText({ clock }: Digest): string {
  const { isSynchronised, source, errorUs, worstErrorUs } = clock;
  const state = {
    true: `synchronised (${source})`,
    false: `NOT SYNCHRONISED (${source})`,
    undefined: "not known",
  };
  return [
    state[`${isSynchronised}`],
    errorUs !== undefined && `error ${errorUs / 1000} ms`,
    worstErrorUs !== undefined && `on the day ${worstErrorUs / 1000} ms at most`,
  ]
    .filter(Boolean)
    .join(", ");
}

function recordedText({ batches, spectra, colours }: Digest): string {
  if (spectra === 0) return "NOTHING";
  return `${amount(batches, "batch", "batches")}, ${coloursText(spectra, colours)}`;
}

function coloursText(spectra: number, [green = 0, amber = 0, red = 0]: readonly number[]): string {
  return `${amount(spectra, "spectrum", "spectra")}: ${green} green, ${amber} amber, ${red} red`;
}

function filesText({ files: { files, bytes, withoutChecksum, withProblem } }: Digest): string {
  const parts = [
    `${amount(files, "file")} of ${bytesText(bytes)}`,
    withoutChecksum > 0 && `${withoutChecksum} WITHOUT CHECKSUM`,
    withProblem > 0 && `${withProblem} THAT CANNOT BE READ`,
  ];
  return parts.filter(Boolean).join(", ");
}

function scheduleText({ scheduler: { skipped, failed } }: Digest): string {
  return `${amount(skipped, "run")} skipped, ${failed} failed`;
}

function leftOutText({ leftOut }: Digest): string[][] {
  const parts = Object.entries(leftOut).map(([list, n]) => `${n} of the ${list}`);
  return parts.length === 0 ? [] : [["left out", parts.join(", ")]];
}

// The temperature stands beside the first channel; detectors of which there are darks alone come last.
function noonTable({ noon, detectors }: Digest): string {
  const left = new Map(detectors.map(([serial, least, most]) => [serial, `${least}..${most}`]));
  const rows = noon.map(([serial, channel, utc, colour, peak, from, to, bands]) => {
    const temperature = left.get(serial) ?? "";
    left.delete(serial);
    const range = from === null ? "-" : `${from}..${to}`;
    return [serial, channel, temperature, utc, colour, String(peak), range, shape(bands)];
  });
  const others = [...left].map(([serial, temperature]) => [serial, "-", temperature]);
  const headings = ["serial", "channel", "deg C", "noon", "quality", "counts", "nm", "shape"];
  const cells = [...rows, ...others].map((row) => row.map(printable));
  return cells.length === 0
    ? ""
    : renderTable(
        headings.map((heading) => ({ heading })),
        cells,
      );
}

function shape(bands: string): string {
  const levels = Buffer.from(bands, "base64");
  if (levels.length !== BANDS || levels.toString("base64") !== bands) return bands;
  return `|${Array.from(levels, (level) => SHADES[Math.floor((level / 256) * SHADES.length)]).join("")}|`;
}
