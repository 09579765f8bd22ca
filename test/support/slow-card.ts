// A card whose flushes take 200 ms and share as a journal does: those that wait for the same flush wait once.

import { NEVER } from "../../src/base/abort.ts";
import { type Clock, MS } from "../../src/base/clock.ts";
import { type Disk, type DiskFile, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";

export const FLUSH_MS = 200;

export class SlowCard {
  readonly #clock: () => Clock;
  readonly #hastens: boolean;
  readonly #dirty = new Set<string>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  flushes = 0;

  /** `hastens`: a medium of its own, where one call flushes everything. The clock may come later than the card. */
  constructor(clock: () => Clock, { hastens }: { readonly hastens: boolean }) {
    this.#clock = clock;
    this.#hastens = hastens;
  }

  readonly disk: Disk = {
    ...SYSTEM_DISK,
    create: async (path) => this.#file(path, await SYSTEM_DISK.create(path)),
    extend: async (path) => this.#file(path, await SYSTEM_DISK.extend(path)),
    rename: async (from, to) => {
      this.#dirty.add("names");
      await SYSTEM_DISK.rename(from, to);
    },
    syncFolder: () => this.#sync("names"),
    hastenSyncs: async () => {
      if (!this.#hastens) return;
      const written = [...this.#dirty];
      await this.#flush();
      for (const path of written) this.#dirty.delete(path);
    },
    // A kind that needs no second flush.
    fileSystemType: async () => 0xef53,
  };

  #file(path: string, file: DiskFile): DiskFile {
    return {
      write: (bytes) => {
        this.#dirty.add(path);
        return file.write(bytes);
      },
      sync: () => this.#sync(path),
      close: () => file.close(),
    };
  }

  async #sync(path: string): Promise<void> {
    if (!this.#dirty.delete(path)) return;
    await this.#flush();
  }

  // What comes while a flush is under way waits for the next one, together.
  #flush(): Promise<void> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    this.flushes += 1;
    this.#running = this.#clock()
      .delay(FLUSH_MS * MS, NEVER)
      .then(() => {
        this.#running = undefined;
      });
    return this.#running;
  }
}
