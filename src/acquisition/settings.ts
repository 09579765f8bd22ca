// How a batch is recorded. The first values and their meaning are those piccolo3 users know.

import { requireWithin } from "../base/errors.ts";

/** `turns`: each channel once. `interleaved`: downwelling, the other channels, downwelling again. */
export const ORDERS = ["turns", "interleaved"] as const;
/** `bracket`: before the first and after the last light. `every`: before each light. `age`: when the newest is too old. */
export const DARK_POLICIES = ["bracket", "every", "age"] as const;
/** What a batch does after an exposure that failed for good. */
export const FAILURE_POLICIES = ["continue", "stop"] as const;

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
  readonly order: (typeof ORDERS)[number];
  readonly dark: (typeof DARK_POLICIES)[number];
  /** With `dark` = `age`: the oldest dark, in seconds, that serves a light. */
  readonly darkMaxAgeS: number;
  readonly onFailure: (typeof FAILURE_POLICIES)[number];
  /** How often an exposure that failed is repeated. */
  readonly retries: number;
  /** Wait first until the coolers of the detectors have settled. */
  readonly warmUp: boolean;
  /** Those to record; all where absent. */
  readonly channels?: readonly string[] | undefined;
  /** The delay comes after the last sequence, too, as piccolo3's clients know it. */
  readonly waitsAtEnd?: true | undefined;
}

export const LIMITS = {
  sequences: { min: 1, max: 100_000 },
  autointegrate: { min: -1, max: 100_000 },
  delayS: { min: 0, max: 86_400 },
  targetPercent: { min: 10, max: 90 },
  darkMaxAgeS: { min: 1, max: 86_400 },
  retries: { min: 0, max: 10 },
} as const;

export const DEFAULTS: Omit<BatchSettings, "run" | "waitsAtEnd" | "channels"> = {
  sequences: 1,
  autointegrate: -1,
  delayS: 0,
  targetPercent: 80,
  order: "turns",
  dark: "bracket",
  darkMaxAgeS: 600,
  onFailure: "continue",
  retries: 0,
  warmUp: false,
};

/** Throws VALUE_OUT_OF_RANGE. */
export function requireWithinLimits(settings: Omit<BatchSettings, "run">): void {
  const keys = ["sequences", "autointegrate", "delayS", "targetPercent", "darkMaxAgeS", "retries"] as const;
  for (const key of keys) requireWithin(key, settings[key], LIMITS[key]);
}

/** One step of a batch. A dark that is made `ifNeeded` is left out where the newest ones still serve. */
export type Step =
  | { readonly do: "warm-up"; readonly sequence: number }
  | { readonly do: "autointegrate"; readonly sequence: number }
  | { readonly do: "dark"; readonly sequence: number; readonly ifNeeded?: true }
  | { readonly do: "light"; readonly sequence: number }
  | { readonly do: "wait"; readonly sequence: number };

type Needed = "sequences" | "autointegrate" | "delayS";
type StepSettings = Pick<BatchSettings, Needed> & Partial<BatchSettings>;

/**
 * The steps of a batch in order. Each sequence number has at most one dark, which has the number of the sequence it
 * belongs to.
 */
export function* batchSteps(settings: StepSettings): Generator<Step> {
  const { sequences, autointegrate, delayS, warmUp = false, waitsAtEnd = false } = settings;
  const last = sequences - 1;
  if (warmUp) yield { do: "warm-up", sequence: 0 };
  if (autointegrate === 0) yield { do: "autointegrate", sequence: 0 };
  for (let sequence = 0; sequence < sequences; sequence++) {
    const isSearched = autointegrate > 0 && sequence % autointegrate === 0;
    if (isSearched) yield { do: "autointegrate", sequence };
    yield* darkBefore(sequence, settings, isSearched);
    yield { do: "light", sequence };
    if (delayS > 0 && (sequence !== last || waitsAtEnd)) yield { do: "wait", sequence };
  }
  if (closesWithDark(settings)) yield { do: "dark", sequence: last };
}

// Brackets have one dark before the first light, and one after every search, since new times need new darks. The closing
// dark, made with the same times, serves the last of several sequences.
function* darkBefore(sequence: number, settings: StepSettings, isSearched: boolean): Generator<Step> {
  const { sequences, dark = DEFAULTS.dark } = settings;
  if (dark === "age") return yield { do: "dark", sequence, ifNeeded: true };
  const isDue = dark === "every" || sequence === 0 || isSearched;
  const isClosed = closesWithDark(settings) && sequence === sequences - 1;
  if (isDue && !isClosed) yield { do: "dark", sequence };
}

/** Whether its last step is a dark. */
export function closesWithDark({ sequences, dark = DEFAULTS.dark }: StepSettings): boolean {
  return dark === "bracket" && sequences > 1;
}
