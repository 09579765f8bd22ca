// Reflectance of the target, in two ways. Dual field of view: (upwelling - dark) / time over (downwelling - dark) / time,
// where the downwelling light is interpolated to the time of the upwelling when it was recorded before and after; a ratio
// of counts, or with calibrations of both foreoptics pi times radiance over irradiance. White panel: target over panel, times the panel's
// reflectance factor, corrected by the change of the downwelling light between both where that was recorded. Pure.

import { VscopeError } from "../base/errors.ts";
import { around, type Weighted } from "./around.ts";
import { combined, type Curve, resampled } from "./curve.ts";
import { calibrated, type RadiometricCalibration } from "./radiometric.ts";
import { type Exposed, middleUtcUs, rateOf } from "./signal-rate.ts";

export interface Band {
  readonly fromNm: number;
  readonly toNm: number;
  /** Pixels with a valid value, and those without: saturated, or too dark. */
  readonly pixels: number;
  readonly leftOut: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

// Below this share of its peak the light that is divided by is noise, and so would be the ratio.
const LEAST_SHARE = 0.01;

/** How a reflectance is made. */
export const REFLECTANCE_METHODS = ["dual field of view", "radiance over irradiance", "white panel"] as const;
export type ReflectanceMethod = (typeof REFLECTANCE_METHODS)[number];

/** The channel that sees the sky. */
export function isIrradiance(channel: string): boolean {
  return channel.toLowerCase() === "downwelling";
}

/** A target, or the panel in its place, and the downwelling light around that time; that can be missing. */
export interface Scene {
  readonly upwelling: Exposed;
  readonly downwelling: readonly Exposed[];
}

/**
 * Upwelling over downwelling on the wavelengths of the upwelling spectrum. Of several downwelling ones the nearest before
 * and after it count, by their distance in time; a single one, or one side alone, is taken as it is.
 */
export function reflectanceOf(upwelling: Exposed, downwelling: readonly Exposed[]): Curve {
  requireSameBinning([upwelling, ...downwelling]);
  return ratio(rateOf(upwelling), irradianceAt(middleUtcUs(upwelling.light), downwelling));
}

/** Of both foreoptics of a spectrometer. */
export interface CalibratedPair {
  readonly radiance: RadiometricCalibration;
  readonly irradiance: RadiometricCalibration;
}

/**
 * pi L / E: an even (Lambertian) target that reflects all of the light has 1. As `reflectanceOf`, and NaN where a calibration
 * has no factor.
 */
export function calibratedReflectanceOf(
  upwelling: Exposed,
  downwelling: readonly Exposed[],
  { radiance, irradiance }: CalibratedPair,
): Curve {
  // Of counts, it is NaN where the divisor is noise; the factors make noise large.
  const counts = reflectanceOf(upwelling, downwelling);
  const ground = calibrated(rateOf(upwelling), radiance);
  const sky = calibrated(irradianceAt(middleUtcUs(upwelling.light), downwelling), irradiance);
  const share = combined(ground, resampled(sky, ground.wavelengthsNm), (value, divisor) => value / divisor);
  return combined(counts, share, (value, other) => (Number.isFinite(value) ? Math.PI * other : Number.NaN));
}

/** `factors` is the panel's reflectance over wavelength; outside of it the result is NaN. */
export function panelReflectanceOf(target: Scene, panel: Scene, factors: Curve): Curve {
  const gain = panelGainOf(target, panel, factors);
  return combined(rateOf(target.upwelling), gain, (value, factor) => value * factor);
}

/** What the rate of a target is multiplied with, on its wavelengths. */
export function panelGainOf(target: Scene, panel: Scene, factors: Curve): Curve {
  requireSameBinning([target, panel].flatMap(({ upwelling, downwelling }) => [upwelling, ...downwelling]));
  const rate = rateOf(target.upwelling);
  const perRate = ratio({ ...rate, values: rate.values.map(() => 1) }, rateOf(panel.upwelling));
  const bare = combined(
    perRate,
    resampled(factors, perRate.wavelengthsNm),
    (value, factor) => value * factor,
  );
  if (target.downwelling.length === 0 || panel.downwelling.length === 0) return bare;
  const [now, then] = [target, panel].map(({ upwelling, downwelling }) =>
    irradianceAt(middleUtcUs(upwelling.light), downwelling),
  );
  if (now === undefined || then === undefined) return bare;
  const change = resampled(ratio(then, now), bare.wavelengthsNm);
  return combined(bare, change, (value, factor) => value * factor);
}

// No source tells whether a firmware adds the counts of neighbours or averages them: no ratio then.
function requireSameBinning(exposed: readonly Exposed[]): void {
  const [first, other] = new Set(exposed.map(({ light }) => light.processing?.binning ?? 0));
  if (first === undefined || other === undefined) return;
  const fact = `spectra with binning ${first} and ${other} cannot be compared`;
  throw new VscopeError("VALUE_INVALID", `reflectance: ${fact}`);
}

/** On the wavelengths of `above`; NaN where there is too little to divide by. */
function ratio(above: Curve, below: Curve): Curve {
  const peak = below.values.reduce((largest, value) => (value > largest ? value : largest), 0);
  return combined(above, resampled(below, above.wavelengthsNm), (value, divisor) =>
    divisor > peak * LEAST_SHARE ? value / divisor : Number.NaN,
  );
}

/** Rates at a moment, between those of the nearest spectra before and after it. Throws VALUE_INVALID without any. */
export function irradianceAt(utcUs: number, exposed: readonly Exposed[]): Curve {
  const [before, after] = irradianceAround(utcUs, exposed);
  if (before === undefined)
    throw new VscopeError("VALUE_INVALID", "reflectance: there is no downwelling spectrum");
  if (after === undefined) return rateOf(before.item);
  const share = after.weight;
  return combined(rateOf(before.item), rateOf(after.item), (value, end) => value + share * (end - value));
}

/** Which spectra the irradiance at a moment is made of, and their shares in it. */
export function irradianceAround<E extends Exposed>(
  utcUs: number,
  exposed: readonly E[],
): readonly Weighted<E>[] {
  return around(utcUs, exposed, ({ light }) => middleUtcUs(light));
}

/** Mean and extremes of a curve in half-open bands between consecutive edges. */
export function bandsOf({ wavelengthsNm, values }: Curve, edgesNm: readonly number[]): readonly Band[] {
  return edgesNm.slice(1).map((toNm, index) => {
    const fromNm = edgesNm[index] ?? toNm;
    const all = values.filter((_, pixel) => {
      const nm = wavelengthsNm[pixel] ?? Number.NaN;
      return nm >= fromNm && nm < toNm;
    });
    const inside = all.filter(Number.isFinite);
    const leftOut = all.length - inside.length;
    const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
    const [min, max] = [Math.min(...inside), Math.max(...inside)];
    return { fromNm, toNm, pixels: inside.length, leftOut, mean, min, max };
  });
}
