// The image of a USB stick: one partition with a file system, as a shop sells it.

import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";

const MIB = 1024 * 1024;
const SECTOR = 512;
const FIRST_SECTOR = 2048;
const PARTITION_TYPE = { vfat: 0x0c, ext4: 0x83 } as const;

export interface Stick {
  readonly image: string;
  /** Empty file for a log of all writes and flushes (write-cache.ts). */
  readonly log?: string;
}

export type FileSystem = keyof typeof PARTITION_TYPE;

/** For the guest: puts an instrument's configuration where the server will look for it. */
export const PREPARE_STICK = `mkdir -p /media/stick && mount /dev/sda1 /media/stick && mkdir /media/stick/vscope_data
printf '[channels]\\n  [[shutter_1]]\\n    direction = upwelling\\n' >/media/stick/vscope_data/vscope.config
umount /media/stick`;

/** Writes an image of `megabytes` with one partition of this file system, labelled VSCOPE. */
export function makeStick(path: string, fileSystem: FileSystem, megabytes = 64): void {
  const file = openSync(path, "w");
  ftruncateSync(file, megabytes * MIB);
  writeSync(file, partitionTable(PARTITION_TYPE[fileSystem], megabytes), 0, 66, 446);
  closeSync(file);
  const kib = String(megabytes * 1024 - (FIRST_SECTOR * SECTOR) / 1024);
  if (fileSystem === "vfat") {
    run("mkfs.vfat", "-F", "32", "-n", "VSCOPE", "--offset", String(FIRST_SECTOR), path, kib);
  } else {
    run("mkfs.ext4", "-q", "-F", "-L", "VSCOPE", "-E", `offset=${FIRST_SECTOR * SECTOR}`, path, `${kib}k`);
  }
}

/** The last 66 bytes of a master boot record: one partition from sector 2048 to the end. */
function partitionTable(type: number, megabytes: number): Buffer {
  const table = Buffer.alloc(66);
  table.set([0, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff]);
  table.writeUInt32LE(FIRST_SECTOR, 8);
  table.writeUInt32LE((megabytes * MIB) / SECTOR - FIRST_SECTOR, 12);
  table.writeUInt16LE(0xaa55, 64);
  return table;
}

function run(program: string, ...programArguments: readonly string[]): void {
  const { PATH = "" } = process.env;
  const env = { ...process.env, PATH: `${PATH}:/usr/sbin:/sbin` };
  const { status, stderr, error } = spawnSync(program, programArguments, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${program} ${programArguments.join(" ")}: ${error?.message ?? stderr}`);
}
