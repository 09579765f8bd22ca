// A plot as text: braille dots (2 x 4 in a character) or plain ASCII, axes with units, the saturation line, a legend.

import { coloursOf, type Colour } from "./plot-colour.ts";
import { type Axes, axesOf, share } from "./plot-scale.ts";
import { type Plot, type PlotSeries, short } from "./plot-series.ts";

export interface TerminalOptions {
  /** Characters of the whole picture, 80 x 24 when absent, at least 40 x 12. */
  readonly width?: number;
  readonly height?: number;
  /** ANSI colours. Without them curves of one plot are told apart in ASCII only. */
  readonly colour?: boolean;
  /** Letters instead of braille: for terminals without it, and by default for several curves without colours. */
  readonly ascii?: boolean;
}

interface Cell {
  dots: number;
  series: number;
}

const ESCAPE = "\u001b";
const RESET = `${ESCAPE}[0m`;
const SAME_COLOUR = new RegExp(`(${ESCAPE}\\[38;5;\\d+m)((?:[^${ESCAPE}]+${ESCAPE}\\[0m\\1)+)`, "g");
const AXIS_WIDTH = 8;
const MARKS = "*+ox#%";
// Bit of a braille dot by column and row, Unicode chapter 21.1.
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** The plot as lines of text without a newline at the end. */
export function terminalPlot(plot: Plot, options: TerminalOptions = {}): string {
  const { width = 80, height = 24, colour = false, ascii = !colour && plot.series.length > 1 } = options;
  const columns = Math.max(40, width) - AXIS_WIDTH - 1;
  const legend = legendOf(plot, { colour, ascii });
  const rows = Math.max(6, Math.max(12, height) - legend.length - 4);
  const axes = axesOf(plot, { xTicks: Math.floor(columns / 12), yTicks: Math.floor(rows / 3) });
  const canvas = new Canvas(columns, rows);
  for (const [index, series] of plot.series.entries()) drawSeries(canvas, axes, series, index);
  const picture = canvas.lines({ colours: colour ? coloursInOrder(plot) : undefined, ascii });
  drawSaturation(picture, canvas, axes, colour);
  return [
    `${" ".repeat(AXIS_WIDTH)} ${plot.yLabel}${" ".repeat(3)}${plot.title}`,
    ...picture.map((line, row) => `${yTick(axes, row, rows)}${joined(line)}`),
    ...xAxis(axes, columns, plot.xLabel),
    ...legend,
  ].join("\n");
}

class Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly cells: Cell[][];

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.cells = Array.from({ length: rows }, () =>
      Array.from({ length: columns }, () => ({ dots: 0, series: -1 })),
    );
  }

  /** Sets a dot; both counted from the lower left, four dots a row, two a column. */
  dot(x: number, y: number, series: number): void {
    const cell = this.cells[this.rows - 1 - (y >> 2)]?.[x >> 1];
    if (cell === undefined) return;
    cell.dots |= DOTS[x & 1 ? 1 : 0][3 - (y & 3)] ?? 0;
    cell.series = series;
  }

  lines({
    colours,
    ascii,
  }: {
    readonly colours: readonly Colour[] | undefined;
    readonly ascii: boolean;
  }): string[][] {
    return this.cells.map((row) =>
      row.map(({ dots, series }) => {
        if (dots === 0) return " ";
        const text = ascii ? (MARKS[series % MARKS.length] ?? "*") : String.fromCodePoint(0x2800 + dots);
        const colour = colours?.[series];
        return colour === undefined ? text : paint(text, colour.terminal);
      }),
    );
  }
}

