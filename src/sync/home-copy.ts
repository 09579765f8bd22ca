// The copy of a data directory on this computer. It is one itself: runs, spectra files and their manifests, in the same names.
// A manifest is put in place when all its files are, so that what has its tag need not be looked at again.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { NEVER } from "../base/abort.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import { parsedJson } from "../base/json.ts";
import { SILENT } from "../base/log.ts";
import { onDisk, SYSTEM_DISK } from "../datadir/disk/disk.ts";
import { makeFolders, moveDurable, replaceDurable } from "../datadir/disk/durable-file.ts";
import { INSTRUMENT_FOLDER, InstrumentArchive } from "../datadir/instrument-archive.ts";
import { readIdentity } from "../datadir/medium/identity.ts";
import { type DirectoryLock, lockDirectory } from "../datadir/medium/lock.ts";
import {
  type ManifestLine,
  manifestName,
  OTHER_MANIFEST,
  readManifest,
} from "../datadir/checksums/manifest.ts";
import {
  type BatchTag,
  EVENTS,
  ManifestListing,
  OTHER,
  runTagOf,
  tagOf,
} from "../datadir/checksums/manifest-listing.ts";
import { COPY_FILE } from "../datadir/medium/identity.ts";
import { EVENTS_FILE } from "../datadir/run-events.ts";
import { isRunFolderName, isSegment, quoted } from "../datadir/run-name.ts";
import { compareText } from "../spectra/pico.ts";
import { PartFile } from "./part-file.ts";

const PARTS_FOLDER = ".sync";
const LISTING_FILE = ".listing.json";

const stateShape = z.object({
  /** Of the data directory that this is the copy of. */
  uuid: z.string().optional(),
  /** Tag of its list of manifests when all of it was here, in hex. */
  listTag: z.string().optional(),
  /** Tag of the copy at that time. */
  copyTag: z.string().optional(),
});
export type CopyState = z.infer<typeof stateShape>;

const listingShape = z.array(
  z.object({
    batch: z.number(),
    files: z.number(),
    tag: z.string(),
    text: z.string(),
    writtenUtcS: z.number(),
  }),
);

export class HomeCopy {
  readonly path: string;
  readonly instrument: InstrumentArchive;
  readonly #lock: DirectoryLock | undefined;
  readonly #listing = new ManifestListing(SYSTEM_DISK);

  private constructor(path: string, lock?: DirectoryLock) {
    this.path = path;
    this.instrument = new InstrumentArchive({ disk: SYSTEM_DISK, folder: async () => path });
    this.#lock = lock;
  }

  /** To be looked at only; it need not be there. */
  static of(path: string): HomeCopy {
    return new HomeCopy(path);
  }

  /** Throws DATADIR_IO for what is no folder. */
  static async isThere(path: string): Promise<boolean> {
    const stat = await onDisk(path, () => SYSTEM_DISK.stat(path));
    if (stat?.isFile === true)
      throw new VscopeError("DATADIR_IO", `${path}: is a file, the copy is a folder`);
    return stat !== undefined;
  }

