// A spectrum at a level: its values and, where the noise is known, their standard errors. The mathematics is that of
// signal-rate.ts, radiometric.ts and reflectance.ts. Pure.

import type { Curve } from "../curve.ts";
import type { Level } from "../level.ts";
import type { PicoSpectrum } from "../pico.ts";
import { wavelengthsOf } from "../plot-series.ts";
import { calibrated, type RadiometricCalibration } from "../radiometric.ts";
import { calibratedReflectanceOf, type CalibratedPair, reflectanceOf } from "../reflectance.ts";
import { rateOf } from "../signal-rate.ts";
import type { Darkened } from "./dark-choice.ts";
import type { NoiseModel } from "./noise.ts";
import { type PanelReflectance, panelReflectance, panelReflectanceError } from "./panel-reflectance.ts";
import type { ProductRow } from "./product.ts";
import { calibratedErrorOf, rateErrorOf, reflectanceErrorOf } from "./uncertainty.ts";

/** What a level is made from. */
export type Sources =
  | { readonly level: Extract<Level, "corrected">; readonly target: Darkened }
  | {
      readonly level: Extract<Level, "radiance">;
      readonly target: Darkened;
      readonly calibration: RadiometricCalibration;
    }
  | {
      readonly level: Extract<Level, "reflectance">;
      readonly target: Darkened;
      readonly irradiance: readonly Darkened[];
      /** Of both channels; without, the reflectance by the irradiance is a ratio of counts. */
      readonly pair?: CalibratedPair;
      /** Around the target; without, the reflectance is that by the irradiance. */
      readonly byPanel?: Pick<PanelReflectance, "panels" | "factors">;
    };

/** Throws VALUE_INVALID where the spectra cannot be processed so, as `rateOf` and `reflectanceOf` do. */
export function atLevel(sources: Sources, noise?: NoiseModel): Pick<ProductRow, "values" | "standardError"> {
  const { values } = curveOf(sources);
  if (noise === undefined) return { values };
  const errors = errorOf(sources, noise).values;
  // Saturated pixels have no value, so no error either.
  return { values, standardError: errors.map((error, pixel) => error + 0 * (values[pixel] ?? Number.NaN)) };
}

/** Of the pixels; their indices where the instrument has no calibration. */
export function axisOf(spectrum: PicoSpectrum): Float64Array {
  return wavelengthsOf(spectrum) ?? spectrum.counts.map((_, pixel) => pixel);
}

function curveOf(sources: Sources): Curve {
  if (sources.level === "corrected") return rateOf(sources.target);
  if (sources.level === "radiance") return calibrated(rateOf(sources.target), sources.calibration);
  const { target, irradiance, pair, byPanel } = sources;
  if (byPanel === undefined)
    return pair === undefined
      ? reflectanceOf(target, irradiance)
      : calibratedReflectanceOf(target, irradiance, pair);
  return panelReflectance({ ...byPanel, target: { upwelling: target, downwelling: irradiance } });
}

function errorOf(sources: Sources, noise: NoiseModel): Curve {
  if (sources.level === "corrected") return rateErrorOf(sources.target, noise);
  if (sources.level === "radiance") return calibratedErrorOf(sources.target, sources.calibration, noise);
  const { target, irradiance, pair, byPanel } = sources;
  if (byPanel === undefined) return reflectanceErrorOf(target, irradiance, noise, pair);
  const seen = { ...byPanel, target: { upwelling: target, downwelling: irradiance } };
  return panelReflectanceError(seen, noise);
}
