// What the kinds of file system promise, by their number in statfs(2), linux/magic.h.

import type { Disk } from "./disk.ts";

// ext2 to ext4, xfs, btrfs, f2fs, tmpfs: a name points to the file, whose size was safe before the rename and stays so.
const NAME_AND_FILE_APART: ReadonlySet<number> = new Set([
  0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994,
]);

/**
 * Whether a file is to be flushed again when it has been renamed: vfat and exfat write a new entry, of size 0 at first. Of
 * kinds that are not known the same is supposed; it costs time only.
 */
export async function flushesTwice(disk: Disk, path: string): Promise<boolean> {
  return !NAME_AND_FILE_APART.has(await disk.fileSystemType(path));
}
