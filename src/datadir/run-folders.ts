// The run folders of a data directory as they are on disk. No memory of its own: files added or removed by hand count.

import { join } from "node:path";
import { VscopeError } from "../base/errors.ts";
import { compareText } from "../spectra/pico.ts";
import { type Disk, type DiskStat, onDisk } from "./disk.ts";
import { replaceDurable } from "./durable-file.ts";
import { isRunFolderName, quoted, validRunName } from "./run-name.ts";
import { compareNewestFirst, isSpectraFile, parseSpectraFileName } from "./spectra-file-name.ts";

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
}

const DEFAULT_LIMIT = 100;

export class RunFolders {
  readonly #disk: Disk;
  readonly #path: string;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
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
      const files = await this.files(name);
      const batches = new Set(files.flatMap((file) => parseSpectraFileName(file)?.batch ?? []));
      runs.push({
        name,
        files: files.length,
        batches: batches.size,
        newestBatch: Math.max(-1, ...batches),
        modifiedUtcUs,
      });
    }
    return { total: found.length, runs };
  }

  /** Names of a run's spectra files, newest first. Throws RESOURCE_NOT_FOUND. */
  async files(run: string): Promise<string[]> {
    await this.require(run);
    const folder = this.pathOf(run);
    const entries = await onDisk(folder, () => this.#disk.list(folder));
    return entries
      .filter(({ name, isFile }) => isFile && isSpectraFile(name))
      .map(({ name }) => name)
      .sort(compareNewestFirst);
  }

  /** What is known of a spectra file without reading it. Throws RESOURCE_NOT_FOUND. */
  async stat(run: string, file: string): Promise<DiskStat> {
    await this.require(run);
    const path = this.pathOf(run, file);
    // A name that is one visible segment cannot leave the folder; lstat does not follow links that would.
    const stat = isSpectraFile(file) ? await onDisk(path, () => this.#disk.stat(path)) : undefined;
    if (stat?.isFile !== true)
      throw new VscopeError("RESOURCE_NOT_FOUND", `run ${run}: no file ${quoted(file)}`);
    return stat;
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

  /** The next batch number of a run: above every file and every number given before, durably. */
  async reserveBatch(run: string, signal: AbortSignal): Promise<number> {
    const [newest = ""] = await this.files(run);
    const number = Math.max(parseSpectraFileName(newest)?.batch ?? -1, await this.#reserved(run)) + 1;
    await replaceDurable(this.#disk, this.pathOf(run, BATCH_FILE), Buffer.from(`${number}\n`), signal);
    return number;
  }

  async #reserved(run: string): Promise<number> {
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
      const stat = await onDisk(this.pathOf(name), () => this.#disk.stat(this.pathOf(name)));
      if (stat !== undefined) runs.push({ name, modifiedUtcUs: stat.modifiedUtcUs });
    }
    return runs.sort((a, b) => b.modifiedUtcUs - a.modifiedUtcUs || compareText(b.name, a.name));
  }
}
