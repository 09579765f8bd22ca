// A data directory while its medium is there: the lock, the catalogue, and the number of its file system,
// by which the bare mount point is told from the medium.

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { deviceNumber, isDetached, labelsOf } from "./medium/block-device.ts";
import { CATALOGUE_FILE, Catalogue } from "./catalogue/catalogue.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { makeFolders } from "./disk/durable-file.ts";
import { FileIndex } from "./file-index.ts";
import { ID_FILE, makeIdentity, readIdentity, requireIdentity } from "./medium/identity.ts";
import type { DirectoryPlace, KnownDirectories } from "./medium/known-directories.ts";
import { type DirectoryLock, lockDirectory } from "./medium/lock.ts";
import { type Mount, mountOf, type MountTable, placeOf, requireMounted } from "./medium/mount-table.ts";
import { RunFolders } from "./run-folders.ts";
import { noteUnfinished } from "./unfinished.ts";

export interface SessionParts {
  readonly path: string;
  readonly disk: Disk;
  readonly table: MountTable;
  /** The only data directory that is opened; any when absent. */
  readonly uuid?: string;
  /** What lies on the file system of `/` is the bare mount point. */
  readonly requireMount?: boolean;
  readonly known: KnownDirectories;
  readonly clock: Clock;
  readonly log: Log;
}

// A full disk can still be read.
async function newIdentity(
  { disk, path, clock, log }: SessionParts,
  known: { readonly uuid?: string },
): Promise<string | undefined> {
  try {
    return await makeIdentity(disk, path, { clock, ...known });
  } catch (error) {
    log.warn({ path, reason: messageOf(error) }, "the uuid of the data directory cannot be written");
    return known.uuid;
  }
}

interface FoundIdentity {
  readonly uuid?: string | undefined;
  /** It may have one that nobody can read: none is made. */
  readonly isUnreadable?: boolean;
  readonly isDamaged?: boolean;
}

// A bad sector below the file must not keep spectra from being recorded, unless the owner wants to be sure; neither must
// what a power cut makes of it turn the directory into another, with which its interrupted batches would end.
async function identityAt(place: string, parts: SessionParts): Promise<FoundIdentity> {
  const { disk, log, uuid: wanted } = parts;
  try {
    const identity = await readIdentity(disk, place);
    if (identity === undefined || identity.isWhole) return { uuid: identity?.uuid };
    const uuid = identity.uuid ?? (await knownAt(place, parts));
    log.warn({ path: place, uuid }, `${ID_FILE} is damaged`);
    return { uuid, isDamaged: true };
  } catch (error) {
    if (!isVscopeError(error, "DATADIR_IO")) throw error;
    const uuid = await knownAt(place, parts);
    if (wanted !== undefined && uuid === undefined) throw error;
    log.warn({ path: place, uuid, reason: messageOf(error) }, `${ID_FILE} cannot be read`);
    return { uuid, isUnreadable: true };
  }
}

/** What this computer remembers of the directory at this place of this very file system. */
async function knownAt(place: string, { disk, table, known }: SessionParts): Promise<string | undefined> {
  const mount = mountOf(await table.mountInfo(), place);
  return known.at(await placeFacts(place, mount, disk))?.uuid;
}

async function placeFacts(path: string, mount: Mount | undefined, disk: Disk): Promise<DirectoryPlace> {
  const labels = mount === undefined ? {} : await labelsOf(mount.source, disk);
  return { path, ...definedOnly({ fileSystem: mount?.fileSystem }), ...labels };
}

/** Writes it unless it is written, or cannot be. */
async function ownIdentity(
  parts: SessionParts,
  { uuid, isUnreadable = false, isDamaged = false }: FoundIdentity,
  mount: Mount | undefined,
): Promise<string | undefined> {
  const isKept = uuid !== undefined && !isDamaged;
  if (isKept || isUnreadable || mount?.isReadOnly === true) return uuid;
  return newIdentity(parts, definedOnly({ uuid }));
}

