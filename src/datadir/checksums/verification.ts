// Compares a data directory with what was recorded there: every file with its line in the manifest and its row in the
// catalogue. Changes nothing, or adds lines and rows that are missing; a spectra file is never touched.

import { isoUtc } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import {
  type BatchLook,
  type BatchNames,
  checkFile,
  gapIn,
  isProvenBeside,
  type LookParts,
  lookAgain,
  lookAtBatch,
  type Suspicion,
  suspicionsOf,
} from "./batch-check.ts";
import { CATALOGUE_FILE } from "../catalogue/catalogue.ts";
import { type DiskEntry, onDisk } from "../disk/disk.ts";
import { EMPTY } from "../file-index.ts";
import type { TaskWatch } from "../long-task.ts";
import { isInBadRow, isManifest, type ManifestLine, manifestOf } from "./manifest.ts";
import type { Repairs } from "./repairs.ts";
import { quoted } from "../run-name.ts";
import { isSpectraFile } from "../spectra-file-name.ts";
import { Findings, type FindingKind, type VerificationReport } from "./verification-findings.ts";

export interface VerificationScope {
  /** All runs when absent. */
  readonly run?: string;
  /** Only batches of which a file was written since. */
  readonly sinceUtcUs?: number;
}

export interface VerificationParts extends LookParts {
  /** Why there is no catalogue, where it is damaged. */
  readonly damage?: string | undefined;
  /** Absent where nothing may be changed. */
  readonly repairs?: Repairs;
  /** A sync brings files to a copy and leaves its catalogue as it is: that it lacks them is no fault. */
  readonly isCopy?: boolean;
  /** Runs a job while nothing is recorded. Throws DATADIR_NOT_MOUNTED when the medium is gone: nothing is missing then. */
  alone<T>(job: () => Promise<T>): Promise<T>;
}

/** What of a batch can be repaired. */
interface Repairable {
  readonly lines: ManifestLine[];
  readonly rows: Set<string>;
}

/** Throws RESOURCE_NOT_FOUND for an unknown run, DATADIR_NOT_MOUNTED, DATADIR_IO when the data directory cannot be read. */
export function verify(
  parts: VerificationParts,
  scope: VerificationScope,
  watch: TaskWatch,
): Promise<VerificationReport> {
  return new Verification(parts, scope, watch).report();
}

class Verification {
  readonly #parts: VerificationParts;
  readonly #scope: VerificationScope;
  readonly #watch: TaskWatch;
  readonly #findings = new Findings();
  #passed = 0;
  #of = 0;
  #files = 0;
  #bytes = 0;
  #batches = 0;
  /** Files of the run that the catalogue of a copy does not know. */
  #behind = 0;

  constructor(parts: VerificationParts, scope: VerificationScope, watch: TaskWatch) {
    this.#parts = parts;
    this.#scope = scope;
    this.#watch = watch;
  }

