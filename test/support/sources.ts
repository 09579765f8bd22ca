// The project's own source text, for the tests that watch its shape.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** The repository, found upwards from here, because tests run from the compiled tree. */
export const sourceRoot: URL = findRoot(new URL(".", import.meta.url));

export interface SourceFile {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files below a folder of the repository. */
export function sourceFiles(folder: string): readonly SourceFile[] {
  const base = new URL(`${folder}/`, sourceRoot);
  return readdirSync(base, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(new URL(name, base), "utf8") }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function findRoot(from: URL): URL {
  if (existsSync(new URL("tsconfig.json", from))) return from;
  const parent = new URL("..", from);
  if (parent.href === from.href) return pathToFileURL(`${process.cwd()}/`);
  return findRoot(parent);
}
