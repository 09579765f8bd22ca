// Which integration times an instrument takes: the device's limits, narrowed by the configuration. Pure.

import { requireWithin } from "../base/errors.ts";
import type { InstrumentIdentity } from "../spectra/spectrum.ts";

const DEFAULT_INTEGRATION_TIME_US = 100_000;

export interface IntegrationSettings {
  /** Limits for clients and autointegration, within those of the device. */
  readonly minIntegrationTimeUs?: number | undefined;
  readonly maxIntegrationTimeUs?: number | undefined;
  /** Integration time of every channel after the start, brought within the limits; 100 ms unless given. */
  readonly initialIntegrationTimeUs?: number | undefined;
}

/** The identity with limits narrowed by the settings; settings that leave nothing are without effect. */
export function narrowed(identity: InstrumentIdentity, settings: IntegrationSettings): InstrumentIdentity {
  const device = identity.integrationTimeUs;
  const min = Math.max(device.min, settings.minIntegrationTimeUs ?? device.min);
  const max = Math.min(device.max, settings.maxIntegrationTimeUs ?? device.max);
  return min > max ? identity : { ...identity, integrationTimeUs: { min, max, step: device.step } };
}

export function initialIntegrationTimeUs(
  { integrationTimeUs: { min, max, step } }: InstrumentIdentity,
  { initialIntegrationTimeUs: wantedUs = DEFAULT_INTEGRATION_TIME_US }: IntegrationSettings,
): number {
  return stepped(Math.min(max, Math.max(min, wantedUs)), min, step);
}

/** `us` as the device will use it: rounded down to its step. Throws VALUE_OUT_OF_RANGE. */
export function allowedIntegrationTimeUs(
  { serial, integrationTimeUs }: InstrumentIdentity,
  us: number,
): number {
  const { min, max, step } = integrationTimeUs;
  requireWithin(serial, us, { min, max, unit: "us" });
  return stepped(us, min, step);
}

function stepped(us: number, min: number, step: number): number {
  return Math.max(min, Math.floor(us / step) * step);
}
