// Whether a zip file holds a whole run: every file that the manifests in it name, with its SHA-256, and no spectra file beside.
// From the same manifests follows the tag of the run, as the server tells it: equal tags, equal files.

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { VscopeError } from "../base/errors.ts";
import { isManifest, readManifest } from "../datadir/checksums/manifest.ts";
import { batchOf, isTagged, runTagOf, tagOfSum } from "../datadir/checksums/manifest-listing.ts";
import { quoted } from "../datadir/run-name.ts";
import { isSpectraFile } from "../datadir/spectra-file-name.ts";
import { type ZipMember, zipContent, zipMembers } from "./zip-reader.ts";

export interface CheckedArchive {
  readonly run: string;
  /** Of the run as it was packed, 16 hexadecimal digits. */
  readonly tag: string;
  readonly files: number;
  /** Unpacked. */
  readonly bytes: number;
  /** Spectra files and their bytes, by name. */
  readonly spectra: ReadonlyMap<string, number>;
}

const SUM_OF_NOTHING = createHash("sha256").digest("hex");

type OnProgress = (done: number, of: number, text: string) => void;

/** Throws DATADIR_IO with the first of what is wrong, VALUE_INVALID for an archive of another run, and the signal's reason. */
export async function checkArchive(
  path: string,
  run: string,
  { onProgress, signal }: { readonly onProgress: OnProgress; readonly signal: AbortSignal },
): Promise<CheckedArchive> {
  const members = await zipMembers(path);
  const sums = new Map<string, string>();
  const manifests = new Map<string, Buffer>();
  for (const [index, member] of members.entries()) {
    signal.throwIfAborted();
    onProgress(index, members.length, "files read back");
    const name = nameIn(member, run, path);
    const { sha256, content } = await read(path, member, isManifest(name));
    if (sums.has(name)) throw fault(path, `${name} is in it twice`);
    sums.set(name, sha256);
    if (content !== undefined) manifests.set(name, content);
  }
  onProgress(members.length, members.length, "files read back");
  requireSums(path, sums, manifests);
  const bytes = members.reduce((sum, member) => sum + member.bytes, 0);
  const own = members.map((member): [string, number] => [member.name.slice(run.length + 1), member.bytes]);
  const spectra = new Map(own.filter(([name]) => isSpectraFile(name)));
  return { run, tag: tagIn(sums), files: members.length, bytes, spectra };
}

function nameIn({ name }: ZipMember, run: string, path: string): string {
  if (name.startsWith(`${run}/`)) return name.slice(run.length + 1);
  const other = quoted(name.split("/", 1)[0] ?? "");
  throw new VscopeError("VALUE_INVALID", `${basename(path)}: holds ${other}, not the run ${quoted(run)}`);
}

async function read(
  path: string,
  member: ZipMember,
  isKept: boolean,
): Promise<{ readonly sha256: string; readonly content?: Buffer }> {
  const hash = createHash("sha256");
  const kept: Buffer[] = [];
  for await (const part of zipContent(path, member)) {
    hash.update(part);
    if (isKept) kept.push(part);
  }
  const sha256 = hash.digest("hex");
  return isKept ? { sha256, content: Buffer.concat(kept) } : { sha256 };
}

function requireSums(
  path: string,
  sums: ReadonlyMap<string, string>,
  manifests: ReadonlyMap<string, Buffer>,
): void {
  const named = new Set<string>();
  for (const [manifest, content] of manifests) {
    for (const { name, sha256 } of readManifest(content.toString()).lines) {
      named.add(name);
      const found = sums.get(name);
      if (found === undefined) throw fault(path, `lacks ${name}, which ${manifest} names`);
      if (found !== Buffer.from(sha256).toString("hex"))
        throw fault(path, `${name} has another SHA-256 than in ${manifest}`);
    }
  }
  for (const name of sums.keys())
    if (isSpectraFile(name) && !named.has(name)) throw fault(path, `${name} has no line in a manifest`);
}

// As the server makes it: a manifest without bytes is none.
function tagIn(sums: ReadonlyMap<string, string>): string {
  const tagged = [...sums].filter(([name, sha256]) => isTagged(name) && sha256 !== SUM_OF_NOTHING);
  return runTagOf(tagged.map(([name, sha256]) => ({ batch: batchOf(name), tag: tagOfSum(sha256) })));
}

function fault(path: string, fact: string): VscopeError {
  return new VscopeError("DATADIR_IO", `${basename(path)}: ${fact}`);
}
