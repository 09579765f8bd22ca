// The block device behind a file system. A mount outlives its device: what the kernel has in memory goes on being read,
// and only sysfs tells that the stick is gone.

import { systemCodeOf } from "../base/errors.ts";

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

/** Whether the kernel has a block device of this number. False for a file system without one, such as tmpfs or NFS. */
export async function isAttached(number: string, links: Links): Promise<boolean> {
  try {
    await links.realPath(`/sys/dev/block/${number}`);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/**
 * The path of a device as mount(8) takes it: `LABEL=`, `UUID=` and their likes are links below /dev/disk, made by udev,
 * which writes unusual characters as `\xNN`.
 */
export function devicePath(device: string): string {
  const [, tag = "", value = ""] = /^(LABEL|UUID|PARTLABEL|PARTUUID)=(.*)$/.exec(device) ?? [];
  if (tag === "") return device;
  const name = value.replace(/^"(.*)"$/, "$1").replaceAll(/[^\p{L}\p{N}#+.:=@_-]/gu, (character) => {
    return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  });
  return `/dev/disk/by-${tag.toLowerCase()}/${name}`;
}
