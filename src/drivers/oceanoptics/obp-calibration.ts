// What OBP devices tell of themselves: serial number, calibration, firmware, bench.

import { VscopeError } from "../../base/errors.ts";
import type { Obp } from "./obp.ts";
import { OBP1, OBP2, readF32, readText, revisionText, u8 } from "./obp-messages.ts";
import type { RawCalibration } from "./calibration.ts";

// Some firmware gives nonsense counts; no device has more coefficients.
export const MAX_COEFFICIENTS = 16;

/** The serial number. Throws DEVICE_FAULT when the device has none. */
export async function readSerial(obp: Obp, signal: AbortSignal): Promise<string> {
  const length =
    obp.model.protocol === "obp2"
      ? undefined
      : (await obp.queryIfPresent({ type: OBP1.serialLength }, signal))?.[0];
  const bytes = await obp.query({ type: OBP1.serial }, signal);
  const serial = readText(length === undefined ? bytes : bytes.subarray(0, length));
  if (serial === undefined)
    throw new VscopeError("DEVICE_FAULT", `${obp.link.subject}: holds no serial number`);
  return serial;
}

export async function readCalibration(obp: Obp, signal: AbortSignal): Promise<RawCalibration> {
  if (obp.model.protocol === "obp2") {
    const hasNonlinearity = obp.model.features.includes("nonlinearity");
    return {
      wavelength: await readArray(obp, OBP2.wavelengthCoefficients, signal),
      nonlinearity: hasNonlinearity ? await readArray(obp, OBP2.nonlinearityCoefficients, signal) : [],
    };
  }
  const has = (feature: (typeof obp.model.features)[number]): boolean => obp.model.features.includes(feature);
  const list = (count: number, coefficient: number) => readCoefficients(obp, { count, coefficient }, signal);
  return {
    wavelength: await list(OBP1.wavelengthCount, OBP1.wavelengthCoefficient),
    nonlinearity: has("nonlinearity") ? await list(OBP1.nonlinearityCount, OBP1.nonlinearityCoefficient) : [],
    strayLightConstant: has("stray-light")
      ? (await list(OBP1.strayLightCount, OBP1.strayLightCoefficient))[0]
      : undefined,
    opticalConfiguration: has("optical-bench") ? await readBench(obp, signal) : undefined,
  };
}

/** Firmware revision, where the device tells it. */
export async function readFirmware(obp: Obp, signal: AbortSignal): Promise<string | undefined> {
  if (obp.model.protocol === "obp2") return undefined;
  const bytes = await obp.queryIfPresent({ type: OBP1.firmwareRevision }, signal);
  return bytes === undefined || bytes.length < 2 ? undefined : revisionText(bytes);
}

async function readCoefficients(
  obp: Obp,
  { count, coefficient }: { readonly count: number; readonly coefficient: number },
  signal: AbortSignal,
): Promise<(number | undefined)[]> {
  const counted = (await obp.queryIfPresent({ type: count }, signal))?.[0] ?? 0;
  const values: (number | undefined)[] = [];
  if (counted > MAX_COEFFICIENTS) {
    obp.link.log.warn({ counted }, `${obp.link.subject}: impossible number of coefficients, ignored`);
    return values;
  }
  for (let index = 0; index < counted; index++) {
    const bytes = await obp.queryIfPresent({ type: coefficient, data: u8(index) }, signal);
    values.push(bytes === undefined ? undefined : readF32(bytes));
  }
  return values;
}

// The meaning of the first element is unknown; python-seabreeze drops it too.
async function readArray(obp: Obp, type: number, signal: AbortSignal): Promise<(number | undefined)[]> {
  const bytes = await obp.queryIfPresent({ type }, signal);
  const count = Math.floor((bytes?.length ?? 0) / 4);
  return Array.from({ length: count }, (_, index) => readF32(bytes ?? new Uint8Array(0), 4 * index)).slice(1);
}

async function readBench(obp: Obp, signal: AbortSignal): Promise<string | undefined> {
  const grating = await obp.queryIfPresent({ type: OBP1.benchGrating }, signal);
  const filter = await obp.queryIfPresent({ type: OBP1.benchFilter }, signal);
  const slit = await obp.queryIfPresent({ type: OBP1.benchSlitUm }, signal);
  const slitText =
    slit === undefined || slit.length < 2 ? undefined : `${(slit[0] ?? 0) + 256 * (slit[1] ?? 0)} um`;
  const parts = [grating && readText(grating), filter && readText(filter), slitText];
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? undefined : known.join(" ");
}
