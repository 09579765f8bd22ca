// Gives every spectra file its line in a manifest: the last ones before a crash, those of older versions, those added by
// hand. It takes the writer's turn for some files at a time, so that recording goes on beside it.

import { createHash } from "node:crypto";
import { type Clock, isoUtc } from "../../base/clock.ts";
import { isVscopeError, messageOf } from "../../base/errors.ts";
import { grouped } from "../../base/grouped.ts";
import type { Log } from "../../base/log.ts";
import { parsePico } from "../../spectra/pico-reader.ts";
import type { FileRow } from "../catalogue/catalogue-row.ts";
import { type Disk, onDisk } from "../disk/disk.ts";
import { isInBadRow, type Manifest, type ManifestLine, manifestOf } from "./manifest.ts";
import { addLines, fillHoles, prepareManifest, wholeManifest, zerosComment } from "./manifest-file.ts";
import { isProvenBeside } from "./batch-check.ts";
import type { Presence } from "../presence.ts";
import type { Session } from "../session.ts";
import type { Writer } from "../writer.ts";

export interface ManifestCareParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: Writer;
  readonly presence: Presence;
}

/** Files of one manifest. */
interface Shelf {
  readonly session: Session;
  readonly run: string;
  readonly manifest: string;
  readonly files: readonly string[];
  /** As it was found. */
  readonly known: Manifest;
}

/** Some 50 ms of reading on a small computer. */
const FILES_A_TURN = 10;
const ZEROS_STAY =
  "a manifest has zeros in the place of lines, and the catalogue does not prove these files: compare them with a copy, then remove the rows";
const CHANGED = "no checksum is added: the file is not what the catalogue knows, see vscope verify";

export class ManifestCare {
  readonly #parts: ManifestCareParts;
  /** The session whose files have been looked through. */
  #done: Session | undefined;
  #isBehind = false;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ManifestCareParts) {
    this.#parts = parts;
  }

  /** Looks through all runs in the background, once for each time that the medium has come. */
  start(): void {
    if (this.#isStopped || !this.#parts.presence.status.value.mounted) return;
    this.#running = this.#running.then(() => this.#lookThrough());
  }

  /** A file may be whole and without a line. */
  missed(): void {
    this.#isBehind = true;
  }

  /** Looks through all runs again if files were missed. */
  catchUp(): void {
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.#done = undefined;
    this.start();
  }

  /** Resolves when nothing is looked through. */
  settled(): Promise<void> {
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  // A medium that takes no line can still be read, and recorded onto another time.
  async #lookThrough(): Promise<void> {
    const { log, presence, writer } = this.#parts;
    try {
      const session = await writer.run(() => presence.require());
      if (session === this.#done) return;
      this.#done = session;
      for (const run of await session.folders.names()) await this.#run(session, run);
    } catch (error) {
      this.#isBehind = true;
      if (isVscopeError(error, "DATADIR_NOT_MOUNTED")) return;
      log.warn({ reason: messageOf(error) }, "checksums cannot be added to the manifests");
    }
  }

  async #run(session: Session, run: string): Promise<void> {
    const names = await session.folders.passingOver(
      run,
      async () => (await session.folders.listing(run)).names,
      () => [],
    );
    let added = 0;
    for (const [manifest, files] of grouped(names, manifestOf)) {
      added += await this.#manifest({ session, run, manifest, files });
    }
    if (added > 0) this.#parts.log.info({ run, files: added }, "checksums are added to the manifests");
  }

  async #manifest(unread: Omit<Shelf, "known">): Promise<number> {
    const { disk } = this.#parts;
    const path = pathOf(unread, unread.manifest);
    const known = await unread.session.folders.passingOver(
      unread.run,
      () => this.#turn(unread, () => wholeManifest(disk, path)),
      () => undefined,
    );
    if (known === undefined) return 0;
    const shelf = { ...unread, known };
    if (known.badRows.length > 0) this.#tellBadRows(shelf, known.badRows.length);
    const names = new Set(known.lines.map(({ name }) => name));
    const lacking = shelf.files.filter((file) => !names.has(file) && !isInBadRow(known, file));
    let added = 0;
    for (let from = 0; from < lacking.length; from += FILES_A_TURN) {
      const files = lacking.slice(from, from + FILES_A_TURN);
      added += await this.#turn(shelf, () => this.#add({ ...shelf, files }));
    }
    if (known.holes.length > 0) await this.#turn(shelf, () => this.#fillHoles(shelf));
    return added;
  }

  // As long as a file of the batch is without a line, the zeros tell that one may have been there.
  async #fillHoles(shelf: Shelf): Promise<void> {
    const { disk, clock, log } = this.#parts;
    const { run, manifest, files } = shelf;
    const path = pathOf(shelf, manifest);
    const { lines, holes } = await wholeManifest(disk, path);
    const names = new Set(lines.map(({ name }) => name));
    const open = files.filter((file) => !names.has(file));
    const facts = { run, manifest, rows: holes.length };
    if (open.length > 0) return log.warn({ ...facts, files: open }, ZEROS_STAY);
    await fillHoles(disk, path, zerosComment(clock));
    log.warn(
      facts,
      "a manifest had zeros in the place of lines: the catalogue has proven the files, they have new ones",
    );
  }

  #tellBadRows({ run, manifest }: Shelf, rows: number): void {
    this.#parts.log.warn(
      { run, manifest, rows },
      "a manifest has rows that cannot be read: they stay as they are",
    );
  }

  async #add(shelf: Shelf): Promise<number> {
    const { disk, clock } = this.#parts;
    const { session, run, manifest, files, known } = shelf;
    const rows = session.catalogue.rowsOf(run, files);
    const lines: ManifestLine[] = [];
    for (const name of files) {
      const sha256 = await this.#sumOf(pathOf(shelf, name));
      if (sha256 === undefined) continue;
      const isProven = known.holes.length === 0 || isProvenBeside(known, rows.get(name), { name, sha256 });
      if (isProven && isAsKnown(rows.get(name), sha256)) lines.push({ sha256, name });
      else this.#parts.log.warn({ run, file: name }, CHANGED);
    }
    if (lines.length === 0) return 0;
    const path = pathOf(shelf, manifest);
    const isNew = await prepareManifest(disk, path);
    if (isNew) await disk.syncFolder(session.folders.pathOf(run));
    await addLines(disk, path, lines, `added ${isoUtc(clock.utcUs())}`);
    return lines.length;
  }

  // A file that is being copied in cannot be read yet: its sum would be wrong for ever.
  async #sumOf(path: string): Promise<Uint8Array | undefined> {
    try {
      const bytes = await this.#parts.disk.read(path);
      parsePico(String(bytes), path);
      return createHash("sha256").update(bytes).digest();
    } catch {
      return undefined;
    }
  }

  #turn<T>({ session, run }: Pick<Shelf, "session" | "run">, task: () => Promise<T>): Promise<T> {
    const { presence, writer } = this.#parts;
    return writer.run(async () => {
      if (this.#isStopped || (await presence.require()) !== session) throw presence.notMounted();
      return onDisk(session.folders.pathOf(run), task);
    });
  }
}

// A line for it would vouch for the change. What could not be read, as when it was half copied, was no content to keep.
function isAsKnown(row: FileRow | undefined, sha256: Uint8Array): boolean {
  if (row === undefined || row.sha256 === null || row.problem !== null) return true;
  return Buffer.compare(row.sha256, sha256) === 0;
}

function pathOf({ session, run }: Pick<Shelf, "session" | "run">, file: string): string {
  return session.folders.pathOf(run, file);
}
