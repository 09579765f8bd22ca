// How old the darks are that lights would have which begin now, as the spectrometers are set.

import { exposureFacts } from "../spectra/dark-fit.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import type { LightFacts, StoredDarks } from "./stored-darks.ts";

/** What is known of lights that would be recorded now. */
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

export function lightsNow(
  spectrometers: readonly Spectrometer[],
  channels: readonly string[],
  now: Now,
): readonly LightFacts[] {
  return spectrometers.flatMap((one) => channels.map((channel) => lightNow(one, channel, now)));
}

/** Age of the oldest of the darks of a run that the lights would need; undefined when one of them has none. */
export function oldestDarkAgeS(
  darks: StoredDarks,
  run: string,
  lights: readonly LightFacts[],
): number | undefined {
  const ages = lights.flatMap((light) => darks.find(run, light)?.darkAgeS ?? []);
  return ages.length === 0 || ages.length < lights.length ? undefined : Math.max(...ages);
}

function lightNow(spectrometer: Spectrometer, channel: string, { nowUs, temperaturesC }: Now): LightFacts {
  const { serial, controls, scans } = spectrometer;
  const host = {
    integrationTimeUs: spectrometer.integrationTimeUs(channel).value,
    scans: scans.value,
    detectorTemperatureC: temperaturesC?.get(serial) ?? newestTemperatureC(spectrometer),
  };
  return { serial, channel, exposure: exposureFacts(host, controls.processing), startUs: nowUs };
}

function newestTemperatureC(spectrometer: Spectrometer): number | undefined {
  const all = spectrometer.channels.flatMap((channel) => spectrometer.newest(channel).value ?? []);
  return all.sort((a, b) => b.exposureStartUtcUs - a.exposureStartUtcUs)[0]?.detectorTemperatureC;
}
