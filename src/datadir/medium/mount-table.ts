// What is mounted where, as the kernel has it (/proc/self/mountinfo, proc(5)), and what should be (/etc/fstab, fstab(5)).

import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemCodeOf, VscopeError } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";

export interface Mount {
  /** Number of the file system's device, such as `8:1`. */
  readonly number: string;
  readonly mountPoint: string;
  /** Such as `vfat`. */
  readonly fileSystem: string;
  readonly source: string;
  readonly isReadOnly: boolean;
}

/** The two tables as text; replaced in tests. */
export interface MountTable {
  mountInfo(): Promise<string>;
  fstab(): Promise<string>;
}

export const LINUX_TABLE: MountTable = {
  mountInfo: () => textOf("/proc/self/mountinfo"),
  fstab: () => textOf("/etc/fstab"),
};

/** It waits for somebody to look, and then mounts: nothing is there before. */
const AUTOMOUNTER = "autofs";
// ext4 shows the second one since Linux 6.15 when errors have stopped it, and the third after its end was forced.
const READ_ONLY = ["ro", "emergency_ro", "shutdown"];

/** All mounts, the newest last. */
export function mountsOf(mountInfo: string): readonly Mount[] {
  return mountInfo.split("\n").flatMap((line) => {
    // 36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/sda1 rw
    const [place = "", origin = ""] = line.split(" - ");
    const [, , number = "", , path, options = ""] = place.split(" ");
    const [fileSystem = "", source = "", ownOptions = ""] = origin.split(" ");
    if (path === undefined) return [];
    const isReadOnly = `${options},${ownOptions}`.split(",").some((option) => READ_ONLY.includes(option));
    return { number, mountPoint: unescaped(path), fileSystem, source: unescaped(source), isReadOnly };
  });
}

/** The newest mount at `mountPoint`, or undefined. */
export function mountedAt(mountInfo: string, mountPoint: string): Mount | undefined {
  const wanted = withoutSlash(mountPoint);
  return mountsOf(mountInfo).findLast((mount) => mount.mountPoint === wanted);
}

/** The mount that a path without symbolic links lies on. */
export function mountOf(mountInfo: string, path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mountsOf(mountInfo))
    if (isBelow(path, mount.mountPoint) && mount.mountPoint.length >= (found?.mountPoint.length ?? 0))
      found = mount;
  return found;
}

/**
 * The mount point of fstab that a path without symbolic links lies below while nothing is mounted there: what is written
 * then ends on the disk of the computer itself, and is hidden as soon as the medium comes. Undefined where all is well.
 */
export function bareMountPoint(
  { mountInfo, fstab }: { readonly mountInfo: string; readonly fstab: string },
  path: string,
): string | undefined {
  const wanted = mountPointsIn(fstab)
    .filter((mountPoint) => isBelow(path, mountPoint))
    .toSorted((a, b) => b.length - a.length)[0];
  const mounts = mountsOf(mountInfo).filter(({ fileSystem }) => fileSystem !== AUTOMOUNTER);
  // Without the kernel's list nobody can tell.
  if (wanted === undefined || mounts.length === 0) return undefined;
  const isMounted = mounts.some(({ mountPoint }) => isBelow(mountPoint, wanted) && isBelow(path, mountPoint));
  return isMounted ? undefined : wanted;
}

/** Throws DATADIR_NOT_MOUNTED when a path without symbolic links lies on a mount point with nothing mounted there. */
export async function requireMounted(
  path: string,
  { table, requireMount = false }: { readonly table: MountTable; readonly requireMount?: boolean },
): Promise<void> {
  const [mountInfo, fstab] = [await table.mountInfo(), await table.fstab()];
  const bare = bareMountPoint({ mountInfo, fstab }, path);
  const { mountPoint, fileSystem } = mountOf(mountInfo, path) ?? { mountPoint: "/" };
  const isOnOwn = mountPoint !== "/" && fileSystem !== AUTOMOUNTER;
  if (bare === undefined && (!requireMount || isOnOwn)) return;
  const fact = bare === undefined ? "it lies on the disk of /" : `nothing is mounted at ${bare}`;
  throw new VscopeError("DATADIR_NOT_MOUNTED", `data directory ${path}: ${fact}, a medium is required`);
}

/** The path without symbolic links, as far as it is there. */
export async function placeOf(disk: Pick<Disk, "realPath">, path: string): Promise<string> {
  try {
    return await disk.realPath(path);
  } catch (error) {
    const parent = dirname(path);
    if (systemCodeOf(error) !== "ENOENT" || parent === path) throw error;
    return join(await placeOf(disk, parent), basename(path));
  }
}

function mountPointsIn(fstab: string): readonly string[] {
  return fstab.split("\n").flatMap((line) => {
    const [source = "#", mountPoint = "", , options = ""] = line.trim().split(/\s+/);
    if (source.startsWith("#") || !mountPoint.startsWith("/") || mountPoint === "/") return [];
    if (isMountedByHand(options.split(","))) return [];
    return withoutSlash(unescaped(mountPoint));
  });
}

// Nobody waits for such a medium: it may as well never come.
function isMountedByHand(options: readonly string[]): boolean {
  return options.includes("noauto") && !options.includes("x-systemd.automount");
}

function isBelow(path: string, folder: string): boolean {
  return folder === "/" || `${path}/`.startsWith(`${folder}/`);
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

// proc(5), fstab(5): space, tab, newline and backslash are written as \ooo.
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

// Containers and other systems have no such file; some administrators hide fstab.
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "EACCES"].includes(systemCodeOf(error) ?? "")) return "";
    throw error;
  }
}
