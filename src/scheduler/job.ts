// A job: what is to be done, when, and on which conditions. Times are UTC in microseconds; the tree shows them as ISO 8601.

import { z } from "zod";
import type { BatchSettings } from "../acquisition/settings.ts";

const COMPARISONS = ["<", "<=", ">", ">=", "=", "!="] as const;
export const MISSED = ["skip", "once", "all"] as const;
export const BUSY = ["wait", "skip"] as const;
export const SUN_EVENTS = ["sunrise", "noon", "sunset"] as const;

/** A resource's value that must hold when a run begins. */
export const comparison = z.strictObject({
  /** Of the resource, such as `/datadir`. */
  path: z.string().startsWith("/"),
  /** Member of its value, with dots for members of members; absent for a value that is a number, text or truth. */
  field: z.string().min(1).optional(),
  is: z.enum(COMPARISONS),
  value: z.union([z.number(), z.string(), z.boolean()]),
});
export type Comparison = z.infer<typeof comparison>;

const elevation = z.number().min(-90).max(90);
const azimuth = z.number().min(0).max(360);

/** What must hold when a run begins; otherwise it is skipped, with the reason in the history. */
export const conditions = z.strictObject({
  /** Elevation of the sun, without refraction. */
  sunElevationDeg: z.strictObject({ min: elevation.optional(), max: elevation.optional() }).optional(),
  /** Clockwise from `from` to `to`, over north where `from` is the greater. */
  sunAzimuthDeg: z.strictObject({ from: azimuth, to: azimuth }).optional(),
  values: z.array(comparison).max(20).optional(),
});
export type Conditions = z.infer<typeof conditions>;

const HALF_DAY_S = 43_200;

/** Every solar day at an event of the sun; days without the event are skipped. */
export const sunEvent = z.strictObject({
  event: z.enum(SUN_EVENTS),
  /** For sunrise and sunset: when the sun's centre passes this instead, without refraction. */
  elevationDeg: elevation.optional(),
  /** Later than the event; negative is earlier. */
  offsetS: z.number().min(-HALF_DAY_S).max(HALF_DAY_S).optional(),
});
export type SunEvent = z.infer<typeof sunEvent>;

// The recorder judges what is in there.
const settings = z.custom<Partial<BatchSettings>>((given) => typeof given === "object" && given !== null);

const action = z.discriminatedUnion("do", [
  z.object({ do: z.literal("record"), settings }),
  z.object({ do: z.literal("dark"), run: z.string().optional() }),
  z.object({ do: z.literal("autointegrate"), targetPercent: z.number().optional() }),
  z.object({ do: z.literal("power-off") }),
  z.object({ do: z.literal("power-on") }),
]);
export type Action = z.infer<typeof action>;

/** What is stored of a job, besides its state. */
export const jobDefinition = z.object({
  name: z.string().optional(),
  action,
  /** The first run, and where the grid of the interval begins; of a job of the sun, when it begins to hold. */
  startUtcUs: z.number(),
  /** No run is planned later. */
  endUtcUs: z.number().optional(),
  intervalUs: z.number().optional(),
  sun: sunEvent.optional(),
  when: conditions.optional(),
  /** Runs whose time came while the server was off or the clock was set forwards: none, the newest, or all of them. */
  onMissed: z.enum(MISSED),
  /** While something else runs: wait for its end, or not run. */
  onBusy: z.enum(BUSY),
});
export type JobDefinition = Readonly<z.infer<typeof jobDefinition>>;

export type JobState = "active" | "suspended" | "finished" | "deleted";

export type Job = JobDefinition & {
  readonly id: number;
  readonly state: JobState;
  /** The next planned run of an active job; absent when there is none, or while the position that it needs is unknown. */
  readonly nextUtcUs?: number;
  /** Instead: when it would be, on a day on which the sun does not do what the job waits for. */
  readonly nextVoidUtcUs?: number;
};

/** A job as it is asked for: begins now, and has the usual policies, unless it says otherwise. */
export type NewJob = Omit<JobDefinition, "startUtcUs" | "onMissed" | "onBusy"> &
  Partial<Pick<JobDefinition, "startUtcUs" | "onMissed" | "onBusy">>;

/** Whether something is moved by it while the instrument should be quiet. Power is what quiet time is about. */
export function isQuietAction({ do: what }: Action): boolean {
  return what === "power-off" || what === "power-on";
}
