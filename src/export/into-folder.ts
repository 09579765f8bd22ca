// Files that get into a folder of somebody's together at the end, or not at all.

import { mkdir, mkdtemp, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { asDiskError, onDisk, SYSTEM_DISK } from "../datadir/disk/disk.ts";

interface WithFiles {
  readonly files: readonly { readonly name: string }[];
}

/** `make` fills a folder beside the files of `target`. Throws as it does, and DATADIR_IO; then the folder is as it was. */
export async function intoFolder<T extends WithFiles>(
  folder: string,
  make: (output: string, target: string) => Promise<T>,
): Promise<T> {
  const target = resolve(folder);
  const made = await onDisk(target, () => mkdir(target, { recursive: true }));
  try {
    const output = await onDisk(target, () => mkdtemp(join(target, ".export-")));
    try {
      const report = await make(output, target);
      const names = report.files.map(({ name }) => name);
      await moveAll(names, output, target);
      return report;
    } finally {
      await rm(output, { recursive: true, force: true });
    }
  } catch (error) {
    if (made !== undefined) await removeEmpty(target, made);
    throw error;
  }
}

async function moveAll(names: readonly string[], output: string, target: string): Promise<void> {
  const moved: string[] = [];
  try {
    for (const name of names) {
      await rename(join(output, name), join(target, name));
      moved.push(name);
    }
    await SYSTEM_DISK.syncFolder(target);
  } catch (error) {
    for (const name of moved) await rm(join(target, name), { force: true });
    throw asDiskError(target, error);
  }
}

/** From the inner folder to the outer one; where somebody has put something meanwhile it stays. */
async function removeEmpty(inner: string, outer: string): Promise<void> {
  for (let folder = inner; ; folder = dirname(folder)) {
    const isGone = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!isGone || folder === outer) return;
  }
}
