// vscope runs: what lies in the data directory of the server.

import { bytesText } from "../../../base/bytes-text.ts";
import type { Command } from "commander";
import { z } from "zod";
import { definedOnly } from "../../../base/defined-only.ts";
import { pages, withQuery } from "../../../client/pages.ts";
import type { RunDetail } from "../../../client/shapes.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
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
      "list so many at most (default: 50 runs or events, all files)",
      numberOption("--limit", { min: 1, max: 1e6, integer: true }),
    )
    .option("--events", "with a run: what happened to it, such as interruptions")
    .action((run: string | undefined, { match, limit, events }: RunsFlags) =>
      session.withClient(async (client) => {
        if (events === true) return listEvents(session, client, { run, limit });
        if (run !== undefined) return listFiles(session, client, { run, limit });
        const list = await client.runs(
          { ...definedOnly({ limit }), ...(match !== undefined && { match }) },
          session.signal,
        );
        session.print(list, () => valueText(list.runs) + moreText(list.total - list.runs.length));
      }),
    );
}

interface RunsFlags {
  readonly match?: string;
  readonly limit?: number;
  readonly events?: true;
}

const eventsShape = z.looseObject({ total: z.number(), events: z.array(z.record(z.string(), z.unknown())) });

async function listEvents(
  session: Session,
  client: VscopeClient,
  { run, limit = 50 }: { readonly run: string | undefined; readonly limit: number | undefined },
): Promise<void> {
  if (run === undefined) throw usageError("--events: of which run?");
  const { answer, items } = await pages({ offset: 0, limit }, async (slice) => {
    const path = withQuery(`/datadir/runs/${encodeURIComponent(run)}/events`, slice);
    const page = await client.getAs(path, eventsShape, session.signal);
    return { answer: page, items: page.events.toReversed() };
  });
  // Slices are counted from the newest.
  const found = { ...answer, events: items.toReversed() };
  session.print(found, () => {
    const lines = found.events.map(({ utc, event, ...rest }) => {
      const time = typeof utc === "string" ? shortTime(utc) : "-".padEnd(19);
      return printable(`${time}  ${typeof event === "string" ? event : ""}  ${inlineText(rest)}`.trimEnd());
    });
    if (lines.length === 0) return `${printable(run)}: nothing happened\n`;
    return `${lines.join("\n")}\n${moreText(found.total - lines.length)}`;
  });
}

async function listFiles(
  session: Session,
  client: VscopeClient,
  { run, limit }: { readonly run: string; readonly limit: number | undefined },
): Promise<void> {
  const detail = await client.run(run, session.signal, definedOnly({ limit }));
  session.print(detail, () => {
    const { unfinished = [], problem } = detail;
    for (const { file, bytes, modified } of unfinished)
      session.say(`unfinished, no data: ${printable(file)}, ${bytesText(bytes)}, of ${shortTime(modified)}`);
    if (problem !== undefined) session.say(`events: ${printable(problem)}`);
    const rows = detail.files.map(({ file, bytes }) => [printable(file), bytesText(bytes)]);
    const table = renderTable([{ heading: "file" }, { heading: "size", align: "right" }], rows);
    const more = moreText(detail.total - rows.length);
    return table + more + (detail.events ?? []).map(eventText).join("");
  });
}

function moreText(more: number): string {
  return more > 0 ? `and ${more} more, --limit shows them\n` : "";
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
