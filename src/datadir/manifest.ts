// Checksums of the files of a batch, in the format of sha256sum: `cd <run> && sha256sum -c *.sha256` works without us.
// Lines are only ever added, each after its file is safe. A power cut can tear the last one: such a line says nothing.

import { parseSpectraFileName } from "./spectra-file-name.ts";

export interface ManifestLine {
  /** SHA-256 of the file, 32 bytes. */
  readonly sha256: Uint8Array;
  /** Name within the run. */
  readonly name: string;
}

const ENDING = ".sha256";

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

/**
 * The whole lines of a manifest, in order; of a name that is there twice the last one counts.
 * `isTorn`: something else is in it, such as the first half of a line.
 */
export function readManifest(text: string): {
  readonly lines: readonly ManifestLine[];
  readonly isTorn: boolean;
} {
  const rows = text.split("\n");
  let isTorn = rows.pop() !== "";
  const lines: ManifestLine[] = [];
  for (const row of rows) {
    const line = parseLine(row);
    if (line !== undefined) lines.push(line);
    else if (!row.startsWith("#")) isTorn = true;
  }
  return { lines, isTorn };
}

// As sha256sum does: a name with a backslash is written with two, and the line begins with one.
function lineOf(hex: string, name: string): string {
  const isEscaped = name.includes("\\");
  return isEscaped ? `\\${hex}  ${name.replaceAll("\\", "\\\\")}` : `${hex}  ${name}`;
}

function parseLine(row: string): ManifestLine | undefined {
  const match = /^(\\?)([0-9a-f]{64}) [ *](.+)$/.exec(row);
  if (match === null) return undefined;
  const [, escape, hex = "", name = ""] = match;
  return {
    sha256: Buffer.from(hex, "hex"),
    name: escape === "" ? name : name.replaceAll("\\\\", "\\"),
  };
}
