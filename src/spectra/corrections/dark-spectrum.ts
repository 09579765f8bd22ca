// The subtraction of a dark spectrum, pixel by pixel: recorded with the shutters closed and the same integration time. It
// takes away what differs from pixel to pixel; the electric dark level of the frame itself follows faster changes.

import { type Correction, type Counts, type Facts, type NotApplied, notApplied } from "./correction.ts";

export interface DarkSpectrum {
  /** Raw counts. */
  readonly counts: Counts;
  /** For the record: which one it is. */
  readonly facts: Facts;
}

/** y = x - d, d one value a pixel; not clipped at 0. `dark` is the spectrum, or why there is none. */
export function subtractDarkSpectrum(
  counts: Counts,
  dark: DarkSpectrum | NotApplied | undefined,
): Correction {
  if (dark === undefined) return notApplied("no-dark-spectrum", "no dark spectrum was given");
  if (!("counts" in dark)) return dark;
  if (dark.counts.length !== counts.length)
    return notApplied(
      "frame-size",
      `dark spectrum of ${dark.counts.length} pixels for one of ${counts.length}`,
    );
  const result = new Float64Array(counts.length);
  for (let pixel = 0; pixel < result.length; pixel++)
    result[pixel] = (counts[pixel] ?? 0) - (dark.counts[pixel] ?? 0);
  return { applied: true, counts: result, facts: dark.facts };
}
