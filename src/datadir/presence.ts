// Whether the medium of a data directory is there: mounts it, opens it, notices that it was pulled out or changed,
// and takes it up again when it is back.

import { NEVER } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { CatalogueKeeper } from "./catalogue-keeper.ts";
import { readCurrentRun, storeCurrentRun } from "./current-run.ts";
import { type Disk, type DiskSpace, onDisk } from "./disk.ts";
import { Medium, type MountOptions, type MountSystem } from "./medium.ts";
import { MediumWatch } from "./medium-watch.ts";
import { Refresher } from "./refresher.ts";
import { DEFAULT_RUN } from "./run-name.ts";
import { Session } from "./session.ts";
import type { Writer } from "./writer.ts";

export interface DataDirectoryStatus {
  readonly mounted: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly reserveBytes: number;
  /** Files the catalogue has still to read; 0 when it is complete. */
  readonly filesToIndex: number;
}

export interface PresenceParts {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: Disk;
  readonly writer: Writer;
  readonly reserveBytes: number;
  /** Present when the server mounts and unmounts the medium itself. */
  readonly mount?: MountOptions & { readonly system?: MountSystem };
}

const NO_SPACE: DiskSpace = { freeBytes: 0, totalBytes: 0 };
const REFRESH_US = 10 * SECOND;

export class Presence {
  readonly #parts: PresenceParts;
  readonly #medium: Medium | undefined;
  readonly #watch: MediumWatch | undefined;
  readonly #status: Cell<DataDirectoryStatus>;
  readonly #currentRun = new Cell(DEFAULT_RUN);
  readonly #exchanges = new Cell(0);
  readonly #refresher: Refresher;
  #session: Session | undefined;
  #keeper: CatalogueKeeper | undefined;
  #isClosed = false;

  constructor(parts: PresenceParts) {
    const { mount, log, clock, reserveBytes } = parts;
    this.#parts = parts;
    this.#medium = mount === undefined ? undefined : new Medium(mount, log, mount.system);
    this.#watch = this.#medium === undefined ? undefined : new MediumWatch(this.#medium);
    const filesToIndex = 0;
    this.#status = new Cell<DataDirectoryStatus>({ mounted: false, ...NO_SPACE, reserveBytes, filesToIndex });
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

  /** Mounts and opens unless that is done. Throws DATADIR_NOT_MOUNTED, SERVER_CONFLICT, DATADIR_IO. */
  async mount(signal: AbortSignal): Promise<void> {
    if ((await this.#session?.isPresent()) === true) return;
    await this.#detach();
    await this.#mount(signal);
  }

  /** Closes and unmounts, so that the medium can be taken out. Throws STATE_CONFLICT when this server does not mount. */
  async unmount(signal: AbortSignal): Promise<void> {
    const medium = this.#medium;
    if (medium === undefined)
      throw new VscopeError("STATE_CONFLICT", `${this.#parts.path}: not mounted by this server`);
    await this.#detach();
    try {
      await medium.unmount(signal);
    } catch (error) {
      if (await medium.isMounted()) await this.#attach();
      throw error;
    }
    await this.#watch?.unmounted();
  }

  /** Makes a run the current one, and its folder if necessary. Throws VALUE_INVALID with the rule for names. */
  async setCurrentRun(run: string): Promise<void> {
    const { folders, path } = await this.require();
    const name = await folders.ensure(run);
    await storeCurrentRun(this.#parts.disk, path, name);
    this.#currentRun.set(name);
  }

  /**
   * The session, before every use: a medium can be pulled out at any moment, and the bare mount point must stay empty.
   * Throws DATADIR_NOT_MOUNTED.
   */
  async require(): Promise<Session> {
    const session = this.#session;
    if (session !== undefined && (await session.isPresent())) return session;
    this.#exchanges.set(this.#exchanges.value + 1);
    this.#showAbsent(session);
    throw this.notMounted();
  }

  notMounted(cause?: unknown): VscopeError {
    const fact = `data directory ${this.#parts.path}: the medium is not there`;
    return new VscopeError("DATADIR_NOT_MOUNTED", fact, { cause });
  }

  showSpace(space: DiskSpace): void {
    this.#show({ mounted: true, ...space });
  }

  /** Looks at the medium at once. */
  lookNow(): void {
    this.#refresher.now();
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
    await this.#medium?.mount(signal);
    await this.#attach();
    this.#watch?.mounted();
  }

  async #attach(): Promise<void> {
    if (this.#isClosed) throw this.notMounted();
    const { path, disk, writer } = this.#parts;
    const session = await Session.open(this.#parts);
    try {
      this.#currentRun.set(await readCurrentRun(disk, session, this.#currentRun.value));
      this.showSpace(await onDisk(path, () => disk.space(session.path)));
      const keeper = new CatalogueKeeper({
        ...this.#parts,
        session,
        show: (filesToIndex) => this.#show({ filesToIndex }),
        alone: (job) => writer.run(() => this.#on(session, job)),
      });
      await keeper.start();
      this.#keeper = keeper;
      this.#session = session;
      this.#exchanges.set(this.#exchanges.value + 1);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #detach(): Promise<void> {
    const session = this.#session;
    await this.#keeper?.stop();
    this.#keeper = undefined;
    this.#session = undefined;
    await session?.close();
    this.#show({ mounted: false, ...NO_SPACE, filesToIndex: 0 });
  }

  async #on<T>(session: Session, job: () => Promise<T>): Promise<T> {
    if ((await this.require()) !== session) throw this.notMounted();
    return job();
  }

  // The status follows a medium that is pulled out, and the space that others use.
  async #refresh(): Promise<void> {
    const { path, disk, log, writer } = this.#parts;
    const session = this.#session;
    try {
      const { path: present } = await this.require();
      const space = await onDisk(present, () => disk.space(present));
      if (session === this.#session) this.showSpace(space);
    } catch {
      this.#showAbsent(session);
      await writer
        .run(() => this.#replaceLost())
        .catch((problem: unknown) => {
          log.warn({ path, reason: messageOf(problem) }, "the data directory is not mounted");
        });
    }
  }

  // A medium that was pulled out is let go, so that the kernel forgets it; when it is back, it is mounted.
  async #replaceLost(): Promise<void> {
    const { path, log } = this.#parts;
    if (this.#isClosed) return;
    if ((await this.#session?.isLost()) === true) {
      log.error({ path }, "the medium of the data directory is gone");
      await this.#detach();
      await this.#medium?.dropDead(NEVER);
    }
    if (this.#session !== undefined || !(await this.#mayMount())) return;
    await this.#mount(NEVER);
    log.info({ path }, "the data directory is mounted");
  }

  // Where another program mounts it, the folder that is there without it is the bare mount point, on the disk of the
  // computer itself.
  async #mayMount(): Promise<boolean> {
    const { path, disk } = this.#parts;
    if (this.#watch !== undefined) return this.#watch.takeTurn();
    const folder = await disk.stat(path);
    const root = await disk.stat("/");
    return folder?.isFolder === true && folder.device !== root?.device;
  }

  // Another session may have begun while this one was looked at.
  #showAbsent(session: Session | undefined): void {
    if (session === this.#session) this.#show({ mounted: false, ...NO_SPACE });
  }

  #show(change: Partial<DataDirectoryStatus>): void {
    this.#status.set({ ...this.#status.value, ...change });
  }
}