// Each dot column shows the range of its pixels, joined to the one before: narrow lines are never lost.
function drawSeries(canvas: Canvas, axes: Axes, { x, counts }: PlotSeries, index: number): void {
  const [wide, high] = [canvas.columns * 2 - 1, canvas.rows * 4 - 1];
  let previous: { readonly column: number; readonly y: number } | undefined;
  for (const [pixel, value] of counts.entries()) {
    const column = Math.round(share(axes.x, x[pixel] ?? Number.NaN) * wide);
    const y = Math.round(share(axes.y, value) * high);
    if (!Number.isFinite(column) || !Number.isFinite(y)) {
      previous = undefined;
      continue;
    }
    drawLine(canvas, previous ?? { column, y }, { column, y }, index);
    previous = { column, y };
  }
}

function drawLine(
  canvas: Canvas,
  from: { readonly column: number; readonly y: number },
  to: { readonly column: number; readonly y: number },
  series: number,
): void {
  const steps = Math.max(Math.abs(to.column - from.column), Math.abs(to.y - from.y), 1);
  for (let step = 0; step <= steps; step++) {
    const column = Math.round(from.column + ((to.column - from.column) * step) / steps);
    canvas.dot(column, Math.round(from.y + ((to.y - from.y) * step) / steps), series);
  }
}

function drawSaturation(picture: string[][], canvas: Canvas, axes: Axes, colour: boolean): void {
  for (const level of axes.saturationLevels) {
    const row = rowOf(axes, level, canvas.rows);
    for (const [column, text] of (picture[row] ?? []).entries()) {
      const dash = colour ? paint("-", 160) : "-";
      if (text === " " && column % 2 === 0) picture[row]?.splice(column, 1, dash);
    }
  }
}

function yTick(axes: Axes, row: number, rows: number): string {
  const tick = axes.y.ticks.find((value) => rowOf(axes, value, rows) === row);
  return `${(tick === undefined ? "" : short(tick)).padStart(AXIS_WIDTH - 1)} ${tick === undefined ? "|" : "+"}`;
}

function rowOf(axes: Axes, value: number, rows: number): number {
  return rows - 1 - (Math.round(share(axes.y, value) * (rows * 4 - 1)) >> 2);
}

function xAxis(axes: Axes, columns: number, label: string): string[] {
  const line = Array.from({ length: columns }, () => "-");
  const numbers = Array.from({ length: columns }, () => " ");
  for (const tick of axes.x.ticks) {
    const column = Math.round(share(axes.x, tick) * (columns - 1));
    const text = short(tick);
    const start = Math.min(Math.max(0, column - (text.length >> 1)), columns - text.length);
    line[column] = "+";
    numbers.splice(start, text.length, ...text.split(""));
  }
  const margin = " ".repeat(AXIS_WIDTH);
  return [`${margin}+${line.join("")}`, `${margin} ${numbers.join("")}`.trimEnd(), `${margin} ${label}`];
}

function legendOf(
  { series }: Plot,
  { colour, ascii }: { readonly colour: boolean; readonly ascii: boolean },
): string[] {
  const colours = coloursOf(series.map(({ source }) => source));
  return series.map(({ label, source, peakShare, isSimulated }, index) => {
    const mark = ascii ? (MARKS[index % MARKS.length] ?? "*") : "\u2501\u2501";
    const own = colours.get(source);
    const notes = `peak ${Math.round(peakShare * 100)} % of saturation${isSimulated ? ", simulated" : ""}`;
    return `${" ".repeat(AXIS_WIDTH)} ${colour && own !== undefined ? paint(mark, own.terminal) : mark} ${label}, ${notes}`;
  });
}

function coloursInOrder({ series }: Plot): Colour[] {
  const colours = coloursOf(series.map(({ source }) => source));
  return series.flatMap(({ source }) => colours.get(source) ?? []);
}

// Neighbours of one colour share its escape sequence: a plot is a tenth of the size then.
function joined(line: readonly string[]): string {
  return line
    .join("")
    .replace(
      SAME_COLOUR,
      (_, start: string, rest: string) => start + rest.replaceAll(`${RESET}${start}`, ""),
    );
}

function paint(text: string, colour: number): string {
  return `${ESCAPE}[38;5;${colour}m${text}${RESET}`;
}
