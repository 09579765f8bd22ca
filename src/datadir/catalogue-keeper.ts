// Brings the catalogue up to date: at the start, after a failed write, and wholly on request; and compares all with the files.
// What a crash left is read at once; a whole archive of older files is read while the server works.

import { NEVER, orAborted, withAny } from "../base/abort.ts";
import { breath, type Clock } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import { grouped } from "../base/grouped.ts";
import type { Log } from "../base/log.ts";
import type { CatalogueFault } from "./catalogue/catalogue-fault.ts";
import type { FileReference } from "./catalogue/catalogue-row.ts";
import { dropEvents } from "./catalogue/event-index.ts";
import type { DataDirectoryStatus } from "./data-directory-status.ts";
import type { Disk } from "./disk/disk.ts";
import type { IndexProgress, IndexReport } from "./file-index.ts";
import type { TaskWatch } from "./long-task.ts";
import { GrowingPause } from "./medium/growing-pause.ts";
import { repairsOf } from "./checksums/repairs.ts";
import type { Session } from "./session.ts";
import { type VerificationScope, verify } from "./checksums/verification.ts";
import type { VerificationReport } from "./checksums/verification-findings.ts";

// More than a crash can leave, few enough not to delay the start.
const AT_ONCE = 100;
/** Files that are dropped while everything else waits, some 10 ms on a small computer. */
const DROPPED = 25;

export interface ReindexOptions {
  /** Also files whose size, time and hash are as catalogued. */
  readonly isAll: boolean;
}

export interface VerificationOptions extends VerificationScope {
  /** Adds lines to manifests and rows to the catalogue. */
  readonly repairs: boolean;
}

export type CatalogueStatus = Partial<Pick<DataDirectoryStatus, "filesToIndex" | "catalogueProblem">>;

export interface KeeperParts {
  readonly session: Session;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  /** Is told how many files are still to be read, and what is wrong with the catalogue. */
  readonly show: (change: CatalogueStatus) => void;
  /** Runs a job while nothing is written, on the medium of the session. Throws DATADIR_NOT_MOUNTED. */
  readonly alone: <T>(job: () => Promise<T>) => Promise<T>;
}

