// One batch under verification: what lies there against what its manifest and the catalogue say.

import { createHash } from "node:crypto";
import { messageOf, systemCodeOf } from "../../base/errors.ts";
import { largestOf, smallestOf } from "../../base/extremes.ts";
import { parsePico } from "../../spectra/pico-reader.ts";
import type { PicoFile } from "../../spectra/pico.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileRow } from "../catalogue/catalogue-row.ts";
import { type Disk, type DiskStat, onDisk } from "../disk/disk.ts";
import { isOtherInHole, type Manifest, type ManifestLine, readManifest } from "./manifest.ts";
import type { RunFolders } from "../run-folders.ts";
import { quoted } from "../run-name.ts";
import { parseSpectraFileName } from "../spectra-file-name.ts";
import type { FindingKind } from "./verification-findings.ts";

/** A batch by its run and its manifest, and the files that belong to it as far as anybody knows. */
export interface BatchNames {
  readonly run: string;
  readonly manifest: string;
  readonly names: readonly string[];
}

/** All that is known of a batch without opening its spectra files. */
export interface BatchLook extends BatchNames {
  readonly isTorn: boolean;
  readonly badRows: Manifest["badRows"];
  readonly holes: Manifest["holes"];
  readonly lines: ReadonlyMap<string, Uint8Array>;
  readonly files: ReadonlyMap<string, DiskStat>;
  /** Undefined where there is no catalogue. */
  readonly rows: ReadonlyMap<string, FileRow> | undefined;
  /** When the newest of its files was written. */
  readonly modifiedUtcUs: number;
}

export interface LookParts {
  readonly disk: Disk;
  readonly folders: RunFolders;
  /** Undefined where there is none: then nothing is compared with it. */
  readonly catalogue: Catalogue | undefined;
}

/** Something that is not as it should be, in a file or manifest. */
export interface Suspicion {
  readonly kind: FindingKind;
  readonly file: string;
  readonly fact: string;
}

/** Throws DATADIR_IO when the folder or the manifest cannot be read. */
export function lookAtBatch(parts: LookParts, batch: BatchNames): Promise<BatchLook> {
  const rows = parts.catalogue === undefined ? undefined : new Map<string, FileRow>();
  return lookBeyond(parts, batch, { files: new Map(), rows });
}

/** Looks anew only at what was suspicious, and what has come since: recording waits meanwhile. Throws DATADIR_IO. */
export function lookAgain(parts: LookParts, look: BatchLook): Promise<BatchLook> {
  const files = new Map(look.files);
  const rows = look.rows === undefined ? undefined : new Map(look.rows);
  for (const { file } of suspicionsOf(look)) {
    files.delete(file);
    rows?.delete(file);
  }
  return lookBeyond(parts, look, { files, rows });
}

interface Looks {
  readonly files: Map<string, DiskStat>;
  readonly rows: Map<string, FileRow> | undefined;
}

/** Adds what lies there and is not in the looks. */
async function lookBeyond(
  { disk, folders, catalogue }: LookParts,
  batch: BatchNames,
  { files, rows }: Looks,
): Promise<BatchLook> {
  const { run, manifest } = batch;
  const path = folders.pathOf(run, manifest);
  const stat = await onDisk(path, () => disk.stat(path));
  const text = stat === undefined ? "" : String(await onDisk(path, () => disk.read(path)));
  const { lines, badRows, holes, isTorn } = readManifest(text);
  const names = [...new Set([...batch.names, ...lines.map(({ name }) => name)])].sort();
  for (const name of names.filter((one) => !files.has(one))) {
    const found = await onDisk(path, () => disk.stat(folders.pathOf(run, name)));
    if (found?.isFile === true) files.set(name, found);
    const row = catalogue?.rowsOf(run, [name]).get(name);
    if (row !== undefined) rows?.set(name, row);
  }
  const times = [...files.values(), ...(stat === undefined ? [] : [stat])].map((one) => one.modifiedUtcUs);
  return {
    run,
    manifest,
    names,
    isTorn,
    badRows,
    holes,
    lines: new Map(lines.map(({ name, sha256 }) => [name, sha256])),
    files,
    rows,
    modifiedUtcUs: Math.max(0, largestOf(times)),
  };
}

/** What the names alone tell: files, lines and rows that lack each other. */
export function suspicionsOf(look: BatchLook): readonly Suspicion[] {
  const { manifest, isTorn, badRows, holes, names } = look;
  const torn: Suspicion = { kind: "torn-line", file: manifest, fact: "the last line is cut off" };
  const bad: Suspicion = {
    kind: "bad-line",
    file: manifest,
    fact: `rows that cannot be read: ${badRows.length}, such as ${quoted(badRows[0] ?? "")}`,
  };
  const zeros: Suspicion = {
    kind: "zeros",
    file: manifest,
    fact: `zeros in the place of lines: ${holes.length} ${holes.length === 1 ? "row" : "rows"}`,
  };
  const missing = names.flatMap((name) => missingOf(look, name));
  return [
    ...(isTorn ? [torn] : []),
    ...(badRows.length > 0 ? [bad] : []),
    ...(holes.length > 0 ? [zeros] : []),
    ...missing,
  ];
}

