// In which order the channels of a sequence are recorded, and what their spectra tell about it.

import { VscopeError } from "../base/errors.ts";
import { raisedFlags } from "../spectra/flags.ts";
import type { PanelIdentity } from "../spectra/panel.ts";
import type { QualityLimits } from "../spectra/quality.ts";
import type { Bracket, Spectrum } from "../spectra/spectrum.ts";
import type { BatchSettings } from "./settings.ts";

/** One exposure of all spectrometers through a channel. */
export interface Turn {
  readonly channel: string;
  /** A white panel is in the place of the target. */
  readonly panel?: PanelIdentity;
  readonly bracket?: Bracket;
}

/** The channel of the irradiance, which is to be known at the time of every radiance. */
const IRRADIANCE = "downwelling";

/** The channels that are asked for, in the order of all; all without a choice. Throws VALUE_INVALID naming those there are. */
export function chosenChannels(
  asked: readonly string[] | undefined,
  all: readonly string[],
): readonly string[] {
  if (asked === undefined) return all;
  const unknown = asked.find((channel) => !all.includes(channel));
  const known = `there are ${all.join(", ")}`;
  if (unknown !== undefined) throw new VscopeError("VALUE_INVALID", `channels: no ${unknown}, ${known}`);
  if (asked.length === 0) throw new VscopeError("VALUE_INVALID", `channels: none is chosen, ${known}`);
  return all.filter((channel) => asked.includes(channel));
}

/** Throws VALUE_INVALID when these channels cannot be interleaved. */
export function turnsOf(order: BatchSettings["order"], channels: readonly string[]): readonly Turn[] {
  if (order === "turns") return channels.map((channel) => ({ channel }));
  const irradiance = channels.find((channel) => channel.toLowerCase() === IRRADIANCE);
  const others = channels.filter((channel) => channel !== irradiance);
  if (irradiance === undefined || others.length === 0) {
    const text = `order: interleaved needs the channel ${IRRADIANCE} and another one, there are ${channels.join(", ")}`;
    throw new VscopeError("VALUE_INVALID", text);
  }
  return [
    { channel: irradiance, bracket: "before" },
    ...others.map((channel) => ({ channel })),
    { channel: irradiance, bracket: "after" },
  ];
}

/** From the first start to the last one; undefined without spectra. */
export function startSkewUs(spectra: readonly Spectrum[]): number | undefined {
  const starts = spectra.flatMap(({ exposureStartUs }) => exposureStartUs ?? []);
  return starts.length === 0 ? undefined : Math.max(...starts) - Math.min(...starts);
}

/** The spectra of one turn with how far apart they began, and the flag of lights that did not see the same. */
export function withStartSkew(spectra: readonly Spectrum[], limits: QualityLimits): readonly Spectrum[] {
  const skewUs = startSkewUs(spectra);
  if (skewUs === undefined) return spectra;
  const lastedUs = spectra.map(
    ({ exposureEndUtcUs, exposureStartUtcUs }) => exposureEndUtcUs - exposureStartUtcUs,
  );
  const shareUs = (limits.startSkewPercent / 100) * Math.min(...lastedUs);
  const isSkewed = skewUs > limits.startSkewUs + shareUs;
  return spectra.map((spectrum) => {
    const isFlagged = isSkewed && spectrum.kind === "light";
    const flags = raisedFlags(
      (name) => (isFlagged && name === "start_skew") || spectrum.flags.includes(name),
    );
    return { ...spectrum, startSkewUs: skewUs, flags };
  });
}
