// Checksums of the files of a batch, in the format of sha256sum: `cd <run> && sha256sum -c *.sha256` works without us.
// Lines are only ever added, each after its file is safe. A power cut can tear the last one: such a line says nothing.
// Neither do zeros that it has left in the place of lines. Any other row that cannot be read is a witness that somebody has damaged: it stays.

import { isSpectraFile, parseSpectraFileName } from "../spectra-file-name.ts";

export interface ManifestLine {
  /** SHA-256 of the file, 32 bytes. */
  readonly sha256: Uint8Array;
  /** Name within the run. */
  readonly name: string;
}

const ENDING = ".sha256";
/** No program writes it into a text. */
const ZERO = "\0";

/** Of files that have names of their own. */
export const OTHER_MANIFEST = `other${ENDING}`;

/** b000003.sha256 */
export function manifestName(batch: number): string {
  return `b${String(batch).padStart(6, "0")}${ENDING}`;
}

/** The manifest that a spectra file belongs to. */
export function manifestOf(file: string): string {
  const parts = parseSpectraFileName(file);
  return parts === undefined ? OTHER_MANIFEST : manifestName(parts.batch);
}

export function isManifest(name: string): boolean {
  return name === OTHER_MANIFEST || /^b\d{6,15}\.sha256$/.test(name);
}

export function manifestText(lines: readonly ManifestLine[]): string {
  return lines.map(({ sha256, name }) => `${lineOf(Buffer.from(sha256).toString("hex"), name)}\n`).join("");
}

/** A line that both we and sha256sum pass over. */
export function manifestComment(text: string): string {
  return `# ${text}\n`;
}

export interface Manifest {
  /** In order; of a name that is there twice the last one counts. */
  readonly lines: readonly ManifestLine[];
  /** Rows that are neither lines of spectra files nor comments, such as a line that was altered. */
  readonly badRows: readonly string[];
  /** Rows with zeros in the place of text, as a power cut leaves them: what was there nobody knows for sure. */
  readonly holes: readonly string[];
  /** Whether the last row has no end, as a power cut leaves it. */
  readonly isTorn: boolean;
}

/** Also as other systems write it: with \r\n, and with hashes in capital letters. */
export function readManifest(text: string): Manifest {
  const rows = text.split(/\r?\n/);
  const isTorn = rows.pop() !== "";
  const lines: ManifestLine[] = [];
  const badRows: string[] = [];
  const holes = rows.filter(isHole);
  for (const row of rows) {
    if (isHole(row)) continue;
    const line = parseLine(row);
    if (line !== undefined) lines.push(line);
    else if (row !== "" && !row.startsWith("#")) badRows.push(row);
  }
  return { lines, badRows, holes, isTorn };
}

/** Whether a row that cannot be read names the file: then no new line may vouch for the file. */
export function isInBadRow({ badRows }: Pick<Manifest, "badRows">, name: string): boolean {
  return badRows.some((row) => row.includes(escaped(name)));
}

/** Of a row, without its end. */
export function isHole(row: string): boolean {
  return row.includes(ZERO);
}

/** Whether what is left of a file's line beside zeros is of another content than this, its SHA-256. */
export function isOtherInHole({ holes }: Pick<Manifest, "holes">, { name, sha256 }: ManifestLine): boolean {
  const hex = Buffer.from(sha256).toString("hex");
  return holes
    .flatMap((row) => row.split(/\0+/))
    .some((part) => {
      const [, left = "", named] = /^\\?([0-9a-f]*) [ *](.+)$/i.exec(part) ?? [];
      return named === escaped(name) && !hex.endsWith(left.toLowerCase());
    });
}

// As sha256sum does: a name with a backslash is written with two, and the line begins with one.
function lineOf(hex: string, name: string): string {
  return name.includes("\\") ? `\\${hex}  ${escaped(name)}` : `${hex}  ${name}`;
}

function escaped(name: string): string {
  return name.replaceAll("\\", "\\\\");
}

function parseLine(row: string): ManifestLine | undefined {
  const match = /^(\\?)([0-9a-f]{64}) [ *](.+)$/i.exec(row);
  if (match === null) return undefined;
  const [, escape, hex = "", name = ""] = match;
  const file = escape === "" ? name : name.replaceAll("\\\\", "\\");
  return isSpectraFile(file) ? { sha256: Buffer.from(hex, "hex"), name: file } : undefined;
}
