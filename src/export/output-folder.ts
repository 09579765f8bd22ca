// The folder that an export writes to: it knows the names of its files, and can put them all into one.

import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { VscopeError } from "../base/errors.ts";
import { folderSink } from "../formats/folder-sink.ts";
import type { Sink } from "../formats/format.ts";
import { writeZip } from "./zip-file.ts";

export interface FileFacts {
  readonly name: string;
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

export interface OutputFolder extends Sink {
  /** Of all files so far. */
  readonly names: readonly string[];
  facts(): readonly FileFacts[];
  /** Puts copies of all files into a zip file beside them. */
  bundle(name: string, onProgress: (done: number, of: number, text: string) => void): Promise<void>;
}

const PIECE_BYTES = 1 << 20;

/** Refuses names that are taken in `target`, with STATE_CONFLICT. */
export function outputFolder(folder: string, target?: string): OutputFolder {
  const sink = folderSink(folder);
  const names: string[] = [];
  const file: Sink["file"] = (name) => {
    if (target !== undefined && existsSync(join(target, name)))
      throw new VscopeError("STATE_CONFLICT", `${name}: there is one already, nothing is overwritten`);
    names.push(name);
    return sink.file(name);
  };
  return {
    names,
    file,
    facts: () => names.map((name) => factsOf(folder, name)),
    async bundle(name, onProgress) {
      const entries = names.map((one) => ({ name: one, path: join(folder, one) }));
      await writeZip(entries, file(name), (done, of) => onProgress(done, of, "files packed"));
    },
  };
}

function factsOf(folder: string, name: string): FileFacts {
  const path = join(folder, name);
  return { name, bytes: statSync(path).size, sha256: hashOfFile(path) };
}

function hashOfFile(path: string): string {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(PIECE_BYTES);
  const handle = openSync(path, "r");
  try {
    for (let read = readSync(handle, piece); read > 0; read = readSync(handle, piece))
      hash.update(piece.subarray(0, read));
  } finally {
    closeSync(handle);
  }
  return hash.digest("hex");
}
