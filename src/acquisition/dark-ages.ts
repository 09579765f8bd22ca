// How old the darks are that fit: same spectrometer, channel, integration time and processing, a detector as warm.

import { MS } from "../base/clock.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import type { Spectrum } from "../spectra/spectrum.ts";

/** Dark current doubles every 6 to 8 degrees: a dark made this much warmer or colder is some 10 % off. */
const TEMPERATURE_TOLERANCE_C = 1;

/** From the end of the newest dark that fits a light to the start of that; undefined without one. */
export function darkAgeS(spectrometer: Spectrometer, light: Spectrum): number | undefined {
  const dark = spectrometer.newest(light.channel).darkFor(light);
  if (dark?.exposureStartUs === undefined || light.exposureStartUs === undefined) return undefined;
  if (!isAsWarm(dark, light)) return undefined;
  const darkEndUs = dark.exposureStartUs + dark.exposureEndUtcUs - dark.exposureStartUtcUs;
  return Math.round((light.exposureStartUs - darkEndUs) / MS) / 1000;
}

/** What is known of a light that would be recorded now. */
export interface Now {
  readonly nowUs: number;
  /** Detector temperatures by serial number; those of the newest spectra where absent. */
  readonly temperaturesC?: ReadonlyMap<string, number>;
}

/** The present temperatures of the detectors that tell them. */
export async function detectorTemperaturesC(
  spectrometers: readonly Spectrometer[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const temperatures = new Map<string, number>();
  const read = spectrometers.map(async (one) => {
    const { hasTec } = one.identity;
    if (hasTec) temperatures.set(one.serial, (await one.readTec(signal)).temperatureC);
    else if (one.hasThermometer) temperatures.set(one.serial, await one.readTemperatureC(signal));
  });
  // The exposure that follows finds out what is wrong with a device.
  await Promise.allSettled(read);
  signal.throwIfAborted();
  return temperatures;
}

/** Age of the oldest of the darks that lights would need now; undefined when one of them has none. */
export function oldestDarkAgeS(
  spectrometers: readonly Spectrometer[],
  channels: readonly string[],
  now: Now,
): number | undefined {
  const ages = spectrometers.flatMap((spectrometer) =>
    channels.map((channel) => {
      const light = lightNow(spectrometer, channel, now);
      return light === undefined ? undefined : darkAgeS(spectrometer, light);
    }),
  );
  const known = ages.filter((age) => age !== undefined);
  return known.length === 0 || known.length < ages.length ? undefined : Math.max(...known);
}

// What a light would be like that begins now: as the newest spectrum, with the present integration time.
function lightNow(
  spectrometer: Spectrometer,
  channel: string,
  { nowUs, temperaturesC }: Now,
): Spectrum | undefined {
  const { value: newest } = spectrometer.newest(channel);
  if (newest === undefined) return undefined;
  const detectorTemperatureC =
    temperaturesC?.get(spectrometer.serial) ?? newestOfAll(spectrometer)?.detectorTemperatureC;
  return {
    ...newest,
    kind: "light",
    integrationTimeUs: spectrometer.integrationTimeUs(channel).value,
    exposureStartUs: nowUs,
    ...(detectorTemperatureC === undefined ? {} : { detectorTemperatureC }),
    flags: [],
  };
}

function newestOfAll(spectrometer: Spectrometer): Spectrum | undefined {
  const all = spectrometer.channels.flatMap((channel) => spectrometer.newest(channel).value ?? []);
  return all.sort((a, b) => b.exposureStartUtcUs - a.exposureStartUtcUs)[0];
}

function isAsWarm(dark: Spectrum, { detectorTemperatureC }: Spectrum): boolean {
  if (dark.detectorTemperatureC === undefined || detectorTemperatureC === undefined) return true;
  return Math.abs(dark.detectorTemperatureC - detectorTemperatureC) <= TEMPERATURE_TOLERANCE_C;
}
