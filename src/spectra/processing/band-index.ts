// Band indices such as NDVI: an expression in the mean reflectance of bands, its value for a spectrum and its standard error.
// Pure.

import { VscopeError } from "../../base/errors.ts";
import type { Curve } from "../curve.ts";

export interface Band {
  readonly centreNm: number;
  readonly widthNm: number;
}

export interface BandIndex {
  readonly name: string;
  readonly expression: string;
  readonly bands: readonly Band[];
  /** From the means of the bands, in their order. */
  readonly valueOf: (means: readonly number[]) => number;
}

export interface IndexValue {
  readonly value: number;
  /** NaN where the errors of the pixels are not known. */
  readonly standardError: number;
}

/** Known by name. NDVI: Rouse et al. 1974; PRI: Gamon et al. 1992. */
export const KNOWN_INDICES: Readonly<Record<string, string>> = {
  NDVI: "(R800 - R670) / (R800 + R670)",
  PRI: "(R531 - R570) / (R531 + R570)",
};

const DEFAULT_WIDTH_NM = 10;
const DEEPEST = 50;
const TOKEN = /\s*(R(\d+(?:\.\d+)?)(?:w(\d+(?:\.\d+)?))?|(\d+(?:\.\d*)?)|[-+*/()])\s*/y;

/** A known name, or `NAME=EXPRESSION` with + - * / ( ), numbers and bands `R<nm>[w<width in nm>]`. Throws VALUE_INVALID. */
export function parseIndex(text: string): BandIndex {
  const [, name = text.trim(), own] = /^\s*(\w+)\s*=(.*)$/.exec(text) ?? [];
  const expression = own?.trim() ?? (Object.hasOwn(KNOWN_INDICES, name) ? KNOWN_INDICES[name] : undefined);
  if (expression === undefined) {
    const known = Object.keys(KNOWN_INDICES).join(", ");
    throw new VscopeError(
      "VALUE_INVALID",
      `index '${name}': is not one of ${known}, and not NAME=EXPRESSION`,
    );
  }
  const parser = new Parser(name, expression);
  const valueOf = parser.parse();
  return { name, expression, bands: parser.bands, valueOf };
}

/** The index of a reflectance; NaN when a pixel of a band has no value, or there is no pixel in a band. */
export function indexOf({ bands, valueOf }: BandIndex, curve: Curve, errors?: Float64Array): IndexValue {
  const found = bands.map((band) => meanOf(band, curve, errors));
  const means = found.map(({ mean }) => mean);
  const terms = found.map(({ mean, error }, index) => {
    const step = Math.max(Math.abs(mean), 1e-3) * 1e-4;
    const at = (by: number): number => valueOf(means.with(index, mean + by));
    return ((at(step) - at(-step)) / (2 * step)) * error;
  });
  return { value: valueOf(means), standardError: Math.hypot(...terms) };
}

/** Mean of the pixels of a band; their noise is independent. */
function meanOf({ centreNm, widthNm }: Band, { wavelengthsNm, values }: Curve, errors?: Float64Array) {
  let [sum, squares, pixels] = [0, 0, 0];
  for (const [pixel, nm] of wavelengthsNm.entries()) {
    if (Math.abs(nm - centreNm) > widthNm / 2) continue;
    sum += values[pixel] ?? Number.NaN;
    squares += (errors?.[pixel] ?? Number.NaN) ** 2;
    pixels += 1;
  }
  return { mean: sum / pixels, error: Math.sqrt(squares) / pixels };
}

type Value = (means: readonly number[]) => number;

/** Recursive descent: sum of products of factors. */
class Parser {
  readonly bands: Band[] = [];
  readonly #name: string;
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(name: string, expression: string) {
    this.#name = name;
    this.#tokens = tokensOf(name, expression);
  }

  parse(): Value {
    const value = this.#sum();
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw this.#mistake(`'${rest}' is not expected`);
    if (this.bands.length === 0) throw this.#mistake("has no band such as R800");
    return value;
  }

  #sum(): Value {
    let value = this.#product();
    for (let sign = this.#take("+", "-"); sign !== undefined; sign = this.#take("+", "-")) {
      const [left, right, factor] = [value, this.#product(), sign === "+" ? 1 : -1];
      value = (means) => left(means) + factor * right(means);
    }
    return value;
  }

  #product(): Value {
    let value = this.#factor();
    for (let sign = this.#take("*", "/"); sign !== undefined; sign = this.#take("*", "/")) {
      const [left, right, isProduct] = [value, this.#factor(), sign === "*"];
      value = (means) => (isProduct ? left(means) * right(means) : left(means) / right(means));
    }
    return value;
  }

  #factor(): Value {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw this.#mistake(`is nested more than ${DEEPEST} deep`);
    const value = this.#atom();
    this.#depth -= 1;
    return value;
  }

  #atom(): Value {
    if (this.#take("-") !== undefined) {
      const value = this.#factor();
      return (means) => -value(means);
    }
    if (this.#take("(") !== undefined) {
      const value = this.#sum();
      if (this.#take(")") === undefined) throw this.#mistake("a ')' is missing");
      return value;
    }
    const token = this.#tokens[this.#at] ?? "";
    this.#at += 1;
    if (token.startsWith("R")) return this.#band(token);
    if (/^\d/.test(token)) return () => Number(token);
    throw this.#mistake(token === "" ? "ends too early" : `'${token}' is not expected`);
  }

  #band(token: string): Value {
    const [centreNm = Number.NaN, widthNm = DEFAULT_WIDTH_NM] = token.slice(1).split("w").map(Number);
    if (!(widthNm > 0)) throw this.#mistake(`'${token}': the width is not above 0`);
    const known = this.bands.findIndex((band) => band.centreNm === centreNm && band.widthNm === widthNm);
    const index = known >= 0 ? known : this.bands.push({ centreNm, widthNm }) - 1;
    return (means) => means[index] ?? Number.NaN;
  }

  #take(...wanted: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    this.#at += 1;
    return token;
  }

  #mistake(fact: string): VscopeError {
    return new VscopeError("VALUE_INVALID", `index '${this.#name}': ${fact}`);
  }
}

function tokensOf(name: string, expression: string): readonly string[] {
  const tokens: string[] = [];
  for (let at = 0; at < expression.length; ) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(expression);
    if (match?.[1] === undefined) {
      const fact = `'${expression.slice(at).trim()}' is no band such as R800 or R800w5, number or operator`;
      throw new VscopeError("VALUE_INVALID", `index '${name}': ${fact}`);
    }
    tokens.push(match[1]);
    at = TOKEN.lastIndex;
  }
  return tokens;
}
