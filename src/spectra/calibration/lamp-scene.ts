// What a spectrometer sees of a standard lamp: the lamp itself or a plaque that it lights, as wide as its own lines. Pure.

import { VscopeError } from "../../base/errors.ts";
import { type CalibrationText, required } from "../calibration-file.ts";
import { type Curve, valueAt } from "../curve.ts";
import { panelOf } from "../panel.ts";
import type { Quantity } from "../radiometric.ts";
import { type LampCertificate, lampAt } from "./lamp-certificate.ts";

/** White, of known reflectance, at the place that the lamp's certificate is for. */
export interface Plaque {
  readonly fileName: string;
  readonly factors: Curve;
  /** Standard uncertainty (k = 1) as a share; absent: not told. */
  readonly uncertainty?: number;
}

export interface LampScene {
  readonly lamp: LampCertificate;
  readonly plaque?: Plaque;
  /** Of the instrument's lines; without, they are taken as narrow. */
  readonly fwhmNm?: number;
}

/** So far on either side a Gaussian counts, in full widths at half maximum, and in so many steps. */
const REACH_FWHM = 1.5;
const STEPS = 15;

/** Written as a panel's file is. Throws CONFIG_INVALID with file, line and reason. */
export function plaqueOf(text: CalibrationText): Plaque {
  const serial = required(text, "serial");
  const panel = panelOf(text, { name: text.fileName, serial, validDays: 0 });
  const { factors, systematicUncertainty: uncertainty } = panel;
  return { fileName: text.fileName, factors, ...(uncertainty !== undefined && { uncertainty }) };
}

/** Throws VALUE_INVALID for a plaque before a lamp whose irradiance is not known. */
export function seenQuantity({ lamp, plaque }: LampScene): Quantity {
  if (plaque === undefined) return lamp.quantity;
  if (lamp.quantity === "irradiance") return "radiance";
  const fact = "is of radiance, a plaque needs the irradiance that falls on it";
  throw new VscopeError("VALUE_INVALID", `${lamp.fileName}: ${fact}`);
}

/** Of lamp and plaque (k = 1), as a share; undefined when none tells. Throws VALUE_INVALID when one of both does not. */
export function seenUncertainty({ lamp, plaque }: LampScene): number | undefined {
  const parts = plaque === undefined ? [lamp] : [lamp, plaque];
  const known = parts.flatMap(({ uncertainty }) => uncertainty ?? []);
  if (known.length === 0) return undefined;
  const silent = parts.find(({ uncertainty }) => uncertainty === undefined);
  if (silent === undefined) return Math.hypot(...known);
  const fact = "tells no uncertainty, but lamp and plaque have to, or neither";
  throw new VscopeError("VALUE_INVALID", `${silent.fileName}: ${fact}`);
}

/** NaN where a certificate does not reach, by the width of the lines too. */
export function seenAt({ lamp, plaque, fwhmNm }: LampScene, nm: number): number {
  const bare = (at: number): number => {
    const light = lampAt(lamp.curve, at);
    // A plaque that scatters evenly: L = E rho / pi.
    return plaque === undefined ? light : (light * valueAt(plaque.factors, at)) / Math.PI;
  };
  if (fwhmNm === undefined) return bare(nm);
  let [sum, area] = [0, 0];
  for (let step = -STEPS; step <= STEPS; step++) {
    const widths = (step / STEPS) * REACH_FWHM;
    const weight = 2 ** -((2 * widths) ** 2);
    sum += weight * bare(nm + widths * fwhmNm);
    area += weight;
  }
  return sum / area;
}
