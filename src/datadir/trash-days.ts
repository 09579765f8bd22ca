// How many days a removed run has really been in the trash: days on which a server looked there, each counted once. The
// clock alone cannot tell: without a battery it starts anywhere, and one jump ahead would empty the trash.

import { join } from "node:path";
import { z } from "zod";
import { NEVER } from "../base/abort.ts";
import { type Clock, isoUtc } from "../base/clock.ts";
import { parsedJson } from "../base/json.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { replaceDurable } from "./disk/durable-file.ts";

/** In the trash. */
const FILE = "days.json";
/** A clock that goes back to days of longer ago counts them twice. */
const MOST_DAYS = 1000;

const shape = z.object({
  /** On which a server looked, the newest last, such as `2026-06-21`. */
  days: z.array(z.string()),
  /** How many there were in all. */
  count: z.int(),
  /** By name, how many there had been when the run was seen first. */
  countBefore: z.record(z.string(), z.int()),
});
type Days = z.output<typeof shape>;

export class TrashDays {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #stored: Days;
  #days: Days;

  private constructor(disk: Disk, path: string, days: Days) {
    this.#disk = disk;
    this.#path = path;
    this.#stored = days;
    this.#days = days;
  }

  /** Of the trash in a folder. A file that cannot be read or understood is begun anew: all runs stay longer. */
  static async read(disk: Disk, folder: string): Promise<TrashDays> {
    const path = join(folder, FILE);
    const text = await onDisk(path, async () =>
      (await disk.stat(path)) === undefined ? "" : String(await disk.read(path)),
    ).catch(() => "");
    const days = shape.safeParse(parsedJson(text)).data ?? { days: [], count: 0, countBefore: {} };
    return new TrashDays(disk, path, days);
  }

  /** Counts today, and notes the runs that are there. */
  look(clock: Clock, names: readonly string[]): void {
    const today = isoUtc(clock.utcUs()).slice(0, 10);
    const { days, count, countBefore } = this.#days;
    const isKnown = days.includes(today);
    const now = isKnown ? count : count + 1;
    this.#days = {
      days: isKnown ? days : [...days, today].slice(-MOST_DAYS),
      count: now,
      countBefore: Object.fromEntries(names.map((name) => [name, countBefore[name] ?? now])),
    };
  }

  /** Days after that on which the run was seen first. */
  of(name: string): number {
    return this.#days.count - (this.#days.countBefore[name] ?? this.#days.count);
  }

  /** Throws DATADIR_FULL, DATADIR_IO. */
  async write(): Promise<void> {
    const text = JSON.stringify(this.#days);
    if (text === JSON.stringify(this.#stored)) return;
    await replaceDurable(this.#disk, this.#path, Buffer.from(`${text}\n`), NEVER);
  }
}
