// A file that is read where it is asked for, part by part: never whole, never parts of two versions. One window is kept,
// so that small parts in a row cost one look at the disk for many of them.

import { createHash } from "node:crypto";
import { VscopeError } from "../../base/errors.ts";
import { type MaybePromise } from "../../base/maybe-promise.ts";
import { type Disk, type DiskStat, onDisk, shownPath } from "./disk.ts";

const WINDOW_BYTES = 64 * 1024;
const TAG_BYTES = 8;

export class RangeFile {
  readonly size: number;
  /** Differs between versions of the file. */
  readonly tag: Uint8Array;
  readonly #disk: Disk;
  readonly #path: string;
  #window: { readonly offset: number; readonly bytes: Uint8Array } | undefined;

  /** `stat` is the version that is to be read. */
  constructor(disk: Disk, path: string, stat: DiskStat) {
    this.#disk = disk;
    this.#path = path;
    this.size = stat.bytes;
    this.tag = tagOf(stat);
  }

  /** At once when the part is at hand. Throws PRECONDITION_FAILED when the file has changed, DATADIR_IO. */
  read(offset: number, length: number, signal: AbortSignal): MaybePromise<Uint8Array> {
    signal.throwIfAborted();
    const end = Math.min(offset + length, this.size);
    const held = this.#window;
    if (held !== undefined && offset >= held.offset && end <= held.offset + held.bytes.length)
      return held.bytes.subarray(offset - held.offset, end - held.offset);
    return offset < end ? this.#open(offset, end) : new Uint8Array();
  }

  /** Bytes of it from a position on as a file of their own, of the same version. */
  part(from: number, bytes: number): Pick<RangeFile, "size" | "tag" | "read"> {
    const size = Math.max(0, Math.min(bytes, this.size - from));
    const read: RangeFile["read"] = (offset, length, signal) =>
      this.read(from + offset, Math.min(length, size - offset), signal);
    return { size, tag: this.tag, read };
  }

  async #open(offset: number, end: number): Promise<Uint8Array> {
    const bytes = await this.#load(offset, Math.max(end - offset, WINDOW_BYTES));
    // Whoever keeps this file is charged for a window of that size.
    if (bytes.length <= WINDOW_BYTES) this.#window = { offset, bytes };
    return bytes.subarray(0, end - offset);
  }

  async #load(offset: number, length: number): Promise<Uint8Array> {
    const path = this.#path;
    const wanted = Math.min(length, this.size - offset);
    const { bytes, stat } = await onDisk(path, () => this.#disk.readRange(path, offset, wanted));
    if (bytes.length === wanted && Buffer.compare(tagOf(stat), this.tag) === 0) return bytes;
    throw new VscopeError(
      "PRECONDITION_FAILED",
      `${shownPath(path)}: has changed since its first part was read`,
    );
  }
}

/** The clock of vfat and exFAT has steps of this or more; that of any other file system is never at one of them. */
const COARSE_NS = 10_000_000n;

// A file can be replaced, or written to and given its old time again: whatever differs tells. Where all times are coarse the
// inode is left out: vfat and exFAT number a file anew when the kernel has forgotten it. What is written twice in place
// within one step of the clock (4 ms, on vfat 2 s) looks the same; the server itself writes each file once, under another name.
function tagOf({ bytes, inode, modifiedNs, changedNs }: DiskStat): Uint8Array {
  const file = changedNs % COARSE_NS === 0n ? 0n : inode;
  const version = `${bytes} ${file} ${modifiedNs} ${changedNs}`;
  return createHash("sha1").update(version).digest().subarray(0, TAG_BYTES);
}
