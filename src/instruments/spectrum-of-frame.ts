// From a driver's raw frame to a spectrum: UTC, temperatures and quality flags. Pure.

import { definedOnly } from "../base/defined-only.ts";
import { binnedCoefficients } from "../drivers/oceanoptics/binned-identity.ts";
import { isUncalibrated } from "../drivers/oceanoptics/calibration.ts";
import type { TecReading } from "../drivers/oceanoptics/driver.ts";
import {
  type Flag,
  type InstrumentIdentity,
  peakCounts,
  type Spectrum,
  type SpectrumKind,
} from "../spectra/spectrum.ts";
import { isTimedOutside } from "../drivers/oceanoptics/trigger-modes.ts";
import type { ScannedFrame } from "./scans.ts";

/** A peak below this share of the saturation level is a low signal. */
const LOW_SIGNAL_FRACTION = 0.05;
/** A detector further from its set point than this is not stable. */
const TEC_TOLERANCE_C = 0.5;

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

function flagsOf({ frame, identity, kind, tec, channelWavelengthCoefficients }: FrameFacts): readonly Flag[] {
  const peak = peakCounts(frame.counts, identity.opticalPixelRange);
  const isOff =
    tec !== undefined && tec.enabled && Math.abs(tec.temperatureC - tec.setpointC) > TEC_TOLERANCE_C;
  // One saturated scan spoils the mean of all.
  const highest =
    frame.statistics === undefined ? peak : peakCounts(frame.statistics.max, identity.opticalPixelRange);
  const raised: Readonly<Record<Flag, boolean>> = {
    saturated: highest >= identity.saturationLevel,
    simulated: identity.isSimulated,
    stale_risk: frame.freshness === "none",
    low_signal: kind === "light" && peak < LOW_SIGNAL_FRACTION * identity.saturationLevel,
    tec_unstable: isOff,
    external_timing: frame.triggerMode !== undefined && isTimedOutside(frame.triggerMode),
    uncalibrated: channelWavelengthCoefficients === undefined && isUncalibrated(identity.calibration),
  };
  const names: readonly Flag[] = [
    "saturated",
    "simulated",
    "stale_risk",
    "low_signal",
    "tec_unstable",
    "external_timing",
    "uncalibrated",
  ];
  return names.filter((name) => raised[name]);
}
