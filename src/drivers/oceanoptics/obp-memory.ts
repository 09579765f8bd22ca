// What an OBP device keeps of its calibration, to be read and written: coefficients one by one as 32-bit floats, and the
// irradiance calibration as a whole. The device tells how many coefficients it has; that number cannot be written.

import { SECOND } from "../../base/clock.ts";
import { requireWithin, VscopeError } from "../../base/errors.ts";
import type { Control, StoredCalibration } from "./controls.ts";
import { substituted } from "../../spectra/polynomial.ts";
import { requireUsable } from "./calibration.ts";
import type { DeviceIdentity } from "./device-identity.ts";
import { isSameContent, isSameNumber, overwrite, padded, type Piece, requireFloats } from "./memory-write.ts";
import type { Obp } from "./obp.ts";
import { MAX_COEFFICIENTS } from "./obp-calibration.ts";
import { f32, OBP1, readF32, u8 } from "./obp-messages.ts";

const F32_BYTES = 4;
/** Flash may take its time. */
const WRITE_US = 5 * SECOND;

interface List {
  /** For messages: "wavelength coefficient". */
  readonly what: string;
  readonly count: number;
  readonly get: number;
  readonly set: number;
}

const WAVELENGTH: List = {
  what: "wavelength coefficient",
  count: OBP1.wavelengthCount,
  get: OBP1.wavelengthCoefficient,
  set: OBP1.setWavelengthCoefficient,
};
const NONLINEARITY: List = {
  what: "nonlinearity coefficient",
  count: OBP1.nonlinearityCount,
  get: OBP1.nonlinearityCoefficient,
  set: OBP1.setNonlinearityCoefficient,
};
const STRAY_LIGHT: List = {
  what: "stray light constant",
  count: OBP1.strayLightCount,
  get: OBP1.strayLightCoefficient,
  set: OBP1.setStrayLightCoefficient,
};

export function obpCalibration(obp: Obp, identity: DeviceIdentity): Control<StoredCalibration> {
  const control = { read: (signal: AbortSignal) => identity.readCalibration(signal) };
  // The second dialect has no command for it.
  if (obp.model.protocol === "obp2") return control;
  return {
    ...control,
    async write(calibration, signal) {
      const pieces = await calibrationPieces(obp, calibration, signal);
      await identity.changing((inner) => overwrite(obp.link, pieces, inner), signal);
    },
  };
}

async function calibrationPieces(
  obp: Obp,
  calibration: StoredCalibration,
  signal: AbortSignal,
): Promise<readonly Piece[]> {
  const { wavelengthCoefficients, nonlinearityCoefficients, strayLightConstant } = calibration;
  const pieces: Piece[] = [];
  const add = async (list: List, values: readonly number[], isPolynomial: boolean): Promise<void> => {
    const count = await readCount(obp, list, signal);
    requireWithin(`${obp.link.subject}: number of ${list.what}s`, values.length, { min: 1, max: count });
    const all = isPolynomial ? padded(values, count) : values;
    pieces.push(...all.map((value, index) => coefficientPiece(obp, list, { index, value })));
  };
  if (wavelengthCoefficients !== undefined) {
    const stored = substituted(wavelengthCoefficients, { offset: -obp.model.frame.wavelengthOffset });
    await add(WAVELENGTH, stored, true);
  }
  if (strayLightConstant !== undefined) await add(STRAY_LIGHT, [strayLightConstant], false);
  if (nonlinearityCoefficients !== undefined) await add(NONLINEARITY, nonlinearityCoefficients, true);
  requireUsable(calibration, obp.model.frame, obp.link.subject);
  return pieces;
}

async function readCount(obp: Obp, { what, count }: List, signal: AbortSignal): Promise<number> {
  const [number = 0] = (await obp.queryIfPresent({ type: count }, signal)) ?? [];
  if (number > MAX_COEFFICIENTS) throw obp.link.protocolError(`impossible number of ${what}s: ${number}`);
  if (number > 0) return number;
  throw new VscopeError("RESOURCE_NOT_FOUND", `${obp.link.subject}: has no ${what}s`);
}

function coefficientPiece(
  obp: Obp,
  { what, get, set }: List,
  { index, value }: { readonly index: number; readonly value: number },
): Piece {
  const name = `${what} ${index}`;
  if (!isSameNumber(Math.fround(value), value)) {
    throw new VscopeError(
      "VALUE_OUT_OF_RANGE",
      `${obp.link.subject}: ${name}: ${value} does not fit into a 32-bit float to 1 part in 10 million`,
    );
  }
  return {
    what: name,
    read: async (signal) =>
      (await obp.queryIfPresent({ type: get, data: u8(index) }, signal)) ?? new Uint8Array(0),
    write: (signal) =>
      obp.command({ type: set, data: Buffer.concat([u8(index), f32(value)]), us: WRITE_US }, signal),
    holds: (content) => isSameNumber(readF32(content), value),
    shown: (old) => ({ index, value: readF32(old) }),
  };
}

/** Energy per count, one number a pixel; empty where nobody has calibrated the unit. */
export function obpIrradiance(obp: Obp): Control<readonly number[]> {
  const { pixels } = obp.model.frame;
  const read = async (signal: AbortSignal): Promise<Uint8Array> =>
    (await obp.queryIfPresent({ type: OBP1.irradiance }, signal)) ?? new Uint8Array(0);
  return {
    async read(signal) {
      const values = floatsOf(await read(signal));
      if (values.every((value) => value !== undefined)) return values;
      throw obp.link.protocolError("irradiance calibration has values that are not numbers");
    },
    async write(values, signal) {
      const limits = { min: pixels, max: pixels };
      requireWithin(`${obp.link.subject}: number of values`, values.length, limits);
      requireFloats(`${obp.link.subject}: irradiance calibration`, values);
      const bytes = Buffer.concat(values.map(f32));
      const piece: Piece = {
        what: "irradiance calibration",
        read,
        write: (inner) => obp.command({ type: OBP1.setIrradiance, data: bytes, us: WRITE_US }, inner),
        holds: (content) => isSameContent(content, bytes),
        shown: (old) => ({ values: floatsOf(old) }),
      };
      await overwrite(obp.link, [piece], signal);
    },
  };
}

function floatsOf(bytes: Uint8Array): readonly (number | undefined)[] {
  const count = Math.floor(bytes.length / F32_BYTES);
  return Array.from({ length: count }, (_, index) => readF32(bytes, index * F32_BYTES));
}
