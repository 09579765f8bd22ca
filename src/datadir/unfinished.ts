// Files that a crash or power cut left while they were written. They are never data, and nobody removes them silently: they
// are told, once for each in the events of their run.

import { type Clock, isoUtc } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { appendEvent, eventsFile, readEvents } from "./run-events.ts";
import type { RunFolders } from "./run-folders.ts";

const EVENT = "unfinished-files";

interface Parts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

/** To be called while nothing is written. Never throws: a medium that takes no event can still be read. */
export async function noteUnfinished(folders: RunFolders, { disk, clock, log }: Parts): Promise<void> {
  try {
    for (const run of await folders.names()) {
      const note = (): Promise<void> => noteOfRun(run, folders, { disk, clock, log });
      await folders.passingOver(run, note, () => undefined);
    }
  } catch (error) {
    log.warn({ reason: messageOf(error) }, "unfinished files cannot be noted");
  }
}

async function noteOfRun(run: string, folders: RunFolders, { disk, clock, log }: Parts): Promise<void> {
  const files = await folders.unfinished(run);
  if (files.length === 0) return;
  const oldest = isoUtc(Math.min(...files.map(({ modifiedUtcUs }) => modifiedUtcUs)));
  log.warn({ run, files: files.length, oldest }, "files that were left unfinished, they are no data");
  const path = folders.pathOf(eventsFile(run));
  const told = new Set((await readEvents(disk, path)).flatMap(filesOf));
  const unknown = files.map(({ file }) => file).filter((file) => !told.has(file));
  if (unknown.length === 0) return;
  const event = { utc: isoUtc(clock.utcUs()), event: EVENT, files: unknown };
  await onDisk(path, () => appendEvent(disk, path, event));
}

function filesOf({ event, files }: Readonly<Record<string, unknown>>): readonly unknown[] {
  return event === EVENT && Array.isArray(files) ? files : [];
}
