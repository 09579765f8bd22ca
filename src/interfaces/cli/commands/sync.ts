// vscope sync: a copy of the data directory of a server on this machine, brought up to date.

import type { Command } from "commander";
import { bytesText } from "../../../base/bytes-text.ts";
import { SECOND } from "../../../base/clock.ts";
import { messageOf, VscopeError } from "../../../base/errors.ts";
import { isServerUnreachable } from "../../../client/reply-error.ts";
import type { SyncReport } from "../../../sync/sync.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { numberOption } from "../value.ts";
import { printable } from "../value-text.ts";

interface SyncFlags {
  readonly run?: readonly string[];
  readonly watch?: number;
}

export function syncCommand(session: Session): Command {
  return command({
    name: "sync",
    summary: "bring the data directory of a server home, and up to date again",
    details:
      "fetches what is missing and checks each file by its checksum; deletes nothing; what is cut at any moment goes on the next time",
    examples: ["vscope sync coap://box ./season", "vscope sync box ./season --run plot10 --watch 600"],
  })
    .argument("<server>", "where the server is: coap://box, or box")
    .argument("<dir>", "folder of the copy, made if necessary")
    .option("--run <name...>", "only these runs")
    .option(
      "--watch <s>",
      "again so many seconds after each end, until Ctrl-C",
      numberOption("--watch", { min: 1, max: 86_400 }),
    )
    .action(async (server: string, dir: string, flags: SyncFlags) => {
      const url = server.includes("://") ? server : `coap://${server}`;
      const bring = (): Promise<SyncReport> => syncOnce(session, url, { dir, flags });
      if (flags.watch !== undefined) return watch(session, bring, flags.watch);
      const { length } = (await bring()).problems;
      if (length > 0) throw new VscopeError("DATADIR_IO", `${dir}: not all files are here`);
    });
}

// A link that is down, or a file that is damaged there, is no reason to stop.
async function watch(session: Session, bring: () => Promise<SyncReport>, everyS: number): Promise<void> {
  for (;;) {
    try {
      await bring();
    } catch (error) {
      if (!isServerUnreachable(error)) throw error;
      session.say(`vscope: ${messageOf(error)}`);
    }
    await session.clock.delay(everyS * SECOND, session.signal);
  }
}

async function syncOnce(
  session: Session,
  url: string,
  { dir, flags }: { readonly dir: string; readonly flags: SyncFlags },
): Promise<SyncReport> {
  const { terminal, clock, isJson, signal } = session;
  // SQLite, whose lock keeps others away, is loaded by this command only.
  const { sync } = await import("../../../sync/sync.ts");
  const progress = startProgress({ terminal, clock, label: "sync", isQuiet: isJson });
  const onProgress = (done: number, of: number, text: string): void =>
    progress.update(done, of, printable(text));
  const { run: runs } = flags;
  const report = await session
    .withClient((client) => sync(client, dir, { onProgress, ...(runs && { runs }) }, signal), url)
    .finally(() => progress.finish());
  for (const problem of report.problems) session.say(printable(problem));
  session.print(report, () => reportText(report, dir));
  return report;
}

function reportText({ isUnchanged, files, fileBytes, receivedBytes }: SyncReport, dir: string): string {
  if (isUnchanged) return `${dir} is up to date`;
  const came = `${files} ${files === 1 ? "file" : "files"} of ${bytesText(fileBytes)} came to ${dir}`;
  return `${came}, ${bytesText(receivedBytes)} over the link`;
}
