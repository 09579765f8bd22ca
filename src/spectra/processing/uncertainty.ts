// The noise of a spectrum, carried through its processing: standard errors with k = 1, to first order, of independent inputs
// (JCGM 100:2008, 5.1.2). Of calibrations, panels and stray light they tell nothing. Pure.

import { VscopeError } from "../../base/errors.ts";
import { combined, type Curve, resampled } from "../curve.ts";
import { calibrated, type RadiometricCalibration } from "../radiometric.ts";
import {
  calibratedReflectanceOf,
  type CalibratedPair,
  irradianceAround,
  irradianceAt,
  reflectanceOf,
} from "../reflectance.ts";
import { middleUtcUs, rateOf } from "../signal-rate.ts";
import type { Darkened } from "./dark-choice.ts";
import { type NoiseModel, varianceOf } from "./noise.ts";

/** Standard error of the counts: of the light and of the darks that were taken from it. */
export function countsErrorOf({ light, dark, darks }: Darkened, noise: NoiseModel): Float64Array {
  const signal = light.counts.map((count, pixel) => count - (dark.counts[pixel] ?? Number.NaN));
  const none = new Float64Array(light.counts.length);
  const ofLight = varianceOf(light, signal, noise);
  const ofDarks = darks.map(({ item, weight }) => varianceOf(item, none, noise).map((v) => v * weight ** 2));
  return ofLight.map((variance, pixel) =>
    Math.sqrt(ofDarks.reduce((sum, one) => sum + (one[pixel] ?? 0), variance)),
  );
}

/** Standard error of `rateOf`, whose slope is taken from itself: so nonlinearity counts as it was corrected. */
export function rateErrorOf(exposed: Darkened, noise: NoiseModel): Curve {
  const error = countsErrorOf(exposed, noise);
  const [above, below] = [rateOf(shifted(exposed, 1)), rateOf(shifted(exposed, -1))];
  return combined(
    above,
    below,
    (high, low, pixel) => (Math.abs(high - low) / 2) * (error[pixel] ?? Number.NaN),
  );
}

// One count more or less must not make a pixel saturated.
function shifted({ light, dark }: Darkened, by: number) {
  const counts = light.counts.map((count) => count + by);
  return { light: { ...light, counts, statistics: null, saturationLevel: Number.POSITIVE_INFINITY }, dark };
}

/** Standard error of `calibrated`, for a calibration without error. */
export function calibratedErrorOf(
  exposed: Darkened,
  calibration: RadiometricCalibration,
  noise: NoiseModel,
): Curve {
  return calibrated(rateErrorOf(exposed, noise), calibration);
}

/** Standard error of `reflectanceOf`, or of `calibratedReflectanceOf`; irradiances count by their share in the interpolated one. */
export function reflectanceErrorOf(
  target: Darkened,
  irradiance: readonly Darkened[],
  noise: NoiseModel,
  pair?: CalibratedPair,
): Curve {
  const utcUs = middleUtcUs(target.light);
  const reflectance =
    pair === undefined
      ? reflectanceOf(target, irradiance)
      : calibratedReflectanceOf(target, irradiance, pair);
  const { wavelengthsNm } = reflectance;
  const sky = (curve: Curve): Float64Array =>
    resampled(pair === undefined ? curve : calibrated(curve, pair.irradiance), wavelengthsNm).values;
  const down = sky(irradianceAt(utcUs, irradiance));
  const downErrors = sky(irradianceErrorAt(utcUs, irradiance, noise));
  const rateError = rateErrorOf(target, noise);
  const up = pair === undefined ? rateError : calibrated(rateError, pair.radiance);
  const scale = pair === undefined ? 1 : Math.PI;
  // u^2 = (u_up / down)^2 + (R u_down / down)^2: as R^2 (u_up^2 / up^2 + u_down^2 / down^2), but good for up = 0 too.
  const values = reflectance.values.map((value, pixel) => {
    const downError = downErrors[pixel] ?? Number.NaN;
    const upError = scale * (up.values[pixel] ?? Number.NaN);
    return Math.hypot(upError, value * downError) / (down[pixel] ?? Number.NaN);
  });
  return { wavelengthsNm, values };
}

/** Standard error of `irradianceAt`. */
export function irradianceErrorAt(utcUs: number, irradiance: readonly Darkened[], noise: NoiseModel): Curve {
  const parts = irradianceAround(utcUs, irradiance).map(({ item, weight }) => ({
    weight,
    error: rateErrorOf(item, noise),
  }));
  const [first] = parts;
  if (first === undefined)
    throw new VscopeError("VALUE_INVALID", "reflectance: there is no downwelling spectrum");
  const values = first.error.values.map((_, pixel) =>
    Math.hypot(...parts.map(({ error, weight }) => weight * (error.values[pixel] ?? Number.NaN))),
  );
  return { wavelengthsNm: first.error.wavelengthsNm, values };
}
