// The manifests of all runs, for whoever brings the data home.

import { largestOf } from "../../base/extremes.ts";
import type { Disk } from "../disk/disk.ts";
import { type BatchTag, ManifestListing, OTHER, runTagOf } from "./manifest-listing.ts";
import type { Presence } from "../presence.ts";

export interface RunTag {
  readonly name: string;
  /** The highest number; `OTHER` without any. */
  readonly newestBatch: number;
  readonly files: number;
  /** Differs when any manifest of the run does, or its list of events; empty where one of them cannot be read. */
  readonly tag: string;
  /** When the newest of these was written to. */
  readonly writtenUtcS: number;
}

export interface RunTagPage {
  readonly after?: string;
  readonly limit?: number;
}

/** Every method throws DATADIR_NOT_MOUNTED while the medium is not there. */
export class ManifestShelf {
  readonly #presence: Presence;
  readonly #listing: ManifestListing;

  constructor(disk: Disk, presence: Presence) {
    this.#presence = presence;
    this.#listing = new ManifestListing(disk);
  }

  /** The runs that have manifests or events, by name: those after a name, some at most. Only these are looked at, some 15 us a manifest. */
  async runs({ after = "", limit = Infinity }: RunTagPage = {}): Promise<readonly RunTag[]> {
    const { folders } = await this.#presence.require();
    const runs: RunTag[] = [];
    const names = (await folders.names()).sort();
    this.#listing.keepOnly(names.map((name) => folders.pathOf(name)));
    for (const name of names.filter((one) => one > after)) {
      if (runs.length >= limit) break;
      const look = (): Promise<RunTag | undefined> => this.#run(name, folders.pathOf(name));
      const unreadable = { name, newestBatch: OTHER, files: 0, tag: "", writtenUtcS: 0 };
      const run = await folders.passingOver(name, look, () => unreadable);
      if (run !== undefined) runs.push(run);
    }
    return runs;
  }

  /** The batches of a run, by number. Throws RESOURCE_NOT_FOUND. */
  async batches(run: string): Promise<readonly BatchTag[]> {
    const { folders } = await this.#presence.require();
    await folders.require(run);
    return this.#listing.batches(folders.pathOf(run));
  }

  /** Undefined for a run without manifests and events. */
  async #run(name: string, folder: string): Promise<RunTag | undefined> {
    const batches = await this.#listing.batches(folder);
    if (batches.length === 0) return undefined;
    const files = batches.reduce((sum, batch) => sum + batch.files, 0);
    const newestBatch = Math.max(OTHER, batches.at(-1)?.batch ?? OTHER);
    const writtenUtcS = largestOf(batches.map((batch) => batch.writtenUtcS));
    return { name, newestBatch, files, tag: runTagOf(batches), writtenUtcS };
  }
}
