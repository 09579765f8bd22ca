// Names of exported files: they tell run, instrument and level, sort by time, and are safe on every file system.

import { MS } from "../base/clock.ts";
import { idParts, type ProductHead, type ProductRow } from "../spectra/processing/product.ts";

/** What file systems allow, less `.part`. */
const LONGEST_BYTES = 250;

/** `<run>_<serial>_<channel>_<level>.nc`; `_c2` for a second set of wavelengths. */
export function productName(head: ProductHead, ending: string): string {
  const { run, serial, channel, level, coefficientSet = 1 } = head;
  const set = coefficientSet > 1 ? `_c${coefficientSet}` : "";
  return fitted(run, `_${safe(serial)}_${safe(channel)}_${level}${set}${ending}`);
}

/** The file of one spectrum, from the one it comes of: `<run>_b000003_s000012_light_0<ending>`. */
export function spectrumName(head: ProductHead, { id }: ProductRow, ending: string): string {
  const { file, position } = idParts(id);
  return fitted(head.run, `_${safe(file.replace(/\.pico$/, ""))}_${position}${ending}`);
}

/** As OceanView ends names: hours, minutes, seconds and milliseconds of the start. */
export function timeOfDay({ spectrum }: ProductRow): string {
  return new Date(Math.floor(spectrum.exposureStartUtcUs / MS))
    .toISOString()
    .slice(11, 23)
    .replaceAll(/[:.]/g, "-");
}

// Run names of older systems can be as long as a file name; one export has one run, so what is cut tells nothing apart.
function fitted(run: string, rest: string): string {
  const room = LONGEST_BYTES - Buffer.byteLength(rest);
  const letters = Array.from(safe(run));
  while (Buffer.byteLength(letters.join("")) > room) letters.pop();
  return `${letters.join("")}${rest}`;
}

function safe(text: string): string {
  return text.replaceAll(/[^\p{L}\p{M}\p{N} ._-]/gu, "-");
}
