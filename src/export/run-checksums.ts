// What the manifests of a run say of its files, so that nothing is made of spectra that are not what was recorded.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { isManifest, manifestOf, readManifest } from "../datadir/checksums/manifest.ts";

export interface BrokenFile {
  readonly file: string;
  readonly problem: string;
}

export class RunChecksums {
  /** SHA-256 by file, in hexadecimal digits. */
  readonly #sums: ReadonlyMap<string, string>;

  /** Manifests that cannot be read. */
  readonly #broken: readonly BrokenFile[];

  private constructor(sums: ReadonlyMap<string, string>, broken: readonly BrokenFile[]) {
    this.#sums = sums;
    this.#broken = broken;
  }

  /** Before the files are listed: a file comes to its place before its line. Throws the system's errors. */
  static async read(folder: string): Promise<RunChecksums> {
    const sums = new Map<string, string>();
    const broken: BrokenFile[] = [];
    for (const name of (await readdir(folder)).filter(isManifest)) {
      try {
        const { lines } = readManifest(await readFile(join(folder, name), "utf8"));
        for (const line of lines) sums.set(line.name, Buffer.from(line.sha256).toString("hex"));
      } catch (error) {
        broken.push({ file: name, problem: `no checksums: ${messageOf(error)}` });
      }
    }
    return new RunChecksums(sums, broken);
  }

  /** Why a file is not what was recorded; undefined when it is, or when no manifest lists it, as those of older systems. */
  problemOf(file: string, sha256: string): string | undefined {
    const recorded = this.#sums.get(file);
    if (recorded === undefined || recorded === sha256) return undefined;
    return `has been changed, it does not have its SHA-256 of ${manifestOf(file)}`;
  }

  /** What is wrong whatever the files hold: manifests, and files that are listed and not there. */
  missing(names: Iterable<string>): readonly BrokenFile[] {
    const there = new Set(names);
    const gone = [...this.#sums.keys()].filter((file) => !there.has(file));
    const missing = gone.map((file) => ({ file, problem: `is not there, ${manifestOf(file)} lists it` }));
    return [...this.#broken, ...missing];
  }
}
