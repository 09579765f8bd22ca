// The data directories that were here, by their uuid: which stick has which runs, when somebody asks in the laboratory.
// Kept in the folder of the server's state, not on the media themselves. Whatever fails here costs a line in the log.

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { NEVER } from "../../base/abort.ts";
import { Cell, type ReadableCell } from "../../base/cell.ts";
import { type Clock, isoUtc, MS, SECOND } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { parsedJson } from "../../base/json.ts";
import type { Log } from "../../base/log.ts";
import type { Disk } from "../disk/disk.ts";
import { replaceDurable } from "../disk/durable-file.ts";

/** In the folder of the state. */
export const KNOWN_DIRECTORIES_FILE = "datadirs.json";

/** A clock that is set back by more than this while the computer is off is noticed. */
const SEEN_EVERY_US = 600 * SECOND;

export const knownShape = z.object({
  uuid: z.string(),
  path: z.string(),
  /** Such as `vfat`. */
  fileSystem: z.string().exactOptional(),
  /** Of its file system, and its own number, which is not the uuid. */
  label: z.string().exactOptional(),
  fileSystemUuid: z.string().exactOptional(),
  lastSeenUtc: z.string(),
  /** By run: the newest batch that this server has recorded there. */
  newestBatches: z.record(z.string(), z.int()),
});
export type KnownDirectory = z.output<typeof knownShape>;

const PLACE = ["path", "fileSystem", "label", "fileSystemUuid"] as const;
/** Where a data directory lies. */
export type DirectoryPlace = Pick<KnownDirectory, (typeof PLACE)[number]>;

export interface KnownDirectoriesParts {
  /** In memory only when absent. */
  readonly path: string | undefined;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

export class KnownDirectories {
  readonly #parts: KnownDirectoriesParts;
  readonly #all = new Cell<readonly KnownDirectory[]>([]);
  #writing: Promise<void> = Promise.resolve();

  private constructor(parts: KnownDirectoriesParts) {
    this.#parts = parts;
  }

  /** Reads the file. One that is damaged is made anew as the directories come. */
  static async open(parts: KnownDirectoriesParts): Promise<KnownDirectories> {
    const { path, disk, log } = parts;
    const known = new KnownDirectories(parts);
    try {
      if (path === undefined || (await disk.stat(path)) === undefined) return known;
      known.#all.set(z.array(knownShape).parse(parsedJson(String(await disk.read(path)))));
    } catch (error) {
      log.warn({ path, reason: messageOf(error) }, "the data directories of before are not known");
    }
    return known;
  }

  /** The one that was seen last comes first. */
  get all(): ReadableCell<readonly KnownDirectory[]> {
    return this.#all;
  }

  /**
   * The one that was last seen at this place of this very file system; undefined where nothing proves that it is the
   * same, as without the number of the file system.
   */
  at(place: DirectoryPlace): KnownDirectory | undefined {
    if (place.fileSystemUuid === undefined) return undefined;
    return this.#all.value.find((one) => PLACE.every((name) => one[name] === place[name]));
  }

  /** It is there. Returns by how much the clock is behind the time when it was seen last; 0 when it is not. */
  seen(facts: Omit<KnownDirectory, "lastSeenUtc" | "newestBatches">): number {
    const { newestBatches = {}, lastSeenUtc } = this.#of(facts.uuid) ?? {};
    this.#put({ ...facts, lastSeenUtc: this.#nowUtc(), newestBatches });
    const lastUtcUs = lastSeenUtc === undefined ? 0 : Date.parse(lastSeenUtc) * MS;
    return Math.max(0, lastUtcUs - this.#parts.clock.utcUs());
  }

  /** It is still there. */
  stillThere(uuid: string): void {
    const directory = this.#of(uuid);
    if (directory === undefined) return;
    const agoUs = this.#parts.clock.utcUs() - Date.parse(directory.lastSeenUtc) * MS;
    if (agoUs >= SEEN_EVERY_US) this.#put({ ...directory, lastSeenUtc: this.#nowUtc() });
  }

  /** A batch has begun in it. */
  begun(uuid: string, { run, number }: { readonly run: string; readonly number: number }): void {
    const directory = this.#of(uuid);
    if (directory === undefined) return;
    const newestBatches = { ...directory.newestBatches, [run]: number };
    this.#put({ ...directory, lastSeenUtc: this.#nowUtc(), newestBatches });
  }

  /** Resolves when all of it is on the disk. */
  written(): Promise<void> {
    return this.#writing;
  }

  #of(uuid: string): KnownDirectory | undefined {
    return this.#all.value.find((one) => one.uuid === uuid);
  }

  #nowUtc(): string {
    return isoUtc(this.#parts.clock.utcUs());
  }

  #put(directory: KnownDirectory): void {
    const others = this.#all.value.filter(({ uuid }) => uuid !== directory.uuid);
    this.#all.set([directory, ...others]);
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const { path, disk, log } = this.#parts;
    if (path === undefined) return;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const text = `${JSON.stringify(this.#all.value, undefined, 2)}\n`;
      await replaceDurable(disk, path, Buffer.from(text), NEVER);
    } catch (error) {
      log.warn({ path, reason: messageOf(error) }, "the list of data directories does not outlive a restart");
    }
  }
}
