// Small files of the data directory that must outlive a crash, in turn with the spectra: whole files that are replaced,
// and lists of events in the folders of the runs, to which lines are added.

import { basename, dirname, join } from "node:path";
import { NEVER } from "../base/abort.ts";
import { type Disk, onDisk } from "./disk.ts";
import { replaceDurable } from "./durable-file.ts";
import type { Writer } from "./writer.ts";

/** In the folder of a run: one JSON object a line. The last line can be torn by a power cut. */
export const EVENTS_FILE = "events.jsonl";

export interface NotesParts {
  readonly disk: Disk;
  readonly writer: Writer;
  /** The folder while the medium is there. Throws DATADIR_NOT_MOUNTED. */
  readonly folder: () => Promise<string>;
}

export class Notes {
  readonly #parts: NotesParts;

  constructor(parts: NotesParts) {
    this.#parts = parts;
  }

  /** The text of a note; undefined when there is none. Throws DATADIR_NOT_MOUNTED, DATADIR_IO. */
  read(name: string): Promise<string | undefined> {
    return this.#at(name, async (path, disk) => {
      if ((await disk.stat(path)) === undefined) return undefined;
      return String(await disk.read(path));
    });
  }

  /** Resolves when the note survives a power cut. Throws DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  write(name: string, text: string): Promise<void> {
    return this.#at(name, (path, disk) => replaceDurable(disk, path, Buffer.from(text), NEVER));
  }

  /** Throws DATADIR_NOT_MOUNTED, DATADIR_IO. */
  remove(name: string): Promise<void> {
    return this.#at(name, async (path, disk) => {
      if ((await disk.stat(path)) === undefined) return;
      await disk.remove(path);
      await disk.syncFolder(dirname(path));
    });
  }

  /** Adds an event to those of a run. Throws DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  addEvent(run: string, event: object): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    return this.#at(join(basename(run), EVENTS_FILE), async (path, disk) => {
      const isNew = (await disk.stat(path)) === undefined;
      await disk.append(path, line);
      if (isNew) await disk.syncFolder(dirname(path));
    });
  }

  #at<T>(name: string, task: (path: string, disk: Disk) => Promise<T>): Promise<T> {
    const { disk, writer, folder } = this.#parts;
    return writer.run(async () => {
      const path = join(await folder(), name);
      return onDisk(path, () => task(path, disk));
    });
  }
}
