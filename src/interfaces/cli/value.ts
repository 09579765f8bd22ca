// The VALUE of `vscope put`: JSON, bare text, a file or standard input.

import { readFile } from "node:fs/promises";
import { messageOf } from "../../base/errors.ts";
import { filePayload, jsonPayload, type Payload } from "../../client/payload.ts";
import { usageError } from "./exit-codes.ts";

/** `5000`, `true`, `"text"`, `{"a": 1}` as JSON; anything else is text. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `@file` and `-` (standard input) upload bytes as they are; any other value is sent as JSON. */
export async function payloadOf(argument: string, input: AsyncIterable<Uint8Array>): Promise<Payload> {
  if (argument === "-") return filePayload(await collect(input));
  if (!argument.startsWith("@")) return jsonPayload(parseValue(argument));
  try {
    return filePayload(await readFile(argument.slice(1)));
  } catch (error) {
    throw usageError(`${argument}: the file cannot be read (${messageOf(error)})`);
  }
}

async function collect(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A number option within limits; commander calls it with the option's text. Whole numbers have digits only, not 1e3. */
export function numberOption(
  name: string,
  { min, max, integer = false }: NumberLimits,
): (text: string) => number {
  return (text) => {
    const isNumber = integer ? /^-?\d+$/.test(text) : text.trim() !== "" && Number.isFinite(Number(text));
    if (!isNumber)
      throw usageError(`${name}: "${text}" is not ${integer ? "a whole number in digits" : "a number"}`);
    const value = Number(text);
    if (value < min || value > max) throw usageError(`${name}: ${value} is outside ${min}..${max}`);
    return value;
  };
}

/** An option of several names, such as `a,b`. */
export function listOption(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim());
}

export interface NumberLimits {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}
