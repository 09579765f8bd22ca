// What the status LED shows: states of the box, each with its pattern of light, and which of them comes first. Pure.

/** Times in ms, lit and dark in turn, over and over; one time is for ever. docs/how-to/box.md shows them, too. */
export const PATTERNS = {
  idle: { litMs: [], meaning: "ready, nothing is recorded" },
  recording: { litMs: [1000], meaning: "something is recorded, or integration times are searched" },
  waiting: { litMs: [1000, 1000], meaning: "a batch waits for its next sequence, or is paused" },
  "disk-low": { litMs: [100, 100, 100, 1700], meaning: "the disk is nearly full" },
  error: {
    litMs: [100, 200],
    meaning: "a spectrometer or the disk is missing, or the last recording failed",
  },
} as const satisfies Readonly<
  Record<string, { readonly litMs: readonly number[]; readonly meaning: string }>
>;

export type LedState = keyof typeof PATTERNS;

/** What is known of the box. */
export interface BoxState {
  /** Of the acquisition: idle, waiting, paused, or what it does. */
  readonly phase: string;
  readonly isMounted: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly reserveBytes: number;
  /** A spectrometer that should work does not. */
  readonly isInstrumentMissing: boolean;
  readonly hasLastFailed: boolean;
}

/** Beyond the reserve less than this share of the disk is left, or less than the reserve once more. */
const LOW_SHARE = 0.05;

/** Trouble comes first, since nobody else may be there to see it. */
export function ledStateOf(box: BoxState): LedState {
  const isIdle = box.phase === "idle";
  if (!box.isMounted || box.isInstrumentMissing || (isIdle && box.hasLastFailed)) return "error";
  const left = box.freeBytes - box.reserveBytes;
  if (left < Math.max(box.reserveBytes, LOW_SHARE * box.totalBytes)) return "disk-low";
  if (isIdle) return "idle";
  return box.phase === "waiting" || box.phase === "paused" ? "waiting" : "recording";
}
