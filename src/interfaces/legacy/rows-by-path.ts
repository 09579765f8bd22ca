// Finds the row of a path.

import type { At } from "../../resources/define.ts";
import type { Row } from "./row.ts";

export interface Found {
  readonly row: Row;
  readonly at: At;
}

interface Template extends Found {
  readonly segments: readonly string[];
}

const NOWHERE: At = {};

export class RowsByPath {
  readonly #fixed = new Map<string, Template>();
  readonly #templates: readonly Template[];

  constructor(rows: readonly Row[]) {
    const templates = rows.map((row): Template => ({ row, at: NOWHERE, segments: row.path.split("/") }));
    this.#templates = templates.filter(({ row }) => row.path.includes("{"));
    for (const template of templates)
      if (!template.row.path.includes("{")) this.#fixed.set(template.row.path, template);
  }

  find(path: readonly string[]): Found | undefined {
    const fixed = this.#fixed.get(path.join("/"));
    // A segment can hold a slash.
    if (fixed !== undefined && fixed.segments.length === path.length) return fixed;
    for (const { row, segments } of this.#templates) {
      const at = match(segments, path);
      if (at !== undefined) return { row, at };
    }
    return undefined;
  }
}

function match(segments: readonly string[], path: readonly string[]): At | undefined {
  if (segments.length !== path.length || segments[0] !== path[0]) return undefined;
  const at: Record<string, string> = {};
  for (const [index, expected] of segments.entries()) {
    const actual = path[index] ?? "";
    if (expected.startsWith("{")) at[expected.slice(1, -1)] = actual;
    else if (expected !== actual) return undefined;
  }
  return at;
}
