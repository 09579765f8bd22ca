// The reflectance of a file's spectrometers: in bands as a table, and as a plot.

import { usageError } from "./exit-codes.ts";
import type { PicoSpectrum } from "../../spectra/pico.ts";
import { type Plot, type PlotSeries, short } from "../../spectra/plot-series.ts";
import type { Curve } from "../../spectra/curve.ts";
import { type Band, bandsOf, reflectanceOf } from "../../spectra/reflectance.ts";
import { type Exposed, isLinearizable } from "../../spectra/signal-rate.ts";
import { renderTable } from "./table.ts";
import { printable } from "./value-text.ts";

export interface Reflectance {
  readonly serial: string;
  readonly isLinearized: boolean;
  readonly integrationTimesUs: { readonly upwelling: number; readonly downwelling: number };
  /** The downwelling light is interpolated to the time of the upwelling. */
  readonly isInterpolated: boolean;
  readonly bands: readonly Band[];
  readonly curve: Curve;
  readonly upwelling: PicoSpectrum;
  /** Channels whose light spectrum has saturated pixels. */
  readonly saturated: readonly string[];
}

// The visible and the red edge up to the near infrared plateau, where both foreoptics of the usual instruments see well.
const EDGES_NM = [450, 500, 550, 600, 650, 700, 750, 800, 850] as const;

/** The reflectance seen by each spectrometer that recorded both channels. Throws a usage error when none did. */
export function measureReflectance(file: string, exposed: readonly Exposed[]): readonly Reflectance[] {
  const channel = (name: string) => exposed.filter(({ light }) => light.channel.toLowerCase() === name);
  const results = channel("upwelling").flatMap((upwelling) => {
    const { serial } = upwelling.light;
    const downwelling = channel("downwelling").filter(({ light }) => light.serial === serial);
    const [first] = downwelling;
    return first === undefined ? [] : [measure(upwelling, [first, ...downwelling.slice(1)])];
  });
  if (results.length > 0) return results;
  throw usageError(
    `${file}: reflectance needs light spectra of the channels upwelling and downwelling of one spectrometer`,
  );
}

function measure(upwelling: Exposed, downwelling: readonly [Exposed, ...Exposed[]]): Reflectance {
  const curve = reflectanceOf(upwelling, downwelling);
  const bands = bandsOf(curve, EDGES_NM);
  return {
    serial: upwelling.light.serial,
    isLinearized: isLinearizable(upwelling.light),
    integrationTimesUs: {
      upwelling: upwelling.light.integrationTimeUs,
      downwelling: downwelling[0].light.integrationTimeUs,
    },
    isInterpolated: downwelling.length > 1,
    bands: [...bands, ...bandsOf(curve, [EDGES_NM[0], EDGES_NM[EDGES_NM.length - 1] ?? 0])],
    curve,
    upwelling: upwelling.light,
    saturated: [
      ...new Set(
        [upwelling, ...downwelling]
          .filter(({ light }) => light.flags.includes("saturated"))
          .map(({ light }) => light.channel),
      ),
    ],
  };
}

export function reflectanceText(file: string, results: readonly Reflectance[]): string {
  return results
    .map((result) => `${headOf(file, result)}\n${warningOf(result)}${bandTable(result.bands)}`)
    .join("\n");
}

// A mean over the pixels that happen to be left would look like a measurement.
const MOST_LEFT_OUT = 0.05;

function isIncomplete({ pixels, leftOut }: Band): boolean {
  return leftOut > MOST_LEFT_OUT * (pixels + leftOut);
}

function warningOf({ bands, saturated }: Reflectance): string {
  const whole = bands.at(-1);
  if (whole === undefined || (whole.leftOut === 0 && saturated.length === 0)) return "";
  const which = saturated.length === 0 ? "" : `, ${saturated.join(" and ")} saturated`;
  return `warning: ${whole.leftOut} of ${whole.pixels + whole.leftOut} pixels are left out${which}\n`;
}

function headOf(file: string, measured: Reflectance): string {
  const { serial, isLinearized, isInterpolated, integrationTimesUs, upwelling } = measured;
  const { upwelling: upUs, downwelling: downUs } = integrationTimesUs;
  const facts = [
    `${file}  ${serial}  upwelling ${short(upUs / 1000)} ms`,
    `downwelling ${short(downUs / 1000)} ms`,
    "dark-subtracted",
    isLinearized && "linearised",
    isInterpolated && "interpolated in time",
    upwelling.isSimulated === true && "simulated",
  ];
  return printable(facts.filter(Boolean).join(", "));
}

function bandTable(bands: readonly Band[]): string {
  const columns = ["band / nm", "mean", "min", "max", "pixels", "left out"].map(
    (heading) => ({ heading, align: "right" }) as const,
  );
  const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(4) : "-");
  const rows = bands.map((band) => {
    const { fromNm, toNm, mean, min, max, pixels, leftOut } = band;
    const values = isIncomplete(band) ? ["-", "-", "-"] : [mean, min, max].map(number);
    return [`${fromNm}-${toNm}`, ...values, String(pixels), String(leftOut)];
  });
  return renderTable(columns, rows);
}

export function reflectancePlot(file: string, results: readonly Reflectance[]): Plot {
  return { title: file, xLabel: "wavelength / nm", yLabel: "reflectance", series: results.map(seriesOf) };
}

function seriesOf({ serial, curve: { wavelengthsNm, values }, upwelling }: Reflectance): PlotSeries {
  const isValid = (_: number, pixel: number): boolean => Number.isFinite(values[pixel]);
  const peak = upwelling.counts.reduce((largest, count) => Math.max(largest, count), 0);
  return {
    label: `${serial} upwelling / downwelling`,
    source: `${serial} upwelling`,
    x: wavelengthsNm.filter(isValid),
    counts: values.filter(isValid),
    peakShare: peak / upwelling.saturationLevel,
    isSimulated: upwelling.isSimulated === true,
  };
}
