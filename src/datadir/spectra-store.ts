// From a spectra set to a durable file and its rows in the catalogue, in this order.

import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type PicoOrigin, picoFileOf } from "../spectra/pico.ts";
import { picoText } from "../spectra/pico-text.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";
import type { WrittenFile } from "./batch.ts";
import type { Disk, DiskSpace } from "./disk.ts";
import { commitGroup } from "./commit-group.ts";
import type { Session } from "./session.ts";
import { requireSpace } from "./space.ts";
import { spectraFileName } from "./spectra-file-name.ts";

export interface StoreParts {
  readonly disk: Disk;
  readonly log: Log;
  readonly session: Session;
  readonly reserveBytes: number;
}

export interface Stored {
  readonly written: WrittenFile;
  /** The medium's space before the file. */
  readonly space: DiskSpace;
  /** False when the file is safe and the catalogue could not be told. */
  readonly isIndexed: boolean;
}

/** Throws STATE_CONFLICT when the file exists, DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
export async function storeSet(parts: StoreParts, origin: PicoOrigin, set: SpectraSet): Promise<Stored> {
  const { disk, session, reserveBytes } = parts;
  const content = picoFileOf(set, origin);
  const bytes = Buffer.from(picoText(content));
  const { run, batch } = origin;
  const file = spectraFileName({ batch, sequence: set.sequence, kind: set.kind });
  const path = session.folders.pathOf(run, file);
  const space = await requireSpace(disk, session.path, { bytes: bytes.length, reserveBytes });
  try {
    await writeAgain(parts, run, () => placeOne(disk, path, bytes));
  } finally {
    session.folders.changed(run);
  }
  const written = { run, file, path, bytes: bytes.length };
  try {
    await session.index.add({ run, file }, content);
    return { written, space, isIndexed: true };
  } catch (error) {
    parts.log.error(
      { run, file, reason: messageOf(error) },
      "the file is written, the catalogue is not; it will be read again",
    );
    return { written, space, isIndexed: false };
  }
}

// A run folder that was removed by hand meanwhile is made again: the new spectra matter more.
async function writeAgain({ session }: StoreParts, run: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (await session.folders.isRun(run)) throw error;
    await session.folders.ensure(run);
    await write();
  }
}

async function placeOne(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const [error] = await commitGroup(disk, [{ path, bytes }], { flushesTwice: true });
  if (error !== undefined) throw error;
}
