// What lies in a data directory, to be read: runs, their files, and spectra by their metadata.

import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { FileRow, SpectrumRow } from "./catalogue/catalogue-row.ts";
import type { FoundSlice } from "./catalogue/catalogue-task.ts";
import type { DigestOfDay } from "./catalogue/digest.ts";
import type { Disk } from "./disk/disk.ts";
import { catchUpEvents } from "./catalogue/event-index.ts";
import type { Presence } from "./presence.ts";
import { RangeFile } from "./disk/range-file.ts";
import { type FilePage, type RunDetail, readRunDetail } from "./run-detail.ts";
import type { RunPage, RunSummary } from "./run-folders.ts";
import type { CompleteCriteria, Found, Search, Slice } from "./catalogue/search.ts";
import type { Session } from "./session.ts";

/** Every method throws DATADIR_NOT_MOUNTED while the medium is not there. */
export class Shelf {
  readonly #disk: Disk;
  readonly #presence: Presence;
  readonly #log: Log;
  /** Searches at the same time wait for the same. */
  #catchingUp: Promise<void> | undefined;

  constructor(disk: Disk, presence: Presence, log: Log) {
    this.#disk = disk;
    this.#presence = presence;
    this.#log = log;
  }

  /** Runs, the most recently changed first. */
  async runs(page: RunPage): Promise<{ readonly total: number; readonly runs: readonly RunSummary[] }> {
    return this.#read(({ folders }) => folders.page(page));
  }

  /** Names of all runs, the most recently changed first; or of the files of one run, newest first. Throws RESOURCE_NOT_FOUND. */
  async names(run?: string): Promise<readonly string[]> {
    return this.#read(async ({ folders }) =>
      run === undefined ? folders.names() : (await folders.listing(run)).names,
    );
  }

  /** A run with a page of its files. Throws RESOURCE_NOT_FOUND. */
  async run(run: string, page: FilePage = {}): Promise<RunDetail> {
    return this.#read((session) => readRunDetail(run, session, page));
  }

  /** A spectra file, a manifest or the list of events, read part by part. Throws RESOURCE_NOT_FOUND for whatever is none of the run. */
  async openFile(run: string, file: string): Promise<RangeFile> {
    return this.#read(async ({ folders }) => {
      const stat = await folders.stat(run, file);
      return new RangeFile(this.#disk, folders.pathOf(run, file), stat);
    });
  }

  /** A page of the spectra that fit. Throws VALUE_INVALID for a text without words, and for what is no cursor. */
  async search(search: Search): Promise<Found> {
    return this.#read(async (session) => {
      if (search.text !== undefined) await (this.#catchingUp ??= this.#catchUp(session));
      return session.catalogue.search(search);
    });
  }

  // A medium that goes while something is read shows itself in many ways.
  async #read<T>(task: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#presence.require();
    try {
      return await task(session);
    } catch (error) {
      const present = await this.#presence.require().catch(() => undefined);
      throw present === session ? error : this.#presence.notMounted(error);
    }
  }

  // On a full disk what is known already can still be found.
  async #catchUp(session: Session): Promise<void> {
    try {
      await catchUpEvents(this.#disk, session);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, "the newest events cannot be found in the catalogue");
    } finally {
      this.#catchingUp = undefined;
    }
  }

  /** A slice of the spectra that fit, newest first, and how many there are. Throws as `search`. */
  async slice(criteria: CompleteCriteria, slice: Slice): Promise<FoundSlice> {
    return this.#read(({ catalogue }) => catalogue.slice(criteria, slice));
  }

  /** What a day has brought. */
  async digest(fromUtcUs: number, toUtcUs: number): Promise<DigestOfDay> {
    return this.#read(({ catalogue, path }) => catalogue.digest({ folder: path, fromUtcUs, toUtcUs }));
  }

  /** A spectrum by its id, `run/file/position`. Throws RESOURCE_NOT_FOUND. */
  async spectrum(id: string): Promise<SpectrumRow> {
    const row = await this.#read(async ({ catalogue }) => catalogue.spectrum(id));
    if (row === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `spectrum ${id}: there is none`);
    return row;
  }

  /** Files that cannot be read, with the reason. */
  async brokenFiles(): Promise<readonly FileRow[]> {
    return this.#read(async ({ catalogue }) => catalogue.brokenFiles());
  }
}