  /** Makes the folder if necessary. Throws SERVER_CONFLICT when a server or another sync uses it, DATADIR_IO. */
  static async open(path: string): Promise<HomeCopy> {
    try {
      await onDisk(path, () => makeFolders(SYSTEM_DISK, path));
      return new HomeCopy(path, await lockDirectory(path, SILENT));
    } catch (error) {
      if (isVscopeError(error, "SERVER_CONFLICT")) throw error;
      throw new VscopeError("DATADIR_IO", `${path}: cannot be written to: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  close(): void {
    this.#lock?.release();
  }

  /** The number of its own that it may have. */
  async identity(): Promise<string | undefined> {
    return (await readIdentity(SYSTEM_DISK, this.path))?.uuid;
  }

  async state(): Promise<CopyState> {
    const text = await this.#text(join(this.path, COPY_FILE));
    return text === undefined ? {} : (stateShape.safeParse(parsedJson(text)).data ?? {});
  }

  async keepState(state: CopyState): Promise<void> {
    await replaceDurable(
      SYSTEM_DISK,
      join(this.path, COPY_FILE),
      Buffer.from(`${JSON.stringify(state)}\n`),
      NEVER,
    );
  }

  /** Another one when a manifest here has changed, or files of one are gone. */
  async tag(): Promise<string> {
    if ((await onDisk(this.path, () => SYSTEM_DISK.stat(this.path))) === undefined) return "";
    const entries = await onDisk(this.path, () => SYSTEM_DISK.list(this.path));
    const lines = (await this.instrument.whole()).map((set) => `${INSTRUMENT_FOLDER}/${set}\n`);
    for (const { name } of entries) {
      const batches = isRunFolderName(name) && isSafeName(name) ? await this.batches(name) : [];
      if (batches.length > 0) lines.push(`${name}/${runTagOf(batches)}\n`);
    }
    return tagOf(lines.sort(compareText).join(""));
  }

  /** What is here of a run: the manifests of which no file is gone. */
  async batches(run: string): Promise<readonly BatchTag[]> {
    const folder = this.#folder(run);
    if ((await SYSTEM_DISK.stat(folder))?.isFolder !== true) return [];
    const entries = await onDisk(folder, () => SYSTEM_DISK.list(folder));
    const names = new Set(entries.map(({ name }) => name));
    const whole: BatchTag[] = [];
    for (const batch of await this.#listing.batches(folder)) {
      const lines = await this.lines(run, listName(batch.batch));
      if (lines.every(({ name }) => names.has(name))) whole.push(batch);
    }
    return whole;
  }

  /** Of a manifest that is here; none without it. */
  async lines(run: string, name: string): Promise<readonly ManifestLine[]> {
    return readManifest(String((await this.text(run, name)) ?? "")).lines;
  }

  /** A manifest or list of events; undefined when it is not here. */
  async text(run: string, name: string): Promise<Buffer | undefined> {
    const path = join(this.#folder(run), name);
    return onDisk(path, async () =>
      (await SYSTEM_DISK.stat(path)) === undefined ? undefined : SYSTEM_DISK.read(path),
    );
  }

  /**
   * Whether the file of this line is here; `other` when a file of that name has another content. What has the known hash,
   * by a manifest that is here, is not read again.
   */
  async look(
    run: string,
    { name, sha256 }: ManifestLine,
    known: Uint8Array | undefined,
  ): Promise<"here" | "missing" | "other"> {
    const path = join(this.#folder(run), name);
    if ((await onDisk(path, () => SYSTEM_DISK.stat(path))) === undefined) return "missing";
    if (known !== undefined && Buffer.compare(known, sha256) === 0) return "here";
    return hasHash(await onDisk(path, () => SYSTEM_DISK.read(path)), sha256) ? "here" : "other";
  }

  /** Puts what has come of a file in its place when it has the hash of the line: its bytes, or else undefined. */
  async placePart(run: string, { name, sha256 }: ManifestLine, part: PartFile): Promise<number | undefined> {
    const { path, bytes } = part;
    if (path === undefined || !(await hashOfFile(path)).equals(sha256)) {
      part.remove();
      return undefined;
    }
    const folder = this.#folder(run);
    await onDisk(folder, () => makeFolders(SYSTEM_DISK, folder));
    await moveDurable(SYSTEM_DISK, path, join(folder, name));
    return bytes;
  }

  /** The list of all batches of a run that an earlier sync has asked for, while not all of it is here. */
  async listing(run: string): Promise<readonly BatchTag[]> {
    const text = await this.#text(this.#listingPath(run));
    return text === undefined ? [] : (listingShape.safeParse(parsedJson(text)).data ?? []);
  }

  /** Undefined: all of it is here. */
  async keepListing(run: string, batches: readonly BatchTag[] | undefined): Promise<void> {
    const path = this.#listingPath(run);
    if (batches !== undefined) {
      await onDisk(path, () => makeFolders(SYSTEM_DISK, dirname(path)));
      await replaceDurable(SYSTEM_DISK, path, Buffer.from(JSON.stringify(batches)), NEVER);
    } else if ((await onDisk(path, () => SYSTEM_DISK.stat(path))) !== undefined)
      await onDisk(path, () => SYSTEM_DISK.remove(path));
  }

  /** What has come of a file so far. */
  part(run: string, name: string): PartFile {
    return new PartFile(join(this.path, PARTS_FOLDER, this.#name(run)), name);
  }

  /** Puts a file in its place; resolves when it survives a power cut. */
  async place(run: string, name: string, bytes: Uint8Array): Promise<void> {
    const folder = this.#folder(run);
    await onDisk(folder, () => makeFolders(SYSTEM_DISK, folder));
    await replaceDurable(SYSTEM_DISK, join(folder, name), bytes, NEVER);
  }

  async #text(path: string): Promise<string | undefined> {
    return onDisk(path, async () =>
      (await SYSTEM_DISK.stat(path)) === undefined ? undefined : String(await SYSTEM_DISK.read(path)),
    );
  }

  #listingPath(run: string): string {
    return join(this.path, PARTS_FOLDER, this.#name(run), LISTING_FILE);
  }

  #folder(run: string): string {
    return join(this.path, this.#name(run));
  }

  // The name comes from the far end: it must not lead out of the copy.
  #name(run: string): string {
    if (isRunFolderName(run) && isSafeName(run)) return run;
    throw new VscopeError("DEVICE_PROTOCOL", `the server has a run ${quoted(run)}, which is no name of one`);
  }
}

/** Whether a name leads nowhere else on any computer: a backslash parts folders on Windows. */
export function isSafeName(name: string): boolean {
  return isSegment(name) && !name.includes("\\");
}

/** The manifest of a batch, or the list of events. */
export function listName(batch: number): string {
  if (batch === EVENTS) return EVENTS_FILE;
  return batch === OTHER ? OTHER_MANIFEST : manifestName(batch);
}

async function hashOfFile(path: string): Promise<Buffer> {
  const hash = createHash("sha256");
  return onDisk(path, async () => {
    for await (const piece of createReadStream(path)) hash.update(piece);
    return hash.digest();
  });
}

export function hasHash(bytes: Uint8Array, sha256: Uint8Array): boolean {
  return createHash("sha256").update(bytes).digest().equals(sha256);
}
