// The newest spectra of a server at a level: counts, dark-subtracted, irradiance, radiance or reflectance; as a table with
// what each was made from, and as a plot.

import { z } from "zod";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { VscopeClient } from "../../client/vscope-client.ts";
import { type Plot, type PlotSeries, short } from "../../spectra/plot-series.ts";
import { wavelengthsNm } from "../../spectra/spectrum.ts";
import { usageError } from "./exit-codes.ts";
import { renderTable } from "./table.ts";
import { printable } from "./value-text.ts";

export const SHOWN_LEVELS = ["counts", "dark-subtracted", "irradiance", "radiance", "reflectance"] as const;
export type ShownLevel = (typeof SHOWN_LEVELS)[number];

export interface LiveOptions {
  readonly level: ShownLevel;
  readonly channel?: string;
  readonly serial?: string;
  readonly way?: string;
}

const numbers = z.array(z.number().nullable());
const answer = z.looseObject({
  serial: z.string(),
  channel: z.string(),
  exposureStart: z.string(),
  integrationTimeUs: z.number(),
  flags: z.array(z.string()),
  wavelengthCoefficients: z.array(z.number()),
  // Levels have values, counts have counts.
  values: numbers.optional(),
  counts: numbers.optional(),
  kind: z.string().optional(),
  saturationLevel: z.number().optional(),
  unit: z.string().optional(),
  method: z.string().optional(),
  peakPercent: z.number().optional(),
  darkAgeS: z.number().optional(),
  whiteReference: z.looseObject({ panel: z.string(), ageS: z.number() }).optional(),
  notCalibrated: z.string().optional(),
  notCorrected: z.string().optional(),
  pending: z.string().optional(),
  corrections: z
    .array(z.looseObject({ correction: z.string(), applied: z.boolean(), detail: z.string().optional() }))
    .optional(),
});
type Answer = z.infer<typeof answer>;

export interface Live {
  readonly shown: readonly Answer[];
  /** Why others are not. */
  readonly missing: readonly string[];
}

/** Throws a usage error when nothing fits the options, or the server's error when it has none of what does. */
export async function liveSpectra(
  client: VscopeClient,
  options: LiveOptions,
  signal: AbortSignal,
): Promise<Live> {
  const shown: Answer[] = [];
  const errors: unknown[] = [];
  for (const place of await placesOf(client, options, signal)) {
    try {
      shown.push(usable(await client.getAs(pathOf(options, place), answer, signal), options.level));
    } catch (error) {
      signal.throwIfAborted();
      errors.push(error);
    }
  }
  if (shown.length === 0 && errors.length > 0) throw errors[0];
  return { shown, missing: errors.map(messageOf) };
}

interface Place {
  readonly serial: string;
  readonly channel: string;
}

const spectrometersShape = z.looseObject({
  spectrometers: z.array(z.looseObject({ serial: z.string() })),
});
const channelsShape = z.looseObject({ channels: z.array(z.string()) });

async function placesOf(
  client: VscopeClient,
  { level, serial, channel }: LiveOptions,
  signal: AbortSignal,
): Promise<readonly Place[]> {
  const { spectrometers } = await client.getAs("/spectrometers", spectrometersShape, signal);
  const { channels } = await client.getAs("/acquisition", channelsShape, signal);
  // Reflectance is of what the others see; who asks for it by name is told so.
  const wanted = channels.filter((one) =>
    channel === undefined ? level !== "reflectance" || one.toLowerCase() !== "downwelling" : one === channel,
  );
  const places = spectrometers
    .filter((one) => (serial ?? one.serial) === one.serial)
    .flatMap((one) => wanted.map((name) => ({ serial: one.serial, channel: name })));
  if (places.length > 0) return places;
  const there = `spectrometers ${spectrometers.map((one) => one.serial).join(", ") || "none"}`;
  throw usageError(`--level: no such spectrum, the server has ${there}, channels ${channels.join(", ")}`);
}

const DARK_ONLY = "kind=light&dark=shutter&nonlinearity=false&stray-light=false&gain=false";

function pathOf({ level, way }: LiveOptions, { serial, channel }: Place): string {
  const place = `/spectrometers/${encodeURIComponent(serial)}`;
  const name = encodeURIComponent(channel);
  if (level === "counts") return `${place}/spectrum/${name}?kind=light`;
  if (level === "dark-subtracted") return `${place}/corrected/${name}?${DARK_ONLY}`;
  return `${place}/${level}/${name}${way === undefined ? "" : `?way=${way}`}`;
}