export class CatalogueKeeper {
  readonly #parts: KeeperParts;
  readonly #session: Session;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  /** Runs with files that are written and not in the catalogue. */
  readonly #behind = new Set<string>();
  #background: Promise<unknown> = Promise.resolve();
  /** What was asked for and has not ended. */
  readonly #tasks = new Set<Promise<unknown>>();
  readonly #pause = new GrowingPause();
  /** Why it could not be opened again the last time. */
  #told = "";
  #isReindexing = false;
  #unsubscribe = (): void => {};

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#session = parts.session;
    this.#log = parts.log;
  }

  /** At the start: all runs. Sets aside what a power cut has left. */
  async start(): Promise<void> {
    const { catalogue } = this.#session;
    this.#unsubscribe = catalogue.fault.subscribe((fault) => this.#tell(fault));
    this.#tell(catalogue.fault.value);
    await this.#catchUp(await this.#allRuns(), true);
    if (catalogue.fault.value !== undefined || !catalogue.isOld) return;
    this.#parts.show({ filesToIndex: catalogue.filesToCopy() });
    this.#background = this.#background.then(() => this.#copyEarlier());
  }

  /** A file of the run is written, or may be, and not in the catalogue. */
  missed(run: string): void {
    this.#behind.add(run);
  }

  /** Drops what is gone and reads what is missing in runs with missed files: the first files now, the rest in the background. */
  async catchUp(): Promise<void> {
    const runs = [...this.#behind];
    this.#behind.clear();
    if (runs.length > 0) await this.#catchUp(runs, false);
  }

  /**
   * To be called every so often: opens a catalogue that has failed again, in the place of a damaged one an empty one, and
   * makes up for what it misses; what fails waits longer each time. Never throws.
   */
  async look(): Promise<void> {
    const isWell = this.#session.catalogue.fault.value === undefined && this.#behind.size === 0;
    if (isWell) this.#pause.end();
    if (isWell || this.#stopping.signal.aborted || !this.#pause.takeTurn()) return;
    const looking = this.#unlessStopped(NEVER, (signal) => this.#mend(signal)).catch((error: unknown) => {
      const reason = messageOf(error);
      // A medium can stay so for days.
      if (!this.#stopping.signal.aborted && reason !== this.#told)
        this.#log.error({ reason }, "the catalogue cannot be opened again now");
      this.#told = reason;
    });
    this.#background = Promise.all([this.#background, looking]);
    await looking;
  }

  /**
   * Reads the files; goes on where a reindexing was interrupted. Throws STATE_CONFLICT when that is being done,
   * DATADIR_NOT_MOUNTED, DATADIR_IO.
   */
  async reindex({ isAll }: ReindexOptions, { onProgress, signal }: TaskWatch): Promise<IndexReport> {
    if (this.#isReindexing)
      throw new VscopeError("STATE_CONFLICT", "catalogue: it is being read anew already");
    this.#isReindexing = true;
    try {
      return await this.#unlessStopped(signal, (joined) =>
        this.#reindex(isAll, { onProgress, signal: joined }),
      );
    } catch (error) {
      if (signal.aborted && !this.#stopping.signal.aborted) this.#session.catalogue.generations.cancel();
      throw error;
    } finally {
      this.#isReindexing = false;
    }
  }

  /** Whether the end of the server, or of the medium, has interrupted a reindexing. */
  get hasToReindex(): boolean {
    try {
      return !this.#isReindexing && this.#session.catalogue.generations.isInterrupted;
    } catch {
      // A catalogue that cannot tell is opened again, and filled.
      return false;
    }
  }

  /** Throws RESOURCE_NOT_FOUND for an unknown run, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  async verify(
    { repairs, ...scope }: VerificationOptions,
    { onProgress, signal }: TaskWatch,
  ): Promise<VerificationReport> {
    const { clock, disk, session } = this.#parts;
    const { folders, catalogue, index } = session;
    const report = await this.#unlessStopped(signal, async (joined) => {
      // What is left of a catalogue that is damaged is no witness.
      const damage = await this.#damage(scope, joined);
      const shelf = { disk, folders, catalogue: damage === undefined ? catalogue : undefined, damage };
      const mends =
        repairs && damage === undefined ? { repairs: repairsOf({ ...shelf, catalogue, clock, index }) } : {};
      const alone = <T>(job: () => Promise<T>): Promise<T> => this.#alone(job, joined);
      return verify({ ...shelf, ...mends, alone }, scope, { onProgress, signal: joined });
    });
    const { faults, counts } = report;
    if (faults > 0) this.#log.error({ faults, counts }, "the data directory is not as it was recorded");
    return report;
  }

  /** Files that could be read since the data directory was opened. */
  get filesRead(): number {
    return this.#session.index.filesRead;
  }

  /** Resolves when nothing is read in the background. */
  async settled(): Promise<void> {
    for (let background; background !== this.#background; ) await (background = this.#background);
  }

  /** Stops reading; what is missing is found again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(
      new VscopeError("OPERATION_CANCELLED", "catalogue: the data directory is being closed"),
    );
    this.#unsubscribe();
    await Promise.allSettled([this.#background, ...this.#tasks]);
  }

  #tell(fault: CatalogueFault | undefined): void {
    this.#parts.show({ catalogueProblem: fault?.reason });
    if (fault === undefined) return;
    const outcome = fault.isDamaged
      ? "is damaged and will be made anew"
      : "has failed and will be opened again";
    this.#log.error({ reason: fault.reason }, `the catalogue ${outcome}`);
  }

  async #mend(signal: AbortSignal): Promise<void> {
    const { catalogue, index } = this.#session;
    if (catalogue.fault.value !== undefined) {
      await this.#alone(() => catalogue.reopen(), signal);
      if (catalogue.fault.value !== undefined) return;
      this.#log.warn({}, "the catalogue is opened again");
      for (const run of await index.runs()) this.#behind.add(run);
    }
    await this.catchUp();
  }

  /** Why the catalogue cannot be trusted; undefined for one that can be. */
  async #damage({ run, sinceUtcUs }: VerificationScope, signal: AbortSignal): Promise<string | undefined> {
    const { catalogue } = this.#session;
    // A check that fails for another reason has found no damage.
    if (run === undefined && sinceUtcUs === undefined) await catalogue.check(signal).catch(() => undefined);
    signal.throwIfAborted();
    const fault = catalogue.fault.value;
    return fault?.isDamaged === true ? fault.reason : undefined;
  }

  async #unlessStopped<T>(signal: AbortSignal, task: (joined: AbortSignal) => Promise<T>): Promise<T> {
    const running = withAny([signal, this.#stopping.signal], task);
    this.#tasks.add(running);
    try {
      return await running;
    } finally {
      this.#tasks.delete(running);
    }
  }

  // The end of the session waits for this, and the turn of this for the end of the session: whoever stops it goes first.
  #alone<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const inTurn = this.#parts.alone(() => {
      signal.throwIfAborted();
      return job();
    });
    return orAborted(inTurn, signal);
  }

  async #reindex(isAll: boolean, { onProgress, signal }: TaskWatch): Promise<IndexReport> {
    const { index, catalogue } = this.#session;
    const { gone } = await index.differences(await index.runs());
    // In turn, because that throws when the medium is gone: then no file is.
    for (const slice of slices(gone)) await this.#alone(async () => catalogue.drop(slice), signal);
    const passesOverKnown = !catalogue.generations.begin(isAll);
    const files = await index.everything();
    const left = await this.#notRead(files);
    const before = files.length - left.length;
    const tell = ({ done }: IndexProgress): void => onProgress({ done: before + done, of: files.length });
    const { parsed } = await index.read(left, { onProgress: tell, passesOverKnown }, signal);
    catalogue.generations.end();
    const broken = catalogue
      .brokenFiles()
      .map(({ run, file, problem }) => ({ run, file, problem: problem ?? "" }));
    return { indexed: files.length - broken.length, parsed, dropped: gone.length, broken };
  }

  /** Those that the reindexing under way has still to read. */
  async #notRead(files: readonly FileReference[]): Promise<readonly FileReference[]> {
    const { catalogue } = this.#session;
    const left: FileReference[] = [];
    for (const [run, all] of grouped(files, (file) => file.run)) {
      const known = await catalogue.files(run);
      for (const reference of all)
        if (known.get(reference.file)?.generation !== catalogue.generations.present) left.push(reference);
    }
    return left;
  }

  // A catalogue that cannot be read keeps nobody from recording: files first.
  async #allRuns(): Promise<readonly string[]> {
    try {
      return await this.#session.index.runs();
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, "the catalogue cannot be read");
      return this.#session.folders.names();
    }
  }

  // Recording goes on where no row can be written, as on a full disk: another time.
  async #catchUp(runs: readonly string[], setsAsideEmpty: boolean): Promise<void> {
    try {
      await this.#bringUpToDate(runs, setsAsideEmpty);
    } catch (error) {
      this.#isBehind(runs, error);
    }
  }

  async #bringUpToDate(runs: readonly string[], setsAsideEmpty: boolean): Promise<void> {
    const { index, catalogue } = this.#session;
    const { missing, gone } = await index.differences(runs);
    // Where the medium has gone meanwhile all files look gone.
    if (!(await this.#session.isPresent()))
      throw new VscopeError("DATADIR_NOT_MOUNTED", "catalogue: the medium is not there");
    for (const slice of slices(gone)) {
      catalogue.drop(slice);
      await breath();
    }
    await dropEvents(this.#session);
    await index.read(missing.slice(0, AT_ONCE), { setsAsideEmpty }, this.#stopping.signal);
    const rest = missing.slice(AT_ONCE);
    if (rest.length > 0) this.#readLater(rest, setsAsideEmpty);
    if (missing.length + gone.length > 0) {
      this.#log.info({ missing: missing.length, gone: gone.length }, "the catalogue is brought up to date");
    }
  }

  #readLater(files: readonly FileReference[], setsAsideEmpty: boolean): void {
    this.#parts.show({ filesToIndex: files.length });
    const before = this.#background;
    this.#background = before.then(() => this.#readAll(files, setsAsideEmpty));
  }

  async #readAll(files: readonly FileReference[], setsAsideEmpty: boolean): Promise<void> {
    const onProgress = ({ done, of }: IndexProgress): void => {
      if (done % AT_ONCE === 0 || done === of) this.#parts.show({ filesToIndex: of - done });
    };
    try {
      await this.#session.index.read(files, { onProgress, setsAsideEmpty }, this.#stopping.signal);
    } catch (error) {
      this.#isBehind(new Set(files.map(({ run }) => run)), error);
    }
  }

  // What fails is tried again at the next start.
  async #copyEarlier(): Promise<void> {
    try {
      const onLeft = (filesToIndex: number): void => this.#parts.show({ filesToIndex });
      await this.#session.catalogue.copyEarlier(onLeft, this.#stopping.signal);
      this.#log.info({}, "the catalogue of an earlier version is taken over");
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#log.error(
        { reason: messageOf(error) },
        "the catalogue of an earlier version is taken over in part",
      );
    }
  }

  #isBehind(runs: Iterable<string>, error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    for (const run of runs) this.#behind.add(run);
    this.#log.error(
      { runs: [...this.#behind], reason: messageOf(error) },
      "the catalogue is behind the files",
    );
  }
}

function* slices(files: readonly FileReference[]): Iterable<readonly FileReference[]> {
  for (let from = 0; from < files.length; from += DROPPED) yield files.slice(from, from + DROPPED);
}
