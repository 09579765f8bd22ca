// Radiometric calibration of one spectrometer and channel from spectra of a standard lamp: what is seen of it by its
// certificate over the rate that it gives, pixel by pixel. What is too noisy has no factor. Pure.

import { VscopeError } from "../../base/errors.ts";
import type { Curve } from "../curve.ts";
import type { RadiometricCalibration } from "../radiometric.ts";
import { type Exposed, isBinned, rateOf } from "../signal-rate.ts";
import { type LampScene, seenAt, seenQuantity, seenUncertainty } from "./lamp-scene.ts";
import { medianOf } from "./peaks.ts";

/** A factor needs a signal of so many times its noise. */
const LEAST_SNR = 20;
/** Noise is judged over so many pixels on either side. */
const NOISE_PIXELS = 25;
/** So many pixels in a row may be without a factor; what lies beyond a wider gap is left out. */
const WIDEST_GAP = 5;

/** One day of exposures under the lamp; each light with its dark. Throws VALUE_INVALID. */
export function fitFactors(
  exposures: readonly Exposed[],
  scene: LampScene,
): Omit<RadiometricCalibration, "source"> {
  const [first] = exposures;
  if (first === undefined) throw new VscopeError("VALUE_INVALID", "radiometric: no spectra of the lamp");
  const { serial, channel, exposureStartUtcUs } = first.light;
  for (const { light } of exposures) check(light, first.light);
  const quantity = seenQuantity(scene);
  const systematicUncertainty = seenUncertainty(scene);
  const rate = meanRate(exposures);
  const noise = noiseOf(rate.values);
  const factors = rate.values.map((value, pixel) => {
    const isClear = value > LEAST_SNR * (noise[pixel] ?? Number.POSITIVE_INFINITY);
    return isClear ? seenAt(scene, rate.wavelengthsNm[pixel] ?? Number.NaN) / value : Number.NaN;
  });
  return {
    quantity,
    serial,
    channel,
    date: new Date(exposureStartUtcUs / 1000).toISOString().slice(0, 10),
    axis: "wavelength",
    factors: longestPart({ wavelengthsNm: rate.wavelengthsNm, values: factors }, `${serial} ${channel}`),
    ...(systematicUncertainty !== undefined && { systematicUncertainty }),
  };
}

function check(light: Exposed["light"], { serial, channel, counts }: Exposed["light"]): void {
  const own = `${light.serial} ${light.channel}`;
  if (light.serial !== serial || light.channel !== channel || light.counts.length !== counts.length)
    throw new VscopeError(
      "VALUE_INVALID",
      `${own}: a calibration is of one channel, not of ${serial} ${channel} too`,
    );
  if (isBinned(light) || (light.processing?.boxcarHalfWidth ?? 0) > 0)
    throw new VscopeError("VALUE_INVALID", `${own}: the instrument has binned or smoothed it`);
}

/** NaN where one of them has no value. */
function meanRate(exposures: readonly Exposed[]): Curve {
  const rates = exposures.map(rateOf);
  const wavelengthsNm = rates[0]?.wavelengthsNm ?? new Float64Array();
  const values = wavelengthsNm.map((_, pixel) => {
    return rates.reduce((sum, rate) => sum + (rate.values[pixel] ?? Number.NaN), 0) / rates.length;
  });
  return { wavelengthsNm, values };
}

/** Standard deviation of each pixel, by what neighbours around it are off the line through theirs. */
function noiseOf(rate: Float64Array): Float64Array {
  const off = rate.map((value, pixel) => {
    return Math.abs(value - ((rate[pixel - 1] ?? Number.NaN) + (rate[pixel + 1] ?? Number.NaN)) / 2);
  });
  return rate.map((_, pixel) => {
    const near = off.slice(Math.max(0, pixel - NOISE_PIXELS), pixel + NOISE_PIXELS + 1);
    const known = near.filter((value) => !Number.isNaN(value));
    return (1.4826 * medianOf(known)) / Math.sqrt(1.5);
  });
}

// Between rows a calibration is linear, so a wide gap would be bridged in silence.
function longestPart({ wavelengthsNm, values }: Curve, of: string): Curve {
  const valid = Array.from(values.keys()).filter((pixel) => (values[pixel] ?? Number.NaN) > 0);
  const parts: number[][] = [];
  for (const pixel of valid) {
    const part = parts.at(-1);
    if (part !== undefined && pixel - (part.at(-1) ?? pixel) <= WIDEST_GAP + 1) part.push(pixel);
    else parts.push([pixel]);
  }
  const [longest = []] = parts.toSorted((a, b) => b.length - a.length);
  if (longest.length < 2) {
    const fact = `no two pixels with a signal of ${LEAST_SNR} times its noise within the certificate`;
    throw new VscopeError("VALUE_INVALID", `${of}: ${fact}`);
  }
  const picked = (from: Float64Array) => Float64Array.from(longest, (pixel) => from[pixel] ?? Number.NaN);
  return { wavelengthsNm: picked(wavelengthsNm), values: picked(values) };
}
