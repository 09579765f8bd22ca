// The catalogue: one row per file and one per spectrum, in SQLite. It is an index only; the files are the truth.
// What is synchronous is short; searches run in a thread of their own (reader.ts). Nothing else here reads spectra files than the digest of a day, which does so there.

import { NEVER, orAborted } from "../../base/abort.ts";
import { Cell, type ReadableCell } from "../../base/cell.ts";
import { breath } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { isDamage } from "./catalogue-database.ts";
import { type CatalogueFault, faultIn } from "./catalogue-fault.ts";
import { filesToCopy, hasEarlier } from "./catalogue-migration.ts";
import { makeAnew, markDamaged, openAgain, openCatalogue, type OpeningParts } from "./catalogue-opening.ts";
import type { CataloguedFile, FileReference, FileRow, SpectrumRow } from "./catalogue-row.ts";
import {
  type CatalogueAnswer,
  type CatalogueTask,
  type FoundSlice,
  perform,
  required,
} from "./catalogue-task.ts";
import type { Connections } from "./connections.ts";
import type { Day } from "./day.ts";
import type { DigestOfDay } from "./digest.ts";
import type { RunEvent } from "../run-events.ts";
import type { Generations } from "./generations.ts";
import type { CompleteCriteria, Found, Search, Slice } from "./search.ts";
import { Searcher } from "./searcher.ts";

export const CATALOGUE_FILE = "catalogue.sqlite";

/** A file as the catalogue has it; `generation` is that of the reindexing that has read it last. */
export interface KnownFile extends FileRow {
  readonly generation: number;
}

const FILE_COLUMNS =
  "runs.name AS run, files.name AS file, bytes, modifiedUtcUs, sha256, spectra, failures, problem, generation";
const FILES = `SELECT ${FILE_COLUMNS} FROM files JOIN runs ON runs.id = files.run`;
/** Read in a few milliseconds. */
const SLICE = 500;
const FILES_AFTER = `${FILES} WHERE runs.name = ? AND files.name > ? ORDER BY files.name LIMIT ${SLICE}`;

export class Catalogue {
  readonly #path: string;
  readonly #parts: OpeningParts;
  readonly #fault = new Cell<CatalogueFault | undefined>(undefined);
  #connections: Connections;
  #marking: Promise<void> = Promise.resolve();

  private constructor(path: string, parts: OpeningParts, connections: Connections) {
    this.#path = path;
    this.#parts = parts;
    this.#connections = connections;
    this.#use(connections);
  }

  /**
   * Opens or creates a catalogue; the caller fills what is missing. One that is damaged or of another version is made
   * anew, one that cannot be opened now lives in memory, with a fault.
   */
  static async open(path: string, parts: OpeningParts): Promise<Catalogue> {
    return new Catalogue(path, parts, await openCatalogue(path, parts));
  }

  /** What is wrong with it, until it is opened again; whatever is asked of it meanwhile may fail. */
  get fault(): ReadableCell<CatalogueFault | undefined> {
    return this.#fault;
  }

  get generations(): Generations {
    return this.#connections.generations;
  }

