// vscope sync: a copy of the data directory of a server on this machine, brought up to date.

import type { Command } from "commander";
import { bytesText } from "../../../base/bytes-text.ts";
import { SECOND } from "../../../base/clock.ts";
import { definedOnly } from "../../../base/defined-only.ts";
import { isVscopeError, messageOf, VscopeError } from "../../../base/errors.ts";
import { coapCodeOf, isServerUnreachable } from "../../../client/reply-error.ts";
import type { SyncOptions, SyncReport } from "../../../sync/sync.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { timeOption } from "../time-option.ts";
import { numberOption } from "../value.ts";
import { printable } from "../value-text.ts";

interface SyncFlags {
  readonly run?: readonly string[];
  readonly days?: number;
  readonly from?: number;
  readonly to?: number;
  readonly bwlimit?: number;
  readonly dryRun?: true;
  readonly watch?: number;
}

export function syncCommand(session: Session): Command {
  return command({
    name: "sync",
    summary: "bring the data directory of a server home, and up to date again",
    details:
      "fetches what is missing, newest first, and checks each file by its checksum; deletes nothing; what is cut at any moment goes on the next time",
    examples: [
      "vscope sync coap://box ./season",
      "vscope sync box ./season --run plot10 --watch 600",
      "vscope sync box ./season --days 2 --bwlimit 20",
    ],
  })
    .argument("<server>", "where the server is: coap://box, or box")
    .argument("<dir>", "folder of the copy, made if necessary")
    .option("--run <name...>", "only these runs")
    .option("--days <n>", "only what is at most so old as its newest data", numberOption("--days", DAYS))
    .option(
      "--from <time>",
      "only batches written to since: a day, or date, time and zone",
      timeOption("--from"),
    )
    .option("--to <time>", "only batches written to before", timeOption("--to"))
    .option("--bwlimit <kB/s>", "on the average so many kilobytes a second", numberOption("--bwlimit", RATES))
    .option("--dry-run", "only tell what would come; writes nothing")
    .option(
      "--watch <s>",
      "again so many seconds after each end, until Ctrl-C",
      numberOption("--watch", { min: 1, max: 86_400 }),
    )
    .action(async (server: string, dir: string, flags: SyncFlags) => {
      const url = server.includes("://") ? server : `coap://${server}`;
      const options = optionsOf(flags);
      const bring = (): Promise<SyncReport> => syncOnce(session, url, { dir, options });
      if (flags.watch !== undefined) return watch(session, bring, flags.watch);
      const { length } = (await bring()).problems;
      if (length > 0) throw new VscopeError("DATADIR_IO", `${dir}: not all files are here`);
    });
}

const DAYS = { min: 0.01, max: 36_500 };
const RATES = { min: 0.1, max: 1e6 };

function optionsOf({ run, days, from, to, bwlimit, dryRun, watch }: SyncFlags): SyncOptions {
  if (days !== undefined && (from !== undefined || to !== undefined))
    throw usageError("--days, --from, --to: days, or times");
  if (dryRun === true && watch !== undefined) throw usageError("--dry-run, --watch: one of them");
  return definedOnly({
    runs: run,
    days,
    fromUtcUs: from,
    toUtcUs: to,
    bytesPerS: bwlimit === undefined ? undefined : bwlimit * 1000,
    isTrial: dryRun,
  });
}

/** The link is down, the medium there is away, the server has too much to do, or something else uses the copy. */
function isPassing(error: unknown): boolean {
  const code = coapCodeOf(error);
  if (code !== undefined) return ["4.29", "5.00", "5.03"].includes(code);
  return isServerUnreachable(error) || isVscopeError(error, "SERVER_CONFLICT");
}

// A link that is down, or a file that is damaged there, is no reason to stop.
async function watch(session: Session, bring: () => Promise<SyncReport>, everyS: number): Promise<void> {
  for (;;) {
    try {
      await bring();
    } catch (error) {
      if (!isPassing(error)) throw error;
      session.say(`vscope: ${messageOf(error)}`);
    }
    await session.clock.delay(everyS * SECOND, session.signal);
  }
}

async function syncOnce(
  session: Session,
  url: string,
  { dir, options }: { readonly dir: string; readonly options: SyncOptions },
): Promise<SyncReport> {
  const { terminal, clock, isJson, signal } = session;
  // SQLite, whose lock keeps others away, is loaded by this command only.
  const { sync } = await import("../../../sync/sync.ts");
  const progress = startProgress({ terminal, clock, label: "sync", isQuiet: isJson });
  const onProgress = (done: number, of: number, text: string): void =>
    progress.update(done, of, printable(text));
  const onSilence = (reason: string): void => session.say(`asks again: ${printable(reason)}`);
  const told = { ...options, onProgress, onSilence };
  const report = await session
    .withClient((client) => sync(client, dir, told, signal), url)
    .finally(() => progress.finish());
  for (const problem of report.problems) session.say(printable(problem));
  session.print(report, () => (options.isTrial === true ? trialText(report, dir) : reportText(report, dir)));
  return report;
}

function reportText({ isUnchanged, files, fileBytes, receivedBytes }: SyncReport, dir: string): string {
  if (isUnchanged) return `${dir} is up to date`;
  const came = `${filesText(files)} of ${bytesText(fileBytes)} came to ${dir}`;
  return `${came}, ${bytesText(receivedBytes)} over the link`;
}

const COLUMNS = [
  { heading: "run" },
  { heading: "batches", align: "right" },
  { heading: "files", align: "right" },
  { heading: "about", align: "right" },
] as const;

function trialText({ wanted }: SyncReport, dir: string): string {
  if (wanted.length === 0) return `nothing would come to ${dir}`;
  const rows = wanted.map(({ run, batches, files, bytes = 0 }) => [
    printable(run),
    String(batches),
    String(files),
    bytesText(bytes),
  ]);
  const files = wanted.reduce((sum, one) => sum + one.files, 0);
  const bytes = wanted.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  const all = `${filesText(files)} of about ${bytesText(bytes)} would come to ${dir}`;
  return `${renderTable(COLUMNS, rows)}${all}, about a quarter of that over the link`;
}

function filesText(files: number): string {
  return `${files} ${files === 1 ? "file" : "files"}`;
}
