// A white reference panel and its calibration: reflectance factors over wavelength. Pure.

import { VscopeError } from "../base/errors.ts";
import {
  type CalibrationText,
  dayOf,
  mistakeAt,
  required,
  requireHeader,
  requireTwoColumns,
  standardUncertaintyOf,
} from "./calibration-file.ts";
import type { Curve } from "./curve.ts";

/** What spectra of a panel carry into their file. */
export interface PanelIdentity {
  readonly name: string;
  readonly serial: string;
  /** Day of its calibration. */
  readonly calibrated: string;
}

export interface Panel extends PanelIdentity {
  readonly calibratedUtcUs: number;
  /** For how many days the calibration counts as good. */
  readonly validDays: number;
  /** Reflectance, 1 is all the light. */
  readonly factors: Curve;
  /** Name of the file. */
  readonly source: string;
  /** Of the file, in hexadecimal digits. */
  readonly sha256?: string;
  /** Of all factors together (k = 1), as a share of them. Absent: not told. */
  readonly systematicUncertainty?: number;
}

// A panel can exceed 1 a little in some direction; percent that are taken for shares exceed it by far.
const MOST = 1.2;

/** The panel of a file. Throws CONFIG_INVALID with file, line and reason. */
export function panelOf(
  text: CalibrationText,
  { name, serial, validDays }: Pick<Panel, "name" | "serial" | "validDays">,
): Panel {
  requireHeader(text, "kind", "panel");
  requireHeader(text, "serial", serial);
  requireTwoColumns(text);
  if (text.axis === "pixel")
    throw new VscopeError("CONFIG_INVALID", `${text.fileName}: a panel has wavelengths, no pixels`);
  const units = required(text, "units");
  const unit = { "1": 1, percent: 0.01 }[units];
  if (unit === undefined) throw mistakeAt(text, "units", `'${units}' is not one of 1, percent`);
  const values = text.values.map((value) => value * unit);
  if (values.some((value) => value > MOST))
    throw mistakeAt(text, "units", `a factor is not in 0..${MOST / unit}, as units: ${units} has it`);
  // White panels reflect nearly all: so little is a share that was called percent.
  if (unit !== 1 && values.every((value) => value <= 0.01 * MOST))
    throw mistakeAt(text, "units", `no factor is above ${MOST}: these are no percent`);
  const calibrated = required(text, "date");
  const calibratedUtcUs = dayOf(text, "date") ?? Number.NaN;
  const factors = { wavelengthsNm: text.x, values };
  const systematicUncertainty = standardUncertaintyOf(text);
  const told = systematicUncertainty !== undefined && { systematicUncertainty };
  const source = text.fileName;
  return { name, serial, calibrated, calibratedUtcUs, validDays, factors, source, ...told };
}
