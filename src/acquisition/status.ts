// What the acquisition is doing now, as a value: never a sentence that clients would have to take apart.

export interface AcquisitionStatus {
  readonly phase: "idle" | "autointegrate" | "light" | "dark" | "waiting";
  /** Id of the running operation. */
  readonly operation?: string;
  readonly channel?: string;
  readonly run?: string;
  readonly batch?: number;
  /** Number of the present sequence, from 0, and how many there will be. */
  readonly sequence?: number;
  readonly of?: number;
}

export const IDLE: AcquisitionStatus = { phase: "idle" };