  async report(): Promise<VerificationReport> {
    const { folders, catalogue, damage } = this.#parts;
    if (damage !== undefined)
      this.#tell("", { kind: "damaged-catalogue", file: CATALOGUE_FILE, fact: damage });
    const runs = await this.#runs();
    for (const run of runs) {
      const count = async (): Promise<number> =>
        (await folders.isRun(run)) ? (await folders.listing(run)).names.length : 0;
      this.#of += await folders.passingOver(run, count, () => 0);
    }
    for (const run of runs) await this.#orUnreadable(run, "", () => this.#verifyRun(run));
    return this.#findings.report({
      files: this.#files,
      bytes: this.#bytes,
      batches: this.#batches,
      isCatalogueCompared: catalogue !== undefined,
    });
  }

  async #runs(): Promise<readonly string[]> {
    const { folders, catalogue } = this.#parts;
    const all = [...new Set([...(await folders.names()), ...(catalogue?.runs() ?? [])])].sort();
    const { run } = this.#scope;
    if (run === undefined) return all;
    if (all.includes(run)) return [run];
    throw new VscopeError("RESOURCE_NOT_FOUND", `run ${quoted(run)}: there is none`);
  }

  async #verifyRun(run: string): Promise<void> {
    const { disk, folders } = this.#parts;
    const path = folders.pathOf(run);
    const entries = (await folders.isRun(run)) ? await onDisk(path, () => disk.list(path)) : [];
    await this.#tellLeftovers(run, entries);
    this.#behind = 0;
    for (const batch of await this.#batchesOf(run, entries))
      await this.#orUnreadable(run, batch.manifest, () => this.#verifyBatch(batch));
    const fact = `files that have come since it was made: ${this.#behind}; vscope reindex adds them`;
    if (this.#behind > 0) this.#tell(run, { kind: "behind", file: CATALOGUE_FILE, fact });
  }

  // What is beside a bad sector is verified all the same; a medium that is gone ends all.
  #orUnreadable(run: string, file: string, look: () => Promise<void>): Promise<void> {
    return this.#parts.folders.passingOver(run, look, async (fact) => {
      await this.#parts.alone(async () => undefined);
      this.#tell(run, { kind: "unreadable", file, fact });
    });
  }

  async #tellLeftovers(run: string, entries: readonly DiskEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const left = await this.#parts.folders.left(run);
    for (const { file, bytes, modifiedUtcUs } of left) {
      const fact = `${bytes} bytes, written until ${isoUtc(modifiedUtcUs)}`;
      this.#tell(run, { kind: "unfinished", file, fact });
    }
    for (const { name } of entries) {
      const isEmpty = name.endsWith(EMPTY) && isSpectraFile(name.slice(0, -EMPTY.length));
      if (isEmpty) this.#tell(run, { kind: "empty", file: name, fact: "set aside at a start" });
    }
  }

  /** By their manifests, oldest first. */
  async #batchesOf(run: string, entries: readonly DiskEntry[]): Promise<readonly BatchNames[]> {
    const batches = new Map<string, Set<string>>();
    const add = (manifest: string): Set<string> => {
      const names = batches.get(manifest) ?? new Set<string>();
      batches.set(manifest, names);
      return names;
    };
    for (const { name, isFile } of entries) {
      if (isFile && isManifest(name)) add(name);
      else if (isFile && isSpectraFile(name)) add(manifestOf(name)).add(name);
    }
    const known = await this.#parts.catalogue?.files(run);
    for (const name of known?.keys() ?? []) add(manifestOf(name)).add(name);
    return [...batches.keys()].sort().map((manifest) => ({ run, manifest, names: [...add(manifest)] }));
  }

  async #verifyBatch(batch: BatchNames): Promise<void> {
    let look = await lookAtBatch(this.#parts, batch);
    const isOld = look.modifiedUtcUs < (this.#scope.sinceUtcUs ?? 0);
    // What a recording is about to complete is no fault.
    if (!isOld && suspicionsOf(look).length > 0)
      look = await this.#parts.alone(() => lookAgain(this.#parts, look));
    if (isOld) this.#progress(look.files.size);
    else await this.#judge(look);
  }

  async #judge(look: BatchLook): Promise<void> {
    this.#batches += 1;
    const suspicions = [...suspicionsOf(look)];
    const gap = gapIn(look);
    if (gap !== undefined) suspicions.push(gap);
    const repairable: Repairable = { lines: [], rows: new Set() };
    for (const file of look.files.keys()) {
      this.#watch.signal.throwIfAborted();
      suspicions.push(...(await this.#check(look, file, repairable)));
    }
    // What a medium that is gone cannot show is not lost.
    if (suspicions.some(({ kind }) => kind === "unreadable" || kind === "missing"))
      await this.#parts.alone(async () => undefined);
    await this.#repair(look, suspicions, repairable);
  }

  async #check(look: BatchLook, file: string, repairable: Repairable): Promise<readonly Suspicion[]> {
    const { suspicions, bytes, sha256 } = await checkFile(this.#parts, look, file);
    this.#files += 1;
    this.#bytes += bytes;
    this.#progress(1);
    const kinds = new Set<FindingKind>(suspicions.map(({ kind }) => kind));
    if (sha256 === undefined || kinds.has("changed")) return suspicions;
    if (look.rows?.has(file) === false || kinds.has("stale-row")) repairable.rows.add(file);
    // A line would vouch for what nobody can read, or what a damaged line may know better.
    const isHidden =
      look.holes.length > 0 && !isProvenBeside(look, look.rows?.get(file), { name: file, sha256 });
    const isOpen = !look.lines.has(file) && !isInBadRow(look, file) && !isHidden;
    if (isOpen && !kinds.has("unreadable")) repairable.lines.push({ name: file, sha256 });
    return suspicions;
  }

  async #repair(look: BatchLook, suspicions: readonly Suspicion[], found: Repairable): Promise<void> {
    const { repairs, isCopy = false } = this.#parts;
    const { run, manifest } = look;
    const isTorn = suspicions.some(({ kind }) => kind === "torn-line");
    const lines = new Set(found.lines.map(({ name }) => name));
    const fillsHoles =
      look.holes.length > 0 &&
      [...look.files.keys()].every((file) => look.lines.has(file) || lines.has(file));
    const gone = suspicions.filter(({ kind }) => kind === "row-without-file").map(({ file }) => file);
    if (repairs !== undefined) {
      const mends = { lines: found.lines, fillsHoles };
      if (found.lines.length > 0 || isTorn || fillsHoles)
        await this.#parts.alone(() => repairs.mendManifest(run, manifest, mends));
      if (found.rows.size > 0) await repairs.readRows(run, [...found.rows]);
      if (gone.length > 0) repairs.dropRows(run, gone);
    }
    for (const suspicion of suspicions) {
      const { kind, file } = suspicion;
      const isMended =
        kind === "torn-line" ||
        kind === "row-without-file" ||
        (kind === "zeros" && fillsHoles) ||
        (kind === "no-line" && lines.has(file)) ||
        ((kind === "no-row" || kind === "stale-row") && found.rows.has(file));
      const isRepaired = repairs !== undefined && isMended;
      if (kind === "no-row" && isCopy && !isRepaired) this.#behind += 1;
      else this.#tell(run, suspicion, isRepaired);
    }
  }

  #tell(run: string, suspicion: Suspicion, isRepaired = false): void {
    this.#findings.add({ run, ...suspicion, isRepaired });
  }

  #progress(files: number): void {
    this.#passed += files;
    this.#of = Math.max(this.#of, this.#passed);
    this.#watch.onProgress({ done: this.#passed, of: this.#of });
  }
}
