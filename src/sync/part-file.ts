// What has come of a file so far, kept on this computer: a transfer that is cut at any moment goes on behind it. Only its
// last block is in memory, so that a file may be larger than that.

import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { BodyPiece, Resume } from "../coap/client/client.ts";
import { onHome } from "./home-error.ts";

/** Between the name of the file and the tag that its parts are of. */
const SEPARATOR = ".part-";
/** Of which a transfer reads the last one once more. */
const BLOCK_BYTES = 1024;

export class PartFile {
  readonly #folder: string;
  readonly #name: string;
  #bytes = 0;
  #etag: Uint8Array | undefined;
  #path: string | undefined;

  /** Takes up what an earlier attempt has left. Throws DATADIR_IO. */
  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    const left = onHome(folder, () => {
      mkdirSync(folder, { recursive: true });
      return readdirSync(folder).find((file) => file.startsWith(name + SEPARATOR));
    });
    if (left === undefined) return;
    const path = join(folder, left);
    this.#path = path;
    this.#etag = Buffer.from(left.slice(name.length + SEPARATOR.length), "hex");
    this.#bytes = onHome(left, () => statSync(path).size);
    // What has no tag can be of anything.
    if (this.#etag.length === 0) this.remove();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Where it is; undefined while nothing has come. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Undefined while there is nothing to go on with. Throws DATADIR_IO. */
  get resume(): Resume | undefined {
    const etag = this.#etag;
    const path = this.#path;
    if (etag === undefined || path === undefined || this.#bytes === 0) return undefined;
    const skipped = this.#bytes - 1 - ((this.#bytes - 1) % BLOCK_BYTES);
    return { have: onHome(path, () => readFrom(path, skipped, this.#bytes)), skipped, etag };
  }

  /** All of it. Throws DATADIR_IO. */
  read(): Buffer {
    const path = this.#path;
    return path === undefined ? Buffer.alloc(0) : onHome(path, () => readFileSync(path));
  }

  /** Keeps a part at once. Throws DATADIR_IO, DATADIR_FULL. */
  take({ offset, bytes, etag = NO_TAG }: BodyPiece): void {
    if (offset === 0) this.remove();
    const news = bytes.subarray(Math.max(0, this.#bytes - offset));
    this.#etag = etag;
    const path = this.#path ?? join(this.#folder, this.#name + SEPARATOR + Buffer.from(etag).toString("hex"));
    onHome(path, () => (this.#path === undefined ? writeFileSync(path, news) : appendFileSync(path, news)));
    this.#path = path;
    this.#bytes += news.length;
  }

  /** The file is whole by now, or another one. */
  remove(): void {
    const path = this.#path;
    if (path !== undefined) onHome(path, () => rmSync(path, { force: true }));
    this.#path = undefined;
    this.#etag = undefined;
    this.#bytes = 0;
  }
}

const NO_TAG = new Uint8Array(0);

function readFrom(path: string, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  const file = openSync(path, "r");
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
  } finally {
    closeSync(file);
  }
}