// Counts from which no dark was taken would look like those from which one was.
function usable(found: Answer, level: ShownLevel): Answer {
  const dark = found.corrections?.find(({ correction }) => correction === "dark-spectrum");
  if (level !== "dark-subtracted" || dark?.applied === true) return found;
  const fact = dark?.detail ?? "no dark was subtracted";
  throw new VscopeError("RESOURCE_NOT_FOUND", `${found.serial} ${found.channel}: ${fact}`);
}

export function liveJson(one: Answer): object {
  const values = valuesOf(one);
  return { ...one, wavelengthsNm: Array.from(wavelengthsNm(one.wavelengthCoefficients, values.length)) };
}

export function liveText({ shown, missing }: Live): string {
  const headings = [
    "spectrometer",
    "channel",
    "start",
    "integration",
    "method",
    "dark",
    "reference",
    "flags",
  ];
  const rows = shown.map((one) =>
    [
      one.serial,
      one.channel,
      `${one.exposureStart.slice(0, 19)}Z`,
      `${short(one.integrationTimeUs / 1000)} ms`,
      one.method ?? one.kind ?? "",
      ageText(one.darkAgeS),
      one.whiteReference === undefined
        ? "-"
        : `${one.whiteReference.panel}, ${ageText(one.whiteReference.ageS)}`,
      one.flags.join(" "),
    ].map(printable),
  );
  const table = renderTable(
    headings.map((heading) => ({ heading })),
    rows,
  );
  const notes = shown.flatMap(({ serial, channel, notCorrected }) =>
    notCorrected === undefined
      ? []
      : [`${serial} ${channel}: the change of the light is not corrected: ${notCorrected}`],
  );
  const ratios = shown.flatMap(({ serial, channel, notCalibrated }) =>
    notCalibrated === undefined ? [] : [`${serial} ${channel}: a ratio of counts: ${notCalibrated}`],
  );
  const waiting = shown.flatMap(({ serial, pending }) =>
    pending === undefined ? [] : [`${serial}: a newer light is not shown yet: ${pending}`],
  );
  const lines = [...notes, ...ratios, ...waiting, ...missing.map((reason) => `not shown: ${reason}`)];
  return `${table}${lines.map((line) => `${printable(line)}\n`).join("")}`;
}

function ageText(ageS: number | undefined): string {
  if (ageS === undefined) return "-";
  const days = Math.abs(ageS) / 86_400;
  if (days >= 2) return `${short(Math.sign(ageS) * Math.round(days))} days`;
  return Math.abs(ageS) >= 7200 ? `${Math.round(ageS / 3600)} h` : `${Math.round(ageS)} s`;
}

const LABELS = { counts: "counts", "dark-subtracted": "counts - dark", reflectance: "reflectance" } as const;

export function livePlot(level: ShownLevel, shown: readonly Answer[]): Plot {
  const isCalibrated = shown.every(({ flags }) => !flags.includes("uncalibrated"));
  const unit = shown[0]?.unit ?? "";
  return {
    title: "newest spectra",
    xLabel: isCalibrated ? "wavelength / nm" : "pixel",
    yLabel: level === "irradiance" || level === "radiance" ? `${level} / (${unit})` : LABELS[level],
    series: shown.map((one) => seriesOf(level, one, isCalibrated)),
  };
}

function seriesOf(level: ShownLevel, one: Answer, isCalibrated: boolean): PlotSeries {
  const values = valuesOf(one);
  const x = isCalibrated
    ? wavelengthsNm(one.wavelengthCoefficients, values.length)
    : Float64Array.from(values, (_, pixel) => pixel);
  const { serial, channel, method, integrationTimeUs, saturationLevel } = one;
  return {
    label: `${serial} ${channel}, ${short(integrationTimeUs / 1000)} ms${method === undefined ? "" : `, ${method}`}`,
    source: `${serial} ${channel}`,
    x,
    // The curve has a gap there.
    counts: Float64Array.from(values, (value) => value ?? Number.NaN),
    ...(level === "counts" && saturationLevel !== undefined ? { saturationLevel } : {}),
    peakShare: peakShareOf(one),
    isSimulated: one.flags.includes("simulated"),
  };
}

// Of dark-subtracted counts it is somewhat less than of the raw ones.
function peakShareOf({ peakPercent, counts, saturationLevel }: Answer): number {
  if (peakPercent !== undefined) return peakPercent / 100;
  const peak = (counts ?? []).reduce<number>((largest, value) => Math.max(largest, value ?? 0), 0);
  return saturationLevel === undefined ? 0 : peak / saturationLevel;
}

function valuesOf({ values, counts }: Answer): readonly (number | null)[] {
  return values ?? counts ?? [];
}
