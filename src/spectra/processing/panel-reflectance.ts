// Reflectance of a target by a white panel that stood in its place before it, after it, or both, with its standard error: target
// over panel, times the panel's reflectance factor. Where the downwelling light was recorded beside all of them, its change is
// taken out. Pure.

import { SECOND } from "../../base/clock.ts";
import { around, type Weighted } from "../around.ts";
import { combined, type Curve, resampled } from "../curve.ts";
import { DEFAULT_LIMITS } from "../quality.ts";
import { irradianceAt, panelGainOf } from "../reflectance.ts";
import { middleUtcUs, rateOf } from "../signal-rate.ts";
import type { Timeline } from "../timeline.ts";
import type { Darkened, Recorded } from "./dark-choice.ts";
import type { NoiseModel } from "./noise.ts";
import { irradianceErrorAt, rateErrorOf } from "./uncertainty.ts";

/** A target, or a panel in its place, and the downwelling light around that time; that can be missing. */
export interface Look {
  readonly upwelling: Darkened;
  readonly downwelling: readonly Darkened[];
}

export interface PanelReflectance {
  readonly target: Look;
  /** With their shares, as `choosePanels` finds them. */
  readonly panels: readonly Weighted<Look>[];
  /** The panel's reflectance over wavelength. */
  readonly factors: Curve;
}

/**
 * The panels before and after a light, of its spectrometer and channel, by their distance in time; none when all are too far
 * away. `isPaired`: downwelling light was recorded beside all of them, so that they may be further away.
 */
export function choosePanels<P extends Recorded>(
  light: Recorded,
  panels: Timeline<P>,
  isPaired: boolean,
): readonly Weighted<P>[] {
  const { referenceMaxAgeS, pairedReferenceMaxAgeS } = DEFAULT_LIMITS;
  const withinS = isPaired ? pairedReferenceMaxAgeS : referenceMaxAgeS;
  const at = middleUtcUs(light);
  const isOwn = ({ serial, channel }: P): boolean => serial === light.serial && channel === light.channel;
  const near = panels
    .neighbours(at, isOwn)
    .filter((panel) => Math.abs(middleUtcUs(panel) - at) <= withinS * SECOND);
  return around(at, near, middleUtcUs);
}

/** Throws VALUE_INVALID where the spectra cannot be processed so, as `panelReflectanceOf` does. */
export function panelReflectance(seen: PanelReflectance): Curve {
  return combined(rateOf(seen.target.upwelling), gainOf(paired(seen)), (rate, gain) => rate * gain);
}

/** Its standard error by noise alone, k = 1: the panel's calibration takes no part. All spectra count as independent. */
export function panelReflectanceError(given: PanelReflectance, noise: NoiseModel): Curve {
  const seen = paired(given);
  const { target, panels } = seen;
  const rate = rateOf(target.upwelling);
  const gain = gainOf(seen);
  const own = rateErrorOf(target.upwelling, noise);
  const shares = panels.map((panel) => relativeVarianceOf(panel.item, rate, noise));
  const now = irradianceVarianceOf(target, rate, noise);
  const parts = panels.map((panel) => panelGainOf(target, panel.item, seen.factors).values);
  const values = rate.values.map((value, pixel) => {
    const g = gain.values[pixel] ?? Number.NaN;
    const ofPanels = panels.reduce((sum, { weight }, index) => {
      const share = (weight * g) / (parts[index]?.[pixel] ?? Number.NaN);
      return sum + share ** 2 * (shares[index]?.[pixel] ?? Number.NaN);
    }, 0);
    return Math.hypot(
      g * (own.values[pixel] ?? Number.NaN),
      value * g * Math.sqrt(ofPanels + (now[pixel] ?? 0)),
    );
  });
  return { wavelengthsNm: rate.wavelengthsNm, values };
}

/** Without downwelling light beside one of them, that beside the others tells nothing. */
function paired(seen: PanelReflectance): PanelReflectance {
  const looks = [seen.target, ...seen.panels.map(({ item }) => item)];
  if (looks.every(({ downwelling }) => downwelling.length > 0)) return seen;
  const bare = ({ upwelling }: Look): Look => ({ upwelling, downwelling: [] });
  const panels = seen.panels.map(({ item, weight }) => ({ item: bare(item), weight }));
  return { ...seen, target: bare(seen.target), panels };
}

/** The panel's rate lies between those before and after, so their inverse gains are averaged. */
function gainOf({ target, panels, factors }: PanelReflectance): Curve {
  const [first, ...others] = panels.map(({ item, weight }) => {
    const gain = panelGainOf(target, item, factors);
    return { ...gain, values: gain.values.map((value) => weight / value) };
  });
  if (first === undefined) throw new RangeError("a reflectance by a panel needs one panel at least");
  const inverse = others.reduce<Curve>((sum, other) => combined(sum, other, (a, b) => a + b), first);
  return { ...inverse, values: inverse.values.map((value) => 1 / value) };
}

/** Of a panel's rate and its irradiance, on the wavelengths of a curve. */
function relativeVarianceOf(look: Look, on: Curve, noise: NoiseModel): Float64Array {
  const rate = resampled(rateOf(look.upwelling), on.wavelengthsNm).values;
  const error = resampled(rateErrorOf(look.upwelling, noise), on.wavelengthsNm).values;
  const sky = irradianceVarianceOf(look, on, noise);
  return rate.map((value, pixel) => ((error[pixel] ?? Number.NaN) / value) ** 2 + (sky[pixel] ?? 0));
}

/** Relative; 0 without downwelling light, which takes no part then. */
function irradianceVarianceOf({ upwelling, downwelling }: Look, on: Curve, noise: NoiseModel): Float64Array {
  if (downwelling.length === 0) return on.values.map(() => 0);
  const utcUs = middleUtcUs(upwelling.light);
  const rate = resampled(irradianceAt(utcUs, downwelling), on.wavelengthsNm).values;
  const error = resampled(irradianceErrorAt(utcUs, downwelling, noise), on.wavelengthsNm).values;
  return rate.map((value, pixel) => ((error[pixel] ?? Number.NaN) / value) ** 2);
}
