// Keeps the events in the catalogue in step with the lists in the folders of the runs, which others may change, too.

import { join } from "node:path";
import { type Disk, onDisk } from "../disk/disk.ts";
import { eventsFile, readEvents } from "../run-events.ts";
import type { Session } from "../session.ts";

/** Reads the lists that have changed since they were read last. Throws DATADIR_IO. */
export async function catchUpEvents(
  disk: Disk,
  { path, folders, catalogue }: Pick<Session, "path" | "folders" | "catalogue">,
): Promise<void> {
  for (const run of await folders.names()) {
    const list = join(path, eventsFile(run));
    const bytes = (await onDisk(list, () => disk.stat(list)))?.bytes ?? 0;
    if (bytes === catalogue.knownEventBytes(run)) continue;
    await catalogue.recordEvents(run, await readEvents(disk, list), bytes);
  }
}

/** Drops the events of runs that are gone; those of one that comes back are read with the others. Throws DATADIR_IO. */
export async function dropEvents({
  folders,
  catalogue,
}: Pick<Session, "folders" | "catalogue">): Promise<void> {
  for (const run of catalogue.runsWithEvents())
    if (!(await folders.isRun(run))) await catalogue.recordEvents(run, [], 0);
}
