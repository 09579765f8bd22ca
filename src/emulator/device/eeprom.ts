// The EEPROM of an OOI device: slots of 15 bytes, text up to a NUL with garbage behind it, FF where never written.

import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import { type Calibration, coefficientText } from "./calibration.ts";

export const SLOT_BYTES = 15;
const SATURATION_SLOT = 17;
/** What older text leaves behind the NUL of a newer one. */
const GARBAGE = 0xb7;

/** Overrides the content of slots: text (NUL-terminated when it is short) or raw bytes. */
export type SlotOverrides = Readonly<Record<number, string | Uint8Array>>;

export class Eeprom {
  readonly #slots: Uint8Array[];

  constructor(count: number, contents: ReadonlyMap<number, Uint8Array>) {
    this.#slots = Array.from(
      { length: count },
      (_, slot) => contents.get(slot) ?? new Uint8Array(SLOT_BYTES).fill(0xff),
    );
  }

  /** The 15 bytes of a slot; FF for a slot beyond the last. */
  read(slot: number): Uint8Array {
    return this.#slots[slot] ?? new Uint8Array(SLOT_BYTES).fill(0xff);
  }

  write(slot: number, bytes: Uint8Array): void {
    if (slot >= this.#slots.length) return;
    const content = new Uint8Array(SLOT_BYTES);
    content.set(bytes.subarray(0, SLOT_BYTES));
    this.#slots[slot] = content;
  }
}

export interface EepromContents {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly calibration: Calibration;
  readonly setpointC: number;
  readonly overrides?: SlotOverrides;
}

/** An EEPROM as the factory leaves it. */
export function factoryEeprom({ model, serial, calibration, setpointC, overrides }: EepromContents): Eeprom {
  const contents = new Map<number, Uint8Array>([[0, textSlot(serial)]]);
  const put = (slot: number, text: string): Map<number, Uint8Array> => contents.set(slot, textSlot(text));
  for (const [order, value] of calibration.wavelengthCoefficients.entries()) {
    put(1 + order, coefficientText(value));
  }
  put(5, coefficientText(calibration.strayLightConstant));
  for (const [order, value] of calibration.nonlinearityCoefficients.entries()) {
    put(6 + order, coefficientText(value));
  }
  put(14, String(calibration.nonlinearityCoefficients.length - 1));
  put(15, "3 OFLV 25");
  put(16, `DET${serial}`);
  if (model.eepromSlots > SATURATION_SLOT || model.saturation !== undefined)
    contents.set(SATURATION_SLOT, slot17(model, calibration, setpointC));
  for (const [slot, content] of Object.entries(overrides ?? {})) {
    contents.set(Number(slot), typeof content === "string" ? textSlot(content) : content);
  }
  const slots = Math.max(model.eepromSlots, ...[...contents.keys()].map((slot) => slot + 1));
  return new Eeprom(slots, contents);
}

/** Text, NUL and garbage; a text of 15 characters has no NUL. */
export function textSlot(text: string): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES).fill(GARBAGE);
  const bytes = Buffer.from(text, "latin1").subarray(0, SLOT_BYTES);
  slot.set(bytes);
  if (bytes.length < SLOT_BYTES) slot[bytes.length] = 0;
  return slot;
}

/** Binary: saturation level where the model keeps it, and the cooler's defaults. FF where neither applies. */
function slot17(model: SpectrometerModel, calibration: Calibration, setpointC: number): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES).fill(0xff);
  const view = new DataView(slot.buffer);
  if (model.features.includes("tec")) {
    slot[0] = 1;
    slot[1] = 1;
    view.setInt16(2, Math.round(setpointC * 10), true);
  }
  if (model.saturation?.bytes === 2) {
    view.setUint16(model.saturation.offset, calibration.saturationCounts, true);
  }
  if (model.saturation?.bytes === 4) {
    view.setUint32(model.saturation.offset, calibration.saturationCounts, true);
  }
  return slot;
}
