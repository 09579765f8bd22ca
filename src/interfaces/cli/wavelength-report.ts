// What `vscope calibrate wavelength` tells: a table of lines, a plot of residuals, and what to do with the coefficients.

import type { FittedLine, WavelengthFit } from "../../spectra/calibration/wavelength-fit.ts";
import type { PicoSpectrum } from "../../spectra/pico.ts";
import { type Plot, type PlotSeries, wavelengthsOf } from "../../spectra/plot-series.ts";
import { peakCounts, wavelengthsNm } from "../../spectra/spectrum.ts";
import { renderTable } from "./table.ts";
import { printable } from "./value-text.ts";

/** A lamp and its spectrum. */
export interface LampLight {
  readonly lamp: string;
  readonly light: PicoSpectrum;
}

export interface WavelengthReport {
  readonly fit: WavelengthFit;
  readonly lights: readonly [LampLight, ...LampLight[]];
}

/** As many digits as an instrument keeps of a coefficient. */
const DEVICE_DIGITS = 7;
/** For a pixel index of thousands to the fifth power still far below a picometre. */
const DIGITS = 12;

export function wavelengthText({ fit, lights }: WavelengthReport): string {
  const [{ light }] = lights;
  const { serial, channel } = light;
  const coefficients = fit.coefficients.map((value) => String(Number(value.toPrecision(DIGITS))));
  const stored = fit.coefficients.map((value) => Number(value.toPrecision(DEVICE_DIGITS)));
  const written = JSON.stringify({ wavelengthCoefficients: stored, confirm: serial });
  const table = lineTable(fit.lines);
  const command = printable(`vscope put /spectrometers/${serial}/calibration '${written}'`);
  return [
    table,
    ...summary(fit, light).map(printable),
    "",
    "in vscope.config, for this channel:",
    "",
    "[spectrometers]",
    `  [[${printable(serial)}]]`,
    "    [[[calibration]]]",
    `      [[[[${printable(channel)}]]]]`,
    `        wavelength_coefficients = ${coefficients.join(", ")}`,
    "",
    "or into the instrument, for all channels (docs/how-to/calibrations-in-the-instrument.md):",
    "",
    command,
  ].join("\n");
}

function lineTable(lines: readonly FittedLine[]): string {
  const rows = lines.map(({ lamp, lineNm, pixel, errorPixels, residualNm, isUsed, blendNm }) => [
    lamp,
    lineNm.toFixed(3),
    pixel.toFixed(3),
    errorPixels.toFixed(3),
    residualNm.toFixed(4),
    remarkOn(isUsed, blendNm?.filter((nm) => nm !== lineNm) ?? []),
  ]);
  const columns = ["lamp", "line / nm", "pixel", "error", "residual / nm", ""].map((heading) => ({
    heading,
    align: heading === "lamp" || heading === "" ? ("left" as const) : ("right" as const),
  }));
  return renderTable(columns, rows);
}

function remarkOn(isUsed: boolean, othersNm: readonly number[]): string {
  const others = othersNm.map((nm) => nm.toFixed(3)).join(", ");
  return [...(isUsed ? [] : ["left out"]), ...(others === "" ? [] : [`with ${others}`])].join(", ");
}

function summary(fit: WavelengthFit, light: PicoSpectrum): readonly string[] {
  const { lines, rmsNm, fwhmNm, coveredNm } = fit;
  const used = lines.filter(({ isUsed }) => isUsed).length;
  const of = `${light.serial} ${light.channel}`;
  const [from, to] = detectorNm(fit, light);
  const change = changeNm(fit, light);
  return [
    `${of}: ${used} of ${lines.length} lines, degree ${fit.coefficients.length - 1}, residuals ${rmsNm.toFixed(4)} nm RMS`,
    `lines are ${fwhmNm.toFixed(2)} nm wide at half maximum`,
    `covered by lines: ${coveredNm.map((nm) => nm.toFixed(1)).join("..")} nm; the detector sees ${from.toFixed(1)}..${to.toFixed(1)} nm, ` +
      "beyond the lines the polynomial is a guess",
    ...(change === undefined ? [] : [`the calibration so far is off by up to ${change.toFixed(3)} nm`]),
  ];
}

function detectorNm({ coefficients }: WavelengthFit, { opticalPixelRange: [from, end] }: PicoSpectrum) {
  const nm = wavelengthsNm(coefficients, end);
  return [nm[from] ?? Number.NaN, nm[end - 1] ?? Number.NaN] as const;
}

/** Largest difference between the new calibration and the one in the file, over the pixels that see light. */
export function changeNm({ coefficients }: WavelengthFit, light: PicoSpectrum): number | undefined {
  const before = wavelengthsOf(light);
  const [from, end] = light.opticalPixelRange;
  const now = wavelengthsNm(coefficients, end);
  return before
    ?.slice(from, end)
    .reduce((most, nm, index) => Math.max(most, Math.abs((now[from + index] ?? Number.NaN) - nm)), 0);
}

export function residualPlot({ fit, lights }: WavelengthReport): Plot {
  const names = new Set(lights.map(({ lamp }) => lamp));
  const series = [...names].map((name): PlotSeries => {
    const lines = fit.lines.filter(({ lamp, isUsed }) => isUsed && lamp === name);
    const light = lights.find(({ lamp }) => lamp === name)?.light ?? lights[0].light;
    return {
      label: `${light.serial} ${name}, ${lines.length} lines`,
      source: `${light.serial} ${name}`,
      x: Float64Array.from(lines, ({ lineNm }) => lineNm),
      counts: Float64Array.from(lines, ({ residualNm }) => residualNm),
      peakShare: peakCounts(light.counts, light.opticalPixelRange) / light.saturationLevel,
      isSimulated: light.isSimulated === true,
    };
  });
  return {
    title: `${lights[0].light.serial}: fitted wavelength minus that of the line`,
    xLabel: "wavelength / nm",
    yLabel: "residual / nm",
    series: series.filter(({ x }) => x.length > 0),
  };
}
