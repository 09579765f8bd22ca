// What has come of a file so far, kept on this computer: a transfer that is cut at any moment goes on behind it.

import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BodyPiece, Resume } from "../coap/client/client.ts";
import { onHome } from "./home-error.ts";

/** Between the name of the file and the tag that its parts are of. */
const SEPARATOR = ".part-";

export class PartFile {
  readonly #folder: string;
  readonly #name: string;
  #have: Buffer[] = [];
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
    this.#path = join(folder, left);
    this.#etag = Buffer.from(left.slice(name.length + SEPARATOR.length), "hex");
    this.#have = [onHome(left, () => readFileSync(join(folder, left)))];
    this.#bytes = this.#have[0]?.length ?? 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined while there is nothing to go on with. */
  get resume(): Resume | undefined {
    const etag = this.#etag;
    return etag === undefined || this.#bytes === 0
      ? undefined
      : { have: Buffer.concat(this.#have, this.#bytes), etag };
  }

  /** Keeps a part at once; parts without a tag cannot be gone on with, and are not kept. Throws DATADIR_IO. */
  take({ offset, bytes, etag }: BodyPiece): void {
    if (offset === 0) this.remove();
    if (etag === undefined) return;
    const news = bytes.subarray(Math.max(0, this.#bytes - offset));
    this.#etag = etag;
    const path = this.#path ?? join(this.#folder, this.#name + SEPARATOR + Buffer.from(etag).toString("hex"));
    onHome(path, () => (this.#path === undefined ? writeFileSync(path, news) : appendFileSync(path, news)));
    this.#path = path;
    this.#have.push(Buffer.from(news));
    this.#bytes += news.length;
  }

  /** The file is whole by now, or another one. */
  remove(): void {
    const path = this.#path;
    if (path !== undefined) onHome(path, () => rmSync(path, { force: true }));
    this.#path = undefined;
    this.#etag = undefined;
    this.#have = [];
    this.#bytes = 0;
  }
}
