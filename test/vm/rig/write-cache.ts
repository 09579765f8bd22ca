// What a stick loses at a power cut. QEMU's writes outlive QEMU, those in a stick's cache do not outlive the power: so
// QEMU logs every write and flush (driver blklogwrites, the format of the kernel's dm-log-writes), and the image is made
// again from the log, with everything before the last flush and by chance some of what came after it.

import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";

const SECTOR = 512;
const MAGIC = 0x6a736677736872n;
const FLAGS = { flush: 1, fua: 2, discard: 4 } as const;

export interface LoggedWrite {
  readonly sector: number;
  readonly data: Buffer;
}

export interface WriteLog {
  /** Safe on the medium, in order. */
  readonly flushed: readonly LoggedWrite[];
  /** In the cache when the power went, in order. */
  readonly cached: readonly LoggedWrite[];
}

const wholeSectors = (bytes: number): number => SECTOR * Math.floor(bytes / SECTOR);

/** Reads a log whose last entry can be cut short. Throws when it is no log. */
export function parseWriteLog(log: Buffer): WriteLog {
  if (log.length < SECTOR || log.readBigUInt64LE(0) !== MAGIC) throw new Error("not a log of dm-log-writes");
  const flushed: LoggedWrite[] = [];
  let cached: LoggedWrite[] = [];
  for (let at = SECTOR; at + SECTOR <= log.length; ) {
    const [sector, sectors, flags] = [0, 8, 16].map((offset) => Number(log.readBigUInt64LE(at + offset)));
    if (sector === undefined || sectors === undefined || flags === undefined) break;
    if ((flags & FLAGS.flush) !== 0) {
      flushed.push(...cached);
      cached = [];
    }
    const isData = (flags & FLAGS.discard) === 0;
    const bytes = isData ? sectors * SECTOR : 0;
    const data = log.subarray(at + SECTOR, at + SECTOR + bytes);
    // The write that the cut interrupts has come as far as a sector.
    const write = { sector, data: data.subarray(0, wholeSectors(data.length)) };
    const isSafe = (flags & FLAGS.fua) !== 0 && data.length === bytes;
    if (write.data.length > 0) (isSafe ? flushed : cached).push(write);
    at += SECTOR + bytes;
  }
  return { flushed, cached };
}

/**
 * Turns the image as it was when the machine started into what a power cut leaves when the log had come to `bytes`.
 * `chance` gives numbers in [0, 1): of what was cached a half is lost, and what is kept can be torn after any sector.
 */
export async function cutPower(
  image: string,
  { log, bytes: logBytes }: { readonly log: string; readonly bytes: number },
  chance: () => number,
): Promise<WriteLog> {
  const writes = parseWriteLog(readFileSync(log).subarray(0, logBytes));
  const file = await open(image, "r+");
  try {
    for (const { sector, data } of writes.flushed) await file.write(data, 0, data.length, sector * SECTOR);
    for (const { sector, data } of writes.cached) {
      if (chance() < 0.5) continue;
      const isTorn = chance() < 0.25;
      const bytes = isTorn ? wholeSectors(chance() * data.length) : data.length;
      await file.write(data, 0, bytes, sector * SECTOR);
    }
  } finally {
    await file.close();
  }
  return writes;
}
