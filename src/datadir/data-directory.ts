// The data directory: runs of spectra files on a medium that may come and go, indexed by a catalogue.
// Files first: a spectrum is safe when its file is; whatever happens to the catalogue, it is filled again from the files.
// Its parts: presence.ts (is the medium there), recordings.ts (what is written), shelf.ts (what can be read).

import { NEVER } from "../base/abort.ts";
import type { ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Batch } from "./batch.ts";
import { type Disk, SYSTEM_DISK } from "./disk/disk.ts";
import type { DataDirectoryStatus } from "./data-directory-status.ts";
import type { CatalogueKeeper, ReindexOptions, VerificationOptions } from "./catalogue-keeper.ts";
import type { IndexReport } from "./file-index.ts";
import { KnownDirectories, type KnownDirectory } from "./medium/known-directories.ts";
import { LongTask, type TaskProgress } from "./long-task.ts";
import { ManifestShelf } from "./checksums/manifest-shelf.ts";
import { LINUX_MOUNT, type MountOptions, type MountSystem, requireBelow } from "./medium/medium.ts";
import { ExportFolder } from "./export-folder.ts";
import { Notes } from "./notes.ts";
import { Presence } from "./presence.ts";
import { Removal } from "./removal.ts";
import { Recordings } from "./recordings.ts";
import { Shelf } from "./shelf.ts";
import type { VerificationReport } from "./checksums/verification-findings.ts";
import { Writer } from "./writer.ts";

export interface DataDirectoryOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk?: Disk;
  /** Space that recording leaves free; 64 MB when absent. */
  readonly reserveBytes?: number;
  /** Present when the server mounts and unmounts the medium itself. */
  readonly mount?: MountOptions;
  readonly system?: MountSystem;
  /** The only data directory that is opened; any when absent. */
  readonly uuid?: string;
  /** What lies on the file system of `/` is the bare mount point. */
  readonly requireMount?: boolean;
  /** Where the data directories that were here are kept; in memory only when absent. */
  readonly knownFile?: string;
  /** Removed runs are deleted after so many days; 30 when absent, 0: never. */
  readonly trashDays?: number;
  /** Program and version, written into every file. */
  readonly writer?: string;
}

const DEFAULT_RESERVE_BYTES = 64e6;
const DEFAULT_TRASH_DAYS = 30;

export class DataDirectory {
  readonly path: string;
  readonly notes: Notes;
  /** What lies here, to be read. */
  readonly shelf: Shelf;
  /** What there is to bring home. */
  readonly manifests: ManifestShelf;
  /** Compares the files with manifests and catalogue, on request. */
  readonly verification: LongTask<VerificationOptions, VerificationReport>;
  /** `reindex`, on request. */
  readonly reindexing: LongTask<ReindexOptions, IndexReport>;
  /** Takes runs away that nobody needs here any more. */
  readonly removal: Removal;
  readonly #known: KnownDirectories;
  readonly exports: ExportFolder;
  readonly #writer: Writer;
  readonly #presence: Presence;
  readonly #recordings: Recordings;

