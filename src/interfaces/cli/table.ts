// Aligned columns of text.

import { largestOf } from "../../base/extremes.ts";

export type Align = "left" | "right";

export interface Column {
  readonly heading: string;
  readonly align?: Align;
}

/** A table with its headings; columns two spaces apart, no trailing spaces. Every line ends with a newline. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const headings = columns.map(({ heading }) => heading);
  const lines = headings.some((heading) => heading !== "") ? [headings, ...rows] : rows;
  const widths = columns.map((_, index) => largestOf(lines.map((cells) => width(cells[index] ?? ""))));
  const pad = (cell: string, index: number): string => {
    const space = " ".repeat(Math.max(0, (widths[index] ?? 0) - width(cell)));
    return columns[index]?.align === "right" ? space + cell : cell + space;
  };
  return lines
    .map(
      (cells) =>
        `${columns
          .map((_, index) => pad(cells[index] ?? "", index))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** The text with its lines cut to so many characters, so that a terminal does not wrap them. */
export function clipped(text: string, columns: number): string {
  const clip = (line: string): string => {
    const characters = Array.from(line);
    return characters.length <= columns ? line : `${characters.slice(0, columns - 1).join("")}\u2026`;
  };
  return text.split("\n").map(clip).join("\n");
}

// Code points, not UTF-16 units; wide scripts in run names may still shift a line, which hurts nobody.
function width(text: string): number {
  return Array.from(text).length;
}
