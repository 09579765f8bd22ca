// An export that the server makes of a run: started, followed, fetched file by file, removed.

import { z } from "zod";
import { MS, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { BodyPiece } from "../coap/client/client.ts";
import { pages, withQuery } from "./pages.ts";
import { errorCodeOf, isServerUnreachable } from "./reply-error.ts";
import type { ReadOptions, VscopeClient } from "./vscope-client.ts";

const fileShape = z.looseObject({ name: z.string(), bytes: z.number(), sha256: z.string() });
export type ExportedFile = z.infer<typeof fileShape>;

const statusShape = z.looseObject({
  id: z.string(),
  state: z.enum(["running", "done", "failed", "cancelled"]),
  done: z.number(),
  of: z.number(),
  doing: z.string(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
  /** Number of all files. */
  total: z.number(),
  files: z.array(fileShape),
  products: z.array(
    z.looseObject({
      serial: z.string(),
      channel: z.string(),
      level: z.string(),
      spectra: z.number(),
      hasUncertainty: z.boolean(),
    }),
  ),
  leftOut: z.array(z.looseObject({ reason: z.string(), spectra: z.number(), first: z.string() })),
  broken: z.array(z.looseObject({ file: z.string(), problem: z.string() })),
});
export type RemoteExportStatus = z.infer<typeof statusShape>;

// The first answers come soon, for short exports; then the link is left to others.
const ASK_FIRST_US = 100 * MS;
const ASK_LATER_US = 5 * SECOND;
const MOST_FILES = 1_000_000;
/** Of a file at a time: in one answer come 64 MiB at most, and they would all be in memory. */
const PIECE_BYTES = 1 << 20;

/** What has come of a piece so far. */
class Part {
  #pieces: Buffer[] = [];
  #etag: Uint8Array | undefined;
  bytes = 0;

  /** To go on behind it. */
  get resume(): Pick<ReadOptions, "resume"> {
    const etag = this.#etag;
    return etag === undefined ? {} : { resume: { have: Buffer.concat(this.#pieces, this.bytes), etag } };
  }

  take({ offset, bytes, etag }: BodyPiece): void {
    if (offset === 0) {
      this.#pieces = [];
      this.bytes = 0;
    }
    const news = bytes.subarray(Math.max(0, this.bytes - offset));
    this.#pieces.push(Buffer.from(news));
    this.bytes += news.length;
    this.#etag = etag;
  }
}

/** What an export needs of a client. */
export type ExportSource = Pick<VscopeClient, "url" | "clock" | "post" | "getAs" | "read" | "delete">;

export class RemoteExport {
  readonly #client: ExportSource;
  readonly #path: readonly string[];

  private constructor(client: ExportSource, path: readonly string[]) {
    this.#client = client;
    this.#path = path;
  }

  /** `request` as /datadir/exports takes it. Throws the server's refusals. */
  static async start(client: ExportSource, request: object, signal: AbortSignal): Promise<RemoteExport> {
    const { location } = await client.post("/datadir/exports", request, signal);
    if (location.length === 0)
      throw new VscopeError("DEVICE_PROTOCOL", `${client.url}/datadir/exports: the answer names no export`);
    return new RemoteExport(client, location);
  }

  /** The final status of a successful export, with all its files. Throws the error of one that has failed. */
  async finished(
    onProgress: (status: RemoteExportStatus) => void,
    signal: AbortSignal,
  ): Promise<RemoteExportStatus> {
    for (let us = ASK_FIRST_US; ; us = Math.min(ASK_LATER_US, 2 * us)) {
      const status = await this.#status({ offset: 0, limit: 1 }, signal);
      onProgress(status);
      if (status.state === "done") return this.#withFiles(signal);
      if (status.state !== "running") throw failureOf(status);
      await this.#client.clock.delay(us, signal);
    }
  }

  /** The bytes of a file, piece by piece. A transfer that is cut goes on where it was, as long as each attempt brings something. */
  async *read({ name, bytes }: ExportedFile, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    for (let offset = 0; offset < bytes; offset += PIECE_BYTES) {
      const path = withQuery(pathOf([...this.#path, name]), { offset, length: PIECE_BYTES });
      yield await this.#piece(path, signal);
    }
  }

  async #piece(path: string, signal: AbortSignal): Promise<Uint8Array> {
    const part = new Part();
    for (;;) {
      const before = part.bytes;
      const onPart: ReadOptions["onPart"] = (piece) => part.take(piece);
      try {
        return (await this.#client.read(path, { ...part.resume, onPart }, signal)).payload;
      } catch (error) {
        if (part.bytes <= before || signal.aborted || !isServerUnreachable(error)) throw error;
      }
    }
  }

  /** Ends it if it runs, and removes its files from the server. */
  remove(signal: AbortSignal): Promise<void> {
    return this.#client.delete(this.#path, signal);
  }

  async #withFiles(signal: AbortSignal): Promise<RemoteExportStatus> {
    const found = await pages({ offset: 0, limit: MOST_FILES }, async (slice) => {
      const answer = await this.#status(slice, signal);
      return { answer, items: answer.files };
    });
    return { ...found.answer, files: [...found.items] };
  }

  #status(slice: object, signal: AbortSignal): Promise<RemoteExportStatus> {
    return this.#client.getAs(withQuery(pathOf(this.#path), slice), statusShape, signal);
  }
}

function pathOf(segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join("/")}`;
}

function failureOf({ id, state, error }: RemoteExportStatus): VscopeError {
  const text = error?.message ?? `export ${id}: ${state}`;
  const code = errorCodeOf(error?.code) ?? "OPERATION_CANCELLED";
  return new VscopeError(code, text, { details: { operation: id } });
}
