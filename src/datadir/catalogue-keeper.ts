// Brings the catalogue up to date: at the start, after a failed write, and wholly on request.
// What a crash left is read at once; a whole archive of older files is read while the server works.

import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { FileReference } from "./catalogue-row.ts";
import type { IndexProgress, IndexReport } from "./file-index.ts";
import type { Session } from "./session.ts";

// More than a crash can leave, few enough not to delay the start.
const AT_ONCE = 100;

interface Reindexing {
  /** Rejects when there is nothing to read. */
  readonly before: () => Promise<unknown>;
  readonly onProgress: (progress: IndexProgress) => void;
}

export class CatalogueKeeper {
  readonly #session: Session;
  readonly #log: Log;
  readonly #show: (filesToIndex: number) => void;
  readonly #stopping = new AbortController();
  /** Runs with files that are written and not in the catalogue. */
  readonly #behind = new Set<string>();
  #background: Promise<void> = Promise.resolve();
  #reindexing: Promise<IndexReport> | undefined;

  /** `show` is told how many files are still to be read. */
  constructor(session: Session, log: Log, show: (filesToIndex: number) => void) {
    this.#session = session;
    this.#log = log;
    this.#show = show;
  }

  /** At the start: all runs. Sets aside what a power cut has left. */
  async start(): Promise<void> {
    await this.#catchUp(await this.#session.index.runs(), true);
    const { catalogue } = this.#session;
    if (!catalogue.isOld) return;
    this.#show(catalogue.filesToCopy());
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

  /** Reads every file. Throws STATE_CONFLICT when that is being done, and what `before` does. */
  async reindex({ before, onProgress }: Reindexing, signal: AbortSignal): Promise<IndexReport> {
    if (this.#reindexing !== undefined) {
      throw new VscopeError("STATE_CONFLICT", "catalogue: it is being rebuilt already");
    }
    const read = (): Promise<IndexReport> =>
      this.#reindex(onProgress, AbortSignal.any([signal, this.#stopping.signal]));
    this.#reindexing = before().then(read);
    try {
      return await this.#reindexing;
    } finally {
      this.#reindexing = undefined;
    }
  }

  /** Resolves when nothing is read in the background. */
  settled(): Promise<void> {
    return this.#background;
  }

  /** Stops reading; what is missing is found again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(
      new VscopeError("OPERATION_CANCELLED", "catalogue: the data directory is being closed"),
    );
    await Promise.allSettled([this.#background, this.#reindexing]);
  }

  async #reindex(onProgress: (progress: IndexProgress) => void, signal: AbortSignal): Promise<IndexReport> {
    const { index, catalogue } = this.#session;
    const { gone } = await index.differences(await index.runs());
    catalogue.drop(gone);
    const read = await index.read(await index.everything(), { onProgress }, signal);
    return { ...read, dropped: gone.length };
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
    if (gone.length > 0) catalogue.drop(gone);
    await index.read(missing.slice(0, AT_ONCE), { setsAsideEmpty }, this.#stopping.signal);
    const rest = missing.slice(AT_ONCE);
    if (rest.length > 0) this.#readLater(rest, setsAsideEmpty);
    if (missing.length + gone.length > 0) {
      this.#log.info({ missing: missing.length, gone: gone.length }, "the catalogue is brought up to date");
    }
  }

  #readLater(files: readonly FileReference[], setsAsideEmpty: boolean): void {
    this.#show(files.length);
    const before = this.#background;
    this.#background = before.then(() => this.#readAll(files, setsAsideEmpty));
  }

  async #readAll(files: readonly FileReference[], setsAsideEmpty: boolean): Promise<void> {
    const onProgress = ({ done, of }: IndexProgress): void => {
      if (done % AT_ONCE === 0 || done === of) this.#show(of - done);
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
      await this.#session.catalogue.copyEarlier(this.#show, this.#stopping.signal);
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
