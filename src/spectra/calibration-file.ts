// The text of a calibration file: a header of "# key: value" lines, then rows of two numbers, of three where the line above
// them has a third name, noise_percent. "##" begins a remark.
// Strict, because a key that is misread gives wrong numbers for a season. Every mistake has its file and line.

import { VscopeError } from "../base/errors.ts";
import { MS } from "../base/clock.ts";

export const HEADER_KEYS = [
  "kind",
  "units",
  "serial",
  "channel",
  "date",
  "valid_until",
  "integration_time_ms",
  "uncertainty_percent",
  "coverage_factor",
] as const;
export type HeaderKey = (typeof HEADER_KEYS)[number];

export interface CalibrationText {
  readonly fileName: string;
  readonly header: ReadonlyMap<HeaderKey, { readonly value: string; readonly line: number }>;
  /** What the first column is. */
  readonly axis: "wavelength" | "pixel";
  readonly x: Float64Array;
  readonly values: Float64Array;
  /** Standard error of each value by noise (k = 1), as a share of it; absent: not told. */
  readonly noise?: Float64Array;
}

interface Row {
  readonly x: number;
  readonly value: number;
  readonly noisePercent: number;
}

const MOST_MISTAKES = 20;
const COLUMNS = /^(wavelength|pixel)\w*\s*[,;\t]\s*\w+(\s*[,;\t]\s*noise_percent)?$/i;

/** Reads the lines. Throws CONFIG_INVALID with every mistake. */
export function readCalibrationText(text: string, fileName: string): CalibrationText {
  const reader = new LineReader(fileName);
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries())
    reader.take(line.trim(), index + 1);
  return reader.finish();
}

class LineReader {
  readonly #fileName: string;
  readonly #mistakes: string[] = [];
  readonly #header = new Map<HeaderKey, { readonly value: string; readonly line: number }>();
  readonly #rows: Row[] = [];
  #axis: CalibrationText["axis"] = "wavelength";
  #hasNoise = false;

  constructor(fileName: string) {
    this.#fileName = fileName;
  }

