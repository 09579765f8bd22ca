// From a driver's raw frame to a spectrum: UTC, temperatures and the flags that only the driver can raise. Pure.

import { definedOnly } from "../base/defined-only.ts";
import { binnedCoefficients } from "../drivers/oceanoptics/binned-identity.ts";
import { isUncalibrated } from "../drivers/oceanoptics/calibration.ts";
import type { TecReading } from "../drivers/oceanoptics/driver.ts";
import type { Flag } from "../spectra/flags.ts";
import type { InstrumentIdentity, Spectrum, SpectrumKind } from "../spectra/spectrum.ts";
import { isTimedOutside } from "../drivers/oceanoptics/trigger-modes.ts";
import type { ScannedFrame } from "./scans.ts";

export interface FrameFacts {
  readonly frame: ScannedFrame;
  readonly identity: InstrumentIdentity;
  readonly channel: string;
  readonly kind: SpectrumKind;
  readonly integrationTimeUs: number;
  /** The configuration's calibration for this channel. */
  readonly channelWavelengthCoefficients?: readonly number[] | undefined;
  /** Clock.utcUs - Clock.nowUs at the moment. */
  readonly utcMinusNowUs: number;
  readonly detectorTemperatureC?: number;
  readonly tec?: TecReading;
}

export function spectrumOf(facts: FrameFacts): Spectrum {
  const { frame, identity, detectorTemperatureC, tec } = facts;
  const channelWavelengthCoefficients =
    facts.channelWavelengthCoefficients === undefined
      ? undefined
      : binnedCoefficients(facts.channelWavelengthCoefficients, frame.processing?.binning ?? 0);
  return {
    instrument: identity,
    channel: facts.channel,
    ...(channelWavelengthCoefficients === undefined ? {} : { channelWavelengthCoefficients }),
    kind: facts.kind,
    integrationTimeUs: facts.integrationTimeUs,
    counts: frame.counts,
    ...definedOnly({
      statistics: frame.statistics,
      processing: frame.processing,
      triggerMode: frame.triggerMode,
    }),
    exposureStartUtcUs: Math.round(frame.exposureStartUs + facts.utcMinusNowUs),
    exposureEndUtcUs: Math.round(frame.exposureEndUs + facts.utcMinusNowUs),
    exposureStartUs: frame.exposureStartUs,
    freshness: frame.freshness,
    discardedFrames: frame.discardedFrames,
    ...(detectorTemperatureC === undefined ? {} : { detectorTemperatureC }),
    ...(tec === undefined ? {} : { tecEnabled: tec.enabled, tecSetpointC: tec.setpointC }),
    flags: flagsOf(facts),
  };
}

// What only the driver can tell; the rest of the verdict is in spectra/quality.ts.
function flagsOf({ frame, identity, channelWavelengthCoefficients }: FrameFacts): readonly Flag[] {
  const isExternal = frame.triggerMode !== undefined && isTimedOutside(frame.triggerMode);
  const isBare = channelWavelengthCoefficients === undefined && isUncalibrated(identity.calibration);
  return [
    ...(isExternal ? (["external_timing"] as const) : []),
    ...(isBare ? (["uncalibrated"] as const) : []),
  ];
}
