// Where the transcripts are, and the spectra that the tests put into them.

import { readFileSync } from "node:fs";
import { sourceRoot } from "../support/sources.ts";
import { linear, type Pixels, split } from "./macros.ts";
import type { Macros } from "./transcript-text.ts";

/** The text of a transcript, such as `golden/sts`. */
export function transcriptFile(name: string): string {
  return readFileSync(new URL(`test/transcripts/${name}.txt`, sourceRoot), "utf8");
}

/** A few values as they are on the wire, and the counts that they mean; all other pixels are a ramp. */
export interface Marks {
  /** Values on the wire, filler included. */
  readonly wirePixels: number;
  readonly bytes: 2 | 4;
  /** Metadata in hex. */
  readonly metadata?: string;
  /** Pixel, value on the wire, counts: all by hand. Values of the ramp may be among them. */
  readonly marks: readonly (readonly [pixel: number, wire: number, counts: number])[];
}

/** On the wire the ramp begins here and rises by one a pixel. */
export const RAMP_START = 1000;

/** `{frame}`, and the beginning or end of a message: `{first 64 ...}`, `{rest 64 ...}`. */
export function frameMacros(
  { wirePixels, bytes, metadata = "", marks }: Marks,
  layout: "linear" | "split",
): Macros {
  const marked = new Map(marks.map(([pixel, wire]) => [pixel, wire]));
  const value = (pixel: number): number => marked.get(pixel) ?? RAMP_START + pixel;
  const pixels: Pixels = { count: wirePixels, bytes, value };
  const frame = metadata.replaceAll(" ", "") + (layout === "split" ? split(pixels) : linear(pixels));
  return {
    frame: () => frame,
    first: (count = "0", ...words) => words.join("").slice(0, 2 * Number(count)),
    rest: (count = "0", ...words) => words.join("").slice(2 * Number(count)),
  };
}
