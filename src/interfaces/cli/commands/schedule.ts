// vscope schedule: the jobs of the server, its quiet time, and what became of every planned run.

import type { Command } from "commander";
import { z } from "zod";
import { withQuery } from "../../../client/pages.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { command } from "../help.ts";
import type { Place } from "../../../spectra/sun.ts";
import { placeOf } from "../server-facts.ts";
import type { Session } from "../session.ts";
import { renderTable } from "../table.ts";
import { numberOption } from "../value.ts";
import { outcomeText, printable } from "../value-text.ts";
import { scheduleAddCommand } from "./schedule-add.ts";
import { scheduleImportCommand } from "./schedule-import.ts";
import { actionText, jobShape, nextText, type ShownJob, shortTime, whenText } from "./schedule-text.ts";

const JOBS = ["scheduler", "jobs"] as const;

const historyShape = z.looseObject({
  total: z.number(),
  rows: z.array(
    z.looseObject({
      job: z.number().optional(),
      what: z.string(),
      planned: z.string(),
      lastPlanned: z.string().optional(),
      runs: z.number(),
      outcome: z.string(),
      message: z.string().optional(),
    }),
  ),
});

export function scheduleCommand(session: Session): Command {
  const group = command({
    name: "schedule",
    summary: "jobs that record by themselves, and what became of them",
    details: "times are UTC unless they say otherwise; quiet time is /scheduler/quiet-time",
    examples: [
      "vscope schedule add --every 10m --min-elevation 20 -r plot10 --auto",
      "vscope schedule list",
      "vscope schedule suspend 3",
      "vscope schedule history --outcome skipped",
    ],
  });
  const states = [stateCommand(session, "suspend", "suspended"), stateCommand(session, "resume", "active")];
  const others = [listCommand, scheduleAddCommand, deleteCommand, historyCommand, scheduleImportCommand].map(
    (make) => make(session),
  );
  for (const one of [...others, ...states]) group.addCommand(one);
  return group;
}

function listCommand(session: Session): Command {
  return command({
    name: "list",
    summary: "list the jobs that are active or suspended",
    examples: ["vscope schedule list"],
  }).action(() =>
    session.withClient(async (client) => {
      const jobs = await client.getAs(JOBS, z.array(jobShape), session.signal);
      if (jobs.length === 0) session.say("no job is scheduled");
      const isVoid = jobs.some(({ nextVoid }) => nextVoid !== undefined);
      const place = isVoid ? await placeOf(client, session.signal) : undefined;
      session.print(jobs, () => (jobs.length === 0 ? "" : jobsTable(jobs, place)));
    }),
  );
}

function jobsTable(jobs: readonly ShownJob[], place: Place | undefined): string {
  const columns = [{ heading: "job", align: "right" }, ...headings("state", "next", "does", "when")] as const;
  const rows = jobs.map((job) => [
    String(job.id),
    job.state,
    nextText(job, place),
    actionText(job),
    whenText(job),
  ]);
  return renderTable(
    columns,
    rows.map((cells) => cells.map(printable)),
  );
}

function stateCommand(session: Session, name: "suspend" | "resume", state: "suspended" | "active"): Command {
  const summary =
    name === "suspend" ? "skip a job's runs until it is resumed" : "let a suspended job run again";
  return jobCommand({ name, summary }, async (client, id) => {
    const path = [...JOBS, id];
    const job = await client.getAs(path, jobShape, session.signal);
    await client.put(path, { ...job, state }, session.signal);
    session.print({ id: job.id, state }, () => `job ${id}: ${state}`);
  })(session);
}

function deleteCommand(session: Session): Command {
  return jobCommand(
    { name: "delete", summary: "end a job; what it has begun goes on" },
    async (client, id) => {
      await client.delete([...JOBS, id], session.signal);
      session.print({ id: Number(id), state: "deleted" }, () => `job ${id}: deleted`);
    },
  )(session);
}

function jobCommand(
  { name, summary }: { readonly name: string; readonly summary: string },
  run: (client: VscopeClient, id: string) => Promise<void>,
): (session: Session) => Command {
  return (session) =>
    command({ name, summary, examples: [`vscope schedule ${name} 3`] })
      .argument("<job>", "number of the job")
      .action((id: string) => session.withClient((client) => run(client, id)));
}

interface HistoryFlags {
  readonly job?: number;
  readonly outcome?: string;
  readonly limit: number;
}

function historyCommand(session: Session): Command {
  return command({
    name: "history",
    summary: "show what became of planned runs, newest first",
    details: "runs that were skipped in a row for one reason share a line",
    examples: ["vscope schedule history --job 3", "vscope schedule history --outcome failed --limit 200"],
  })
    .option(
      "--job <n>",
      "of this job only",
      numberOption("--job", { min: 1, max: 999_999_999, integer: true }),
    )
    .option("--outcome <word>", "done, failed, cancelled, interrupted, skipped, waiting, running or note")
    .option(
      "--limit <n>",
      "show so many lines",
      numberOption("--limit", { min: 1, max: 500, integer: true }),
      50,
    )
    .action(({ job, outcome, limit }: HistoryFlags) =>
      session.withClient(async (client) => {
        const filters = { ...(job !== undefined && { job }), ...(outcome !== undefined && { outcome }) };
        const path = withQuery("/scheduler/history", { limit, ...filters });
        const found = await client.getAs(path, historyShape, session.signal);
        session.print(found, () => historyTable(found));
      }),
    );
}

function historyTable({ total, rows }: z.infer<typeof historyShape>): string {
  if (rows.length === 0) return "nothing yet\n";
  const columns = [
    ...headings("planned"),
    { heading: "runs", align: "right" },
    { heading: "job", align: "right" },
    ...headings("what", "outcome", "reason"),
  ] as const;
  const lines = rows.map(({ planned, runs, job, what, outcome, result, message = "" }) => [
    shortTime(planned),
    String(runs),
    job === undefined ? "-" : String(job),
    what,
    outcomeText(outcome, result),
    message,
  ]);
  const more = total > rows.length ? `and ${total - rows.length} more, --limit shows them\n` : "";
  return (
    renderTable(
      columns,
      lines.map((cells) => cells.map(printable)),
    ) + more
  );
}

function headings(...names: readonly string[]): readonly { readonly heading: string }[] {
  return names.map((heading) => ({ heading }));
}
