// Carries out what a job says, through the one place where recordings begin.

import type { Operation } from "../acquisition/operation.ts";
import type { BatchSettings } from "../acquisition/settings.ts";
import type { Clock } from "../base/clock.ts";
import type { RunEnd } from "./history.ts";
import type { Action } from "./job.ts";
import type { SpectrometerPower } from "./spectrometer-power.ts";

/** Who asked for a recording. */
export interface ScheduleOrigin {
  readonly by: "schedule";
  /** Number of the job. */
  readonly id: string;
}

/** Where recordings begin; acquisition/recorder.ts is one. */
export interface Recordings {
  /** All channels. */
  readonly channels: readonly string[];
  record(asked: Partial<BatchSettings>, origin: ScheduleOrigin): Operation;
  dark(asked: { readonly run?: string }, origin: ScheduleOrigin): Operation;
  autointegrate(asked: { readonly targetPercent?: number }, origin: ScheduleOrigin): Operation;
  /** Goes on with a recording that is paused. Throws STATE_CONFLICT when none is. */
  resume(why: string): void;
}

export interface ActionParts {
  readonly clock: Clock;
  readonly recordings: Omit<Recordings, "resume">;
  readonly power: SpectrometerPower;
}

/** What has begun. */
export interface Begun {
  readonly operation: string;
  readonly ended: Promise<RunEnd>;
}

/** Throws when it cannot be begun. */
export function begin(action: Action, job: number | null, { clock, recordings, power }: ActionParts): Begun {
  const origin = { by: "schedule", id: String(job ?? "") } as const;
  switch (action.do) {
    case "record":
      return followed(recordings.record(action.settings, origin), clock);
    case "dark":
      return followed(recordings.dark(action.run === undefined ? {} : { run: action.run }, origin), clock);
    case "autointegrate": {
      const { targetPercent } = action;
      return followed(
        recordings.autointegrate(targetPercent === undefined ? {} : { targetPercent }, origin),
        clock,
      );
    }
    case "power-on":
    case "power-off":
      return followed(power.begin(action.do === "power-on" ? "on" : "off", origin), clock);
  }
}

function followed(operation: Operation, clock: Clock): Begun {
  const ended = operation.finished.then((): RunEnd => {
    const { state, error, result } = operation.status.value;
    const outcome = state === "done" || state === "cancelled" ? state : "failed";
    return { outcome, endedUtcUs: clock.utcUs(), message: error?.message, result };
  });
  return { operation: operation.id, ended };
}