function missingOf({ files, lines, rows, manifest }: BatchLook, file: string): readonly Suspicion[] {
  if (!files.has(file)) {
    if (lines.has(file))
      return [{ kind: "missing", file, fact: `not there, a line of ${manifest} names it` }];
    const isKnown = rows?.has(file) === true;
    return isKnown ? [{ kind: "row-without-file", file, fact: "not there, the catalogue knows it" }] : [];
  }
  const found: Suspicion[] = [];
  if (!lines.has(file)) found.push({ kind: "no-line", file, fact: `no line in ${manifest}` });
  if (rows?.has(file) === false) found.push({ kind: "no-row", file, fact: "not in the catalogue" });
  return found;
}

/** Numbers between the first and the last sequence of a batch that no file has; undefined when there are none. */
export function gapIn({ names, manifest }: BatchLook): Suspicion | undefined {
  const there = new Set(names.flatMap((name) => parseSpectraFileName(name)?.sequence ?? []));
  const first = smallestOf(there);
  const last = largestOf(there);
  const absent: number[] = [];
  for (let sequence = first; sequence < last && absent.length <= GAPS_TOLD; sequence++)
    if (!there.has(sequence)) absent.push(sequence);
  if (absent.length === 0) return undefined;
  const told = absent.slice(0, GAPS_TOLD).join(", ");
  const more = absent.length > GAPS_TOLD ? " and more" : "";
  return { kind: "gap", file: manifest, fact: `no sequence ${told}${more} between ${first} and ${last}` };
}

const GAPS_TOLD = 10;

export interface FileCheck {
  readonly bytes: number;
  readonly sha256: Uint8Array | undefined;
  readonly suspicions: readonly Suspicion[];
}

/** Reads a file: its bytes against the manifest, its content against the catalogue. */
export async function checkFile(
  { disk, folders }: Pick<LookParts, "disk" | "folders">,
  look: BatchLook,
  file: string,
): Promise<FileCheck> {
  const path = folders.pathOf(look.run, file);
  let bytes: Buffer;
  try {
    bytes = await disk.read(path);
  } catch (error) {
    const kind = systemCodeOf(error) === "ENOENT" ? "missing" : "unreadable";
    const fact = kind === "missing" ? "it has just been removed" : messageOf(error);
    return { bytes: 0, sha256: undefined, suspicions: [{ kind, file, fact }] };
  }
  const sha256 = createHash("sha256").update(bytes).digest();
  const suspicion = changeOf(look, file, { bytes, sha256 });
  return { bytes: bytes.length, sha256, suspicions: suspicion === undefined ? [] : [suspicion] };
}

interface Content {
  readonly bytes: Buffer;
  readonly sha256: Uint8Array;
}

function changeOf(look: BatchLook, file: string, content: Content): Suspicion | undefined {
  const { lines, rows, manifest } = look;
  const row = rows?.get(file);
  const line = lines.get(file);
  // Without a line the catalogue is the only witness.
  const witness = line ?? row?.sha256 ?? content.sha256;
  if (!isSame(witness, content.sha256)) {
    const by = line === undefined ? "the catalogue" : manifest;
    return { kind: "changed", file, fact: `its SHA-256 is not that of ${by}` };
  }
  let spectra: PicoFile;
  try {
    spectra = parsePico(String(content.bytes), file);
  } catch (error) {
    return { kind: "unreadable", file, fact: messageOf(error) };
  }
  const difference = row === undefined ? undefined : differenceOf(row, content, spectra);
  return difference === undefined ? undefined : { kind: "stale-row", file, fact: `catalogue: ${difference}` };
}

function differenceOf(row: FileRow, { bytes, sha256 }: Content, content: PicoFile): string | undefined {
  if (row.problem !== null) return `it could not be read: ${row.problem}`;
  if (row.bytes !== bytes.length) return `${row.bytes} bytes, not ${bytes.length}`;
  const { length } = content.spectra;
  if (row.spectra !== length) return `${row.spectra} spectra, not ${length}`;
  // Rows of older versions have no hash.
  if (row.sha256 !== null && !isSame(row.sha256, sha256)) return "another SHA-256";
  return undefined;
}

/** Where a line of the file may have been under zeros, only the catalogue can tell what it said. */
export function isProvenBeside(
  known: Pick<Manifest, "holes">,
  row: FileRow | undefined,
  line: ManifestLine,
): boolean {
  if (row === undefined || row.sha256 === null || row.problem !== null) return false;
  return isSame(row.sha256, line.sha256) && !isOtherInHole(known, line);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
