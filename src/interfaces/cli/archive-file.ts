// What `vscope archive` does: the zip file of a run, made here or by the server, read back before it gets its name.

import { existsSync } from "node:fs";
import { rename, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { VscopeError } from "../../base/errors.ts";
import { checkArchive, type CheckedArchive } from "../../export/archive-check.ts";
import { intoFolder } from "../../export/into-folder.ts";
import type { ExportFlags } from "./export-flags.ts";
import { exportHere } from "./export-run.ts";
import { exportThere } from "./export-there.ts";
import type { Session } from "./session.ts";

export interface ArchiveFlags {
  readonly output: string;
  readonly dataDir?: string;
  readonly server?: true;
}

export interface Archive extends CheckedArchive {
  readonly file: string;
  /** Of the zip file. */
  readonly zipBytes: number;
}

type OnProgress = (done: number, of: number, text: string) => void;

/** Throws usage errors, STATE_CONFLICT when there is such a file, DATADIR_FULL, DATADIR_IO; then nothing is here. */
export async function makeArchive(
  session: Session,
  what: string,
  { flags, onProgress }: { readonly flags: ArchiveFlags; readonly onProgress: OnProgress },
): Promise<Archive> {
  const file = resolve(flags.output);
  requireFree(file);
  const run = flags.server === true ? what : basename(resolve(what));
  const make = flags.server === true ? exportThere : exportHere;
  const { archive } = await intoFolder(dirname(file), async (output) => {
    const asked = { ...flags, ...WHOLE_RUN, output: join(output, "run") };
    await make(session, { what, files: [], flags: asked, onProgress });
    const made = join(output, basename(file));
    await rename(join(asked.output, `${run}.zip`), made);
    const checked = await checkArchive(made, run, { onProgress, signal: session.signal });
    const { size: zipBytes } = await stat(made);
    // Somebody else may have made one meanwhile.
    requireFree(file);
    return { files: [{ name: basename(file) }], archive: { file, zipBytes, ...checked } };
  });
  return archive;
}

const WHOLE_RUN: Omit<ExportFlags, "output"> = {
  format: "zip",
  level: "counts",
  dark: "nearest",
  calibration: [],
};

function requireFree(file: string): void {
  if (existsSync(file))
    throw new VscopeError("STATE_CONFLICT", `${file}: there is one already, nothing is overwritten`);
}
