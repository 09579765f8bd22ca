// Colours of curves: the same instrument and channel keep their colour from plot to plot as far as possible.

/** Okabe and Ito's palette, distinguishable for colour-blind people, without its yellow (unreadable on white) and black. */
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"] as const;
/** The nearest colours of the 256 that terminals have. */
const TERMINAL = [32, 166, 36, 175, 214, 74] as const;

export interface Colour {
  readonly hex: string;
  /** Index into the 256 colours of terminals. */
  readonly terminal: number;
}

/** A colour for each source. Each has a favourite; when that is taken it gets the next free one. */
export function coloursOf(sources: readonly string[]): Map<string, Colour> {
  const colours = new Map<string, Colour>();
  const taken = new Set<number>();
  for (const source of [...new Set(sources)].sort()) {
    if (taken.size === PALETTE.length) taken.clear();
    let index = hash(source) % PALETTE.length;
    while (taken.has(index)) index = (index + 1) % PALETTE.length;
    taken.add(index);
    colours.set(source, { hex: PALETTE[index] ?? PALETTE[0], terminal: TERMINAL[index] ?? TERMINAL[0] });
  }
  return colours;
}

// FNV-1a, 32 bit.
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
