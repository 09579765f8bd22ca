// The block device behind a file system. A mount outlives its device: what the kernel has in memory goes on being read,
// and only sysfs tells that the stick is gone.

import { definedOnly } from "../../base/defined-only.ts";
import { systemCodeOf } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";

const BLOCK_DEVICES = "/sys/dev/block";

interface Links {
  /** The path without symbolic links; throws ENOENT when nothing is there. */
  realPath(path: string): Promise<string>;
}

/** `stat.dev` as proc(5) writes it in mountinfo, such as `8:1`; the encoding is that of makedev(3). */
export function deviceNumber(device: number): string {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}

/**
 * Whether the block device of this number is gone. False for a file system without one, such as NFS, or with a number of
 * its own (btrfs), and where sysfs shows no block devices at all, as in some containers.
 */
export async function isDetached(number: string, links: Links): Promise<boolean> {
  if (number.startsWith("0:")) return false;
  return !(await exists(`${BLOCK_DEVICES}/${number}`, links)) && (await exists(BLOCK_DEVICES, links));
}

async function exists(path: string, links: Links): Promise<boolean> {
  try {
    await links.realPath(path);
    return true;
  } catch (error) {
    // Whatever else is wrong with sysfs, it is no loss of the medium.
    return systemCodeOf(error) !== "ENOENT";
  }
}

/**
 * The path of a device as mount(8) takes it: `LABEL=`, `UUID=` and their likes are links below /dev/disk, made by udev,
 * which writes unusual ASCII characters as `\xNN`.
 */
export function devicePath(device: string): string {
  const [, tag = "", value = ""] = /^(LABEL|UUID|PARTLABEL|PARTUUID)=(.*)$/.exec(device) ?? [];
  if (tag === "") return device;
  const name = value.replace(/^"(.*)"$/, "$1").replaceAll(/[\x20-\x7e]/g, (character) => {
    if (/[\w#+.:=@-]/.test(character)) return character;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `/dev/disk/by-${tag.toLowerCase()}/${name}`;
}

/** The label of the file system on a device and its own number, as udev shows them; nothing where there is no udev. */
export async function labelsOf(
  source: string,
  disk: Pick<Disk, "list" | "realPath">,
): Promise<{ readonly label?: string; readonly fileSystemUuid?: string }> {
  const [label, fileSystemUuid] = [
    await linkTo(source, "/dev/disk/by-label", disk),
    await linkTo(source, "/dev/disk/by-uuid", disk),
  ];
  return definedOnly({ label, fileSystemUuid });
}

async function linkTo(
  source: string,
  folder: string,
  disk: Pick<Disk, "list" | "realPath">,
): Promise<string | undefined> {
  try {
    for (const { name } of await disk.list(folder)) {
      if ((await disk.realPath(`${folder}/${name}`)) !== source) continue;
      return name.replaceAll(/\\x([\da-f]{2})/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
    }
  } catch {
    // A link that goes while it is looked at tells nothing.
  }
  return undefined;
}
