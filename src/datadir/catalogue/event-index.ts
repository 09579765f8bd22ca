// Keeps the events in the catalogue in step with the lists in the folders of the runs, which others may change, too.

import { join } from "node:path";
import { type Disk, onDisk } from "../disk/disk.ts";
import { eventsFile, readEvents, type RunEvent } from "../run-events.ts";
import type { Session } from "../session.ts";

type Parts = Pick<Session, "path" | "folders" | "catalogue">;

/** A list of another length. */
interface Change {
  readonly events: readonly RunEvent[];
  readonly bytes: number;
}

/** Reads the lists that have changed since they were read last. Throws DATADIR_IO. */
export async function catchUpEvents(disk: Disk, session: Parts): Promise<void> {
  const { path, folders, catalogue } = session;
  for (const run of await folders.names()) {
    const list = join(path, eventsFile(run));
    const known = catalogue.knownEventBytes(run);
    const read = async (): Promise<Change | undefined> => {
      const bytes = (await onDisk(list, () => disk.stat(list)))?.bytes ?? 0;
      if (bytes === known) return undefined;
      return { events: await readEvents(disk, list), bytes };
    };
    const change = await folders.passingOver(run, read, () => undefined);
    if (change !== undefined) await catalogue.recordEvents(run, change.events, change.bytes);
  }
}

/** Drops the events of runs that are gone; those of one that comes back are read with the others. Throws DATADIR_IO. */
export async function dropEvents({
  folders,
  catalogue,
}: Pick<Session, "folders" | "catalogue">): Promise<void> {
  for (const run of catalogue.runsWithEvents()) {
    const isThere = await folders.passingOver(
      run,
      () => folders.isRun(run),
      () => true,
    );
    if (!isThere) await catalogue.recordEvents(run, [], 0);
  }
}
