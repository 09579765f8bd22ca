// A disk that logs what is done to it, and tells what a power cut after any of these calls may leave: what was synced,
// and of the rest nothing, all, or some. It promises less than file systems keep: a sync of a file says nothing about
// its name, names that were not synced with their folder come and go one by one.

import { dirname } from "node:path";
import { type Disk, type DiskFile, SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";

type Step =
  | { readonly do: "make" | "extend"; readonly path: string; readonly file: number }
  | { readonly do: "write"; readonly file: number; readonly bytes: Buffer }
  | { readonly do: "sync"; readonly file: number }
  | { readonly do: "rename"; readonly from: string; readonly to: string }
  | { readonly do: "remove" | "makeFolder" | "syncFolder" | "mark"; readonly path: string };

/** Of what was not synced: none, all, or each by chance, torn too. */
export type Kept = "none" | "all" | (() => number);

interface Content {
  now: Buffer;
  safe: Buffer;
  /** Whether the size on the medium may still be the 0 of a new entry. */
  isSizeUnsafe: boolean;
}

export class PowerCutDisk {
  readonly steps: Step[] = [];
  readonly #forgetsSize: boolean;
  #files = 0;

  /** `forgetsSize`: a rename makes the size unsafe until the file is synced again, as on vfat. */
  constructor({ forgetsSize }: { readonly forgetsSize: boolean }) {
    this.#forgetsSize = forgetsSize;
  }

  readonly disk: Disk = {
    ...SYSTEM_DISK,
    create: (path) => this.#open("make", path, () => SYSTEM_DISK.create(path)),
    extend: (path) => this.#open("extend", path, () => SYSTEM_DISK.extend(path)),
    rename: async (from, to) => {
      await SYSTEM_DISK.rename(from, to);
      this.steps.push({ do: "rename", from, to });
    },
    remove: async (path) => {
      await SYSTEM_DISK.remove(path);
      this.steps.push({ do: "remove", path });
    },
    makeFolder: async (path) => {
      await SYSTEM_DISK.makeFolder(path);
      this.steps.push({ do: "makeFolder", path });
    },
    syncFolder: async (path) => {
      this.steps.push({ do: "syncFolder", path });
    },
    hastenSyncs: async () => undefined,
    fileSystemType: async () => (this.#forgetsSize ? 0x4d44 : 0xef53),
  };

  /** Notes in the log that somebody was told that a file is safe. */
  mark(path: string): void {
    this.steps.push({ do: "mark", path });
  }

  /** The files that were marked before a step. */
  marked(count: number): readonly string[] {
    return this.steps.slice(0, count).flatMap((step) => (step.do === "mark" ? [step.path] : []));
  }

  /** The files after a power cut that let `count` steps happen. */
  after(count: number, kept: Kept): ReadonlyMap<string, Buffer> {
    const medium = new Medium(this.#forgetsSize);
    for (const step of this.steps.slice(0, count)) medium.take(step);
    return medium.afterCut(kept);
  }

  async #open(kind: "make" | "extend", path: string, open: () => Promise<DiskFile>): Promise<DiskFile> {
    const opened = await open();
    const file = this.#files++;
    this.steps.push({ do: kind, path, file });
    return {
      write: async (bytes) => {
        const written = await opened.write(bytes);
        this.steps.push({ do: "write", file, bytes: Buffer.from(bytes.subarray(0, written)) });
        return written;
      },
      sync: async () => {
        this.steps.push({ do: "sync", file });
      },
      close: () => opened.close(),
    };
  }
}

/** What changes a name: it gets a content, or none. */
interface Naming {
  readonly path: string;
  readonly content: Content | undefined;
}

const EMPTY = (): Content => ({ now: Buffer.alloc(0), safe: Buffer.alloc(0), isSizeUnsafe: false });

class Medium {
  readonly #forgetsSize: boolean;
  readonly #open = new Map<number, Content>();
  readonly #names = new Map<string, Content>();
  readonly #safeNames = new Map<string, Content>();
  readonly #folders = new Set<string>();
  #unsafe: Naming[] = [];

  constructor(forgetsSize: boolean) {
    this.#forgetsSize = forgetsSize;
  }

  take(step: Step): void {
    switch (step.do) {
      case "make":
      case "extend":
        return this.#opened(step.path, step.file);
      case "write": {
        const content = this.#content(step.file);
        content.now = Buffer.concat([content.now, step.bytes]);
        return;
      }
      case "sync": {
        const content = this.#content(step.file);
        content.safe = content.now;
        content.isSizeUnsafe = false;
        return;
      }
      case "rename":
        return this.#renamed(step.from, step.to);
      case "remove":
        return this.#name(step.path, undefined);
      case "makeFolder":
        this.#folders.add(step.path);
        return this.#name(step.path, EMPTY());
      case "syncFolder":
        return this.#synced(step.path);
      case "mark":
    }
  }

  afterCut(kept: Kept): ReadonlyMap<string, Buffer> {
    const isKept = (): boolean => (typeof kept === "function" ? kept() < 0.5 : kept === "all");
    const names = new Map(this.#safeNames);
    for (const { path, content } of this.#unsafe) {
      if (!isKept()) continue;
      if (content === undefined) names.delete(path);
      else names.set(path, content);
    }
    const isThere = (folder: string): boolean =>
      folder === dirname(folder) ||
      ((!this.#folders.has(folder) || names.has(folder)) && isThere(dirname(folder)));
    const files = [...names].filter(([path]) => !this.#folders.has(path) && isThere(dirname(path)));
    return new Map(files.map(([path, content]) => [path, bytesAfter(content, kept)]));
  }

  #opened(path: string, file: number): void {
    const content = this.#names.get(path) ?? EMPTY();
    this.#open.set(file, content);
    if (!this.#names.has(path)) this.#name(path, content);
  }

  #renamed(from: string, to: string): void {
    const content = this.#names.get(from);
    if (content !== undefined && this.#forgetsSize) content.isSizeUnsafe = true;
    this.#name(to, content);
    this.#name(from, undefined);
  }

  #name(path: string, content: Content | undefined): void {
    if (content === undefined) this.#names.delete(path);
    else this.#names.set(path, content);
    this.#unsafe.push({ path, content });
  }

  #synced(folder: string): void {
    for (const { path, content } of this.#unsafe) {
      if (dirname(path) !== folder) continue;
      if (content === undefined) this.#safeNames.delete(path);
      else this.#safeNames.set(path, content);
    }
    this.#unsafe = this.#unsafe.filter(({ path }) => dirname(path) !== folder);
  }

  #content(file: number): Content {
    const content = this.#open.get(file);
    if (content === undefined) throw new Error(`file ${file} was never opened`);
    return content;
  }
}

function bytesAfter({ now, safe, isSizeUnsafe }: Content, kept: Kept): Buffer {
  if (kept === "all") return now;
  if (isSizeUnsafe && (kept === "none" || kept() < 0.5)) return Buffer.alloc(0);
  if (kept === "none") return safe;
  // The size can be ahead of the bytes, which are then zero.
  const length = safe.length + Math.floor(kept() * (now.length - safe.length + 1));
  const bytes = Buffer.from(now.subarray(0, length));
  return kept() < 0.25 ? bytes.fill(0, Math.min(safe.length, length)) : bytes;
}
