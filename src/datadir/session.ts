// A data directory while its medium is there: the lock, the catalogue, and the number of its file system,
// by which the bare mount point is told from the medium.

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { deviceNumber, isDetached } from "./block-device.ts";
import { CATALOGUE_FILE, Catalogue } from "./catalogue.ts";
import { type Disk, onDisk } from "./disk.ts";
import { FileIndex } from "./file-index.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { RunFolders } from "./run-folders.ts";
import { noteUnfinished } from "./unfinished.ts";

export interface SessionParts {
  readonly path: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

export class Session {
  /** Without symbolic links. */
  readonly path: string;
  readonly folders: RunFolders;
  readonly catalogue: Catalogue;
  readonly index: FileIndex;
  readonly #parts: SessionParts;
  readonly #device: number;
  readonly #lock: DirectoryLock;

  private constructor(parts: SessionParts, device: number, lock: DirectoryLock, catalogue: Catalogue) {
    const { disk, path, log } = parts;
    this.#parts = parts;
    this.path = path;
    this.#device = device;
    this.#lock = lock;
    this.catalogue = catalogue;
    this.folders = new RunFolders(disk, path, parts.clock);
    this.index = new FileIndex({ disk, folders: this.folders, catalogue, log });
  }

  /** Makes the folder if necessary. Throws SERVER_CONFLICT when another server uses it, or DATADIR_IO. */
  static async open(asked: SessionParts): Promise<Session> {
    const { disk, log } = asked;
    await onDisk(asked.path, () => disk.makeFolders(asked.path));
    const path = await onDisk(asked.path, () => disk.realPath(asked.path));
    const parts = { ...asked, path };
    const stat = await onDisk(path, () => disk.stat(path));
    if (stat?.isFolder !== true) throw new VscopeError("DATADIR_IO", `${path}: not a folder`);
    const lock = await lockDirectory(path, log);
    try {
      const catalogue = await Catalogue.open(join(path, CATALOGUE_FILE), parts);
      const session = new Session(parts, stat.device, lock, catalogue);
      await noteUnfinished(session.folders, parts);
      return session;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** False when the medium was taken away: what is at the path then is another file system, or nothing. */
  async isPresent(): Promise<boolean> {
    const { path, disk } = this.#parts;
    const stat = await onDisk(path, () => disk.stat(path));
    return stat?.isFolder === true && stat.device === this.#device && !(await this.isLost());
  }

  /** Whether the medium was pulled out while it was mounted: whatever comes back is another mount. */
  async isLost(): Promise<boolean> {
    return isDetached(deviceNumber(this.#device), this.#parts.disk);
  }

  async close(): Promise<void> {
    await this.catalogue.close();
    this.#lock.release();
  }
}
