// The data directory: runs of spectra files on a medium that may come and go, indexed by a catalogue.
// Files first: a spectrum is safe when its file is; whatever happens to the catalogue, it is filled again from the files.

import { NEVER } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";
import { Batch, type WrittenFile } from "./batch.ts";
import type { FileRow, SpectrumRow } from "./catalogue-row.ts";
import { type Disk, type DiskSpace, onDisk, SYSTEM_DISK } from "./disk.ts";
import { CatalogueKeeper } from "./catalogue-keeper.ts";
import type { IndexProgress, IndexReport } from "./file-index.ts";
import { Medium, type MountOptions, type MountSystem, requireBelow } from "./medium.ts";
import { MediumWatch } from "./medium-watch.ts";
import { Notes } from "./notes.ts";
import { readCurrentRun, storeCurrentRun } from "./current-run.ts";
import { RangeFile } from "./range-file.ts";
import { Refresher } from "./refresher.ts";
import { type FilePage, type RunDetail, readRunDetail } from "./run-detail.ts";
import type { RunPage, RunSummary } from "./run-folders.ts";
import { Session } from "./session.ts";
import { requireSpace } from "./space.ts";
import { storeSet } from "./spectra-store.ts";
import type { SpectrumQuery } from "./spectrum-query.ts";
import { Writer } from "./writer.ts";

export interface DataDirectoryOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk?: Disk;
  /** Space that recording leaves free; 64 MB when absent. */
  readonly reserveBytes?: number;
  /** Present when the server mounts and unmounts the medium itself. */
  readonly mount?: MountOptions & { readonly system?: MountSystem };
  /** Program and version, written into every file. */
  readonly writer?: string;
}

export interface DataDirectoryStatus {
  readonly mounted: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly reserveBytes: number;
  /** Files the catalogue has still to read; 0 when it is complete. */
  readonly filesToIndex: number;
}

/** A batch, and the session that it belongs to. */
interface Recording {
  readonly batch: Batch;
  readonly session: Session;
}

const DEFAULT_RESERVE_BYTES = 64e6;
const NO_SPACE: DiskSpace = { freeBytes: 0, totalBytes: 0 };
const REFRESH_US = 10 * SECOND;

export class DataDirectory {
  readonly path: string;
  readonly notes: Notes;
  readonly #options: DataDirectoryOptions;
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #reserveBytes: number;
  readonly #medium: Medium | undefined;
  readonly #watch: MediumWatch | undefined;
  readonly #writer: Writer;
  readonly #status: Cell<DataDirectoryStatus>;
  readonly #currentRun = new Cell("spectra");
  readonly #exchanges = new Cell(0);
  readonly #batches = new Set<Batch>();
  readonly #refresher: Refresher;
  #session: Session | undefined;
  #keeper: CatalogueKeeper | undefined;
  #isClosed = false;