  take(text: string, line: number): void {
    if (text === "" || text.startsWith("##")) return;
    if (text.startsWith("#")) return this.#takeHeader(text.slice(1).trim(), line);
    const columns = COLUMNS.exec(text);
    if (columns === null || this.#rows.length > 0) return this.#takeRow(text, line);
    this.#axis = columns[1]?.toLowerCase() === "pixel" ? "pixel" : "wavelength";
    this.#hasNoise = columns[2] !== undefined;
  }

  finish(): CalibrationText {
    if (this.#rows.length < 2 && this.#mistakes.length === 0)
      this.#mistake(0, `${this.#rows.length} rows of numbers, 2 at least`);
    if (this.#mistakes.length > 0) throw invalid(this.#mistakes.slice(0, MOST_MISTAKES).join("\n"));
    return {
      fileName: this.#fileName,
      header: this.#header,
      axis: this.#axis,
      x: Float64Array.from(this.#rows, ({ x }) => x),
      values: Float64Array.from(this.#rows, ({ value }) => value),
      ...(this.#hasNoise && {
        noise: Float64Array.from(this.#rows, ({ noisePercent }) => noisePercent / 100),
      }),
    };
  }

  #takeHeader(text: string, line: number): void {
    const [, written, value = ""] = /^([A-Za-z_ ]+?)\s*:\s*(.*)$/.exec(text) ?? [];
    const key = HEADER_KEYS.find((one) => one === written?.toLowerCase().replaceAll(" ", "_"));
    if (key === undefined) {
      const hint = `known keys are ${HEADER_KEYS.join(", ")}; a remark begins with ##`;
      return this.#mistake(line, `'${text.slice(0, 40)}': unknown header, ${hint}`);
    }
    const before = this.#header.get(key);
    if (before !== undefined) return this.#mistake(line, `${key}: given in line ${before.line} already`);
    this.#header.set(key, { value, line });
  }

  #takeRow(text: string, line: number): void {
    const cells = text.split(/\s*[,;\t]\s*/);
    const numbers = cells.map(numberOf);
    const [x = Number.NaN, value = Number.NaN, noisePercent = 0] = numbers;
    const before = this.#rows.at(-1);
    const wanted = this.#hasNoise ? "three" : "two";
    if (cells.length !== (this.#hasNoise ? 3 : 2) || !numbers.every(Number.isFinite))
      return this.#mistake(line, `'${text.slice(0, 40)}' is not ${wanted} numbers with a comma between`);
    if (this.#axis === "pixel" && !(Number.isInteger(x) && x >= 0 && x === (before?.x ?? x - 1) + 1))
      return this.#mistake(line, `pixel ${x}: the first pixel is 0, and none is left out between two rows`);
    if (this.#axis === "wavelength" && (x < 100 || x > 10_000))
      return this.#mistake(line, `wavelength ${x} is outside 100..10000 nm`);
    if (before !== undefined && x <= before.x)
      return this.#mistake(line, `${x} does not come after ${before.x}: the first column ascends`);
    if (value <= 0) return this.#mistake(line, `factor ${value} is not above 0`);
    if (noisePercent < 0) return this.#mistake(line, `noise ${noisePercent} is below 0`);
    this.#rows.push({ x, value, noisePercent });
  }

  #mistake(line: number, fact: string): void {
    this.#mistakes.push(located(this.#fileName, line, fact));
  }
}

/** A header that must be there. Throws CONFIG_INVALID. */
export function required({ fileName, header }: CalibrationText, key: HeaderKey): string {
  const value = header.get(key)?.value ?? "";
  if (value === "") throw invalid(located(fileName, 0, `the header '# ${key}: ...' is missing`));
  return value;
}

/** Throws CONFIG_INVALID unless the header says `wanted`. */
export function requireHeader(text: CalibrationText, key: HeaderKey, wanted: string): void {
  const found = required(text, key);
  if (found !== wanted) throw mistakeAt(text, key, `'${found}' is not ${wanted}`);
}

/** The first moment of the day that the header names, in UTC; undefined without the header. Throws CONFIG_INVALID. */
export function dayOf(text: CalibrationText, key: "date" | "valid_until"): number | undefined {
  const value = text.header.get(key)?.value;
  if (value === undefined) return undefined;
  const ms = Date.parse(value);
  // Date.parse takes a 31st of February, and much else.
  const isDay = !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === value;
  if (!isDay) throw mistakeAt(text, key, `'${value}' is not a day such as 2026-03-01`);
  return ms * MS;
}

/**
 * Standard uncertainty (k = 1) of all values together, as a share of them; undefined when the header does not tell. It has
 * to tell for which k, since certificates mean 2 and formulas 1. Throws CONFIG_INVALID.
 */
export function standardUncertaintyOf(text: CalibrationText): number | undefined {
  if (!text.header.has("uncertainty_percent")) return undefined;
  const [percent, k] = (["uncertainty_percent", "coverage_factor"] as const).map((key) => {
    const value = numberOf(required(text, key));
    if (!(value > 0)) throw mistakeAt(text, key, `'${text.header.get(key)?.value}' is not a number above 0`);
    return value;
  });
  return (percent ?? Number.NaN) / 100 / (k ?? Number.NaN);
}

/** Throws CONFIG_INVALID for a third column, which nothing would be made of. */
export function requireTwoColumns({ fileName, noise }: CalibrationText): void {
  if (noise !== undefined)
    throw invalid(
      `${fileName}: noise_percent is of radiometric calibrations, its uncertainty is in the header`,
    );
}

/** A mistake in a header, with its line. */
export function mistakeAt({ fileName, header }: CalibrationText, key: HeaderKey, fact: string): VscopeError {
  return invalid(located(fileName, header.get(key)?.line ?? 0, `${key}: ${fact}`));
}

function located(fileName: string, line: number, fact: string): string {
  return `${fileName}${line === 0 ? "" : `:${line}`}: ${fact}`;
}

function numberOf(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

function invalid(message: string): VscopeError {
  return new VscopeError("CONFIG_INVALID", message);
}
