// How a batch is recorded. The values and their meaning are those piccolo3 users know.

export interface BatchSettings {
  /** Run (folder) to record into. */
  readonly run: string;
  /** Sequences to record, 1 or more. */
  readonly sequences: number;
  /** When to search integration times: -1 never, 0 once before the batch, n before every n-th sequence. */
  readonly autointegrate: number;
  /** Pause between sequences in seconds. */
  readonly delayS: number;
  /** Target peak of the search in percent of the saturation level. */
  readonly targetPercent: number;
}

export const LIMITS = {
  sequences: { min: 1, max: 100_000 },
  autointegrate: { min: -1, max: 100_000 },
  delayS: { min: 0, max: 86_400 },
  targetPercent: { min: 10, max: 90 },
} as const;

export const DEFAULTS: Omit<BatchSettings, "run"> = {
  sequences: 1,
  autointegrate: -1,
  delayS: 0,
  targetPercent: 80,
};

/** One step of a batch. */
export type Step =
  | { readonly do: "autointegrate"; readonly sequence: number }
  | { readonly do: "dark"; readonly sequence: number }
  | { readonly do: "light"; readonly sequence: number }
  | { readonly do: "wait"; readonly sequence: number };

/**
 * The steps of a batch in order. Darks bracket the lights: one before the first, one after the last when there are
 * several sequences, and one after every search, since new integration times need new darks.
 * A dark has the number of the sequence it belongs to, and each number has at most one dark.
 */
export function* batchSteps({
  sequences,
  autointegrate,
  delayS,
}: Omit<BatchSettings, "run">): Generator<Step> {
  const last = sequences - 1;
  if (autointegrate === 0) yield { do: "autointegrate", sequence: 0 };
  if (autointegrate < 1) yield { do: "dark", sequence: 0 };
  for (let sequence = 0; sequence < sequences; sequence++) {
    if (autointegrate > 0 && sequence % autointegrate === 0) {
      yield { do: "autointegrate", sequence };
      // The closing dark, made with the same times, serves the last of several sequences.
      if (sequence !== last || last === 0) yield { do: "dark", sequence };
    }
    yield { do: "light", sequence };
    if (delayS > 0 && sequence !== last) yield { do: "wait", sequence };
  }
  if (last > 0) yield { do: "dark", sequence: last };
}
