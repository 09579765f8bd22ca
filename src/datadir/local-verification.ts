// Verifies a data directory that no server uses, such as a copy at home or a stick. Unlike a server's start it changes
// nothing unless asked to repair.

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { SILENT } from "../base/log.ts";
import { CATALOGUE_FILE, Catalogue } from "./catalogue.ts";
import { SYSTEM_DISK } from "./disk.ts";
import { FileIndex } from "./file-index.ts";
import { lockDirectory } from "./lock.ts";
import type { TaskWatch } from "./long-task.ts";
import { repairsOf } from "./repairs.ts";
import { RunFolders } from "./run-folders.ts";
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
  try {
    catalogue = await openCatalogue(path, clock, repairs);
    const folders = new RunFolders(disk, path, clock);
    const shelf = { disk, clock, folders, catalogue, alone: <T>(job: () => Promise<T>) => job() };
    if (!repairs || catalogue === undefined) return await verify(shelf, scope, watch);
    const index = new FileIndex({ disk, folders, catalogue, log: SILENT });
    return await verify({ ...shelf, repairs: repairsOf({ ...shelf, catalogue, index }) }, scope, watch);
  } finally {
    await catalogue?.close();
    lock.release();
  }
}

// A copy of some runs has none, and needs none.
async function openCatalogue(path: string, clock: Clock, makes: boolean): Promise<Catalogue | undefined> {
  const file = join(path, CATALOGUE_FILE);
  if (!makes && (await SYSTEM_DISK.stat(file)) === undefined) return undefined;
  return Catalogue.open(file, { clock, log: SILENT });
}
