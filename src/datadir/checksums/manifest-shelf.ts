// The manifests of all runs, for whoever brings the data home.

import type { Disk } from "../disk/disk.ts";
import { type BatchTag, ManifestListing, OTHER, runTagOf } from "./manifest-listing.ts";
import type { Presence } from "../presence.ts";

export interface RunTag {
  readonly name: string;
  /** The highest number; `OTHER` without any. */
  readonly newestBatch: number;
  readonly files: number;
  /** Differs when any manifest of the run does, or its list of events. */
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
      const batches = await this.#listing.batches(folders.pathOf(name));
      const files = batches.reduce((sum, batch) => sum + batch.files, 0);
      const newestBatch = Math.max(OTHER, batches.at(-1)?.batch ?? OTHER);
      const writtenUtcS = Math.max(0, ...batches.map((batch) => batch.writtenUtcS));
      if (batches.length > 0) runs.push({ name, newestBatch, files, tag: runTagOf(batches), writtenUtcS });
    }
    return runs;
  }

  /** The batches of a run, by number. Throws RESOURCE_NOT_FOUND. */
  async batches(run: string): Promise<readonly BatchTag[]> {
    const { folders } = await this.#presence.require();
    await folders.require(run);
    return this.#listing.batches(folders.pathOf(run));
  }
}
