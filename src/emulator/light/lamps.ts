// What can stand before the fibres of the emulated instrument: the sun, calibration lamps with emission lines, and a
// standard lamp. A line is infinitely narrow here; its shape in a spectrum is that of the instrument.

import { VscopeError } from "../../base/errors.ts";
import { isLampName, LAMP_LINES, type LampName } from "../../spectra/calibration/lamp-lines.ts";

export type SourceName = "sun" | "standard" | LampName;

/** Throws VALUE_INVALID for a name that is none of a source. */
export function sourceNamed(name: string): SourceName {
  if (name === "sun" || name === "standard" || isLampName(name)) return name;
  const names = ["sun", "standard", ...Object.keys(LAMP_LINES)].join(", ");
  throw new VscopeError("VALUE_INVALID", `light '${name}': there is none, there are ${names}`);
}
