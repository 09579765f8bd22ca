// What lies in a run folder, newest first, remembered while the folder does not change: a season's run has 100,000 files,
// and a client pages through them.

import { type Clock, SECOND } from "../base/clock.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { PART } from "./disk/durable-file.ts";
import { isSpectraFile, parseSpectraFileName, sortNewestFirst } from "./spectra-file-name.ts";

export interface RunListing {
  /** Spectra files, newest first; files with names of their own last. */
  readonly names: readonly string[];
  /** Files of each batch, by its number, newest first. */
  readonly batches: ReadonlyMap<number, number>;
  /** Of spectra files that are being written, or were when something ended the server. */
  readonly unfinished: readonly string[];
}

interface Entry {
  readonly listing: RunListing;
  readonly modifiedUtcUs: number;
  readonly listedUs: number;
}

// A folder's time has steps (2 s on vfat), so a file added by hand within the step of the listing does not show in it.
const TRUSTED_US = 10 * SECOND;
// About 10 MB.
const MOST_NAMES = 200_000;

export class RunListings {
  readonly #disk: Disk;
  readonly #clock: Clock;
  /** By folder, the one listed last at the end. */
  readonly #entries = new Map<string, Entry>();
  #writes = 0;

  constructor(disk: Disk, clock: Clock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  /** The listing of a folder that is there. Throws DATADIR_IO. */
  async of(folder: string): Promise<RunListing> {
    const stat = await onDisk(folder, () => this.#disk.stat(folder));
    const modifiedUtcUs = stat?.modifiedUtcUs ?? 0;
    const listedUs = this.#clock.nowUs();
    const known = this.#entries.get(folder);
    const isFresh = known?.modifiedUtcUs === modifiedUtcUs && listedUs - (known?.listedUs ?? 0) < TRUSTED_US;
    if (known !== undefined && isFresh) return known.listing;
    const writes = this.#writes;
    const listing = await this.#read(folder);
    // A listing that a write has overtaken may lack the file.
    if (writes === this.#writes) this.#keep(folder, { listing, modifiedUtcUs, listedUs });
    return listing;
  }

  /** To be called when a file was written. */
  forget(folder: string): void {
    this.#writes += 1;
    this.#entries.delete(folder);
  }

  async #read(folder: string): Promise<RunListing> {
    const entries = await onDisk(folder, () => this.#disk.list(folder));
    const names = sortNewestFirst(
      entries.filter(({ name, isFile }) => isFile && isSpectraFile(name)).map(({ name }) => name),
    );
    const batches = new Map<number, number>();
    for (const name of names) {
      const batch = parseSpectraFileName(name)?.batch;
      if (batch !== undefined) batches.set(batch, (batches.get(batch) ?? 0) + 1);
    }
    const parts = entries.filter(({ name, isFile }) => isFile && isUnfinished(name));
    return { names, batches, unfinished: parts.map(({ name }) => name).sort() };
  }

  #keep(folder: string, entry: Entry): void {
    this.#entries.delete(folder);
    this.#entries.set(folder, entry);
    let kept = 0;
    for (const { listing } of this.#entries.values()) kept += listing.names.length;
    for (const [oldest, { listing }] of this.#entries) {
      if (kept <= MOST_NAMES || oldest === folder) break;
      this.#entries.delete(oldest);
      kept -= listing.names.length;
    }
  }
}

function isUnfinished(name: string): boolean {
  return name.endsWith(PART) && isSpectraFile(name.slice(0, -PART.length));
}
