// Makes again what a verification misses beside the spectra files: lines of manifests and rows of the catalogue.

import { dirname } from "node:path";
import { NEVER } from "../../base/abort.ts";
import { type Clock, isoUtc } from "../../base/clock.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { type Disk, onDisk } from "../disk/disk.ts";
import type { FileIndex } from "../file-index.ts";
import type { ManifestLine } from "./manifest.ts";
import { addLines, fillHoles, prepareManifest, wholeManifest, zerosComment } from "./manifest-file.ts";
import type { RunFolders } from "../run-folders.ts";

export interface ManifestMends {
  readonly lines: readonly ManifestLine[];
  /** Puts a comment in the place of rows with zeros. */
  readonly fillsHoles: boolean;
}

/** A batch is known by its run and its manifest. */
export interface Repairs {
  /** Drops a torn last line of a manifest and adds lines, with the time before them. To be called while nothing is recorded. */
  mendManifest(run: string, manifest: string, mends: ManifestMends): Promise<void>;
  readRows(run: string, files: readonly string[]): Promise<void>;
  dropRows(run: string, files: readonly string[]): void;
}

export interface RepairParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly folders: RunFolders;
  readonly catalogue: Catalogue;
  readonly index: FileIndex;
}

export function repairsOf({ disk, clock, folders, catalogue, index }: RepairParts): Repairs {
  return {
    mendManifest: (run, manifest, { lines, fillsHoles }) => {
      const path = folders.pathOf(run, manifest);
      return onDisk(path, async () => {
        // The server adds lines in the background, too.
        const there = new Set((await wholeManifest(disk, path)).lines.map(({ name }) => name));
        const lacking = lines.filter(({ name }) => !there.has(name));
        if (lacking.length > 0) {
          await prepareManifest(disk, path);
          await addLines(disk, path, lacking, `added ${isoUtc(clock.utcUs())}`);
        }
        if (fillsHoles) await fillHoles(disk, path, zerosComment(clock));
        await disk.syncFolder(dirname(path));
      });
    },
    readRows: async (run, files) => {
      const references = files.map((file) => ({ run, file }));
      await index.read(references, {}, NEVER);
    },
    dropRows: (run, files) => catalogue.drop(files.map((file) => ({ run, file }))),
  };
}
