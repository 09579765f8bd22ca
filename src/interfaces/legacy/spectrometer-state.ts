// The states of a spectrometer as piccolo3 numbers and names them.

import type { AcquisitionStatus } from "../../acquisition/status.ts";
import type { SpectrometerState } from "../../instruments/spectrometer.ts";

export const STATE = {
  NO_WORKER: 1,
  POWERED_OFF: 2,
  DROPPED: 3,
  CONNECTING: 4,
  DISCONNECTED: 5,
  IDLE: 6,
  RECORDING: 7,
  AUTOINTEGRATING: 8,
} as const;

export type StateNumber = (typeof STATE)[keyof typeof STATE];

export interface StateFacts {
  /** Undefined for a spectrometer that is configured and has never been seen. */
  readonly state: SpectrometerState | undefined;
  /** A client has disconnected it. */
  readonly isReleased: boolean;
  readonly phase: AcquisitionStatus["phase"];
}

export function stateNumber({ state, isReleased, phase }: StateFacts): StateNumber {
  switch (state) {
    case undefined:
    case "connecting":
    case "recovering":
      return STATE.CONNECTING;
    case "disconnected":
    case "faulty":
      return STATE.DROPPED;
    case "powered-off":
      return isReleased ? STATE.DISCONNECTED : STATE.POWERED_OFF;
    case "idle":
      return STATE.IDLE;
    case "exposing":
      return phase === "autointegrate" ? STATE.AUTOINTEGRATING : STATE.RECORDING;
  }
}

/** Such as IDLE. */
export function stateName(number: StateNumber): string {
  return Object.entries(STATE).find(([, value]) => value === number)?.[0] ?? "";
}
