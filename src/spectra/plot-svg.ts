// A plot as an SVG picture: axes, grid, legend, a red dashed line at saturation, the visible colours under the axis.

import { coloursOf } from "./plot-colour.ts";
import { type Axes, axesOf, share } from "./plot-scale.ts";
import { type Plot, type PlotSeries, short } from "./plot-series.ts";

export interface SvgOptions {
  /** Pixels, 960 x 540 when absent. */
  readonly width?: number;
  readonly height?: number;
}

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly axes: Axes;
}

const LINE_HEIGHT = 18;
// Colours of light by wavelength in nm, rough: a help to the eye.
const VISIBLE = [
  [380, "#400080"],
  [440, "#2020ff"],
  [490, "#00c0ff"],
  [520, "#00d000"],
  [580, "#ffe000"],
  [620, "#ff6000"],
  [680, "#d00000"],
  [750, "#500000"],
] as const;

/** A complete SVG document. */
export function svgPlot(plot: Plot, { width = 960, height = 540 }: SvgOptions = {}): string {
  const legendHeight = LINE_HEIGHT * plot.series.length;
  const axes = axesOf(plot, { xTicks: Math.floor(width / 90), yTicks: Math.floor(height / 60) });
  const frame = { left: 84, right: width - 20, top: 36, bottom: height - 70 - legendHeight, axes };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `font-family="sans-serif" font-size="13">`,
    `<title>${escaped(plot.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${frame.left}" y="22" font-size="15" font-weight="bold">${escaped(plot.title)}</text>`,
    ...grid(frame),
    ...labels(frame, plot),
    ...(plot.xLabel === "pixel" ? [] : visibleStrip(frame)),
    ...curves(frame, plot),
    ...saturation(frame),
    ...legend(frame, plot),
    "</svg>\n",
  ].join("\n");
}

function grid(frame: Frame): string[] {
  const { left, right, top, bottom, axes } = frame;
  const vertical = axes.x.ticks.flatMap((tick) => [
    `<line x1="${px(frame, tick)}" x2="${px(frame, tick)}" y1="${top}" y2="${bottom}" stroke="#e0e0e0"/>`,
    `<text x="${px(frame, tick)}" y="${bottom + 24}" text-anchor="middle">${short(tick)}</text>`,
  ]);
  const horizontal = axes.y.ticks.flatMap((tick) => [
    `<line x1="${left}" x2="${right}" y1="${py(frame, tick)}" y2="${py(frame, tick)}" stroke="#e0e0e0"/>`,
    `<text x="${left - 8}" y="${py(frame, tick)}" dy="4.5" text-anchor="end">${short(tick)}</text>`,
  ]);
  const box = `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="none" stroke="#404040"/>`;
  return [...vertical, ...horizontal, box];
}

function labels({ left, right, top, bottom }: Frame, { xLabel, yLabel }: Plot): string[] {
  const middle = (top + bottom) / 2;
  return [
    `<text x="${(left + right) / 2}" y="${bottom + 44}" text-anchor="middle">${xLabel}</text>`,
    `<text x="18" y="${middle}" text-anchor="middle" transform="rotate(-90 18 ${middle})">${escaped(yLabel)}</text>`,
  ];
}

function visibleStrip(frame: Frame): string[] {
  const { axes, bottom } = frame;
  const shown = VISIBLE.filter(([nm]) => nm >= axes.x.min && nm <= axes.x.max);
  const [first, last] = [shown.at(0)?.[0], shown.at(-1)?.[0]];
  if (first === undefined || last === undefined || first === last) return [];
  const stops = shown.map(
    ([nm, colour]) => `<stop offset="${rounded((nm - first) / (last - first))}" stop-color="${colour}"/>`,
  );
  const wide = rounded(px(frame, last) - px(frame, first));
  return [
    `<defs><linearGradient id="visible">${stops.join("")}</linearGradient></defs>`,
    `<rect x="${px(frame, first)}" y="${bottom + 2}" width="${wide}" height="6" fill="url(#visible)"/>`,
  ];
}

function curves(frame: Frame, { series }: Plot): string[] {
  const colours = coloursOf(series.map(({ source }) => source));
  return series.flatMap((one) => {
    const colour = colours.get(one.source)?.hex ?? "#000000";
    const style = `fill="none" stroke="${colour}" stroke-width="1.3" stroke-linecap="round"`;
    return pieces(frame, one).map((points) => `<polyline ${style} points="${points}"/>`);
  });
}

// A line for each row of pixels with values; a single one is a dot.
function pieces(frame: Frame, { x, counts }: PlotSeries): readonly string[] {
  const points = Array.from(counts, (value, pixel) =>
    Number.isFinite(value) ? `${px(frame, x[pixel] ?? 0)},${py(frame, value)}` : "|",
  );
  const rows = points.join(" ").split("|");
  return rows
    .map((row) => row.trim())
    .filter(Boolean)
    .map((row) => (row.includes(" ") ? row : `${row} ${row}`));
}

function saturation(frame: Frame): string[] {
  const { left, right, axes } = frame;
  return axes.saturationLevels.flatMap((level) => [
    `<line x1="${left}" x2="${right}" y1="${py(frame, level)}" y2="${py(frame, level)}" ` +
      `stroke="#d00000" stroke-dasharray="7 5"/>`,
    `<text x="${right - 6}" y="${py(frame, level) - 5}" text-anchor="end" fill="#d00000">saturation ${short(level)}</text>`,
  ]);
}

function legend({ left, bottom }: Frame, { series }: Plot): string[] {
  const colours = coloursOf(series.map(({ source }) => source));
  return series.flatMap(({ label, source, peakShare, isSimulated }, index) => {
    const y = rounded(bottom + 66 + LINE_HEIGHT * index);
    const notes = `peak ${Math.round(peakShare * 100)} % of saturation${isSimulated ? ", simulated" : ""}`;
    return [
      `<line x1="${left}" x2="${left + 22}" y1="${y - 4}" y2="${y - 4}" stroke="${colours.get(source)?.hex}" stroke-width="3"/>`,
      `<text x="${left + 30}" y="${y}">${escaped(`${label}, ${notes}`)}</text>`,
    ];
  });
}

function px({ left, right, axes }: Frame, value: number): number {
  return rounded(left + share(axes.x, value) * (right - left));
}

function py({ top, bottom, axes }: Frame, value: number): number {
  return rounded(bottom - share(axes.y, value) * (bottom - top));
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
