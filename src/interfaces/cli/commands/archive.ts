// vscope archive: a run in a zip file, proven to hold all of it.

import type { Command } from "commander";
import { bytesText } from "../../../base/bytes-text.ts";
import { type Archive, type ArchiveFlags, makeArchive } from "../archive-file.ts";
import { usageOf } from "../export-flags.ts";
import { command } from "../help.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { printable } from "../value-text.ts";

export function archiveCommand(session: Session): Command {
  return command({
    name: "archive",
    summary: "put a whole run into a zip file and read it back",
    details:
      "every file is compared with its SHA-256 in the manifests of the run; what does not fit leaves no zip file",
    examples: [
      "vscope archive plot10 -o plot10.zip --server",
      "vscope archive plot10 -o plot10.zip --data-dir /data",
    ],
  })
    .argument("<run>", "name of a run, or its folder here")
    .requiredOption("-o, --output <file>", "the zip file; one that is there is not replaced")
    .option("--data-dir <dir>", "data directory of this machine that has the run")
    .option("--server", "of the server's data directory; the zip file comes here")
    .action((run: string, flags: ArchiveFlags) => archive(session, run, flags));
}

async function archive(session: Session, run: string, flags: ArchiveFlags): Promise<void> {
  const { clock, terminal, isJson } = session;
  const progress = startProgress({ terminal, clock, label: "archive", isQuiet: isJson });
  const onProgress = (done: number, of: number, text: string): void => progress.update(done, of, text);
  try {
    const { spectra, ...made } = await makeArchive(session, run, { flags, onProgress });
    progress.finish();
    session.print({ ...made, spectraFiles: spectra.size }, () => textOf({ spectra, ...made }));
  } catch (error) {
    throw usageOf(error);
  } finally {
    progress.finish();
  }
}

function textOf({ run, tag, files, bytes, spectra, file, zipBytes }: Archive): string {
  const all = `${files} files (${spectra.size} of spectra), ${bytesText(bytes)}`;
  return `${printable(run)}, tag ${tag}: ${all}, all as in the manifests; ${file} has ${bytesText(zipBytes)}`;
}
