// Whether the medium of a data directory is there: mounts it, opens it, notices that it was pulled out or changed,
// and takes it up again when it is back.

import { NEVER } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { deviceNumber, isDetached } from "./medium/block-device.ts";
import { CatalogueKeeper } from "./catalogue-keeper.ts";
import { readCurrentRun, storeCurrentRun } from "./current-run.ts";
import { ABSENT, type DataDirectoryStatus, NO_CATALOGUE } from "./data-directory-status.ts";
import { type Disk, type DiskSpace, onDisk } from "./disk/disk.ts";
import type { KnownDirectories } from "./medium/known-directories.ts";
import { Medium, type MountOptions, type MountSystem } from "./medium/medium.ts";
import { MediumWatch } from "./medium/medium-watch.ts";
import { Refresher } from "./medium/refresher.ts";
import { MediumNews } from "./medium-news.ts";
import { DEFAULT_RUN } from "./run-name.ts";
import { Session } from "./session.ts";
import type { Writer } from "./writer.ts";

export interface PresenceParts {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: Disk;
  readonly writer: Writer;
  readonly reserveBytes: number;
  /** Present when the server mounts and unmounts the medium itself. */
  readonly mount?: MountOptions;
  readonly system: MountSystem;
  readonly uuid?: string;
  readonly requireMount?: boolean;
  readonly known: KnownDirectories;
  /** Whether a batch is under way: then the medium stays as it is. */
  readonly isRecording: () => boolean;
}

const REFRESH_US = 10 * SECOND;
const UNMOUNTED = "unmounted on request, vscope put /datadir/mount true mounts it again";

export class Presence {
  readonly #parts: PresenceParts;
  readonly #medium: Medium | undefined;
  readonly #watch: MediumWatch | undefined;
  readonly #status: Cell<DataDirectoryStatus>;
  readonly #currentRun = new Cell(DEFAULT_RUN);
  readonly #exchanges = new Cell(0);
  readonly #refresher: Refresher;
  readonly #news: MediumNews;
  #session: Session | undefined;
  /** Why the last mounting has failed. */
  #problem: unknown;
  #told: string | undefined;
  /** What was there lay on another file system than `/`: without it the path is bare. */
  #wasOnOwnMedium = false;
  #keeper: CatalogueKeeper | undefined;
  #isClosed = false;

