// The run folders of a data directory as they are on disk: files added or removed by hand count. What is remembered is
// thrown away when a folder changes (run-listing.ts).

import { join } from "node:path";
import { type Clock, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { compareText } from "../spectra/pico.ts";
import { type Disk, type DiskStat, onDisk } from "./disk/disk.ts";
import { replaceDurable } from "./disk/durable-file.ts";
import { isManifest } from "./checksums/manifest.ts";
import { isRunFolderName, quoted, validRunName } from "./run-name.ts";
import { RunFaults } from "./run-faults.ts";
import { type RunListing, RunListings } from "./run-listing.ts";
import { EVENTS_FILE } from "./run-events.ts";
import { isSpectraFile, type SpectraFileName, spectraFileName } from "./spectra-file-name.ts";

/** Holds the highest batch number ever given, so that none is used twice even when no file came of it. */
const BATCH_FILE = ".batch";

export interface RunPage {
  readonly offset?: number;
  /** 100 when absent. */
  readonly limit?: number;
  /** Text that the name contains; upper and lower case are the same. */
  readonly match?: string;
}

export interface RunSummary {
  readonly name: string;
  /** Number of spectra files. */
  readonly files: number;
  readonly batches: number;
  /** -1 when nothing is recorded yet. */
  readonly newestBatch: number;
  readonly modifiedUtcUs: number;
  /** Number of files that a crash left unfinished. */
  readonly unfinished: number;
  /** Why the medium does not let it be read; the figures are 0 then. */
  readonly problem?: string;
}

/** Of a spectra file, written in part. */
export interface UnfinishedFile {
  readonly file: string;
  readonly bytes: number;
  readonly modifiedUtcUs: number;
}

/** Younger ones are being written. */
const LEFT_US = 60 * SECOND;
const MOST_UNFINISHED = 100;
const DEFAULT_LIMIT = 100;

export class RunFolders {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #listings: RunListings;
  readonly #faults: RunFaults;
  /** By run whose files were looked through: the number that was given last. Its batch file can be trusted. */
  readonly #given = new Map<string, number>();

  constructor(disk: Disk, path: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#disk = disk;
    this.#path = path;
    this.#clock = clock;
    this.#listings = new RunListings(disk, clock);
    this.#faults = new RunFaults(log);
  }

  pathOf(run: string, file = ""): string {
    return join(this.#path, run, file);
  }

  /** Names of all runs, the most recently changed first. */
  async names(): Promise<string[]> {
    return (await this.#list()).map(({ name }) => name);
  }

  /** Runs, the most recently changed first. */
  async page({ offset = 0, limit = DEFAULT_LIMIT, match = "" }: RunPage) {
    const wanted = match.toLowerCase();
    const found = (await this.#list()).filter(({ name }) => name.toLowerCase().includes(wanted));
    const runs: RunSummary[] = [];
    for (const { name, modifiedUtcUs } of found.slice(offset, offset + limit)) {
      const nothing = { name, files: 0, batches: 0, newestBatch: -1, modifiedUtcUs, unfinished: 0 };
      const summary = (): Promise<RunSummary> => this.#summary(name, modifiedUtcUs);
      runs.push(await this.passingOver(name, summary, (problem) => ({ ...nothing, problem })));
    }
    return { total: found.length, runs };
  }

  /**
   * What is read of a run, or something else where its medium fails, as with a bad sector: that is told once in the log, and
   * the other runs work on. Throws whatever is not DATADIR_IO.
   */
  passingOver<T, U>(
    run: string,
    read: () => Promise<T>,
    otherwise: (problem: string) => U | Promise<U>,
  ): Promise<T | U> {
    return this.#faults.passingOver(run, read, otherwise);
  }

  /** A run's spectra files and batches. Throws RESOURCE_NOT_FOUND. */
  async listing(run: string): Promise<RunListing> {
    await this.require(run);
    return this.#listings.of(this.pathOf(run));
  }

  /** Files of the run that are being written, or were left so; the first hundred. */
  async unfinished(run: string): Promise<readonly UnfinishedFile[]> {
    const { unfinished } = await this.#listings.of(this.pathOf(run));
    const found: UnfinishedFile[] = [];
    for (const file of unfinished.slice(0, MOST_UNFINISHED)) {
      const stat = await onDisk(this.pathOf(run, file), () => this.#disk.stat(this.pathOf(run, file)));
      if (stat !== undefined) found.push({ file, bytes: stat.bytes, modifiedUtcUs: stat.modifiedUtcUs });
    }
    return found;
  }

  /** Those that nobody is writing. */
  async left(run: string): Promise<readonly UnfinishedFile[]> {
    const untilUtcUs = this.#clock.utcUs() - LEFT_US;
    return (await this.unfinished(run)).filter(({ modifiedUtcUs }) => modifiedUtcUs < untilUtcUs);
  }

  /** To be called when a file of the run was written. */
  changed(run: string): void {
    this.#listings.forget(this.pathOf(run));
  }

  /** What is known of a spectra file, a manifest or the list of events without reading it. Throws RESOURCE_NOT_FOUND. */
  async stat(run: string, file: string): Promise<DiskStat> {
    await this.require(run);
    const stat = isServed(file) ? await this.#lookAt(run, file) : undefined;
    if (stat === undefined)
      throw new VscopeError("RESOURCE_NOT_FOUND", `run ${run}: no file ${quoted(file)}`);
    return stat;
  }

  /** The bytes of a spectra file of a run that is there; undefined when there is no such file. */
  async size(run: string, file: string): Promise<number | undefined> {
    return isSpectraFile(file) ? (await this.#lookAt(run, file))?.bytes : undefined;
  }

  /** Whether there is a folder for this run. */
  async isRun(run: string): Promise<boolean> {
    if (!isRunFolderName(run)) return false;
    const stat = await onDisk(this.pathOf(run), () => this.#disk.stat(this.pathOf(run)));
    return stat?.isFolder === true;
  }

  /** Throws RESOURCE_NOT_FOUND unless there is such a run. */
  async require(run: string): Promise<void> {
    if (!(await this.isRun(run)))
      throw new VscopeError("RESOURCE_NOT_FOUND", `run ${quoted(run)}: there is none`);
  }

  /**
   * The run's folder, made if necessary; returns the name it has on disk. Existing runs of any name are accepted,
   * new ones need a valid name: VALUE_INVALID.
   */
  async ensure(run: string): Promise<string> {
    if (await this.isRun(run)) return this.#nameOnDisk(run);
    const name = validRunName(run);
    if (await this.isRun(name)) return this.#nameOnDisk(name);
    await onDisk(this.pathOf(name), async () => {
      await this.#disk.makeFolder(this.pathOf(name));
      await this.#disk.syncFolder(this.#path);
    });
    return name;
  }

  /**
   * The next batch number of a run: above every number given before and every file seen, durably. The files are looked
   * through at the first batch of a session, and when the number turns out to be taken by files added by hand since.
   */
  async reserveBatch(run: string, signal: AbortSignal): Promise<number> {
    let number = (await this.#highestBatch(run)) + 1;
    if (await this.#isTaken(run, number)) {
      this.#given.delete(run);
      number = (await this.#highestBatch(run)) + 1;
    }
    await replaceDurable(this.#disk, this.pathOf(run, BATCH_FILE), Buffer.from(`${number}\n`), signal);
    this.#given.set(run, number);
    return number;
  }

  /** As `reserveBatch`, when a file was found that must have been added by hand. */
  reserveBatchAnew(run: string, signal: AbortSignal): Promise<number> {
    this.changed(run);
    this.#given.delete(run);
    return this.reserveBatch(run, signal);
  }

  // Either of the two tells, where the medium does not let the other be read.
  async #highestBatch(run: string): Promise<number> {
    const stored = await this.passingOver(
      run,
      () => this.#stored(run),
      () => undefined,
    );
    const reserved = stored ?? this.#given.get(run) ?? -1;
    if (reserved >= 0 && this.#given.has(run)) return reserved;
    const newest = (): Promise<number> => this.#newestBatch(run);
    if (reserved < 0) return newest();
    return Math.max(await this.passingOver(run, newest, () => -1), reserved);
  }

  async #newestBatch(run: string): Promise<number> {
    const [newest = -1] = (await this.listing(run)).batches.keys();
    return newest;
  }

  // Whoever copies a batch copies its first files.
  async #isTaken(run: string, batch: number): Promise<boolean> {
    const first: readonly SpectraFileName[] = [
      { batch, sequence: 0, kind: "dark" },
      { batch, sequence: 0, kind: "light" },
    ];
    for (const parts of first) {
      if ((await this.#lookAt(run, spectraFileName(parts))) !== undefined) return true;
    }
    return false;
  }

  async #summary(name: string, modifiedUtcUs: number): Promise<RunSummary> {
    const { names, batches } = await this.#listings.of(this.pathOf(name));
    const [newestBatch = -1] = batches.keys();
    const unfinished = (await this.left(name)).length;
    return { name, files: names.length, batches: batches.size, newestBatch, modifiedUtcUs, unfinished };
  }

  // A name that is one visible segment cannot leave the folder; lstat does not follow links that would.
  async #lookAt(run: string, file: string): Promise<DiskStat | undefined> {
    const path = this.pathOf(run, file);
    const stat = await onDisk(path, () => this.#disk.stat(path));
    return stat?.isFile === true ? stat : undefined;
  }

  async #stored(run: string): Promise<number> {
    const path = this.pathOf(run, BATCH_FILE);
    if ((await onDisk(path, () => this.#disk.stat(path))) === undefined) return -1;
    const text = String(await onDisk(path, () => this.#disk.read(path)));
    return /^\d{1,15}\n?$/.test(text) ? Number(text) : -1;
  }

  // On vfat "Plot" and "plot" are one folder: the name it was made with is the run's name.
  async #nameOnDisk(run: string): Promise<string> {
    const names = (await onDisk(this.#path, () => this.#disk.list(this.#path))).map(({ name }) => name);
    if (names.includes(run)) return run;
    return names.find((name) => name.toLowerCase() === run.toLowerCase()) ?? run;
  }

  async #list(): Promise<{ readonly name: string; readonly modifiedUtcUs: number }[]> {
    const entries = await onDisk(this.#path, () => this.#disk.list(this.#path));
    const runs: { readonly name: string; readonly modifiedUtcUs: number }[] = [];
    for (const { name, isFolder } of entries) {
      if (!isFolder || !isRunFolderName(name)) continue;
      const look = (): Promise<DiskStat | undefined> =>
        onDisk(this.pathOf(name), () => this.#disk.stat(this.pathOf(name)));
      const found = await this.passingOver(name, look, () => ({ modifiedUtcUs: 0 }));
      if (found !== undefined) runs.push({ name, modifiedUtcUs: found.modifiedUtcUs });
    }
    return runs.sort((a, b) => b.modifiedUtcUs - a.modifiedUtcUs || compareText(b.name, a.name));
  }
}

function isServed(file: string): boolean {
  return isSpectraFile(file) || isManifest(file) || file === EVENTS_FILE;
}
