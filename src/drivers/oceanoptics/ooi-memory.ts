// What an OOI device keeps in its EEPROM, to be read and written: its slots, the calibration that some of them hold, and
// the irradiance calibration behind them.

import { requireWithin, VscopeError } from "../../base/errors.ts";
import type { Control, EepromSlot, StoredCalibration } from "./controls.ts";
import { substituted } from "../../spectra/polynomial.ts";
import { requireUsable } from "./calibration.ts";
import type { DeviceIdentity } from "./device-identity.ts";
import { MAX_NONLINEARITY_ORDER, SLOT_BYTES, SLOTS, slotNumber, slotOfText, slotText } from "./eeprom.ts";
import { isSameContent, isSameNumber, overwrite, padded, type Piece, requireFloats } from "./memory-write.ts";
import { IRRADIANCE_BYTES, type Ooi } from "./ooi.ts";

const FLOAT_BYTES = 4;
/** Slots 1 to 4. */
const WAVELENGTH_COEFFICIENTS = 4;

/** All slots. Writing takes any of them but slot 0, which holds the serial number. */
export function eeprom(ooi: Ooi, identity: DeviceIdentity): Control<readonly EepromSlot[]> {
  // Some models keep the saturation behind the slots that libseabreeze counts.
  const last = Math.max(ooi.model.eepromSlots - 1, ooi.model.saturation?.slot ?? 0);
  return {
    async read(signal) {
      const slots: EepromSlot[] = [];
      for (let slot = 0; slot <= last; slot++) slots.push({ slot, bytes: await ooi.readSlot(slot, signal) });
      return slots;
    },
    async write(slots, signal) {
      const { subject } = ooi.link;
      for (const { slot, bytes } of slots) {
        requireWithin(`${subject}: EEPROM slot`, slot, { min: SLOTS.serial + 1, max: last });
        requireWithin(`${subject}: length of EEPROM slot ${slot}`, bytes.length, {
          min: SLOT_BYTES,
          max: SLOT_BYTES,
        });
      }
      const pieces = slots.map(({ slot, bytes }) => ({
        ...slotPiece(ooi, slot, bytes),
        holds: (content: Uint8Array) => isSameContent(content, bytes),
      }));
      await identity.changing((inner) => overwrite(ooi.link, pieces, inner), signal);
    },
  };
}

/** The coefficients in slots 1 to 14, as text of at most 14 characters each. */
export function ooiCalibration(ooi: Ooi, identity: DeviceIdentity): Control<StoredCalibration> {
  return {
    read: (signal) => identity.readCalibration(signal),
    async write(calibration, signal) {
      const pieces = calibrationPieces(ooi, calibration);
      await identity.changing((inner) => overwrite(ooi.link, pieces, inner), signal);
    },
  };
}

function calibrationPieces(ooi: Ooi, calibration: StoredCalibration): readonly Piece[] {
  const { wavelengthCoefficients, nonlinearityCoefficients, strayLightConstant } = calibration;
  const pieces = [
    ...(wavelengthCoefficients === undefined ? [] : wavelengthPieces(ooi, wavelengthCoefficients)),
    ...(strayLightConstant === undefined ? [] : [numberPiece(ooi, SLOTS.strayLight, strayLightConstant)]),
    ...(nonlinearityCoefficients === undefined ? [] : nonlinearityPieces(ooi, nonlinearityCoefficients)),
  ];
  requireUsable(calibration, ooi.model.frame, ooi.link.subject);
  return pieces;
}

// The device's polynomial may count its pixels from elsewhere (QE65000).
function wavelengthPieces(ooi: Ooi, coefficients: readonly number[]): readonly Piece[] {
  const { link, model } = ooi;
  const limits = { min: 2, max: WAVELENGTH_COEFFICIENTS };
  requireWithin(`${link.subject}: number of wavelength coefficients`, coefficients.length, limits);
  const stored = substituted(padded(coefficients, limits.max), { offset: -model.frame.wavelengthOffset });
  return stored.map((value, order) => numberPiece(ooi, SLOTS.firstWavelengthCoefficient + order, value));
}

