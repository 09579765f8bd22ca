// A verdict in one line: its colour as a word, painted where the terminal has colours, and the flags.

import { COLOURS, colourOf, type QualityColour } from "../../spectra/flags.ts";
import { printable } from "./value-text.ts";

// ECMA-48 SGR.
const PAINT = { green: 32, amber: 33, red: 31 } as const satisfies Record<QualityColour, number>;

/** `amber`, padded before it is painted, so that columns stay aligned. */
export function colourText(colour: string, { hasColour, width = 0 }: { hasColour: boolean; width?: number }) {
  const known = COLOURS.find((one) => one === colour);
  const text = printable(colour).padEnd(width);
  return hasColour && known !== undefined ? `\u001b[${PAINT[known]}m${text}\u001b[0m` : text;
}

/** `amber: sun_low 4, simulated 4`; undefined where these are no counts of flags. */
export function countsText(counts: unknown, hasColour: boolean): string | undefined {
  if (typeof counts !== "object" || counts === null || Array.isArray(counts)) return undefined;
  const entries = Object.entries(counts).filter(([, count]) => typeof count === "number");
  const colour = colourText(colourOf(entries.map(([name]) => name)), { hasColour });
  const names = entries.map(([name, count]) => `${printable(name)} ${String(count)}`);
  return names.length === 0 ? colour : `${colour}: ${names.join(", ")}`;
}
