// Where exports lie on the medium: `.exports/<id>`. They can be made again, so nothing of them is kept over a start, and they
// make way for recordings.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { VscopeError } from "../base/errors.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { makeFolders } from "./disk/durable-file.ts";
import type { Presence } from "./presence.ts";
import { RangeFile } from "./disk/range-file.ts";
import { quoted } from "./run-name.ts";
import { requireSpace } from "./disk/space.ts";

const FOLDER = ".exports";
/** In reserves: an export ends long before recordings do, which are more than its next look away. */
const MARGIN = 2;

export interface ExportFolderParts {
  readonly disk: Disk;
  readonly presence: Presence;
  readonly reserveBytes: number;
}

/** Every method throws DATADIR_NOT_MOUNTED while the medium is not there, and DATADIR_IO. */
export class ExportFolder {
  readonly #parts: ExportFolderParts;
  /** The runs, by export. */
  readonly #underWay = new Map<string, string>();
  readonly #evictions = new Cell(0);

  constructor(parts: ExportFolderParts) {
    this.#parts = parts;
  }

  /** One whose files are being written: the medium cannot be unmounted under it. */
  get underWay(): string | undefined {
    const [first] = this.#underWay.keys();
    return first;
  }

  isExported(run: string): boolean {
    return [...this.#underWay.values()].includes(run);
  }

  /** Counts how often all of them were thrown away because recordings needed the space. */
  get evictions(): ReadableCell<number> {
    return this.#evictions;
  }

  /** Throws all of them away, and says whether there was anything. */
  async makeRoom(): Promise<boolean> {
    const path = join((await this.#parts.presence.require()).path, FOLDER);
    const found = await this.#parts.disk.list(path).catch(() => []);
    if (found.length === 0) return false;
    this.#evictions.set(this.#evictions.value + 1);
    return this.clear().then(
      () => true,
      () => false,
    );
  }

  /** Throws away what is left of earlier ones. */
  async clear(): Promise<void> {
    await this.#remove("");
  }

  /**
   * Gives `task` the folder of a run and a new one for its export. Throws RESOURCE_NOT_FOUND when there is no such run, and
   * as the task does; then the new folder is gone.
   */
  async fill<T>(
    { id, run }: { readonly id: string; readonly run: string },
    task: (folders: { readonly run: string; readonly output: string }) => Promise<T>,
  ): Promise<T> {
    // First, so that nobody removes the run between the look and the export.
    this.#underWay.set(id, run);
    try {
      const { folders, path } = await this.#parts.presence.require();
      await folders.require(run);
      return await this.#filled(join(path, FOLDER, id), (output) =>
        task({ run: folders.pathOf(run), output }),
      );
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** Throws DATADIR_FULL, with the figures, when `bytes` more would come near the reserve. */
  async requireSpace(bytes: number): Promise<void> {
    const { disk, presence, reserveBytes } = this.#parts;
    const { path } = await presence.require();
    await requireSpace(disk, path, { bytes, reserveBytes: MARGIN * reserveBytes });
  }

  /** Throws RESOURCE_NOT_FOUND when there is no such run. */
  async requireRun(run: string): Promise<void> {
    await (await this.#parts.presence.require()).folders.require(run);
  }

  remove(id: string): Promise<void> {
    return this.#remove(id);
  }

  /** Throws RESOURCE_NOT_FOUND. The name is one that the export told. */
  async open(id: string, file: string): Promise<RangeFile> {
    const { disk, presence } = this.#parts;
    const path = join((await presence.require()).path, FOLDER, id, file);
    const stat = await onDisk(path, () => disk.stat(path));
    if (stat?.isFile !== true)
      throw new VscopeError("RESOURCE_NOT_FOUND", `export ${id}: no file ${quoted(file)}`);
    return new RangeFile(disk, path, stat);
  }

  async #filled<T>(output: string, task: (output: string) => Promise<T>): Promise<T> {
    try {
      await onDisk(output, () => makeFolders(this.#parts.disk, output));
      return await task(output);
    } catch (error) {
      await onDisk(output, () => rm(output, { recursive: true, force: true })).catch(() => undefined);
      throw error;
    }
  }

  async #remove(id: string): Promise<void> {
    const path = join((await this.#parts.presence.require()).path, FOLDER, id);
    await onDisk(path, () => rm(path, { recursive: true, force: true }));
  }
}
