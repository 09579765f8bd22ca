// Files of an export in a folder. Until it is closed a file is called `name.part`: what has its name is whole.

import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { VscopeError } from "../base/errors.ts";
import type { Sink, SinkFile } from "./format.ts";

const PART = ".part";

/** Replaces parts that an interrupted export has left, but no whole file: STATE_CONFLICT. Throws the system's errors. */
export function folderSink(folder: string): Sink {
  return {
    file(name) {
      const path = join(folder, name);
      if (existsSync(path))
        throw new VscopeError("STATE_CONFLICT", `${name}: there is one already, nothing is overwritten`);
      return partFile(path);
    },
  };
}

function partFile(path: string): SinkFile {
  const part = `${path}${PART}`;
  const handle = openSync(part, "w", 0o644);
  return {
    path: part,
    append: (bytes) => writeWhole(handle, typeof bytes === "string" ? Buffer.from(bytes) : bytes),
    close() {
      // What another program has written to the path is synced, too: it is the same file.
      fsyncSync(handle);
      closeSync(handle);
      renameSync(part, path);
    },
  };
}

function writeWhole(handle: number, bytes: Uint8Array): void {
  for (let from = 0; from < bytes.length; ) from += writeSync(handle, bytes, from);
}