interface Opened extends Pick<Session, "uuid" | "catalogue"> {
  readonly mount: Mount | undefined;
  readonly device: number;
  readonly lock: DirectoryLock;
}

export class Session {
  /** Without symbolic links. */
  readonly path: string;
  readonly folders: RunFolders;
  readonly catalogue: Catalogue;
  readonly index: FileIndex;
  /** Of the data directory; undefined on a read-only medium that has none. */
  readonly uuid: string | undefined;
  /** Such as `vfat`; undefined where the kernel does not tell. */
  readonly fileSystem: string | undefined;
  /** It could not be written when it was opened: there is no lock. */
  readonly wasReadOnly: boolean;
  readonly #parts: SessionParts;
  readonly #device: number;
  readonly #lock: DirectoryLock;

  private constructor(parts: SessionParts, { uuid, mount, device, lock, catalogue }: Opened) {
    const { disk, path, log } = parts;
    this.#parts = parts;
    this.path = path;
    this.uuid = uuid;
    this.fileSystem = mount?.fileSystem;
    this.wasReadOnly = mount?.isReadOnly === true;
    this.#device = device;
    this.#lock = lock;
    this.catalogue = catalogue;
    this.folders = new RunFolders(disk, path, parts);
    this.index = new FileIndex({ disk, folders: this.folders, catalogue, log });
  }

  /**
   * Makes the folder if necessary. Nothing is written before it is known that the path lies on its medium, and that this is
   * the right one. Throws DATADIR_NOT_MOUNTED, DATADIR_WRONG, SERVER_CONFLICT when another server uses it, DATADIR_IO.
   */
  static async open(asked: SessionParts): Promise<Session> {
    const { disk, log, table } = asked;
    const place = await onDisk(asked.path, () => placeOf(disk, asked.path));
    // The look makes an automounter mount.
    const identity = await identityAt(place, asked);
    await requireMounted(place, asked);
    requireIdentity(asked.path, identity, asked.uuid);
    await onDisk(asked.path, () => makeFolders(disk, asked.path));
    const path = await onDisk(asked.path, () => disk.realPath(asked.path));
    const parts = { ...asked, path };
    const mount = mountOf(await table.mountInfo(), path);
    const stat = await onDisk(path, () => disk.stat(path));
    if (stat?.isFolder !== true) throw new VscopeError("DATADIR_IO", `${path}: not a folder`);
    const lock = await lockDirectory(path, log);
    try {
      const catalogue = await Catalogue.open(join(path, CATALOGUE_FILE), parts);
      const uuid = await ownIdentity(parts, identity, mount);
      const session = new Session(parts, { uuid, mount, device: stat.device, lock, catalogue });
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

  /** Whether another file system is mounted at the path by now, as by somebody who has changed the media. */
  async isReplaced(): Promise<boolean> {
    const { path, disk } = this.#parts;
    const stat = await onDisk(path, () => disk.stat(path));
    const root = await onDisk("/", () => disk.stat("/"));
    return stat?.isFolder === true && stat.device !== this.#device && stat.device !== root?.device;
  }

  /** Whether it lies on another file system than `/`. */
  async isOnOwnMedium(): Promise<boolean> {
    const root = await onDisk("/", () => this.#parts.disk.stat("/"));
    return this.#device !== root?.device;
  }

  async isReadOnly(): Promise<boolean> {
    return (await this.mount())?.isReadOnly === true;
  }

  /** What it lies on, as the kernel has it now; undefined where the kernel does not tell. */
  async mount(): Promise<Mount | undefined> {
    return mountOf(await this.#parts.table.mountInfo(), this.path);
  }

  /** Where it lies, as far as the kernel and udev tell. */
  async place(): Promise<DirectoryPlace> {
    return placeFacts(this.path, await this.mount(), this.#parts.disk);
  }

  /** False when a thread that searched the catalogue still keeps its file open. */
  async close(): Promise<boolean> {
    const isFree = await this.catalogue.close();
    this.#lock.release();
    return isFree;
  }
}
