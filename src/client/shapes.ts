// What the server's answers look like, as far as the client relies on it. Further members pass through, so that
// a newer server stays readable.

import { z } from "zod";

export const operationShape = z.looseObject({
  id: z.string(),
  /** `record`, `dark` or `autointegrate`. */
  kind: z.string(),
  state: z.enum(["queued", "running", "done", "failed", "cancelled"]),
  progress: z.object({ done: z.number(), of: z.number() }),
  estimate: z.looseObject({ remainingS: z.number(), endsUtc: z.string() }).optional(),
  paused: z.boolean().optional(),
  startedUtc: z.string().optional(),
  endedUtc: z.string().optional(),
  /** What made it begin. */
  origin: z.looseObject({ by: z.string(), id: z.string().optional() }).optional(),
  /** The end of the server has ended it. */
  interrupted: z.boolean().optional(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
  result: z.unknown().optional(),
});
export type OperationStatus = z.infer<typeof operationShape>;

/** Batches that the last end of the server has interrupted. */
export const interruptionsShape = z.looseObject({
  interruptions: z
    .array(
      z.looseObject({
        run: z.string(),
        batch: z.number(),
        recorded: z.number(),
        sequences: z.number(),
        cause: z.string(),
        outcome: z.string(),
        reason: z.string().optional(),
        operation: z.string().optional(),
        goesOnWith: z.looseObject({ batch: z.number() }).optional(),
      }),
    )
    .default([]),
});
export type Interruption = z.infer<typeof interruptionsShape>["interruptions"][number];

const runSummaryShape = z.looseObject({ name: z.string(), files: z.number() });
export type RunSummary = z.infer<typeof runSummaryShape>;

export const runListShape = z.looseObject({ total: z.number(), runs: z.array(runSummaryShape) });
export type RunList = z.infer<typeof runListShape>;

const runFileShape = z.looseObject({ file: z.string(), bytes: z.number() });
export type RunFile = z.infer<typeof runFileShape>;

export const runDetailShape = z.looseObject({
  name: z.string(),
  /** Number of all files of the run; `files` can be a slice of them. */
  total: z.number(),
  files: z.array(runFileShape),
  /** Such as interruptions, oldest first. */
  events: z.array(z.looseObject({ utc: z.string(), event: z.string() })).optional(),
  /** Why the events cannot be read. */
  problem: z.string().optional(),
  /** What a crash left; no data. */
  unfinished: z.array(runFileShape.extend({ modified: z.string() })).optional(),
});
export type RunDetail = z.infer<typeof runDetailShape>;

const foundSpectrumShape = z.looseObject({
  /** `run/file/position`. */
  id: z.string(),
  run: z.string(),
  serial: z.string(),
  channel: z.string(),
  kind: z.string(),
  exposureStart: z.string(),
  integrationTimeUs: z.number(),
  peakCounts: z.number(),
  flags: z.array(z.string()),
  qualityColour: z.string(),
  sunElevationDeg: z.number().nullable(),
});
export type FoundSpectrum = z.infer<typeof foundSpectrumShape>;

export const spectraPageShape = z.looseObject({
  spectra: z.array(foundSpectrumShape),
  /** `after` of the next page; absent on the last. */
  next: z.string().optional(),
  total: z.object({ count: z.number(), isAtLeast: z.boolean() }).optional(),
  /** The text is in more batches than the server looks at. */
  isCut: z.boolean().optional(),
});
export type SpectraPage = z.infer<typeof spectraPageShape>;

/** What spectra are searched by: all that is given must hold, of a list one. */
export interface SpectraQuery {
  readonly run?: readonly string[];
  readonly serial?: readonly string[];
  readonly channel?: readonly string[];
  readonly batch?: number;
  readonly sequence?: number;
  readonly kind?: "light" | "dark";
  /** All of these quality flags, and none of those. */
  readonly flags?: readonly string[];
  readonly flags_none?: readonly string[];
  readonly colour?: "green" | "amber" | "red";
  /** The exposure began at this time or later, and before that one; ISO 8601. */
  readonly from?: string;
  readonly to?: string;
  /** Elevation of the sun, degrees. */
  readonly sun_min?: number;
  readonly sun_max?: number;
  /** Latitude, longitude (degrees), distance (m). */
  readonly near?: readonly [number, number, number];
  /** Microseconds. */
  readonly integration_min?: number;
  readonly integration_max?: number;
  readonly simulated?: boolean;
  /** Words in the name of the run, an origin, a failure or an event; `"a phrase"`, `snow*`. */
  readonly text?: string;
  readonly order?: "newest" | "oldest";
  /** Spectra of a page, 500 at most; 50 when absent. */
  readonly limit?: number;
  readonly after?: string;
  /** Whether to count all that fit. */
  readonly counts?: boolean;
}

/** How to record a white panel; what is absent is left to the server. */
export interface WhiteOptions {
  /** Name in the instrument configuration. */
  readonly panel: string;
  /** Channels that see the panel; all but downwelling when absent. */
  readonly channels?: readonly string[];
  readonly run?: string;
  /** Search the integration times first. */
  readonly search?: boolean;
  readonly targetPercent?: number;
}

/** What to record; what is absent is left to the server. */
export interface RecordOptions {
  readonly run?: string;
  readonly sequences?: number;
  /** -1 never, 0 once before the first sequence, n before every n-th sequence. */
  readonly autointegrate?: number;
  readonly delayS?: number;
  /** Peak that autointegration aims at, in percent of the saturation level, 10..90. */
  readonly targetPercent?: number;
  /** `interleaved`: downwelling, the other channels, downwelling again in each sequence. */
  readonly order?: "turns" | "interleaved";
  /** When darks are made: around the batch, before every light, or when the newest is older than `darkMaxAgeS`. */
  readonly dark?: "bracket" | "every" | "age";
  readonly darkMaxAgeS?: number;
  readonly onFailure?: "continue" | "stop";
  /** How often an exposure that failed is repeated. */
  readonly retries?: number;
  /** Wait first until the detectors' coolers have settled. */
  readonly warmUp?: boolean;
  /** Those to record; all of them when absent. */
  readonly channels?: readonly string[];
}
