// The file system as the data directory needs it. One implementation; tests put a failing one in its place.
// No deadline and no signal here: a system call on a local disk cannot be taken back, it ends by the kernel's limits.

import { type BigIntStats, constants } from "node:fs";
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  statfs,
  unlink,
} from "node:fs/promises";
import { basename, dirname } from "node:path";
import { MS } from "../../base/clock.ts";
import { type ErrorCode, messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import { hastenSyncs } from "./hasten-syncs.ts";

/** A file open for writing at its end. */
export interface DiskFile {
  /** As write(2): takes some of the bytes at least, and returns how many. `writeAll` repeats it. */
  write(bytes: Uint8Array): Promise<number>;
  /** Returns when the bytes are on the medium. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface DiskEntry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isFolder: boolean;
}

export interface DiskStat {
  readonly isFile: boolean;
  readonly isFolder: boolean;
  readonly bytes: number;
  readonly modifiedUtcUs: number;
  readonly inode: bigint;
  /** When the content was changed, as the file says, and when anything was, which no program can set. */
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
  /** Number of the file system; differs between a mounted medium and the folder below it. */
  readonly device: number;
}

/** A part of a file, and what the file was when the part had been read. */
export interface DiskRange {
  readonly bytes: Buffer;
  readonly stat: DiskStat;
}

export interface DiskSpace {
  /** Free for this user. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Every method throws the system's error; `asDiskError` translates it. */
export interface Disk {
  /** Creates a file; EEXIST when there is one. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file to add to its end; made if necessary. */
  extend(path: string): Promise<DiskFile>;
  /** Renames; replaces what has the new name. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes names created in or removed from a folder durable. */
  syncFolder(path: string): Promise<void>;
  /**
   * Brings everything that waits for this path's medium to it in one go, so that the syncs after it have little left to do.
   * A hint only: it does nothing on the medium of the system, whose other programs it would wait for.
   */
  hastenSyncs(path: string): Promise<void>;
  /** Makes one folder; ENOENT when its parent is not there. */
  makeFolder(path: string): Promise<void>;
  /** Undefined when there is nothing. Does not follow symbolic links. */
  stat(path: string): Promise<DiskStat | undefined>;
  /** The path without symbolic links. */
  realPath(path: string): Promise<string>;
  list(path: string): Promise<readonly DiskEntry[]>;
  read(path: string): Promise<Buffer>;
  /** Fewer bytes at the end of the file only. Does not follow symbolic links. */
  readRange(path: string, offset: number, length: number): Promise<DiskRange>;
  space(path: string): Promise<DiskSpace>;
  /** The number of the kind of file system, statfs(2). */
  fileSystemType(path: string): Promise<number>;
}

export const SYSTEM_DISK: Disk = {
  create: async (path) => fileOf(await open(path, "wx", 0o644)),
  extend: async (path) => fileOf(await open(path, "a", 0o644)),
  rename,
  remove: unlink,
  async syncFolder(path) {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } catch (error) {
      // Some file systems (FUSE, exFAT) cannot sync folders; they write names at once or not reliably at all.
      if (!["EINVAL", "ENOTSUP", "ENOSYS"].includes(systemCodeOf(error) ?? "")) throw error;
    } finally {
      await handle.close();
    }
  },
  hastenSyncs,
  async makeFolder(path) {
    await mkdir(path);
  },
  async stat(path) {
    try {
      return statOf(await lstat(path, { bigint: true }));
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(systemCodeOf(error) ?? "")) return undefined;
      throw error;
    }
  },
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({
      name: entry.name,
      isFile: entry.isFile(),
      isFolder: entry.isDirectory(),
    }));
  },
  realPath: (path) => realpath(path),
  read: (path) => readFile(path),
  async readRange(path, offset, length) {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const bytes = await readOn(handle, offset, length);
      return { bytes, stat: statOf(await handle.stat({ bigint: true })) };
    } finally {
      await handle.close();
    }
  },
  async space(path) {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
  fileSystemType: async (path) => (await statfs(path)).type,
};

// read(2) gives what comes before a bad sector, and fails with the next call only.
async function readOn(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) return buffer.subarray(0, done);
    done += bytesRead;
  }
  return buffer;
}

function fileOf(handle: FileHandle): DiskFile {
  return {
    write: async (bytes) => (await handle.write(bytes)).bytesWritten,
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

function statOf(stat: BigIntStats): DiskStat {
  return {
    isFile: stat.isFile(),
    isFolder: stat.isDirectory(),
    bytes: Number(stat.size),
    // In whole milliseconds, as catalogues have it.
    modifiedUtcUs: Number(stat.mtimeMs) * MS,
    inode: stat.ino,
    modifiedNs: stat.mtimeNs,
    changedNs: stat.ctimeNs,
    device: Number(stat.dev),
  };
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "DATADIR_FULL",
  EDQUOT: "DATADIR_FULL",
  EEXIST: "STATE_CONFLICT",
  ENODEV: "DATADIR_NOT_MOUNTED",
  ENXIO: "DATADIR_NOT_MOUNTED",
  ENOMEDIUM: "DATADIR_NOT_MOUNTED",
};

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the medium",
  EDQUOT: "the disk quota is used up",
  EEXIST: "there is one already",
  ENODEV: "the medium is gone",
  ENXIO: "the medium is gone",
  ENOMEDIUM: "the medium is gone",
  EROFS: "the medium is read-only",
  EACCES: "this user may not",
  EPERM: "this user may not",
  EIO: "the medium failed",
  ENOENT: "no such file or folder",
};

/** A system error about `path` as a VscopeError of the disk group; a VscopeError stays as it is. */
export function asDiskError(path: string, error: unknown): VscopeError {
  if (error instanceof VscopeError) return error;
  const system = systemCodeOf(error);
  if (system === undefined)
    return new VscopeError("DATADIR_IO", `${shownPath(path)}: ${messageOf(error)}`, { cause: error });
  const fact = WORDS[system] ?? "the system refused";
  return new VscopeError(CODES[system] ?? "DATADIR_IO", `${shownPath(path)}: ${fact} (${system})`, {
    cause: error,
  });
}

/** Runs a disk call and translates its error. */
export async function onDisk<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asDiskError(path, error);
  }
}

/** Folder and file: enough to know it, and no tour of the server's file system for clients. */
export function shownPath(path: string): string {
  return `${basename(dirname(path))}/${basename(path)}`;
}
