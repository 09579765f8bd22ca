// The certificate of a standard lamp or sphere: its curve at some wavelengths, and what lies between them. Pure.

import {
  type CalibrationText,
  mistakeAt,
  required,
  requireTwoColumns,
  standardUncertaintyOf,
} from "../calibration-file.ts";
import type { Curve } from "../curve.ts";
import { type Quantity, QUANTITIES, unitFactor } from "../radiometric.ts";

export interface LampCertificate {
  readonly fileName: string;
  readonly quantity: Quantity;
  /** In the unit of `QUANTITIES`. */
  readonly curve: Curve;
  /** Standard uncertainty (k = 1) as a share; absent: not told. */
  readonly uncertainty?: number;
}

/** Written as a calibration file is, with `kind` and `units`. Throws CONFIG_INVALID with file, line and reason. */
export function lampCertificateOf(text: CalibrationText): LampCertificate {
  const kind = required(text, "kind");
  if (kind !== "radiance" && kind !== "irradiance")
    throw mistakeAt(text, "kind", `'${kind}' is not one of radiance, irradiance`);
  requireTwoColumns(text);
  const units = required(text, "units");
  const unit = unitFactor(units, kind);
  if (unit === undefined)
    throw mistakeAt(text, "units", `'${units}' is not a unit of ${kind}, such as ${QUANTITIES[kind]}`);
  const curve = { wavelengthsNm: text.x, values: text.values.map((value) => value * unit) };
  const uncertainty = standardUncertaintyOf(text);
  return {
    fileName: text.fileName,
    quantity: kind,
    curve,
    ...(uncertainty !== undefined && { uncertainty }),
  };
}

/**
 * The lamp at other wavelengths; NaN outside of its certificate. Between the points ln(E nm^5) over 1/nm is a cubic (a
 * straight line at either end): a filament is nearly a black body, whose curve is nearly straight in these axes.
 */
export function lampAt({ wavelengthsNm, values }: Curve, nm: number): number {
  const last = wavelengthsNm.length - 1;
  if (!(nm >= (wavelengthsNm[0] ?? Number.NaN) && nm <= (wavelengthsNm[last] ?? Number.NaN)))
    return Number.NaN;
  const below = Math.min(
    last - 1,
    wavelengthsNm.findLastIndex((one) => one <= nm),
  );
  const first = below === 0 || below === last - 1 ? below : below - 1;
  const end = first === below ? below + 2 : below + 3;
  const x = Array.from(wavelengthsNm.slice(first, end), (one) => 1 / one);
  const y = Array.from(values.slice(first, end), (value, index) => {
    return Math.log(value) - 5 * Math.log(x[index] ?? Number.NaN);
  });
  return Math.exp(lagrange(x, y, 1 / nm)) * nm ** -5;
}

/** The polynomial through all points. */
function lagrange(x: readonly number[], y: readonly number[], at: number): number {
  return y.reduce((sum, value, index) => {
    const own = x[index] ?? Number.NaN;
    return (
      sum + x.reduce((term, other) => (other === own ? term : (term * (at - other)) / (own - other)), value)
    );
  }, 0);
}
