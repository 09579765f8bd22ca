// vscope remove: a run goes to the trash of the server's data directory, for whoever has it elsewhere or says its name twice.

import { basename } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { VscopeError } from "../../../base/errors.ts";
import type { VscopeClient } from "../../../client/vscope-client.ts";
import { checkArchive } from "../../../export/archive-check.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { printable } from "../value-text.ts";

interface Flags {
  readonly archive?: string;
  readonly confirm?: string;
}

const manifestsShape = z.object({ tag: z.string() });

export function removeCommand(session: Session): Command {
  return command({
    name: "remove",
    summary: "move a run of the server to the trash",
    details: "the server deletes it for good after trash_days; never the current run, nor one that is in use",
    examples: ["vscope remove plot10 --archive plot10.zip", "vscope remove trial --confirm trial"],
  })
    .argument("<run>", "name of a run")
    .option(
      "--archive <file>",
      "a zip file of vscope archive: it is read, and must hold all of the run as it is now",
    )
    .option("--confirm <run>", "the name once more, for a run that nobody needs")
    .action((run: string, flags: Flags) => remove(session, run, flags));
}

async function remove(session: Session, run: string, { archive, confirm }: Flags): Promise<void> {
  if ((archive === undefined) === (confirm === undefined))
    throw usageError("give --archive FILE.zip of the run, or --confirm with its name");
  if (confirm !== undefined && confirm !== run)
    throw usageError(`--confirm ${printable(confirm)}: not the name of the run, ${printable(run)}`);
  await session.withClient(async (client) => {
    const tag =
      archive === undefined
        ? await tagThere(session, client, run)
        : await tagOf(session, client, { run, archive });
    const ifMatch = [Buffer.from(tag, "hex")];
    await client.delete(["datadir", "runs", run], session.signal, { ifMatch });
    session.print(
      { run, tag, archive },
      () => `${printable(run)}, tag ${tag}, is in the trash of the server`,
    );
  });
}

async function tagThere(session: Session, client: VscopeClient, run: string): Promise<string> {
  const path = `/datadir/manifests/${encodeURIComponent(run)}?limit=1`;
  return (await client.getAs(path, manifestsShape, session.signal)).tag;
}

/** That of an archive with all files of the run. Throws DATADIR_IO where it lacks some, whatever is wrong with it. */
async function tagOf(
  session: Session,
  client: VscopeClient,
  { run, archive }: { readonly run: string; readonly archive: string },
): Promise<string> {
  const { terminal, clock, isJson, signal } = session;
  const progress = startProgress({ terminal, clock, label: "check", isQuiet: isJson });
  const onProgress = (done: number, of: number, text: string): void => progress.update(done, of, text);
  try {
    const { tag, spectra } = await checkArchive(archive, run, { onProgress, signal });
    // A file that was copied in may have no line in a manifest yet, and the tag does not know of it.
    const { files } = await client.run(run, signal);
    const lacking = files.find(({ file, bytes }) => spectra.get(file) !== bytes);
    if (lacking !== undefined) throw outdated(archive, `it lacks ${printable(lacking.file)} as it is there`);
    if ((await tagThere(session, client, run)) !== tag) throw outdated(archive, "the run has changed since");
    return tag;
  } finally {
    progress.finish();
  }
}

function outdated(archive: string, fact: string): VscopeError {
  return new VscopeError("DATADIR_IO", `${basename(archive)}: ${fact}, nothing is removed`);
}
