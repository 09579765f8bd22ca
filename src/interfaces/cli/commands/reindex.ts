// vscope reindex: fills the catalogue of a data directory on this machine from its files. Needs no server.

import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { VscopeError } from "../../../base/errors.ts";
import { SILENT } from "../../../base/log.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { printable } from "../value-text.ts";

export function reindexCommand(session: Session): Command {
  return command({
    name: "reindex",
    summary: "rebuild the catalogue of a local data directory",
    details: "reads every spectra file anew; no server may use the data directory meanwhile",
    examples: ["vscope reindex /data"],
  })
    .argument("<datadir>", "the data directory")
    .action(async (path: string) => {
      await requireFolder(path);
      await reindex(session, path);
    });
}

async function reindex(session: Session, path: string): Promise<void> {
  const { clock, terminal, isJson, signal } = session;
  // SQLite is loaded by this command only: the others start faster without.
  const { DataDirectory } = await import("../../../datadir/data-directory.ts");
  const directory = await DataDirectory.open({ path, clock, log: SILENT });
  const progress = startProgress({ terminal, clock, label: "reindex", isQuiet: isJson });
  try {
    await directory.indexed();
    const report = await directory.reindex(({ done, of }) => progress.update(done, of), signal);
    progress.finish();
    const { indexed, dropped, broken } = report;
    for (const { run, file, problem } of broken)
      session.say(`${printable(`${run}/${file}`)}: ${printable(problem)}`);
    session.print(report, () => `${indexed} files indexed, ${dropped} dropped, ${broken.length} unreadable`);
    if (broken.length > 0)
      throw new VscopeError("DATADIR_IO", `${path}: ${broken.length} files cannot be read`);
  } finally {
    progress.finish();
    await directory.close();
  }
}

// Opening a data directory makes it; a mistyped path must not.
async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw usageError(`${path}: no such folder`);
}