  private constructor(options: DataDirectoryOptions, known: KnownDirectories) {
    const { path, log, clock, disk = SYSTEM_DISK, reserveBytes = DEFAULT_RESERVE_BYTES } = options;
    const { system = LINUX_MOUNT } = options;
    this.path = path;
    this.#known = known;
    const writer = new Writer(`data directory ${path}`);
    const presence = new Presence({
      ...options,
      disk,
      writer,
      reserveBytes,
      system,
      known,
      isRecording: () => this.#recordings.underWay !== undefined,
    });
    const program = options.writer ?? "vscope-server";
    this.#writer = writer;
    this.#presence = presence;
    const parts = { disk, clock, log, writer, presence, reserveBytes };
    this.exports = new ExportFolder({ disk, presence, reserveBytes });
    // It would bring the export to the medium first, and the recording would wait for that.
    const hastenSyncs = async (of: string): Promise<void> => {
      if (this.exports.underWay === undefined) await disk.hastenSyncs(of);
    };
    const makeRoom = (): Promise<boolean> => this.exports.makeRoom();
    this.#recordings = new Recordings({ ...parts, disk: { ...disk, hastenSyncs }, program, makeRoom });
    this.shelf = new Shelf(disk, presence, log);
    this.manifests = new ManifestShelf(disk, presence);
    this.verification = new LongTask("verification", clock, async (asked, watch) =>
      (await this.#keeper()).verify(asked, watch),
    );
    this.reindexing = new LongTask("reindexing", clock, async (asked, watch) =>
      (await this.#keeper()).reindex(asked, watch),
    );
    const { manifests } = this;
    const { trashDays = DEFAULT_TRASH_DAYS } = options;
    const useOf = (run: string): string | undefined => this.#useOf(run);
    this.removal = new Removal({ ...parts, manifests, trashDays, useOf });
    presence.exchanges.subscribe(() => void this.#goOn(log));
    this.notes = new Notes({ disk, writer, folder: async () => (await presence.require()).path });
  }

  /**
   * Opens the data directory and makes it if necessary. A medium that is not there, or is the wrong one, is no error: the
   * status says so, and it is opened when it appears. Throws SERVER_CONFLICT when another server uses it, CONFIG_INVALID, DATADIR_IO.
   */
  static async open(options: DataDirectoryOptions): Promise<DataDirectory> {
    const { path, mount, clock, log } = options;
    if (mount !== undefined) requireBelow(path, mount);
    const known = await KnownDirectories.open({ path: options.knownFile, disk: SYSTEM_DISK, clock, log });
    const directory = new DataDirectory(options, known);
    try {
      await directory.mount(NEVER);
    } catch (error) {
      if (!isVscopeError(error, "DATADIR_NOT_MOUNTED", "DATADIR_WRONG")) throw error;
      log.warn({ path, reason: messageOf(error) }, "the data directory is not mounted");
    }
    directory.#presence.watch();
    directory.removal.trash.start();
    return directory;
  }

  get status(): ReadableCell<DataDirectoryStatus> {
    return this.#presence.status;
  }

  /** Counts the moments since which another medium, with runs of the same names, may be there. */
  get exchanges(): ReadableCell<number> {
    return this.#presence.exchanges;
  }

  /** Where recordings go unless they name a run. Survives a restart. */
  get currentRun(): ReadableCell<string> {
    return this.#presence.currentRun;
  }

  /** Makes a run the current one, and its folder if necessary. Throws VALUE_INVALID with the rule for names. */
  setCurrentRun(run: string): Promise<void> {
    return this.#writer.run(() => this.#presence.setCurrentRun(run));
  }

  /** Data directories that were here, the newest first. */
  get known(): ReadableCell<readonly KnownDirectory[]> {
    return this.#known.all;
  }

  /** Mounts and opens unless that is done. Throws DATADIR_NOT_MOUNTED, DATADIR_WRONG, SERVER_CONFLICT, DATADIR_IO. */
  mount(signal: AbortSignal): Promise<void> {
    return this.#writer.run(() => this.#presence.mount(signal));
  }

  /** Closes and unmounts, so that the medium can be taken out. Throws STATE_CONFLICT while a batch is recorded or exported. */
  unmount(signal: AbortSignal): Promise<void> {
    return this.#writer.run(async () => {
      const batch = this.#recordings.underWay;
      if (batch !== undefined) {
        const fact = `batch ${batch.number} of ${batch.run} is being recorded`;
        throw new VscopeError("STATE_CONFLICT", `${this.path}: ${fact}`);
      }
      if (this.exports.underWay !== undefined) {
        const fact = `export ${this.exports.underWay} is being written`;
        throw new VscopeError("STATE_CONFLICT", `${this.path}: ${fact}`);
      }
      await this.#presence.unmount(signal);
    });
  }

  /** Takes the next batch number of a run, for good. Throws VALUE_INVALID, DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  async startBatch(run: string): Promise<Batch> {
    const batch = await this.#recordings.start(run);
    const { uuid } = this.status.value;
    if (uuid !== undefined) this.#known.begun(uuid, batch);
    return batch;
  }

  /**
   * Reads what has changed into the catalogue, or all, in the place of what `reindexing` does; recording goes on meanwhile.
   * Throws STATE_CONFLICT when that is under way.
   */
  async reindex(
    onProgress: (progress: TaskProgress) => void,
    signal: AbortSignal,
    { isAll = false }: Partial<ReindexOptions> = {},
  ): Promise<IndexReport> {
    await this.reindexing.cancel();
    return (await this.#keeper()).reindex({ isAll }, { onProgress, signal });
  }

  /** Resolves when the files that were there at the start have their rows in the catalogue and their lines in manifests. */
  async indexed(): Promise<void> {
    await this.#presence.keeper?.settled();
    await this.#recordings.settled();
  }

  /** Ends when everything handed in is on disk. The medium stays mounted. */
  async close(): Promise<void> {
    // First, so that the reindexing is interrupted and not cancelled: the next start goes on with it.
    await this.#presence.keeper?.stop();
    await Promise.all([this.verification.cancel(), this.reindexing.cancel()]);
    await this.#presence.stop();
    await this.removal.trash.stop();
    await this.#recordings.stop();
    await this.#writer.idle();
    await this.#presence.close();
    await this.#known.written();
  }

  /** With a reindexing that was interrupted, when the files that came meanwhile are read. */
  async #goOn(log: Log): Promise<void> {
    const { keeper } = this.#presence;
    await keeper?.settled();
    if (keeper !== this.#presence.keeper || keeper?.hasToReindex !== true || this.reindexing.isRunning)
      return;
    log.info({}, "a reindexing that was interrupted goes on");
    this.reindexing.start({ isAll: false });
  }

  #useOf(run: string): string | undefined {
    if (run === this.currentRun.value) return "it is the current run";
    if (this.#recordings.isRecorded(run)) return "a batch of it is being recorded";
    if (this.exports.isExported(run)) return "it is being exported";
    if (this.verification.isRunning) return "the data directory is being verified";
    return this.reindexing.isRunning ? "the catalogue is being read anew" : undefined;
  }

  async #keeper(): Promise<CatalogueKeeper> {
    await this.#presence.require();
    const { keeper } = this.#presence;
    if (keeper === undefined) throw this.#presence.notMounted();
    return keeper;
  }
}
