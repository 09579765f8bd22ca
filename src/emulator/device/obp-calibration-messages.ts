// OBP messages about what was measured of the device: polynomials, stray light, irradiance, hot pixels. Written values
// stay, as in a memory that keeps them without power.

import type { Feature } from "../../drivers/oceanoptics/model.ts";
import { f32, u8, u16s, u32, viewOf } from "./bytes.ts";
import type { Handler, Handlers, ObpCore } from "./obp-core.ts";
import { REFUSAL } from "./obp-framing.ts";

/** Area of the cosine corrector in cm2 as long as nobody has set it: none. */
type Area = number | undefined;

export function calibrationMessages({ detector, model }: ObpCore, features: ReadonlySet<Feature>): Handlers {
  const { wavelengthCoefficients, nonlinearityCoefficients, strayLightConstant } = detector.calibration;
  return [
    ...coefficients(0x0018_0100, wavelengthCoefficients),
    ...(features.has("nonlinearity") ? coefficients(0x0018_1100, nonlinearityCoefficients) : []),
    ...(features.has("stray-light") ? coefficients(0x0018_3100, [strayLightConstant]) : []),
    ...(features.has("irradiance") ? irradianceMessages(model.frame.pixels) : []),
    ...hotPixelMessages(detector.hotPixels, model.frame.pixels),
  ];
}

/** Count, get and set of a list of coefficients. */
function coefficients(type: number, factory: readonly number[]): Handlers {
  const values = [...factory];
  const get: Handler = (data) => {
    if (data.length !== 1) return REFUSAL.wrongLength;
    const value = values[data[0] ?? values.length];
    return value === undefined ? REFUSAL.invalidData : f32(value);
  };
  const set: Handler = (data) => {
    if (data.length !== 5) return REFUSAL.wrongLength;
    const [index = values.length] = data;
    const value = viewOf(data).getFloat32(1, true);
    if (index >= values.length || !Number.isFinite(value)) return REFUSAL.invalidData;
    values[index] = value;
    return "done";
  };
  return [
    [type, () => u8(values.length)],
    [type + 0x01, get],
    [type + 0x11, set],
  ];
}

/** A factor per pixel and the collection area; a device that was never calibrated has no such data. */
function irradianceMessages(pixels: number): Handlers {
  let factors: Uint8Array | undefined;
  let area: Area;
  const setFactors: Handler = (data) => {
    if (data.length !== 4 * pixels) return REFUSAL.wrongLength;
    factors = data;
    return "done";
  };
  const setArea: Handler = (data) => {
    if (data.length !== 4) return REFUSAL.wrongLength;
    const value = viewOf(data).getFloat32(0, true);
    if (!(value > 0 && Number.isFinite(value))) return REFUSAL.invalidData;
    area = value;
    return "done";
  };
  return [
    [0x0018_2001, () => factors ?? REFUSAL.noSuchData],
    [0x0018_2002, () => (factors === undefined ? REFUSAL.noSuchData : u32(pixels))],
    [0x0018_2003, () => (area === undefined ? REFUSAL.noSuchData : f32(area))],
    [0x0018_2011, setFactors],
    [0x0018_2013, setArea],
  ];
}

/** A list of pixel indices. */
function hotPixelMessages(factory: readonly number[], pixels: number): Handlers {
  let hot = u16s(factory);
  const set: Handler = (data) => {
    if (data.length % 2 === 1) return REFUSAL.wrongLength;
    const view = viewOf(data);
    for (let offset = 0; offset < data.length; offset += 2) {
      if (view.getUint16(offset, true) >= pixels) return REFUSAL.invalidData;
    }
    hot = data;
    return "done";
  };
  return [
    [0x0018_6000, () => (hot.length === 0 ? REFUSAL.noSuchData : hot)],
    [0x0018_6010, set],
  ];
}
