// Verifies a data directory that no server uses, such as a copy at home or a stick. Unlike a server's start it changes
// nothing unless asked to repair.

import { access, constants, copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { SILENT } from "../../base/log.ts";
import { CATALOGUE_FILE, Catalogue } from "../catalogue/catalogue.ts";
import { openAnother, requireWhole } from "../catalogue/catalogue-database.ts";
import { onDisk, SYSTEM_DISK } from "../disk/disk.ts";
import { FileIndex } from "../file-index.ts";
import { COPY_FILE } from "../medium/identity.ts";
import { lockDirectory } from "../medium/lock.ts";
import type { TaskWatch } from "../long-task.ts";
import { repairsOf } from "./repairs.ts";
import { RunFolders } from "../run-folders.ts";
import { SCHEMA_VERSION } from "../catalogue/schema.ts";
import { type VerificationScope, verify } from "./verification.ts";
import type { VerificationReport } from "./verification-findings.ts";

export interface LocalVerification extends VerificationScope {
  readonly clock: Clock;
  readonly repairs: boolean;
}

/** Throws SERVER_CONFLICT while a server uses the directory, and what `verify` does. */
export async function verifyFolder(
  path: string,
  { clock, repairs, ...scope }: LocalVerification,
  watch: TaskWatch,
): Promise<VerificationReport> {
  const disk = SYSTEM_DISK;
  const lock = await lockDirectory(path, SILENT);
  let catalogue: Catalogue | undefined;
  let copies: string | undefined;
  try {
    const file = join(path, CATALOGUE_FILE);
    if (repairs) {
      await onDisk(path, () => access(path, constants.W_OK));
      catalogue = await Catalogue.open(file, { clock, log: SILENT });
    } else {
      copies = await mkdtemp(join(tmpdir(), "vscope-verify-"));
      catalogue = await openCopy(file, copies, clock);
    }
    const folders = new RunFolders(disk, path, { clock, log: SILENT });
    const isCopy = (await onDisk(path, () => disk.stat(join(path, COPY_FILE)))) !== undefined;
    const shelf = { disk, clock, folders, catalogue, isCopy, alone: <T>(job: () => Promise<T>) => job() };
    if (!repairs || catalogue === undefined) return await verify(shelf, scope, watch);
    const index = new FileIndex({ disk, folders, catalogue, log: SILENT });
    return await verify({ ...shelf, repairs: repairsOf({ ...shelf, catalogue, index }) }, scope, watch);
  } finally {
    await catalogue?.close();
    if (copies !== undefined) await rm(copies, { recursive: true, force: true });
    lock.release();
  }
}

// SQLite writes beside what it opens, and does not open what it may not write. A copy of some runs has no catalogue and
// needs none; one that is damaged or of another version is no witness.
async function openCopy(file: string, folder: string, clock: Clock): Promise<Catalogue | undefined> {
  const copy = join(folder, CATALOGUE_FILE);
  try {
    await copyFile(file, copy);
    // What a server that was cut off had not yet put into it.
    for (const ending of ["-wal", "-journal"])
      if ((await SYSTEM_DISK.stat(file + ending)) !== undefined) await copyFile(file + ending, copy + ending);
    requirePresent(copy);
  } catch {
    return undefined;
  }
  return Catalogue.open(copy, { clock, log: SILENT });
}

// Throws where it is not whole, or not of this version.
function requirePresent(path: string): void {
  const database = openAnother(path, { readonly: false });
  try {
    requireWhole(database);
    const version = Number(database.pragma("user_version", { simple: true }));
    if (version !== SCHEMA_VERSION) throw new VscopeError("DATADIR_IO", `catalogue: version ${version}`);
  } finally {
    database.close();
  }
}
