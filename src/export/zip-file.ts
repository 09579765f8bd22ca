// A zip file of files, deflated, each with its own time: two of the same files are equal byte for byte. In memory is a piece
// of one file at a time, however many there are.

import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import type { SinkFile } from "../formats/format.ts";

export interface ZipEntry {
  /** In the zip file, with folders. */
  readonly name: string;
  /** On the disk. */
  readonly path: string;
}

const MODE = 0o100644;

/** Returns the SHA-256 of each entry, in hexadecimal digits. Throws the system's errors. */
export async function writeZip(
  entries: readonly ZipEntry[],
  file: SinkFile,
  onEntry: (done: number, of: number) => void,
): Promise<ReadonlyMap<string, string>> {
  const zip = new ZipFile();
  const sums = new Map<string, string>();
  // yazl does not look at the errors of streams that it is given.
  const failed = new Promise<never>((_, reject) => {
    zip.on("error", reject);
    for (const [index, { name, path }] of entries.entries()) {
      const { mtime, size } = statSync(path);
      zip.addReadStreamLazy(name, { mtime, mode: MODE }, (give) => {
        onEntry(index + 1, entries.length);
        const pieces = hashed(asItWas(path, size), (sum) => sums.set(name, sum));
        give(undefined, Readable.from(pieces, { objectMode: false }).on("error", reject));
      });
    }
  });
  zip.end();
  await Promise.race([failed, drained(zip.outputStream, file)]);
  file.close();
  return sums;
}

async function* hashed(stream: Readable, onEnd: (sum: string) => void): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const piece of stream) {
    hash.update(piece);
    yield piece;
  }
  onEnd(hash.digest("hex"));
}

// A list of events can grow meanwhile.
function asItWas(path: string, size: number): Readable {
  return size === 0 ? Readable.from([]) : createReadStream(path, { end: size - 1 });
}

async function drained(stream: NodeJS.ReadableStream, file: SinkFile): Promise<void> {
  for await (const piece of stream) file.append(piece);
}
