// /spectrometers/{serial}/corrected/{channel}: the newest spectrum with the corrections that the client wants, and what
// became of each. docs/corrections.md explains them.

import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import type { ChannelSpectra } from "../instruments/newest-spectra.ts";
import { correct, type CorrectedSpectrum, type Outcome } from "../spectra/corrections/correct.ts";
import {
  type CorrectionName,
  type Facts,
  type NotApplied,
  notApplied,
} from "../spectra/corrections/correction.ts";
import type { DarkSpectrum } from "../spectra/corrections/dark-spectrum.ts";
import type { Spectrum } from "../spectra/spectrum.ts";
import { declare } from "./model.ts";
import {
  newestSpectrum,
  renderSpectrum,
  serialsAndChannels,
  spectrumShape,
  wantedKind,
} from "./spectrometers.ts";
import { selectSpectrum, spectrumSelection, spectrumVector } from "./spectrum-selection.ts";

const wish = z
  .enum(["true", "false"])
  .default("true")
  .transform((text) => text === "true");
const wishes = z.strictObject({
  dark: z.enum(["electric", "shutter", "none"]).default("electric"),
  nonlinearity: wish,
  "stray-light": wish,
  gain: wish,
  kind: wantedKind,
});

const outcome = z.object({
  correction: z.string(),
  applied: z.boolean(),
  facts: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
  obstacle: z.string().optional(),
  detail: z.string().optional(),
});
const corrected = spectrumShape.extend({
  // Null where a correction has no value for the pixel.
  counts: z.array(z.number().nullable()),
  darkCounts: z.number().optional(),
  saturatedPixels: z.array(z.number()).optional(),
  corrections: z.array(outcome),
});

export const CORRECTED = [
  declare("/spectrometers/{serial}/corrected/{channel}", {
    summary:
      "Newest spectrum of the channel, corrected, with what became of each correction; query dark (electric, shutter, none), nonlinearity, stray-light, gain (true, false), kind (any, light: without trials)",
    typicalBytes: 30_000,
    unit: "count",
    type: "core.s",
    query: wishes,
    value: corrected,
    selection: spectrumSelection(Object.keys(corrected.shape)),
    select: selectSpectrum,
    vector: spectrumVector,
    instances: serialsAndChannels,
    get: ({ rack }, at, query) => {
      const spectra = rack.spectrometer(at.serial).newest(at.channel);
      const newest = newestSpectrum(spectra, { ...at, kind: query.kind });
      const facts = {
        ...newest.instrument,
        // Polynomials and ranges are of single pixels; what a firmware makes of binned ones, no source tells.
        pixels: newest.instrument.pixels << (newest.processing?.binning ?? 0),
        isGainScaled: newest.instrument.isGainScaled === true,
        darkSpectrum: darkFor(newest, spectra),
      };
      return render(newest, correct(newest.counts, facts, namesOf(query)));
    },
    watch: ({ rack }, { serial, channel }) => [rack.spectrometer(serial).newest(channel)],
  }),
];

function namesOf(query: z.infer<typeof wishes>): readonly CorrectionName[] {
  const wanted: Readonly<Record<Exclude<CorrectionName, "wavelength">, boolean>> = {
    "dark-spectrum": query.dark === "shutter",
    "electric-dark": query.dark === "electric",
    nonlinearity: query.nonlinearity,
    "stray-light": query["stray-light"],
    "gain-scale": query.gain,
  };
  const names = ["dark-spectrum", "electric-dark", "nonlinearity", "stray-light", "gain-scale"] as const;
  return names.filter((name) => wanted[name]);
}

function darkFor(spectrum: Spectrum, spectra: ChannelSpectra): DarkSpectrum | NotApplied {
  if (spectrum.kind === "dark") return notApplied("no-dark-spectrum", "the spectrum is a dark one itself");
  const dark = spectra.darkFor(spectrum);
  if (dark === undefined) {
    const { channel, integrationTimeUs } = spectrum;
    const none = `no dark spectrum of ${channel} with ${integrationTimeUs} us`;
    return notApplied("no-dark-spectrum", spectra.darkObstacle(spectrum) ?? none);
  }
  return { counts: dark.counts, facts: factsOf(dark) };
}

function factsOf(dark: Spectrum): Facts {
  const { detectorTemperatureC } = dark;
  return {
    exposureStart: isoUtc(dark.exposureStartUtcUs),
    ...(detectorTemperatureC === undefined ? {} : { detectorTemperatureC }),
  };
}

function render(newest: Spectrum, result: CorrectedSpectrum): z.infer<typeof corrected> {
  const { darkCounts, saturatedPixels, outcomes } = result;
  // Statistics are of raw counts.
  const { statistics: _, ...spectrum } = renderSpectrum(newest);
  return {
    ...spectrum,
    counts: Array.from(result.counts, (value) => (Number.isFinite(value) ? rounded(value) : null)),
    ...(darkCounts === undefined ? {} : { darkCounts }),
    ...(saturatedPixels === undefined ? {} : { saturatedPixels: [...saturatedPixels] }),
    // The wavelengths are coefficients here, as in the raw spectrum.
    corrections: outcomes.filter(({ correction }) => correction !== "wavelength").map(renderOutcome),
  };
}

function renderOutcome(made: Outcome): z.infer<typeof outcome> {
  return made.applied ? { ...made, facts: { ...made.facts } } : { ...made };
}

// A thousandth of a count is far below any noise, and half as long.
function rounded(counts: number): number {
  return Math.round(counts * 1000) / 1000;
}