// The order comes last: until then the old one holds.
function nonlinearityPieces(ooi: Ooi, coefficients: readonly number[]): readonly Piece[] {
  const limits = { min: 1, max: MAX_NONLINEARITY_ORDER + 1 };
  const { length } = coefficients;
  requireWithin(`${ooi.link.subject}: number of nonlinearity coefficients`, length, limits);
  const order = numberPiece(ooi, SLOTS.nonlinearityOrder, length - 1);
  const first = SLOTS.firstNonlinearityCoefficient;
  return [...coefficients.map((value, power) => numberPiece(ooi, first + power, value)), order];
}

function numberPiece(ooi: Ooi, slot: number, value: number): Piece {
  const bytes = slotOfNumber(ooi, slot, value);
  return {
    ...slotPiece(ooi, slot, bytes),
    holds: (content) => isSameNumber(slotNumber(content), value),
  };
}

// The most digits that fit, and a NUL behind them: not every program reads a slot without one.
function slotOfNumber({ link }: Ooi, slot: number, value: number): Uint8Array {
  for (let digits = 17; digits > 0; digits--) {
    const rounded = Number(value.toPrecision(digits));
    for (const text of [String(rounded), rounded.toExponential().replace("e+", "e")]) {
      if (text.length < SLOT_BYTES && isSameNumber(rounded, value)) return slotOfText(text);
    }
  }
  throw new VscopeError(
    "VALUE_OUT_OF_RANGE",
    `${link.subject}: EEPROM slot ${slot}: ${value} does not fit into ${SLOT_BYTES - 1} characters to 1 part in 10 million`,
  );
}

function slotPiece(ooi: Ooi, slot: number, bytes: Uint8Array): Omit<Piece, "holds"> {
  return {
    what: `EEPROM slot ${slot}`,
    read: (signal) => ooi.readSlot(slot, signal),
    write: (signal) => ooi.writeSlot(slot, bytes, signal),
    shown: (old) => ({ slot, text: slotText(old), hex: Buffer.from(old).toString("hex") }),
  };
}

/** One number a pixel, in blocks of 60 bytes with 200 ms behind each: a whole calibration takes half a minute. */
export function ooiIrradiance(ooi: Ooi): Control<readonly number[]> {
  const { pixels } = ooi.model.frame;
  return {
    async read(signal) {
      const values = floatsOf(await ooi.readIrradiance(pixels * FLOAT_BYTES, signal));
      return values.every(Number.isFinite) ? values : [];
    },
    async write(values, signal) {
      const limits = { min: pixels, max: pixels };
      requireWithin(`${ooi.link.subject}: number of values`, values.length, limits);
      requireFloats(`${ooi.link.subject}: irradiance calibration`, values);
      await overwrite(ooi.link, irradiancePieces(ooi, values), signal);
    },
  };
}

function irradiancePieces(ooi: Ooi, values: readonly number[]): readonly Piece[] {
  const perBlock = IRRADIANCE_BYTES / FLOAT_BYTES;
  return Array.from({ length: Math.ceil(values.length / perBlock) }, (_, block) => {
    const first = block * perBlock;
    const bytes = bytesOf(values.slice(first, first + perBlock));
    const address = first * FLOAT_BYTES;
    // The last block ends in bytes that are nobody's pixels: they stay.
    let rest: Uint8Array = new Uint8Array(0);
    return {
      what: `irradiance calibration from pixel ${first}`,
      async read(signal) {
        const content = await ooi.readIrradianceBlock(address, signal);
        rest = content.subarray(bytes.length);
        return content;
      },
      write: (signal) => ooi.writeIrradianceBlock(address, Buffer.concat([bytes, rest]), signal),
      holds: (content) => isSameContent(content.subarray(0, bytes.length), bytes),
      shown: (old) => ({ firstPixel: first, values: floatsOf(old.subarray(0, bytes.length)) }),
    };
  });
}

// The most significant byte first, unlike everything else. An unprogrammed memory is all ones: not a number.
function floatsOf(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / FLOAT_BYTES }, (_, index) =>
    view.getFloat32(index * FLOAT_BYTES),
  );
}

function bytesOf(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * FLOAT_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setFloat32(index * FLOAT_BYTES, value);
  return bytes;
}
