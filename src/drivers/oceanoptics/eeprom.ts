// What OOI devices keep in EEPROM slots of 15 bytes: text with garbage after the NUL, unprogrammed FF,
// decimal commas, and one binary slot. Reading is forgiving: what is unusable is undefined, and nothing throws.

import type { SaturationSource } from "./model.ts";

export const SLOT_BYTES = 15;

export const SLOTS = {
  serial: 0,
  firstWavelengthCoefficient: 1,
  strayLight: 5,
  firstNonlinearityCoefficient: 6,
  nonlinearityOrder: 14,
  opticalConfiguration: 15,
  binary: 17,
} as const;

// By the first slot that a meaning holds for.
const MEANINGS: readonly (readonly [number, string])[] = [
  [19, "user text"],
  [18, "baud rate of the serial port at power-up"],
  [17, "saturation level and defaults of the cooler, binary"],
  [16, "configuration or serial number of the detector"],
  [15, "optical bench: grating, filter, slit"],
  [14, "order of the nonlinearity polynomial"],
  [6, "nonlinearity coefficient of order"],
  [5, "stray light constant"],
  [1, "wavelength coefficient of order"],
  [0, "serial number"],
];

/** What the makers keep in a slot (data sheets of the USB and HR series, libseabreeze). */
export function slotMeaning(slot: number): string {
  const [first, meaning] = MEANINGS.find(([from]) => slot >= from) ?? [0, "unknown"];
  return meaning.endsWith("order") ? `${meaning} ${slot - first}` : meaning;
}

/** Highest order of the nonlinearity polynomial: slots 6 to 13. */
export const MAX_NONLINEARITY_ORDER = 7;

/** The text of a slot up to the first NUL, trimmed; undefined when empty or unprogrammed. */
export function slotText(slot: Uint8Array): string | undefined {
  if (slot[0] === 0xff) return undefined;
  const end = slot.indexOf(0);
  const text = Buffer.from(slot.subarray(0, end < 0 ? SLOT_BYTES : end))
    .toString("latin1")
    .trim();
  return text === "" ? undefined : text;
}

/** A slot that holds a text: Latin-1, NULs up to the end. */
export function slotOfText(text: string): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES);
  slot.set(Buffer.from(text, "latin1").subarray(0, SLOT_BYTES));
  return slot;
}

/** The number a slot holds as text; a decimal comma is tolerated. */
export function slotNumber(slot: Uint8Array): number | undefined {
  const text = slotText(slot);
  if (text === undefined) return undefined;
  const value = Number(text.replace(",", "."));
  return Number.isFinite(value) ? value : undefined;
}

/** The order of the nonlinearity polynomial, written as `7` or `7.0`. */
export function nonlinearityOrder(slot: Uint8Array): number | undefined {
  const value = slotNumber(slot);
  if (value === undefined) return undefined;
  const order = Math.trunc(value);
  return order >= 0 && order <= MAX_NONLINEARITY_ORDER ? order : undefined;
}

/** The saturation level in raw counts, or undefined when the device holds none. */
export function slotSaturation(slot: Uint8Array, source: SaturationSource): number | undefined {
  if (slot.length < source.offset + source.bytes) return undefined;
  const view = new DataView(slot.buffer, slot.byteOffset, slot.byteLength);
  const level =
    source.bytes === 2 ? view.getUint16(source.offset, true) : view.getUint32(source.offset, true);
  return level >= source.validFrom && level <= source.validTo ? level : undefined;
}

export interface TecDefaults {
  readonly enabled: boolean;
  readonly fanEnabled: boolean;
  readonly setpointC: number;
}

/** Cooler settings from the binary slot: on, fan, set point in tenths of a degree. Undefined when unprogrammed. */
export function slotTecDefaults(slot: Uint8Array): TecDefaults | undefined {
  const [enabled = 0xff, fan = 0xff] = slot;
  if (enabled > 1 || fan > 1 || slot.length < 4) return undefined;
  const view = new DataView(slot.buffer, slot.byteOffset, slot.byteLength);
  return { enabled: enabled === 1, fanEnabled: fan === 1, setpointC: view.getInt16(2, true) / 10 };
}
