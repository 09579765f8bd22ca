// What can be asked of a catalogue that takes too long for the main loop, which must not hold up an exposure.

import type { Database } from "better-sqlite3";
import { VscopeError } from "../../base/errors.ts";
import { requireTablesWhole } from "./catalogue-database.ts";
import { copyStep, filesToCopy } from "./catalogue-migration.ts";
import type { CatalogueWriter } from "./catalogue-writer.ts";
import type { Day } from "./day.ts";
import { type DigestOfDay, digestOf } from "./digest.ts";
import type { SpectrumRow } from "./catalogue-row.ts";
import type { CompleteCriteria, Found, Search, Slice } from "./search.ts";
import { Searcher } from "./searcher.ts";

export type CatalogueTask =
  | { readonly kind: "search"; readonly search: Search }
  | { readonly kind: "slice"; readonly criteria: CompleteCriteria; readonly slice: Slice }
  | { readonly kind: "digest"; readonly day: Day }
  | { readonly kind: "copy" }
  | { readonly kind: "checkpoint" }
  | { readonly kind: "check" };

/** The member of the task's kind. */
export interface CatalogueAnswer {
  readonly search?: Found;
  readonly slice?: FoundSlice;
  readonly digest?: DigestOfDay;
  /** Files whose spectra are still to be copied. */
  readonly copy?: number;
  readonly check?: true;
  readonly checkpoint?: true;
}

export interface FoundSlice {
  readonly total: number;
  readonly spectra: readonly SpectrumRow[];
}

export interface Databases {
  readonly reading: Database;
  readonly writing: () => { readonly database: Database; readonly writer: CatalogueWriter };
}

/** Throws VALUE_INVALID, DATADIR_IO, and what SQLite throws. */
export function perform(task: CatalogueTask, { reading, writing }: Databases): CatalogueAnswer {
  switch (task.kind) {
    case "search":
      return { search: new Searcher(reading).search(task.search) };
    case "slice":
      return { slice: new Searcher(reading).slice(task.criteria, task.slice) };
    case "digest":
      return { digest: digestOf(reading, task.day) };
    case "check":
      requireTablesWhole(reading);
      return { check: true };
    case "checkpoint":
      writing().database.pragma("wal_checkpoint(PASSIVE)");
      return { checkpoint: true };
    case "copy": {
      const { database, writer } = writing();
      copyStep(database, writer);
      return { copy: filesToCopy(database) };
    }
  }
}

/** The part of an answer that its task must have. */
export function required<T>(part: T | undefined): T {
  if (part === undefined) throw new VscopeError("INTERNAL", "catalogue: the answer is not of the task");
  return part;
}
