// Which process holds a lock of SQLite on a file: the kernel lists all locks (/proc/locks, proc(5)).

import { readFile, stat } from "node:fs/promises";

// SQLite locks bytes from here on, and nobody else does.
const FIRST_BYTE = 0x4000_0000;

/** Such as `process 812 (node)`; undefined where the kernel does not tell, as in another container. */
export async function lockHolder(path: string): Promise<string | undefined> {
  try {
    const { ino } = await stat(path, { bigint: true });
    const pid = holderIn(await readFile("/proc/locks", "utf8"), ino);
    return pid === undefined ? undefined : `process ${pid}${await nameOf(pid)}`;
  } catch {
    return undefined;
  }
}

/** The number of a file's device differs from that of its locks on btrfs, so the inode and the bytes decide. */
export function holderIn(locks: string, inode: bigint): number | undefined {
  for (const line of locks.split("\n")) {
    // 1: POSIX  ADVISORY  WRITE 812 08:01:131 1073741824 1073742335
    const [, , , access, pid, place = "", first] = line.trim().split(/\s+/);
    if (access !== "WRITE" || place.split(":")[2] !== String(inode) || Number(first) < FIRST_BYTE) continue;
    if (Number(pid) > 0) return Number(pid);
  }
  return undefined;
}

async function nameOf(pid: number): Promise<string> {
  try {
    return ` (${(await readFile(`/proc/${pid}/comm`, "utf8")).trim()})`;
  } catch {
    return "";
  }
}