  /**
   * Opens it again after a fault, empty where it is damaged; the caller fills what is missing. To be called while nothing
   * is recorded. Throws DATADIR_IO where it cannot be opened now: then it stays as it was.
   */
  async reopen(): Promise<void> {
    await this.#marking;
    const before = this.#connections;
    const { isDamaged = false, reason = "" } = this.#fault.value ?? {};
    // It keeps everybody away, us too.
    if (before.isAlone) await before.close();
    if (!isDamaged && this.#openedAgain()) return void (await before.close());
    // Where its journal is to go, another database will have its own.
    if (!(await before.close()))
      throw new VscopeError("DATADIR_IO", "catalogue: a search is still within the damaged one");
    this.#use(await makeAnew(this.#path, new VscopeError("DATADIR_IO", reason), this.#parts));
  }

  /** Stores files with their spectra, all or none; replaces what was known about them. Throws DATADIR_IO. */
  record(files: readonly CataloguedFile[]): void {
    this.#guard(() => {
      const { writer, generations, checkpoints } = this.#connections;
      writer.record(files, generations.present);
      checkpoints?.look();
    });
  }

  /** Drops files and their spectra, and the texts of batches and runs that have no file any more. */
  drop(files: readonly FileReference[]): void {
    this.#guard(() => this.#connections.writer.drop(files));
  }

  /** Runs that have files. */
  runs(): string[] {
    return this.#guard(() =>
      this.#database
        .prepare<[], { name: string }>(
          "SELECT name FROM runs WHERE EXISTS (SELECT 1 FROM files WHERE files.run = runs.id)",
        )
        .all()
        .map(({ name }) => name),
    );
  }

  /** The known files of a run, by name and in its order; other work goes on meanwhile. */
  async files(run: string): Promise<Map<string, KnownFile>> {
    const known = new Map<string, KnownFile>();
    for (let last = ""; ; await breath()) {
      const slice = this.#guard(() =>
        this.#database.prepare<[string, string], KnownFile>(FILES_AFTER).all(run, last),
      );
      for (const row of slice) known.set((last = row.file), row);
      if (slice.length < SLICE) return known;
    }
  }

  /** Those of the files of a run that are known, by name. */
  rowsOf(run: string, files: readonly string[]): Map<string, KnownFile> {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string, string], KnownFile>(
        `${FILES} WHERE runs.name = ? AND files.name = ?`,
      );
      return new Map(files.flatMap((file) => statement.all(run, file).map((row) => [file, row])));
    });
  }

  /** The bytes of those of the files that are known. */
  sizes(run: string, files: readonly string[]): Map<string, number> {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string, string], { bytes: number }>(
        "SELECT bytes FROM files WHERE run = (SELECT id FROM runs WHERE name = ?) AND name = ?",
      );
      const rows = files.map((file) => ({ file, bytes: statement.get(run, file)?.bytes }));
      return new Map(rows.flatMap(({ file, bytes }) => (bytes === undefined ? [] : [[file, bytes]])));
    });
  }

  /** The bytes of all known files of a run. */
  bytes(run: string): number {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string], { bytes: number }>(
        "SELECT total(bytes) AS bytes FROM files WHERE run = (SELECT id FROM runs WHERE name = ?)",
      );
      return statement.get(run)?.bytes ?? 0;
    });
  }

  /** Files that could not be read, with the reason. */
  brokenFiles(): FileRow[] {
    return this.#guard(() =>
      this.#database
        .prepare<[], FileRow>(`${FILES} WHERE problem IS NOT NULL ORDER BY runs.name, files.name`)
        .all(),
    );
  }

  /** A page of the spectra that fit. Throws VALUE_INVALID for a text without words and for what is no cursor, DATADIR_IO. */
  async search(search: Search): Promise<Found> {
    return required((await this.#ask({ kind: "search", search })).search);
  }

  /** A slice of what fits, newest first. Throws as `search`. */
  async slice(criteria: CompleteCriteria, slice: Slice): Promise<FoundSlice> {
    return required((await this.#ask({ kind: "slice", criteria, slice })).slice);
  }

  /** What a day has brought. Throws DATADIR_IO. */
  async digest(day: Day): Promise<DigestOfDay> {
    return required((await this.#ask({ kind: "digest", day })).digest);
  }

  /** A spectrum by its id, or undefined. */
  spectrum(id: string): SpectrumRow | undefined {
    return this.#guard(() => new Searcher(this.#database).spectrum(id));
  }

  /** Compares the pages of the database with each other, which takes a minute for a large one; what is wrong is a fault then. Throws DATADIR_IO. */
  async check(signal: AbortSignal): Promise<void> {
    const { checker } = this.#connections;
    if (checker !== undefined) await orAborted(this.#noticing(checker.ask({ kind: "check" })), signal);
  }

  /** How long the list of events of a run was when it was read; 0 when it never was. */
  knownEventBytes(run: string): number {
    return this.#guard(() => this.#connections.events.knownBytes(run));
  }

  /** The runs of which there are events. */
  runsWithEvents(): readonly string[] {
    return this.#guard(() => this.#connections.events.runs());
  }

  /** Replaces the events of a run, one list at a time; other work goes on meanwhile. Throws DATADIR_IO. */
  async recordEvents(run: string, events: readonly RunEvent[], bytes: number): Promise<void> {
    try {
      await this.#connections.events.record(run, events, bytes);
    } catch (error) {
      this.#guard(() => {
        throw error;
      });
    }
  }

  /** Whether spectra are still in the table of an earlier version. */
  get isOld(): boolean {
    return this.#guard(() => hasEarlier(this.#database));
  }

  /** Files whose spectra are still in it. */
  filesToCopy(): number {
    return this.#guard(() => filesToCopy(this.#database));
  }

  /** Copies the spectra of an earlier version, step by step; tells after each how many files are left. Throws DATADIR_IO. */
  async copyEarlier(onLeft: (files: number) => void, signal: AbortSignal): Promise<void> {
    while (this.isOld) {
      signal.throwIfAborted();
      onLeft(required((await this.#ask({ kind: "copy" })).copy));
    }
  }

  /** False when a thread is still within SQLite after some seconds, with the file open. */
  close(): Promise<boolean> {
    return this.#connections.close();
  }

  get #database() {
    return this.#connections.database;
  }

  async #ask(task: CatalogueTask): Promise<CatalogueAnswer> {
    const { reader, database, writer } = this.#connections;
    const writing = () => ({ database, writer });
    if (reader === undefined) return this.#guard(() => perform(task, { reading: database, writing }));
    return this.#noticing(reader.ask(task));
  }

  /** False where it is damaged. Throws DATADIR_IO where it cannot be opened now. */
  #openedAgain(): boolean {
    try {
      this.#use(openAgain(this.#path));
      return true;
    } catch (error) {
      if (isDamage(error)) return false;
      throw new VscopeError("DATADIR_IO", `catalogue: ${messageOf(error)}`, { cause: error });
    }
  }

  #use(connections: Connections): void {
    const { notOnDisk, isDoubtful } = connections;
    this.#connections = connections;
    this.#fault.set(notOnDisk === undefined ? undefined : { isDamaged: false, reason: notOnDisk });
    if (isDoubtful) void this.check(NEVER).catch(() => undefined);
  }

  async #noticing<T>(asked: Promise<T>): Promise<T> {
    const connections = this.#connections;
    try {
      return await asked;
    } catch (error) {
      // What those of before have met, is over.
      if (connections === this.#connections) this.#notice(error);
      throw error;
    }
  }

  #notice(error: unknown): void {
    const fault = faultIn(error);
    const known = this.#fault.value;
    if (fault === undefined || known?.isDamaged === true || (known !== undefined && !fault.isDamaged)) return;
    if (fault.isDamaged) this.#marking = markDamaged(this.#path);
    this.#fault.set(fault);
  }

  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      this.#notice(error);
      if (error instanceof VscopeError) throw error;
      throw new VscopeError("DATADIR_IO", `catalogue: ${messageOf(error)}`, { cause: error });
    }
  }
}
