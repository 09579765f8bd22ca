// Small files of the data directory that must outlive a crash, in turn with the spectra: whole files that are replaced,
// and lists of events in the folders of the runs, to which lines are added.

import { dirname, join } from "node:path";
import { NEVER } from "../base/abort.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { replaceDurable } from "./disk/durable-file.ts";
import { appendEvent, eventsFile, readEvents, type RunEvent } from "./run-events.ts";
import type { Writer } from "./writer.ts";

export interface NotesParts {
  readonly disk: Disk;
  readonly writer: Writer;
  /** The folder while the medium is there, which is the data directory with that uuid if one is asked for. Throws DATADIR_NOT_MOUNTED. */
  readonly folder: (uuid: string | undefined) => Promise<string>;
}

export class Notes {
  readonly #parts: NotesParts;
  readonly #uuid: string | undefined;

  constructor(parts: NotesParts, uuid?: string) {
    this.#parts = parts;
    this.#uuid = uuid;
  }

  /** Those of one data directory, whatever medium is there; of any when it has no uuid. */
  of(uuid: string | undefined): Notes {
    return new Notes(this.#parts, uuid);
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

  /** The names of the notes that begin so, in order. Throws DATADIR_NOT_MOUNTED, DATADIR_IO. */
  names(prefix: string): Promise<readonly string[]> {
    return this.#at("", async (path, disk) => {
      const entries = await disk.list(path);
      const notes = entries.filter(({ name, isFile }) => isFile && name.startsWith(prefix));
      return notes.map(({ name }) => name).sort();
    });
  }

  /** Takes a note out of use, and keeps it under another name. Throws DATADIR_NOT_MOUNTED, DATADIR_IO. */
  setAside(name: string, newName: string): Promise<void> {
    return this.#at(name, async (path, disk) => {
      await disk.rename(path, join(dirname(path), newName));
      await disk.syncFolder(dirname(path));
    });
  }

  /** Throws DATADIR_NOT_MOUNTED, DATADIR_IO. */
  remove(name: string): Promise<void> {
    return this.#at(name, async (path, disk) => {
      if ((await disk.stat(path)) === undefined) return;
      await disk.remove(path);
      await disk.syncFolder(dirname(path));
    });
  }

  /** Adds an event to those of a run. Throws RESOURCE_NOT_FOUND, DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  async addEvent(run: string, event: object): Promise<void> {
    await this.#at(eventsFile(run), (path, disk) => appendEvent(disk, path, event));
  }

  /** The newest events of a run, oldest first. Throws RESOURCE_NOT_FOUND, DATADIR_NOT_MOUNTED, DATADIR_IO. */
  async events(run: string): Promise<readonly RunEvent[]> {
    const { disk, folder } = this.#parts;
    return readEvents(disk, join(await folder(this.#uuid), eventsFile(run)));
  }

  #at<T>(name: string, task: (path: string, disk: Disk) => Promise<T>): Promise<T> {
    const { disk, writer, folder } = this.#parts;
    return writer.run(async () => {
      const path = join(await folder(this.#uuid), name);
      return onDisk(path, () => task(path, disk));
    });
  }
}