  constructor(parts: PresenceParts) {
    const { mount, system, log, clock, reserveBytes } = parts;
    this.#parts = parts;
    this.#medium = mount === undefined ? undefined : new Medium(mount, log, system);
    this.#watch = this.#medium === undefined ? undefined : new MediumWatch(this.#medium);
    this.#status = new Cell<DataDirectoryStatus>({
      ...ABSENT,
      reserveBytes,
      ...NO_CATALOGUE,
      problem: undefined,
    });
    this.#news = new MediumNews(parts);
    this.#refresher = new Refresher(clock, REFRESH_US, () => this.#refresh());
  }

  get status(): ReadableCell<DataDirectoryStatus> {
    return this.#status;
  }

  /** Counts the moments since which another medium, with runs of the same names, may be there. */
  get exchanges(): ReadableCell<number> {
    return this.#exchanges;
  }

  get currentRun(): ReadableCell<string> {
    return this.#currentRun;
  }

  /** Keeps the catalogue up to date; undefined while the medium is not there. */
  get keeper(): CatalogueKeeper | undefined {
    return this.#keeper;
  }

  /** From now on a medium that goes or comes is noticed without being asked for. */
  watch(): void {
    this.#refresher.start();
  }

  /** Mounts and opens unless that is done. Throws DATADIR_NOT_MOUNTED, DATADIR_WRONG, SERVER_CONFLICT, DATADIR_IO. */
  async mount(signal: AbortSignal): Promise<void> {
    if ((await this.#session?.isPresent()) === true) return;
    await this.#detach();
    await this.#mount(signal);
  }

  /** Closes and unmounts, so that the medium can be taken out. Throws STATE_CONFLICT when this server does not mount. */
  async unmount(signal: AbortSignal): Promise<void> {
    if (this.#medium === undefined)
      throw new VscopeError("STATE_CONFLICT", `${this.#parts.path}: not mounted by this server`);
    await this.#release(this.#medium, signal);
    await this.#watch?.unmounted();
    this.#news.unmounted();
    this.#show({ problem: UNMOUNTED });
  }

  /** Makes a run the current one, and its folder if necessary. Throws VALUE_INVALID with the rule for names. */
  async setCurrentRun(run: string): Promise<void> {
    const { folders, path } = await this.require();
    const name = await folders.ensure(run);
    await storeCurrentRun(this.#parts, path, name);
    this.#currentRun.set(name);
  }

  /**
   * The session, before every use: a medium can be pulled out at any moment, and the bare mount point must stay empty.
   * Throws DATADIR_NOT_MOUNTED, or DATADIR_WRONG where that is why.
   */
  async require(): Promise<Session> {
    const session = this.#session;
    if (session !== undefined && (await session.isPresent())) return session;
    this.#showAbsent(session);
    this.#exchanges.set(this.#exchanges.value + 1);
    throw isVscopeError(this.#problem, "DATADIR_WRONG") ? this.#problem : this.notMounted();
  }

  /** As `require`, to record. Throws DATADIR_IO on a read-only medium, too. */
  async requireWritable(): Promise<Session> {
    const session = await this.require();
    if (!this.#status.value.readOnly) return session;
    throw new VscopeError("DATADIR_IO", `data directory ${this.#parts.path}: the medium is read-only`);
  }

  notMounted(cause?: unknown): VscopeError {
    const fact = `data directory ${this.#parts.path}: the medium is not there`;
    return new VscopeError("DATADIR_NOT_MOUNTED", fact, { cause });
  }

  showSpace(space: DiskSpace): void {
    if (this.#session !== undefined) this.#showPresent(this.#session, space);
  }

  /** Whether it is still the session of the medium that is there. */
  isCurrent(session: Session): boolean {
    return session === this.#session;
  }

  /**
   * Looks at the medium at once, because something could not be written to it: it may be gone, or read-only. Whether it is
   * read-only, which the status then shows already. Never throws.
   */
  async hasFailed(session: Session): Promise<boolean> {
    this.#refresher.now();
    const readOnly = this.#status.value.readOnly || (await session.isReadOnly().catch(() => false));
    if (readOnly && this.isCurrent(session)) this.#showReadOnly(session, true);
    return readOnly;
  }

  /** From now on nothing is mounted any more. Call before the writer is idle, `close` after it. */
  async stop(): Promise<void> {
    this.#isClosed = true;
    await this.#refresher.stop();
  }

  async close(): Promise<void> {
    await this.#detach();
  }

  async #mount(signal: AbortSignal): Promise<void> {
    try {
      await this.#medium?.mount(signal);
      await this.#attach();
      this.#watch?.mounted();
      this.#problem = undefined;
      this.#told = undefined;
    } catch (error) {
      this.#problem = error;
      this.#show({ problem: messageOf(error) });
      if (isVscopeError(error, "DATADIR_WRONG")) await this.#putBack(signal);
      throw error;
    }
  }

  // So that it can be taken out, and is not checked and mounted again and again meanwhile.
  async #putBack(signal: AbortSignal): Promise<void> {
    try {
      await this.#medium?.unmount(signal);
      await this.#watch?.unmounted();
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, "the wrong medium stays mounted");
    }
  }

  async #release(medium: Medium, signal: AbortSignal): Promise<void> {
    const isFree = await this.#detach();
    try {
      await medium.unmount(signal);
    } catch (error) {
      if (await medium.isMounted()) await this.#attach();
      if (isFree || !isVscopeError(error, "STATE_CONFLICT")) throw error;
      // Nothing interrupts it: SQLite is asked for one thing at a time.
      const fact = "the end of a search or check of the catalogue is waited for, try again in a minute";
      throw new VscopeError("STATE_CONFLICT", `${messageOf(error)}: ${fact}`, { cause: error });
    }
  }

  async #attach(): Promise<void> {
    if (this.#isClosed) throw this.notMounted();
    const { path, disk, writer } = this.#parts;
    const session = await Session.open({ ...this.#parts, table: this.#parts.system });
    try {
      this.#currentRun.set(await readCurrentRun(this.#parts, session, this.#currentRun.value));
      const space = await onDisk(path, () => disk.space(session.path));
      await this.#introduce(session);
      const keeper = new CatalogueKeeper({
        ...this.#parts,
        session,
        show: (change) => this.#show(change),
        alone: (job) => writer.run(() => this.#on(session, job)),
      });
      await keeper.start();
      if (!session.wasReadOnly) await this.#news.writable(session, this.#currentRun.value);
      this.#keeper = keeper;
      this.#session = session;
      // At the end: whoever asks until then is told that it is not there, and shows so.
      this.#showReadOnly(session, session.wasReadOnly);
      this.#showPresent(session, space);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** False when a thread that searched the catalogue still keeps its file open. */
  async #detach(): Promise<boolean> {
    const session = this.#session;
    await this.#keeper?.stop();
    this.#keeper = undefined;
    this.#session = undefined;
    const isFree = (await session?.close()) ?? true;
    this.#show({ ...ABSENT, ...NO_CATALOGUE });
    return isFree;
  }

  async #on<T>(session: Session, job: () => Promise<T>): Promise<T> {
    if ((await this.require()) !== session) throw this.notMounted();
    return job();
  }

  async #introduce(session: Session): Promise<void> {
    const { uuid } = session;
    this.#wasOnOwnMedium = await session.isOnOwnMedium();
    if (uuid === undefined) return;
    const behindUs = this.#parts.known.seen({ uuid, ...(await session.place()) });
    if (behindUs < SECOND || session.wasReadOnly) return;
    // A computer without a battery for its clock; times of spectra before and after do not fit together.
    const event = { event: "clock-set-back", byS: -behindUs / SECOND };
    await this.#news.note(session, this.#currentRun.value, event);
  }

  // The status follows a medium that is pulled out or made read-only, and the space that others use.
  async #refresh(): Promise<void> {
    const { path, disk } = this.#parts;
    const session = this.#session;
    try {
      const present = await this.require();
      const space = await onDisk(path, () => disk.space(present.path));
      const readOnly = await present.isReadOnly();
      if (session !== this.#session) return;
      this.#showPresent(present, space);
      this.#showReadOnly(present, readOnly);
      if (present.uuid !== undefined) this.#parts.known.stillThere(present.uuid);
    } catch {
      this.#showAbsent(session);
    }
    if (!this.#status.value.mounted) await this.#inTurn(() => this.#replaceLost());
    else if (this.#isOrWasReadOnly()) await this.#inTurn(() => this.#mend());
    else this.#watch?.works();
    if (this.#status.value.mounted && !this.#status.value.readOnly) await this.#keeper?.look();
  }

  #isOrWasReadOnly(): boolean {
    const wasReadOnly = this.#news.wasReadOnly || this.#session?.wasReadOnly === true;
    return wasReadOnly || this.#status.value.readOnly;
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const { path, log, writer } = this.#parts;
    try {
      await writer.run(task);
    } catch (problem) {
      const reason = messageOf(problem);
      // A mount point can stay empty for days.
      if (reason !== this.#told) log.warn({ path, reason }, "the medium of the data directory is not usable");
      this.#told = reason;
    }
  }

  async #mend(): Promise<void> {
    const { path, log } = this.#parts;
    const session = this.#session;
    if (session === undefined || this.#isClosed) return;
    if (!this.#status.value.readOnly) return this.#writable(session);
    // A switch on the card, or damage that a check has not mended, stays as it is.
    if (this.#medium === undefined || session.wasReadOnly || this.#parts.isRecording()) return;
    if ((await this.#watch?.takeTurn()) !== true) return;
    log.warn({ path }, "the medium is read-only, it is checked and mounted again");
    await this.#release(this.#medium, NEVER);
    await this.#mount(NEVER);
  }

  async #writable(session: Session): Promise<void> {
    if (!session.wasReadOnly) return this.#news.writable(session, this.#currentRun.value);
    // What was opened while nobody could write has no lock.
    await this.#detach();
    await this.#attach();
  }

  // A medium that was pulled out is let go, so that the kernel forgets it; when it is back, it is mounted.
  async #replaceLost(): Promise<void> {
    const { path, log } = this.#parts;
    if (this.#isClosed) return;
    if ((await this.#session?.isLost()) === true) {
      log.error({ path }, "the medium of the data directory was pulled out");
      await this.#detach();
      await this.#medium?.dropDead(NEVER);
    } else if ((await this.#session?.isReplaced()) === true) await this.#detach();
    if (this.#session !== undefined || !(await this.#mayMount())) return;
    await this.#mount(NEVER);
  }

  // Where another program mounts it, the folder that is there without it is the bare mount point, on the disk of the
  // computer itself. What fstab and the configuration say, the session looks at.
  async #mayMount(): Promise<boolean> {
    const { path, disk } = this.#parts;
    if (this.#watch !== undefined) {
      if (!(await this.#watch.isPlugged())) this.#forgetProblem();
      return this.#watch.takeTurn();
    }
    if (!this.#wasOnOwnMedium) return true;
    const folder = await disk.stat(path);
    const root = await disk.stat("/");
    if (folder?.isFolder !== true || folder.device === root?.device) return false;
    // A mount outlives its stick.
    return !(await isDetached(deviceNumber(folder.device), disk));
  }

  // Whatever was wrong with the medium that has been taken out; the next one is mounted without being asked for.
  #forgetProblem(): void {
    this.#problem = undefined;
    if (this.#status.value.problem === UNMOUNTED) this.#show({ problem: undefined });
  }

  // Another session may have begun while this one was looked at.
  #showAbsent(session: Session | undefined): void {
    if (session !== this.#session) return;
    if (this.#status.value.mounted) this.#news.away();
    this.#show(ABSENT);
  }

  #showPresent(session: Session, space: DiskSpace): void {
    const { uuid, fileSystem } = session;
    const isNew = !this.#status.value.mounted;
    this.#show({ mounted: true, ...space, uuid, fileSystem, problem: undefined });
    if (!isNew) return;
    // Also where the session outlives it, as when somebody unmounts and mounts it: files can have been changed elsewhere.
    this.#news.mounted(session);
    this.#exchanges.set(this.#exchanges.value + 1);
  }

  #showReadOnly(session: Session, readOnly: boolean): void {
    if (readOnly && !this.#status.value.readOnly) this.#news.readOnly(session);
    this.#show({ readOnly });
  }

  #show(change: Partial<DataDirectoryStatus>): void {
    this.#status.set({ ...this.#status.value, ...change });
  }
}
