// vscope runs and download: what lies in the data directory of the server.

import { bytesText } from "../../../base/bytes-text.ts";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { messageOf, systemCodeOf, VscopeError } from "../../../base/errors.ts";
import { withQuery } from "../../../client/pages.ts";
import { replyError } from "../../../client/reply-error.ts";
import type { RunDetail, RunFile } from "../../../client/shapes.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { numberOption } from "../value.ts";
import { shortTime } from "./schedule-text.ts";
import { inlineText, printable, valueText } from "../value-text.ts";

export function runsCommand(session: Session): Command {
  return command({
    name: "runs",
    summary: "list the runs, or the files or events of one",
    examples: ["vscope runs --match plot", "vscope runs plot10", "vscope runs plot10 --events"],
  })
    .argument("[run]", "name of a run")
    .option("--match <text>", "only runs whose name contains this")
    .option(
      "--limit <n>",
      "list so many at most",
      numberOption("--limit", { min: 1, max: 1e6, integer: true }),
      50,
    )
    .option("--events", "with a run: what happened to it, such as interruptions")
    .action((run: string | undefined, { match, limit, events }: RunsFlags) =>
      session.withClient(async (client) => {
        if (events === true) return listEvents(session, client, { run, limit });
        if (run !== undefined) return listFiles(session, client, run);
        const list = await client.runs({ limit, ...(match !== undefined && { match }) }, session.signal);
        session.print(list, () => {
          const more = list.total - list.runs.length;
          return valueText(list.runs) + (more > 0 ? `and ${more} more, --limit shows them\n` : "");
        });
      }),
    );
}

interface RunsFlags {
  readonly match?: string;
  readonly limit: number;
  readonly events?: true;
}

const eventsShape = z.looseObject({ total: z.number(), events: z.array(z.record(z.string(), z.unknown())) });

async function listEvents(
  session: Session,
  client: VscopeClient,
  { run, limit }: { readonly run: string | undefined; readonly limit: number },
): Promise<void> {
  if (run === undefined) throw usageError("--events: of which run?");
  const path = withQuery(`/datadir/runs/${encodeURIComponent(run)}/events`, { limit: Math.min(limit, 500) });
  const found = await client.getAs(path, eventsShape, session.signal);
  session.print(found, () => {
    const lines = found.events.map(({ utc, event, ...rest }) => {
      const time = typeof utc === "string" ? shortTime(utc) : "-".padEnd(19);
      return printable(`${time}  ${typeof event === "string" ? event : ""}  ${inlineText(rest)}`.trimEnd());
    });
    return lines.length === 0 ? `${printable(run)}: nothing happened\n` : `${lines.join("\n")}\n`;
  });
}

async function listFiles(session: Session, client: VscopeClient, run: string): Promise<void> {
  const detail = await client.run(run, session.signal);
  session.print(detail, () => {
    const { unfinished = [] } = detail;
    for (const { file, bytes, modified } of unfinished)
      session.say(`unfinished, no data: ${printable(file)}, ${bytesText(bytes)}, of ${shortTime(modified)}`);
    const rows = detail.files.map(({ file, bytes }) => [printable(file), bytesText(bytes)]);
    const table = renderTable([{ heading: "file" }, { heading: "size", align: "right" }], rows);
    return table + (detail.events ?? []).map(eventText).join("");
  });
}

// A batch that was interrupted, and the one that goes on with it: a scientist wants to know that they are one.
function eventText({ utc, event, ...facts }: NonNullable<RunDetail["events"]>[number]): string {
  const { batch, goesOnWith, recorded, sequences, outcome, resumedAs, state, cause, reason } = facts;
  const counted = `${text(recorded)} of ${text(sequences)} sequences`;
  if (event === "resumed-batch-ended")
    return `${utc}: batch ${text(batch)} goes on with batch ${text(goesOnWith)}, ${counted} in all: ${text(state)}\n`;
  if (event !== "batch-interrupted") return "";
  const end = outcome === "resumed" ? `goes on as batch ${text(resumedAs)}` : `closed, ${text(reason)}`;
  return `${utc}: batch ${text(batch)} was interrupted (${text(cause)}) after ${counted}: ${end}\n`;
}

function text(value: unknown): string {
  return printable(String(value));
}

export function downloadCommand(session: Session): Command {
  return command({
    name: "download",
    summary: "copy the files of a run to this machine",
    details: "files that are here already are skipped",
    examples: ["vscope download plot10 -o ./plot10", "vscope download plot10 b000001_s000000_light.pico"],
  })
    .argument("<run>", "name of a run")
    .argument("[files...]", "files of the run; all when absent")
    .option("-o, --output <dir>", "folder to write to; a folder named as the run when absent")
    .option(
      "--q-block",
      "in bursts of datagrams: for a link that loses some and takes long (RFC 9177)",
      false,
    )
    .action((run: string, names: string[], { output, qBlock }: { output?: string; qBlock: boolean }) =>
      session.withClient(async (client) => {
        const files = await selectFiles(client, { run, names }, session.signal);
        await downloadAll(session, client, { run, files, folder: output ?? localName(run), qBlock });
      }),
    );
}

async function selectFiles(
  client: VscopeClient,
  { run, names }: { readonly run: string; readonly names: readonly string[] },
  signal: AbortSignal,
): Promise<readonly RunFile[]> {
  const { files } = await client.run(run, signal);
  const unknown = names.find((name) => !files.some(({ file }) => file === name));
  if (unknown !== undefined) throw replyError("4.04", `${run}: has no file ${unknown}`);
  return names.length === 0 ? files : files.filter(({ file }) => names.includes(file));
}

interface Download {
  readonly run: string;
  readonly files: readonly RunFile[];
  readonly folder: string;
  readonly qBlock: boolean;
}

async function downloadAll(
  session: Session,
  client: VscopeClient,
  { run, files, folder, qBlock }: Download,
): Promise<void> {
  const { terminal, clock, isJson, signal } = session;
  const progress = startProgress({ terminal, clock, label: "download", isQuiet: isJson });
  const written: string[] = [];
  try {
    for (const [index, { file: name, bytes }] of files.entries()) {
      progress.update(index, files.length, printable(name));
      const path = join(folder, localName(name));
      if (await isThere(path, bytes)) continue;
      await writeWhole(path, await client.download(run, name, signal, { qBlock }));
      written.push(path);
    }
    progress.update(files.length, files.length);
  } finally {
    progress.finish();
  }
  const skipped = files.length - written.length;
  session.print({ folder, written, skipped }, () => {
    const tail = skipped === 0 ? "" : `, ${skipped} here already`;
    return `${written.length} ${written.length === 1 ? "file" : "files"} written to ${folder}${tail}`;
  });
}

// The name comes from the server: it must not lead out of the folder.
function localName(name: string): string {
  if (name === basename(name) && name !== "." && name !== ".." && name !== "") return name;
  throw new VscopeError("VALUE_INVALID", `"${printable(name)}" is not a file name`);
}

async function isThere(path: string, bytes: number): Promise<boolean> {
  try {
    return (await stat(path)).size === bytes;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return false;
    throw new VscopeError("DATADIR_IO", `${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.part`;
  try {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw new VscopeError("DATADIR_IO", `${path}: ${messageOf(error)}`, { cause: error });
  }
}
