// vscope reindex: fills a catalogue from the files; of a data directory on this machine, or of the server.

import type { Command } from "commander";
import { z } from "zod";
import { VscopeError } from "../../../base/errors.ts";
import { SILENT } from "../../../base/log.ts";
import { pages, withQuery } from "../../../client/pages.ts";
import { amount } from "../amount.ts";
import { localFolder } from "../data-folder.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import { runOnServer } from "../server-task.ts";
import type { Session } from "../session.ts";
import { printable } from "../value-text.ts";

const reportShape = z.object({
  indexed: z.number(),
  parsed: z.number(),
  dropped: z.number(),
  broken: z.array(z.object({ run: z.string(), file: z.string(), problem: z.string() })),
});
type Report = z.infer<typeof reportShape>;

const statusShape = z.object({ total: z.number(), report: reportShape });

const RESOURCE = "/datadir/reindexing";
const MOST_BROKEN = 1_000_000;

interface Flags {
  readonly all?: true;
  readonly server?: true;
}

export function reindexCommand(session: Session): Command {
  return command({
    name: "reindex",
    summary: "bring a catalogue up to date with its files",
    details: "goes on where one that was interrupted has ended; a server records meanwhile",
    examples: ["vscope reindex /data", "vscope reindex --server", "vscope reindex /data --all"],
  })
    .argument("[datadir]", "a data directory on this machine that no server uses")
    .option("--server", "the data directory of the server")
    .option("--all", "also read files whose size, time and SHA-256 are as catalogued")
    .action(async (path: string | undefined, { all, server }: Flags) => {
      const folder = await localFolder(path, server === true);
      const isAll = all === true;
      const report = await (folder === undefined
        ? reindexOnServer(session, isAll)
        : reindexHere(session, folder, isAll));
      tell(session, report);
    });
}

async function reindexHere(session: Session, path: string, isAll: boolean): Promise<Report> {
  const { clock, terminal, isJson, signal } = session;
  // SQLite is loaded when it is needed: other commands start faster without.
  const { DataDirectory } = await import("../../../datadir/data-directory.ts");
  // What lies in the trash is not the business of a catalogue, nor is `trash_days` known here.
  const directory = await DataDirectory.open({ path, clock, log: SILENT, trashDays: 0 });
  const progress = startProgress({ terminal, clock, label: "reindex", isQuiet: isJson });
  try {
    const opening = await directory.indexed();
    const onProgress = ({ done, of }: { readonly done: number; readonly of: number }): void =>
      progress.update(done, of);
    const report = reportShape.parse(await directory.reindex(onProgress, signal, { isAll }));
    // Opening has read new files already; those that it could not read, and with `isAll` all, are read once more.
    return isAll ? report : { ...report, parsed: opening + report.parsed };
  } finally {
    progress.finish();
    await directory.close();
  }
}

function reindexOnServer(session: Session, isAll: boolean): Promise<Report> {
  const body = isAll ? { all: true } : {};
  return session.withClient(async (client) => {
    await runOnServer(session, client, { path: RESOURCE, body, label: "reindex" });
    const { answer, items } = await pages({ offset: 0, limit: MOST_BROKEN }, async (slice) => {
      const status = await client.getAs(withQuery(RESOURCE, slice), statusShape, session.signal);
      return { answer: status, items: status.report.broken };
    });
    return { ...answer.report, broken: [...items] };
  });
}

function tell(session: Session, report: Report): void {
  const { indexed, parsed, dropped, broken } = report;
  for (const { run, file, problem } of broken) {
    const name = `${run}/${file}`;
    // Most problems name the file themselves.
    session.say(printable(problem.startsWith(name) ? problem : `${name}: ${problem}`));
  }
  const files = amount(indexed + broken.length, "file");
  const counts = `${indexed} indexed, ${broken.length} unreadable, ${dropped} dropped`;
  session.print(report, () => `${files}, ${parsed} of them read: ${counts}`);
  if (broken.length > 0)
    throw new VscopeError("DATADIR_IO", `${amount(broken.length, "file")} cannot be read`);
}
