// Looks for the notes of batches that were interrupted, and at the files of each. What cannot be read of one holds up no
// other.

import type { Clock } from "../base/clock.ts";
import { isVscopeError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { type Finding, lookAt } from "./interrupted-batch.ts";
import type { BatchNote } from "./batch-note.ts";
import type { Journal } from "./journal.ts";

export interface Interrupted {
  readonly note: BatchNote;
  readonly finding: Finding;
  /** By the clock that never jumps: its turn may come hours later. */
  readonly foundUs: number;
}

export interface Found {
  /** Oldest first. */
  readonly interrupted: readonly Interrupted[];
  /** False when there may be more, of which nothing could be read now. */
  readonly isAll: boolean;
}

export interface FindParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: DataDirectory;
  readonly journal: Journal;
}

/** Never throws. */
export async function findInterrupted(parts: FindParts): Promise<Found> {
  const tell = (error: unknown): void =>
    parts.log.error(
      { reason: messageOf(error) },
      "a batch may have been interrupted, it is looked for later",
    );
  try {
    const { interrupted, unread } = await lookThrough(parts);
    unread.forEach(tell);
    return { interrupted, isAll: unread.length === 0 };
  } catch (error) {
    tell(error);
    return { interrupted: [], isAll: false };
  }
}

async function lookThrough({ clock, dataDirectory, journal }: FindParts) {
  const { notes, unread } = await journal.interrupted();
  const continued = new Set(notes.map(({ value: { origin } }) => origin.by === "resumption" && origin.id));
  const interrupted: Interrupted[] = [];
  const failures = [...unread];
  for (const note of notes) {
    try {
      // The server ended between the note of the rest and the end of this one.
      if (continued.has(idOf(note))) await note.remove();
      else
        interrupted.push({ note, finding: await lookAt(dataDirectory, note.value), foundUs: clock.nowUs() });
    } catch (error) {
      if (!isVscopeError(error, "DATADIR_IO")) throw error;
      failures.push(error);
    }
  }
  return { interrupted, unread: failures };
}

function idOf({ value: { settings, batch } }: BatchNote): string {
  return `${settings.run}/${batch}`;
}
