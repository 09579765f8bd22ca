// What the acquisition is doing now, as a value: never a sentence that clients would have to take apart.

export const PHASES = [
  "idle",
  /** Waits until the detectors' coolers have settled. */
  "warm-up",
  "autointegrate",
  "light",
  "dark",
  /** Between sequences, or for a spectrometer that is to come back. */
  "waiting",
  "paused",
] as const;

export interface AcquisitionStatus {
  readonly phase: (typeof PHASES)[number];
  /** Id of the running operation. */
  readonly operation?: string;
  readonly channel?: string;
  readonly run?: string;
  readonly batch?: number;
  /** Number of the present sequence, from 0, and how many there will be. */
  readonly sequence?: number;
  readonly of?: number;
  /** Both counted over the batch that it goes on with, too, where it was interrupted. */
  readonly inAll?: { readonly sequence: number; readonly of: number };
  /** A pause is asked for: the present exposure is finished first. */
  readonly pausing?: true;
  /** When the pause ends unless somebody resumes before; absent without a limit. */
  readonly pauseEndsUtc?: string;
  /** Age of the newest dark that fits the present settings, of the spectrometer and channel that has the oldest; absent without one. */
  readonly darkAgeS?: number;
}

export const IDLE: AcquisitionStatus = { phase: "idle" };
