// Runs that somebody has removed: `.trash/<run>-<utc>` in the data directory, for some days. Moving such a folder back puts
// the run back. What has been there for longer is deleted, each with a line in the log.

import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc, MS, SECOND } from "../base/clock.ts";
import { messageOf, systemCodeOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import type { Presence } from "./presence.ts";
import { Refresher } from "./medium/refresher.ts";
import { TrashDays } from "./trash-days.ts";

export const TRASH_FOLDER = ".trash";

export interface TrashStatus {
  readonly runs: number;
  readonly bytes: number;
}

export interface TrashParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly presence: Presence;
  /** What has been there for longer is deleted; 0: nothing is. */
  readonly trashDays: number;
}

const DAY_US = 86_400 * SECOND;
const LOOK_US = 3600 * SECOND;
/** Before a name in the trash: its files are being deleted, so it is no whole run any more. */
const EMPTIED = ".";
const NOTHING: TrashStatus = { runs: 0, bytes: 0 };

/** The name in the trash of a run that is removed now. */
export function trashName(run: string, utcUs: number): string {
  return `${run}-${isoUtc(utcUs).replaceAll(/[-:]|\.\d+/g, "")}`;
}

function removedUtcUs(name: string): number | undefined {
  const parts = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(name);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) * MS;
}

export class Trash {
  readonly #parts: TrashParts;
  readonly #status = new Cell<TrashStatus>(NOTHING);
  readonly #looks: Refresher;
  #unsubscribe = (): void => {};
  /** By name; a run in the trash changes no more. */
  readonly #bytes = new Map<string, number>();

  constructor(parts: TrashParts) {
    this.#parts = parts;
    this.#looks = new Refresher(parts.clock, LOOK_US, () => this.#look());
  }

  /** From now on it is emptied: at once, whenever a medium has come, and every hour. */
  start(): void {
    this.#unsubscribe = this.#parts.presence.exchanges.subscribe(() => this.lookNow());
    this.lookNow();
  }

  /** What lies there. */
  get status(): ReadableCell<TrashStatus> {
    return this.#status;
  }

  /** Counts and empties. */
  lookNow(): void {
    this.#looks.now();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await this.#looks.stop();
  }

  async #look(): Promise<void> {
    const { log, presence, clock, disk } = this.#parts;
    const { mounted, readOnly } = presence.status.value;
    if (!mounted) return this.#status.set(NOTHING);
    try {
      const folder = join((await presence.require()).path, TRASH_FOLDER);
      const names = await onDisk(folder, () => namesIn(folder));
      const days = await TrashDays.read(disk, folder);
      days.look(clock, names);
      const due = readOnly ? [] : names.filter((name) => this.#isDue(name, days));
      for (const name of due) await this.#delete(folder, name);
      await this.#count(folder);
      if (names.length > 0 && !readOnly) await days.write();
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "the trash of the data directory cannot be emptied");
    }
  }

  #isDue(name: string, days: TrashDays): boolean {
    if (name.startsWith(EMPTIED)) return true;
    const { clock, trashDays } = this.#parts;
    const utcUs = removedUtcUs(name);
    if (trashDays === 0 || utcUs === undefined || days.of(name) < trashDays) return false;
    return clock.utcUs() - utcUs > trashDays * DAY_US;
  }

  // Renamed first: half a run must not look like one that can be put back.
  async #delete(folder: string, name: string): Promise<void> {
    const { log, trashDays } = this.#parts;
    const isBegun = name.startsWith(EMPTIED);
    const doomed = join(folder, isBegun ? name : `${EMPTIED}${name}`);
    const bytes = await onDisk(folder, () => bytesIn(join(folder, name)));
    await onDisk(doomed, async () => {
      if (!isBegun) await rename(join(folder, name), doomed);
      await rm(doomed, { recursive: true, force: true });
    });
    log.warn({ name, bytes, trashDays }, "a removed run is deleted from the trash");
  }

  async #count(folder: string): Promise<void> {
    const names = await onDisk(folder, () => namesIn(folder));
    let bytes = 0;
    for (const name of names) {
      const known = this.#bytes.get(name) ?? (await onDisk(folder, () => bytesIn(join(folder, name))));
      this.#bytes.set(name, known);
      bytes += known;
    }
    this.#status.set({ runs: names.length, bytes });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isFile() === true) bytes += found.size;
  }
  return bytes;
}
