// What is set of a detector's cooler: by the configuration at first, then by clients.

import { requireWithin } from "../base/errors.ts";
import type { TecDriver } from "../drivers/oceanoptics/driver.ts";
import type { Tolerate } from "./refusal.ts";

export interface TecSettings {
  readonly enabled?: boolean;
  readonly setpointC?: number;
}

/** What the configuration says of the cooler. */
export interface CoolerConfiguration {
  /** Set point of the detector's cooler; the device keeps its own when absent. */
  readonly detectorSetpointC?: number | undefined;
  /** Whether the cooler and its fan run; left as they are when absent. */
  readonly fan?: boolean | undefined;
}

// Over all models; the device's own are narrower.
const SETPOINT_C = { min: -50, max: 40, unit: "degC" } as const;

/** Throws VALUE_OUT_OF_RANGE. */
export function requireTecWithin(serial: string, { setpointC }: TecSettings): void {
  if (setpointC !== undefined) requireWithin(serial, setpointC, SETPOINT_C);
}

export function tecSettingsOf({ detectorSetpointC, fan }: CoolerConfiguration): TecSettings {
  return {
    ...(detectorSetpointC === undefined ? {} : { setpointC: detectorSetpointC }),
    ...(fan === undefined ? {} : { enabled: fan }),
  };
}

export async function applyTec(
  tec: TecDriver,
  { enabled, setpointC }: TecSettings,
  signal: AbortSignal,
): Promise<void> {
  if (setpointC !== undefined) await tec.setSetpointC(setpointC, signal);
  if (enabled !== undefined) await tec.setEnabled(enabled, signal);
}

/** As `applyTec`, but what the device refuses does not keep the rest from it. */
export async function restoreTec(
  tec: TecDriver,
  { enabled, setpointC }: TecSettings,
  tolerate: Tolerate,
  signal: AbortSignal,
): Promise<void> {
  if (setpointC !== undefined) await tolerate("set point of the cooler", tec.setSetpointC(setpointC, signal));
  if (enabled !== undefined) await tolerate("cooler", tec.setEnabled(enabled, signal));
}
