// From which values on spectra get quality flags; docs/how-to/quality.md gives the reasons for the defaults.

import type { z } from "zod";
import { MS } from "../base/clock.ts";
import { decimal, section } from "./fields.ts";

export interface QualityConfig {
  readonly lowSignalPercent: number;
  readonly tecToleranceC: number;
  readonly darkMaxAgeS: number;
  readonly darkToleranceC: number;
  readonly irradianceChangePercent: number;
  readonly irradianceWithinS: number;
  readonly sunElevationDeg: number;
  readonly clockErrorUs: number;
  readonly positionMaxAgeS: number;
  readonly startSkewUs: number;
  readonly startSkewPercent: number;
  readonly referenceMaxAgeS: number;
  readonly pairedReferenceMaxAgeS: number;
}

export const QUALITY = section({
  low_signal_percent: decimal(0, 100).default(5),
  tec_tolerance: decimal(0.1, 20).default(0.5),
  dark_max_age_s: decimal(1, 86_400).default(900),
  dark_tolerance: decimal(0.1, 20).default(1),
  irradiance_change_percent: decimal(0.1, 100).default(10),
  irradiance_within_s: decimal(1, 86_400).default(120),
  sun_elevation: decimal(-90, 90).default(15),
  clock_error_ms: decimal(0.001, 86_400_000).default(100),
  position_max_age_s: decimal(10, 86_400).default(600),
  start_skew_ms: decimal(0, 86_400_000).default(100),
  start_skew_percent: decimal(0, 1000).default(25),
  reference_max_age_s: decimal(1, 31_536_000).default(900),
  paired_reference_max_age_s: decimal(1, 31_536_000).default(86_400),
});

export function qualityConfig(quality: z.output<typeof QUALITY>): QualityConfig {
  return {
    lowSignalPercent: quality.low_signal_percent,
    tecToleranceC: quality.tec_tolerance,
    darkMaxAgeS: quality.dark_max_age_s,
    darkToleranceC: quality.dark_tolerance,
    irradianceChangePercent: quality.irradiance_change_percent,
    irradianceWithinS: quality.irradiance_within_s,
    sunElevationDeg: quality.sun_elevation,
    clockErrorUs: quality.clock_error_ms * MS,
    positionMaxAgeS: quality.position_max_age_s,
    startSkewUs: quality.start_skew_ms * MS,
    startSkewPercent: quality.start_skew_percent,
    referenceMaxAgeS: quality.reference_max_age_s,
    pairedReferenceMaxAgeS: quality.paired_reference_max_age_s,
  };
}
