// What this tree needs of a scheduler.

import type { BatchSettings } from "../../acquisition/settings.ts";
import type { ReadableCell } from "../../base/cell.ts";

export interface ScheduledJob {
  readonly id: number;
  readonly action: { readonly do: string; readonly settings?: Partial<BatchSettings> };
  readonly startUtcUs: number;
  readonly endUtcUs?: number;
  readonly intervalUs?: number;
  readonly state: "active" | "suspended" | "finished" | "deleted";
}

export interface WantedJob {
  readonly action:
    | { readonly do: "record"; readonly settings: Partial<BatchSettings> }
    | { readonly do: "power-off" }
    | { readonly do: "power-on" };
  readonly startUtcUs: number;
  readonly endUtcUs?: number;
  readonly intervalUs?: number;
}

export interface QuietTime {
  readonly enabled: boolean;
  /** Seconds of the UTC day. */
  readonly startS: number;
  readonly endS: number;
  readonly powerOffEnabled: boolean;
  readonly powerDelayS: number;
}

export interface SchedulerPort {
  readonly jobs: ReadableCell<readonly ScheduledJob[]>;
  readonly quietTime: ReadableCell<QuietTime>;
  add(wanted: WantedJob): ScheduledJob;
  suspend(id: number): void;
  resume(id: number): void;
  delete(id: number): void;
  setQuietTime(change: Partial<QuietTime>): void;
}
