// What the manifests of a data directory say in short, for whoever keeps a copy of it: a tag for each batch and one for each
// run, made from nothing but the manifests. What has the same tag need not be looked at.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { SECOND } from "../../base/clock.ts";
import { compareText } from "../../spectra/pico.ts";
import { type Disk, onDisk } from "../disk/disk.ts";
import { isManifest, OTHER_MANIFEST, readManifest } from "./manifest.ts";
import { EVENTS_FILE } from "../run-events.ts";

/** Number of the manifest of the files that have names of their own. */
export const OTHER = -1;
/** Number of the list of events, which has a tag as manifests have. */
export const EVENTS = -2;

export interface BatchTag {
  /** `OTHER` for files that have names of their own, `EVENTS` for the list of events. */
  readonly batch: number;
  readonly files: number;
  /** First 8 bytes of the SHA-256 of its manifest, in hex. */
  readonly tag: string;
  /** The manifest itself, empty when it is not short: to ask for it takes longer than to send it along. */
  readonly text: string;
  /** When it was written to, in whole seconds: for an order only, the tag tells what differs. */
  readonly writtenUtcS: number;
}

const TAG_DIGITS = 16;
/** In the place of a tag: the manifest is there and cannot be read. */
const UNREADABLE = "unreadable";
const SHORT_BYTES = 512;
/** At once: Node.js has 4 threads for all files. */
const LOOKS = 3;

/** Of a text or a file. */
export function tagOf(bytes: Uint8Array | string): string {
  return tagOfSum(createHash("sha256").update(bytes).digest("hex"));
}

/** Of what has this SHA-256, in hex. */
export function tagOfSum(sha256: string): string {
  return sha256.slice(0, TAG_DIGITS);
}

/** What has a tag in a run: manifests and the list of events. */
export function isTagged(name: string): boolean {
  return isManifest(name) || name === EVENTS_FILE;
}

/** The tag of a run from those of all its batches. */
export function runTagOf(batches: readonly Pick<BatchTag, "batch" | "tag">[]): string {
  const lines = batches.map(({ batch, tag }) => `${batch} ${tag}\n`);
  return tagOf(lines.sort(compareText).join(""));
}

interface Known extends BatchTag {
  readonly version: string;
}

export class ManifestListing {
  readonly #disk: Disk;
  /** By folder of the run and name. */
  readonly #known = new Map<string, ReadonlyMap<string, Known>>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /**
   * The batches of the run in a folder, by number. A manifest that has not changed is not read again; one that cannot be read
   * has a tag that none has. Throws DATADIR_IO.
   */
  async batches(folder: string): Promise<readonly BatchTag[]> {
    const entries = await onDisk(folder, () => this.#disk.list(folder));
    const names = entries.filter(({ name, isFile }) => isFile && isTagged(name)).map(({ name }) => name);
    const before = this.#known.get(folder);
    const found = new Map<string, Known>();
    const look = async (): Promise<void> => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const known = await this.#look(join(folder, name), before?.get(name));
        if (known !== undefined) found.set(name, known);
      }
    };
    await Promise.all(Array.from({ length: LOOKS }, look));
    this.#known.set(folder, found);
    return [...found.values()].map(({ version: _, ...batch }) => batch).sort((a, b) => a.batch - b.batch);
  }

  /** Forgets all other folders, as those of runs that were removed. */
  keepOnly(folders: readonly string[]): void {
    const kept = new Set(folders);
    for (const folder of this.#known.keys()) if (!kept.has(folder)) this.#known.delete(folder);
  }

  async #look(path: string, known: Known | undefined): Promise<Known | undefined> {
    return onDisk(path, async () => {
      const stat = await this.#disk.stat(path);
      if (stat === undefined || stat.bytes === 0) return undefined;
      const version = `${stat.bytes} ${stat.modifiedNs} ${stat.inode}`;
      if (known?.version === version) return known;
      const writtenUtcS = Math.floor(stat.modifiedUtcUs / SECOND);
      // One that the medium has lost hides no other; whoever wants it is told why.
      const bytes = await this.#disk.read(path).catch(() => undefined);
      if (bytes === undefined)
        return { batch: batchOf(path), files: 0, tag: UNREADABLE, text: "", writtenUtcS, version: "" };
      const files = readManifest(bytes.toString()).lines.length;
      const text = bytes.length <= SHORT_BYTES ? bytes.toString() : "";
      return { batch: batchOf(path), files, tag: tagOf(bytes), text, writtenUtcS, version };
    });
  }
}

/** The number of a manifest by its name. */
export function batchOf(path: string): number {
  if (path.endsWith(OTHER_MANIFEST)) return OTHER;
  if (path.endsWith(EVENTS_FILE)) return EVENTS;
  return Number(/b(\d+)\.sha256$/.exec(path)?.[1] ?? OTHER);
}
