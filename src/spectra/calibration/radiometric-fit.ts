// Radiometric calibration of one spectrometer and channel from spectra of a standard lamp: what is seen of it by its
// certificate over the rate that it gives, pixel by pixel. What is too noisy has no factor. Pure.

import { VscopeError } from "../../base/errors.ts";
import type { Curve } from "../curve.ts";
import type { RadiometricCalibration } from "../radiometric.ts";
import { grouped } from "../../base/grouped.ts";
import { type NoiseModel, noiseOf, type NoisePair } from "../processing/noise.ts";
import { rateErrorOf } from "../processing/uncertainty.ts";
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
  const roughness = roughnessOf(rate.values);
  const factors = rate.values.map((value, pixel) => {
    const isClear = value > LEAST_SNR * (roughness[pixel] ?? Number.POSITIVE_INFINITY);
    return isClear ? seenAt(scene, rate.wavelengthsNm[pixel] ?? Number.NaN) / value : Number.NaN;
  });
  const pixels = longestPart(factors, `${serial} ${channel}`);
  const picked = (from: Float64Array) => Float64Array.from(pixels, (pixel) => from[pixel] ?? Number.NaN);
  const noise = detectorNoise(exposures);
  const error = noise && meanErrorOf(exposures, noise);
  return {
    quantity,
    serial,
    channel,
    date: new Date(exposureStartUtcUs / 1000).toISOString().slice(0, 10),
    axis: "wavelength",
    factors: { wavelengthsNm: picked(rate.wavelengthsNm), values: picked(factors) },
    ...(systematicUncertainty !== undefined && { systematicUncertainty }),
    ...(error && {
      factorNoise: picked(error.map((one, pixel) => one / (rate.values[pixel] ?? Number.NaN))),
    }),
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

/**
 * Of the detector, by the scatter of scans or between exposures one after the other; undefined when there are too few. What
 * pixels differ by in their response, which the factors take out, is none of it.
 */
function detectorNoise(exposures: readonly Exposed[]): NoiseModel | undefined {
  const darks = grouped(exposures, ({ dark }) => dark.exposureStartUtcUs);
  const ofDarks = [...darks.values()].map(([first]) => first?.dark).filter((dark) => dark !== undefined);
  return noiseOf([...pairsOf(exposures), ...pairsOf(ofDarks.map((dark) => ({ light: dark, dark })))]);
}

/** One after the other; a single one with itself, since it can tell by its scans. */
function pairsOf(all: readonly Exposed[]): readonly NoisePair[] {
  if (all.length === 1) return all.map((one): NoisePair => [one, one]);
  return all.slice(1).map((second, index): NoisePair => [all[index] ?? second, second]);
}

/** Standard error of the mean rate. A dark that several lights share is in all of them the same. */
function meanErrorOf(exposures: readonly Exposed[], noise: NoiseModel): Float64Array {
  const parts = exposures.map(({ light, dark }) => {
    const [all, own] = [[{ item: dark, weight: 1 }], []].map((darks) => {
      return rateErrorOf({ light, dark, darks }, noise).values.map((error) => error ** 2);
    });
    return {
      dark: `${dark.exposureStartUtcUs}`,
      all: all ?? new Float64Array(),
      own: own ?? new Float64Array(),
    };
  });
  const byDark = [...grouped(parts, ({ dark }) => dark).values()];
  return (parts[0]?.all ?? new Float64Array()).map((_, pixel) => {
    const at = (values: Float64Array): number => values[pixel] ?? Number.NaN;
    const ofLights = parts.reduce((sum, { own }) => sum + at(own), 0);
    const ofDarks = byDark.reduce((sum, group) => {
      return (
        sum +
        group.reduce((shared, { all, own }) => shared + Math.sqrt(Math.max(0, at(all) - at(own))), 0) ** 2
      );
    }, 0);
    return Math.sqrt(ofLights + ofDarks) / exposures.length;
  });
}

/** Noise or unlike pixels: what neighbours around each are off the line through theirs, as a standard deviation. */
function roughnessOf(rate: Float64Array): Float64Array {
  const off = rate.map((value, pixel) => {
    return Math.abs(value - ((rate[pixel - 1] ?? Number.NaN) + (rate[pixel + 1] ?? Number.NaN)) / 2);
  });
  return rate.map((_, pixel) => {
    const near = off.slice(Math.max(0, pixel - NOISE_PIXELS), pixel + NOISE_PIXELS + 1);
    const known = near.filter((value) => !Number.isNaN(value));
    return (1.4826 * medianOf(known)) / Math.sqrt(1.5);
  });
}

// Pixels with a factor. Between rows a calibration is linear, so a wide gap would be bridged in silence.
function longestPart(factors: Float64Array, of: string): readonly number[] {
  const valid = Array.from(factors.keys()).filter((pixel) => (factors[pixel] ?? Number.NaN) > 0);
  const parts: number[][] = [];
  for (const pixel of valid) {
    const part = parts.at(-1);
    if (part !== undefined && pixel - (part.at(-1) ?? pixel) <= WIDEST_GAP + 1) part.push(pixel);
    else parts.push([pixel]);
  }
  const [longest = []] = parts.toSorted((a, b) => b.length - a.length);
  if (longest.length >= 2) return longest;
  const fact = `no two pixels with a signal of ${LEAST_SNR} times its noise within the certificate`;
  throw new VscopeError("VALUE_INVALID", `${of}: ${fact}`);
}
