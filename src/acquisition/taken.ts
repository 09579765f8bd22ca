// The newest light of a channel with its dark, as recorded and as the mathematics takes them.

import { SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { ChannelSpectra } from "../instruments/newest-spectra.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import { picoSpectrumOf } from "../spectra/pico.ts";
import { isIrradiance } from "../spectra/reflectance.ts";
import { type Exposed, middleUtcUs } from "../spectra/signal-rate.ts";
import type { Spectrum } from "../spectra/spectrum.ts";

export interface Taken {
  readonly light: Spectrum;
  readonly dark: Spectrum;
  readonly exposed: Exposed;
  /** Why a newer light has to wait, where there is one: a batch can record its dark last. */
  readonly pending?: string;
}

/** The downwelling light around the newest spectrum of another channel; the obstacle counts where there is none. */
export interface Downwelling {
  readonly taken: readonly Taken[];
  readonly obstacle: string;
}

/**
 * The newest light, or the one before it as long as the newest has no dark. Throws RESOURCE_NOT_FOUND without a light, or
 * when no dark fits either.
 */
export function newestTaken(spectrometer: Spectrometer, channel: string): Taken {
  const spectra = spectrometer.newest(channel);
  const [light] = spectra.lights;
  if (light === undefined) {
    const fact = "no light spectrum since the start";
    throw new VscopeError("RESOURCE_NOT_FOUND", `${spectrometer.serial} ${channel}: ${fact}`);
  }
  const [taken] = spectra.lights.flatMap((one) => withDark(spectra, one) ?? []);
  if (taken?.light === light) return taken;
  if (taken !== undefined) return { ...taken, pending: noDark(spectra, light) };
  throw new VscopeError("RESOURCE_NOT_FOUND", `${spectrometer.serial} ${noDark(spectra, light)}`);
}

export function downwellingOf(spectrometer: Spectrometer): Downwelling {
  const channel = spectrometer.channels.find(isIrradiance);
  if (channel === undefined) return { taken: [], obstacle: "there is no downwelling channel" };
  const spectra = spectrometer.newest(channel);
  const [newest] = spectra.lights;
  const obstacle =
    newest === undefined ? `${channel}: no light spectrum since the start` : noDark(spectra, newest);
  return { taken: allTaken(spectrometer, channel), obstacle };
}

/** The newest lights of a channel that have a dark, newest first. */
export function allTaken(spectrometer: Spectrometer, channel: string): readonly Taken[] {
  const spectra = spectrometer.newest(channel);
  return spectra.lights.flatMap((light) => withDark(spectra, light) ?? []);
}

/** From the middle of the one to that of the nearest other, in seconds. */
export function distanceS({ exposed }: Taken, others: readonly Taken[]): number {
  const middle = middleUtcUs(exposed.light);
  const distances = others.map((other) => Math.abs(middleUtcUs(other.exposed.light) - middle));
  return Math.min(...distances) / SECOND;
}

function withDark(spectra: ChannelSpectra, light: Spectrum): Taken | undefined {
  const dark = spectra.darkFor(light);
  if (dark === undefined || dark.counts.length !== light.counts.length) return undefined;
  return { light, dark, exposed: { light: picoSpectrumOf(light), dark: picoSpectrumOf(dark) } };
}

function noDark(spectra: ChannelSpectra, light: Spectrum): string {
  const { channel, integrationTimeUs, flags } = light;
  if (flags.includes("external_timing")) return `${channel}: a signal from outside timed the exposure`;
  return `${channel}: ${spectra.darkObstacle(light) ?? `no dark of ${integrationTimeUs} us since the start`}`;
}
