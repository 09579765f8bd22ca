// Reads a zip file entry by entry, a piece at a time: the list at its end, then the bytes of each, checked by size and CRC-32.
// As PKWARE's APPNOTE.TXT has it: stored and deflated entries, zip64; no encryption, no parts.

import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { VscopeError } from "../base/errors.ts";
import { onDisk } from "../datadir/disk/disk.ts";

/** An entry as the list tells it. */
export interface ZipMember {
  readonly name: string;
  readonly bytes: number;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  /** Where its own header begins. */
  readonly offset: number;
}

const END = { signature: 0x06054b50, bytes: 22, longestComment: 0xffff };
const LOCATOR64 = { signature: 0x07064b50, bytes: 20 };
const END64 = { signature: 0x06064b50, bytes: 56 };
const LISTED = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
const ZIP64_FIELD = 1;
const SEE_ZIP64 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;

/** The entries of a zip file, in order of its list. Throws DATADIR_IO. */
export function zipMembers(path: string): Promise<readonly ZipMember[]> {
  return sound(path, async (file) => {
    const { size } = await file.stat();
    const { offset, bytes } = await listOf(file, size);
    return membersIn(await piece(file, offset, bytes));
  });
}

/** The bytes of an entry. Throws DATADIR_IO when they are not those that were packed. */
export async function* zipContent(path: string, member: ZipMember): AsyncGenerator<Buffer, void> {
  const start = await sound(path, (file) => startOf(file, member));
  let bytes = 0;
  let crc = 0;
  try {
    for await (const read of unpacked(path, start, member)) {
      const part = Buffer.from(read);
      bytes += part.length;
      crc = crc32(part, crc);
      yield part;
    }
  } catch (error) {
    throw broken(path, `${member.name} cannot be unpacked`, error);
  }
  if (bytes !== member.bytes || crc !== member.crc) throw broken(path, `${member.name} is damaged`);
}

function unpacked(path: string, start: number, { method, packedBytes }: ZipMember): Readable {
  if (packedBytes === 0) return Readable.from([]);
  const packed = createReadStream(path, { start, end: start + packedBytes - 1 });
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw new RangeError(`method ${method} is not known`);
  const inflate = createInflateRaw();
  packed.on("error", (error) => inflate.destroy(error));
  inflate.on("close", () => packed.destroy());
  return packed.pipe(inflate);
}

// Before the bytes of an entry are its name and a field again, of lengths of their own.
async function startOf(file: FileHandle, { offset }: ZipMember): Promise<number> {
  const header = await piece(file, offset, LOCAL.bytes);
  requireSignature(header, 0, LOCAL.signature);
  return offset + LOCAL.bytes + header.readUInt16LE(26) + header.readUInt16LE(28);
}

async function listOf(file: FileHandle, size: number): Promise<{ offset: number; bytes: number }> {
  const from = Math.max(0, size - END.bytes - END.longestComment - LOCATOR64.bytes);
  const tail = await piece(file, from, size - from);
  let at = tail.length - END.bytes;
  while (at >= 0 && tail.readUInt32LE(at) !== END.signature) at -= 1;
  if (at < 0) throw new RangeError("its end is missing");
  const before = at - LOCATOR64.bytes;
  if (before < 0 || tail.readUInt32LE(before) !== LOCATOR64.signature)
    return { bytes: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) };
  const end = await piece(file, Number(tail.readBigUInt64LE(before + 8)), END64.bytes);
  requireSignature(end, 0, END64.signature);
  return { bytes: Number(end.readBigUInt64LE(40)), offset: Number(end.readBigUInt64LE(48)) };
}

function membersIn(list: Buffer): readonly ZipMember[] {
  const members: ZipMember[] = [];
  for (let at = 0; at < list.length; ) {
    requireSignature(list, at, LISTED.signature);
    const nameEnd = at + LISTED.bytes + list.readUInt16LE(at + 28);
    const extraEnd = nameEnd + list.readUInt16LE(at + 30);
    const long = longFigures(list.subarray(nameEnd, extraEnd));
    // In this order, and only those that do not fit.
    const figure = (position: number): number => {
      const short = list.readUInt32LE(at + position);
      return short === SEE_ZIP64 ? (long.shift() ?? short) : short;
    };
    members.push({
      name: list.toString("utf8", at + LISTED.bytes, nameEnd),
      method: list.readUInt16LE(at + 10),
      crc: list.readUInt32LE(at + 16),
      bytes: figure(24),
      packedBytes: figure(20),
      offset: figure(42),
    });
    at = extraEnd + list.readUInt16LE(at + 32);
  }
  return members;
}

function longFigures(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === ZIP64_FIELD) {
      const figures: number[] = [];
      for (let from = at + 4; from + 8 <= end; from += 8) figures.push(Number(extra.readBigUInt64LE(from)));
      return figures;
    }
    at = end;
  }
  return [];
}

function requireSignature(bytes: Buffer, at: number, signature: number): void {
  if (bytes.readUInt32LE(at) !== signature) throw new RangeError("its parts are not where they should be");
}

async function piece(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { size } = await file.stat();
  if (offset < 0 || offset + length > size) throw new RangeError("it is cut off");
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) throw new RangeError("it is cut off");
    done += bytesRead;
  }
  return buffer;
}

async function sound<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await onDisk(path, () => open(path, "r"));
  try {
    return await read(file);
  } catch (error) {
    throw broken(path, "not a whole zip file", error);
  } finally {
    await file.close();
  }
}

function broken(path: string, fact: string, cause?: unknown): VscopeError {
  const reason = cause instanceof Error ? ` (${cause.message})` : "";
  return new VscopeError("DATADIR_IO", `${path}: ${fact}${reason}`, { cause });
}
