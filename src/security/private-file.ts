// Small files with secrets: only their owner may read them, and a power cut leaves the old or the new content.
// Written as `name.part` (mode 0600), fsync, rename, fsync of the folder.

import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { type FileHandle, open, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, systemCodeOf, VscopeError } from "../base/errors.ts";

const PART = ".part";
const OTHERS = 0o077;

/**
 * The text of a file; undefined when there is none. Throws CONFIG_INVALID when it cannot be read, or when anybody but
 * its owner may.
 */
export function readPrivate(path: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const found = fstatSync(descriptor);
    const { mode } = found;
    if (found.isDirectory())
      throw new VscopeError("CONFIG_INVALID", `${path}: is a folder, the keys lie in a file`);
    if ((mode & OTHERS) !== 0) throw readableByOthers(path, mode);
    return readFileSync(descriptor, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    if (error instanceof VscopeError) throw error;
    throw new VscopeError("CONFIG_INVALID", `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readableByOthers(path: string, mode: number): VscopeError {
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  return new VscopeError(
    "CONFIG_INVALID",
    `${path}: mode ${shown} lets others read secrets, it must be 0600: chmod 600 ${path}`,
  );
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Replaces a file by what `change` makes of its text (undefined: there was none). The owner stays; a new file gets `newOwner`. Of two programs that
 * do this at once the second is refused with STATE_CONFLICT. Throws CONFIG_INVALID when the file cannot be read or written.
 */
export async function changePrivate(
  path: string,
  change: (text: string | undefined) => string,
  newOwner?: Owner,
): Promise<void> {
  const part = `${path}${PART}`;
  let file: FileHandle | undefined;
  try {
    file = await open(part, "wx", 0o600);
    const text = change(readPrivate(path));
    await giveAway(file, (await ownerOf(path)) ?? newOwner);
    await file.writeFile(text);
    await file.sync();
    await rename(part, path);
    await syncFolder(dirname(path));
  } catch (error) {
    if (file !== undefined) await unlink(part).catch(() => undefined);
    throw translated(path, error);
  } finally {
    await file?.close();
  }
}

/** `changePrivate` for a file that only this process writes: what a crash has left of an earlier attempt is removed. */
export async function replacePrivate(path: string, text: string): Promise<void> {
  await unlink(`${path}${PART}`).catch(() => undefined);
  await changePrivate(path, () => text);
}

/** Whose a file or folder is; undefined when there is none. */
export async function ownerOf(path: string): Promise<Owner | undefined> {
  return await stat(path).catch(() => undefined);
}

async function giveAway(file: FileHandle, owner: Owner | undefined): Promise<void> {
  if (owner !== undefined && owner.uid !== process.getuid?.()) await file.chown(owner.uid, owner.gid);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function translated(path: string, error: unknown): unknown {
  if (error instanceof VscopeError) return error;
  if (systemCodeOf(error) === "EEXIST") {
    const text = `${path}: another program changes it; if none does, remove ${path}${PART}`;
    return new VscopeError("STATE_CONFLICT", text, { cause: error });
  }
  return new VscopeError("CONFIG_INVALID", `${path}: cannot be written: ${messageOf(error)}`, {
    cause: error,
  });
}