  private constructor(options: DataDirectoryOptions) {
    const { path, mount, disk = SYSTEM_DISK, reserveBytes = DEFAULT_RESERVE_BYTES } = options;
    this.path = path;
    this.#options = options;
    this.#disk = disk;
    this.#log = options.log;
    this.#reserveBytes = reserveBytes;
    this.#medium = mount === undefined ? undefined : new Medium(mount, options.log, mount.system);
    this.#watch = this.#medium === undefined ? undefined : new MediumWatch(this.#medium);
    this.#writer = new Writer(`data directory ${path}`);
    const folder = async (): Promise<string> => (await this.#require()).path;
    this.notes = new Notes({ disk, writer: this.#writer, folder });
    this.#status = new Cell<DataDirectoryStatus>({
      mounted: false,
      ...NO_SPACE,
      reserveBytes,
      filesToIndex: 0,
    });
    this.#refresher = new Refresher(options.clock, REFRESH_US, () => this.#refresh());
  }

  /**
   * Opens the data directory and makes it if necessary. With `mount`, a medium that is not there is no error: the
   * status says so, and it is mounted when it appears. Throws SERVER_CONFLICT when another server uses it, CONFIG_INVALID, DATADIR_IO.
   */
  static async open(options: DataDirectoryOptions): Promise<DataDirectory> {
    const { path, mount } = options;
    if (mount !== undefined) requireBelow(path, mount);
    const directory = new DataDirectory(options);
    try {
      await directory.mount(NEVER);
    } catch (error) {
      if (mount === undefined || !isVscopeError(error, "DATADIR_NOT_MOUNTED")) throw error;
      options.log.warn({ path, reason: messageOf(error) }, "the data directory is not mounted");
    }
    directory.#refresher.start();
    return directory;
  }

  get status(): ReadableCell<DataDirectoryStatus> {
    return this.#status;
  }

  /** Counts the moments since which another medium, with runs of the same names, may be there. */
  get exchanges(): ReadableCell<number> {
    return this.#exchanges;
  }

  /** Where recordings go unless they name a run. Survives a restart. */
  get currentRun(): ReadableCell<string> {
    return this.#currentRun;
  }

  /** Mounts and opens unless that is done. Throws DATADIR_NOT_MOUNTED, SERVER_CONFLICT, DATADIR_IO. */
  mount(signal: AbortSignal): Promise<void> {
    return this.#writer.run(async () => {
      if ((await this.#session?.isPresent()) === true) return;
      await this.#detach();
      await this.#mount(signal);
    });
  }

  /** Closes and unmounts, so that the medium can be taken out. Throws STATE_CONFLICT while a batch is recorded. */
  unmount(signal: AbortSignal): Promise<void> {
    return this.#writer.run(async () => {
      const medium = this.#medium;
      if (medium === undefined)
        throw new VscopeError("STATE_CONFLICT", `${this.path}: not mounted by this server`);
      const [batch] = this.#batches;
      if (batch !== undefined) {
        throw new VscopeError(
          "STATE_CONFLICT",
          `${this.path}: batch ${batch.number} of ${batch.run} is being recorded`,
        );
      }
      await this.#detach();
      try {
        await medium.unmount(signal);
      } catch (error) {
        if (await medium.isMounted()) await this.#attach();
        throw error;
      }
      await this.#watch?.unmounted();
    });
  }

  /** Makes a run the current one, and its folder if necessary. Throws VALUE_INVALID with the rule for names. */
  setCurrentRun(run: string): Promise<void> {
    return this.#writer.run(async () => {
      const { folders, path } = await this.#require();
      const name = await folders.ensure(run);
      await storeCurrentRun(this.#disk, path, name);
      this.#currentRun.set(name);
    });
  }

  /** Runs, the most recently changed first. */
  async runs(page: RunPage): Promise<{ readonly total: number; readonly runs: readonly RunSummary[] }> {
    return (await this.#require()).folders.page(page);
  }

  /** Names of all runs, the most recently changed first; or of the files of one run, newest first. Throws RESOURCE_NOT_FOUND. */
  async names(run?: string): Promise<readonly string[]> {
    const { folders } = await this.#require();
    return run === undefined ? folders.names() : (await folders.listing(run)).names;
  }

  /** A run with a page of its files. Throws RESOURCE_NOT_FOUND. */
  async run(run: string, page: FilePage = {}): Promise<RunDetail> {
    return readRunDetail(run, await this.#require(), page);
  }

  /** A spectra file, read part by part. Throws RESOURCE_NOT_FOUND for whatever is not a spectra file of the run. */
  async openFile(run: string, file: string): Promise<RangeFile> {
    const { folders } = await this.#require();
    const stat = await folders.stat(run, file);
    return new RangeFile(this.#disk, folders.pathOf(run, file), stat);
  }

  /** Takes the next batch number of a run, for good. Throws VALUE_INVALID, DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  startBatch(run: string): Promise<Batch> {
    return this.#writer.run(async () => {
      const session = await this.#require();
      const { folders, path } = session;
      this.#showSpace(await requireSpace(this.#disk, path, { bytes: 0, reserveBytes: this.#reserveBytes }));
      const name = await folders.ensure(run);
      const number = await folders.reserveBatch(name, NEVER);
      const batch: Batch = new Batch({
        run: name,
        number,
        store: (set, isNew) => this.#writer.run(() => this.#storeFree({ batch, session }, set, isNew)),
        room: (signal) => this.#writer.room(signal),
        finished: () => this.#finished(batch),
      });
      this.#batches.add(batch);
      return batch;
    });
  }

  /** Spectra by their metadata, newest first. */
  async search(
    query: SpectrumQuery,
  ): Promise<{ readonly total: number; readonly spectra: readonly SpectrumRow[] }> {
    return (await this.#require()).catalogue.search(query);
  }

  /** A spectrum by its id, `run/file/position`. Throws RESOURCE_NOT_FOUND. */
  async spectrum(id: string): Promise<SpectrumRow> {
    const row = (await this.#require()).catalogue.spectrum(id);
    if (row === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `spectrum ${id}: there is none`);
    return row;
  }

  /** Files that cannot be read, with the reason. */
  async brokenFiles(): Promise<readonly FileRow[]> {
    return (await this.#require()).catalogue.brokenFiles();
  }

  /** Reads every file anew into the catalogue; recording goes on meanwhile. Throws STATE_CONFLICT when it runs already. */
  async reindex(onProgress: (progress: IndexProgress) => void, signal: AbortSignal): Promise<IndexReport> {
    if (this.#keeper === undefined) throw this.#notMounted();
    return this.#keeper.reindex({ onProgress, before: () => this.#require() }, signal);
  }

  /** Resolves when the catalogue has read the files it did not know at the start. */
  async indexed(): Promise<void> {
    await this.#keeper?.settled();
  }

  /** Ends when everything handed in is on disk. The medium stays mounted. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#refresher.stop();
    await this.#writer.idle();
    await this.#detach();
  }

  async #mount(signal: AbortSignal): Promise<void> {
    await this.#medium?.mount(signal);
    await this.#attach();
    this.#watch?.mounted();
  }

  async #attach(): Promise<void> {
    if (this.#isClosed) throw this.#notMounted();
    const session = await Session.open({ ...this.#options, disk: this.#disk });
    try {
      this.#currentRun.set(await readCurrentRun(this.#disk, session, this.#currentRun.value));
      this.#showSpace(await onDisk(this.path, () => this.#disk.space(session.path)));
      const keeper = new CatalogueKeeper(session, this.#log, (filesToIndex) => this.#show({ filesToIndex }));
      await keeper.start();
      this.#keeper = keeper;
      this.#session = session;
      this.#exchanges.set(this.#exchanges.value + 1);
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async #detach(): Promise<void> {
    const session = this.#session;
    await this.#keeper?.stop();
    this.#keeper = undefined;
    this.#session = undefined;
    session?.close();
    this.#show({ mounted: false, ...NO_SPACE, filesToIndex: 0 });
  }

  // Before every use: a medium can be pulled out at any moment, and the bare mount point must stay empty.
  async #require(): Promise<Session> {
    const session = this.#session;
    if (session !== undefined && (await session.isPresent())) return session;
    this.#exchanges.set(this.#exchanges.value + 1);
    this.#showAbsent(session);
    throw this.#notMounted();
  }

  // The status follows a medium that is pulled out, and the space that others use.
  async #refresh(): Promise<void> {
    const session = this.#session;
    try {
      const { path } = await this.#require();
      const space = await onDisk(path, () => this.#disk.space(path));
      if (session === this.#session) this.#showSpace(space);
    } catch {
      this.#showAbsent(session);
      await this.#writer
        .run(() => this.#replaceLost())
        .catch((problem: unknown) => {
          const reason = messageOf(problem);
          this.#log.warn({ path: this.path, reason }, "the data directory is not mounted");
        });
    }
  }

  // A medium that was pulled out is let go, so that the kernel forgets it; when it is back, it is mounted.
  async #replaceLost(): Promise<void> {
    if (this.#isClosed) return;
    if ((await this.#session?.isLost()) === true) {
      this.#log.error({ path: this.path }, "the medium of the data directory is gone");
      await this.#detach();
      await this.#medium?.dropDead(NEVER);
    }
    if (this.#session !== undefined || !(await this.#mayMount())) return;
    await this.#mount(NEVER);
    this.#log.info({ path: this.path }, "the data directory is mounted");
  }

  // Where another program mounts it, the folder that is there without it is the bare mount point, on the disk of the
  // computer itself.
  async #mayMount(): Promise<boolean> {
    if (this.#watch !== undefined) return this.#watch.takeTurn();
    const folder = await this.#disk.stat(this.path);
    const root = await this.#disk.stat("/");
    return folder?.isFolder === true && folder.device !== root?.device;
  }

  // Another session may have begun while this one was looked at.
  #showAbsent(session: Session | undefined): void {
    if (session === this.#session) this.#show({ mounted: false, ...NO_SPACE });
  }

  #notMounted(cause?: unknown): VscopeError {
    return new VscopeError("DATADIR_NOT_MOUNTED", `data directory ${this.path}: the medium is not there`, {
      cause,
    });
  }

  // A file of this number and sequence that the batch did not write was added by hand: the batch goes on with a free number.
  async #storeFree(recording: Recording, set: SpectraSet, isNew: boolean): Promise<WrittenFile> {
    const { batch, session } = recording;
    try {
      return await this.#store(recording, set);
    } catch (error) {
      if (!isNew || !isVscopeError(error, "STATE_CONFLICT")) throw error;
      const { run, number } = batch;
      batch.renumber(await session.folders.reserveBatchAnew(run, NEVER));
      const fact = { run, batch: batch.number, reason: messageOf(error) };
      this.#log.warn(fact, `batch ${number} is taken by files added by hand`);
      return this.#store(recording, set);
    }
  }

  async #store({ batch, session }: Recording, set: SpectraSet): Promise<WrittenFile> {
    const { run, number } = batch;
    // A medium that was put in meanwhile may have a batch of this number of its own.
    if ((await this.#require()) !== session) throw this.#notMounted();
    const origin = { run, batch: number, writer: this.#options.writer ?? "vscope-server" };
    const parts = { disk: this.#disk, log: this.#log, session, reserveBytes: this.#reserveBytes };
    try {
      const { written, space, isIndexed } = await storeSet(parts, origin, set);
      if (!isIndexed) this.#keeper?.missed(run);
      this.#showSpace({ ...space, freeBytes: space.freeBytes - written.bytes });
      return written;
    } catch (error) {
      // A write can fail after its file is in place.
      this.#keeper?.missed(run);
      if (!(await session.isLost().catch(() => false))) throw error;
      this.#refresher.now();
      throw this.#notMounted(error);
    }
  }

  async #finished(batch: Batch): Promise<void> {
    this.#batches.delete(batch);
    await this.#keeper?.catchUp();
  }

  #showSpace(space: DiskSpace): void {
    this.#show({ mounted: true, ...space });
  }

  #show(change: Partial<DataDirectoryStatus>): void {
    this.#status.set({ ...this.#status.value, ...change });
  }
}
