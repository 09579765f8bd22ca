// From spectra sets to durable files and their rows in the catalogue, in this order.

import { createHash } from "node:crypto";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type PicoFile, picoFileOf } from "../spectra/pico.ts";
import { picoText } from "../spectra/pico-text.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";
import type { WrittenFile } from "./batch.ts";
import { commitGroup, type GroupFacts } from "./disk/commit-group.ts";
import { asDiskError, type Disk, onDisk } from "./disk/disk.ts";
import { flushesTwice } from "./disk/file-system.ts";
import type { Session } from "./session.ts";
import { requireSpace } from "./disk/space.ts";
import { spectraFileName } from "./spectra-file-name.ts";

export interface StoreParts {
  readonly disk: Disk;
  readonly log: Log;
  readonly session: Session;
  readonly reserveBytes: number;
  readonly makeRoom: () => Promise<boolean>;
  /** Program and version, written into every file. */
  readonly program: string;
}

/** A set, and where it belongs. */
export interface PlacedSet {
  readonly run: string;
  readonly set: SpectraSet;
  /** The batch's number, once it is known whether `isTaken`: by a file that was there before the batch. */
  readonly number: (isTaken: (batch: number) => Promise<boolean>) => Promise<number>;
}

export interface Stored extends WrittenFile {
  /** False when the file is safe and the catalogue could not be told. */
  readonly isIndexed: boolean;
}

/** A file before it is written. */
interface Draft extends WrittenFile {
  readonly content: PicoFile;
  readonly text: Buffer;
}

/**
 * Writes sets together. Of each what it became, or why it failed: STATE_CONFLICT when the file exists, DATADIR_FULL,
 * DATADIR_NOT_MOUNTED, DATADIR_IO.
 */
export async function storeGroup(
  parts: StoreParts,
  sets: readonly PlacedSet[],
): Promise<readonly (Stored | VscopeError)[]> {
  const drafts: (Draft | VscopeError)[] = [];
  let bytes = 0;
  for (const placed of sets) {
    const draft = await drafted(parts, placed, bytes).catch((error: unknown) =>
      asDiskError(placed.run, error),
    );
    drafts.push(draft);
    if (!(draft instanceof VscopeError)) bytes += draft.bytes;
  }
  const errors = await writeAgain(parts, drafts.filter(isDraft), await factsOf(parts));
  const isSafe = (draft: Draft | VscopeError): draft is Draft => isDraft(draft) && !errors.has(draft);
  const isIndexed = await index(parts, drafts.filter(isSafe));
  return drafts.map((draft) => {
    if (!isDraft(draft)) return draft;
    const { run, file, path, bytes: length } = draft;
    return errors.get(draft) ?? { run, file, path, bytes: length, isIndexed };
  });
}

// Texts are made here and not when the sets are handed in: they are three times as large. Each looks at the disk in
// between, so that the making of a group does not hold up what else the program does.
async function drafted(parts: StoreParts, placed: PlacedSet, bytesBefore: number): Promise<Draft> {
  const { disk, session, reserveBytes, makeRoom, program } = parts;
  const { run, set } = placed;
  const { sequence, kind } = set;
  const pathOf = (file: string): string => session.folders.pathOf(run, file);
  const fileOf = (number: number): string => spectraFileName({ batch: number, sequence, kind });
  const batch = await placed.number(async (number) => {
    const path = pathOf(fileOf(number));
    return (await onDisk(path, () => disk.stat(path))) !== undefined;
  });
  const content = picoFileOf(set, { run, batch, writer: program });
  const text = Buffer.from(picoText(content));
  await requireSpace(disk, session.path, { bytes: bytesBefore + text.length, reserveBytes, makeRoom });
  const file = fileOf(batch);
  return { run, file, path: pathOf(file), bytes: text.length, content, text };
}

function factsOf({ disk, session }: StoreParts): Promise<GroupFacts> {
  return onDisk(session.path, async () => ({ flushesTwice: await flushesTwice(disk, session.path) }));
}

// A run folder that was removed by hand meanwhile is made again: the new spectra matter more. Not where the medium has gone
// with it: the path is a bare mount point then, or another medium.
async function writeAgain(
  parts: StoreParts,
  drafts: readonly Draft[],
  facts: GroupFacts,
): Promise<ReadonlyMap<Draft, VscopeError>> {
  const { folders } = parts.session;
  const errors = await write(parts, drafts, facts);
  const orphans: Draft[] = [];
  for (const draft of errors.keys()) if (!(await isThere(parts, draft.run))) orphans.push(draft);
  if (orphans.length === 0 || !(await parts.session.isPresent().catch(() => false))) return errors;
  for (const run of new Set(orphans.map((draft) => draft.run))) {
    await folders.ensure(run).catch(() => undefined);
  }
  const stillWrong = await write(parts, orphans, facts);
  const others = [...errors].filter(([draft]) => !orphans.includes(draft));
  return new Map([...others, ...stillWrong]);
}

// A medium that does not answer keeps its first error.
function isThere({ session }: StoreParts, run: string): Promise<boolean> {
  return session.folders.isRun(run).catch(() => true);
}

async function write(
  { disk, session }: StoreParts,
  drafts: readonly Draft[],
  facts: GroupFacts,
): Promise<ReadonlyMap<Draft, VscopeError>> {
  const placements = drafts.map(({ path, text }) => ({ path, bytes: text }));
  const errors = await commitGroup(disk, placements, facts);
  for (const run of new Set(drafts.map((draft) => draft.run))) session.folders.changed(run);
  const failed = new Map<Draft, VscopeError>();
  for (const [position, draft] of drafts.entries()) {
    const error = errors[position];
    if (error !== undefined) failed.set(draft, error);
  }
  return failed;
}

async function index({ session, log }: StoreParts, drafts: readonly Draft[]): Promise<boolean> {
  try {
    await session.index.add(
      drafts.map(({ text, ...draft }) => ({ ...draft, sha256: createHash("sha256").update(text).digest() })),
    );
    return true;
  } catch (error) {
    const facts = { files: drafts.map(({ run, file }) => `${run}/${file}`), reason: messageOf(error) };
    log.error(facts, "the files are written, the catalogue is not; they will be read again");
    return false;
  }
}

function isDraft(draft: Draft | VscopeError): draft is Draft {
  return !(draft instanceof VscopeError);
}
