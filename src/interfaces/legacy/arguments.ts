// The arguments of a PUT: one value, a list of positional ones, an object of named ones, or both as [[...], {...}], which
// is what piccolo3's client sends.

import { VscopeError } from "../../base/errors.ts";
import { quoted } from "../../datadir/run-name.ts";

/** In place of a default: the argument must be given. */
export const REQUIRED = Symbol("required");

/** Names in the order of their positions, each with its default or REQUIRED. */
export type Parameters = Readonly<Record<string, unknown>>;

/** All arguments by name. */
export type Given = Readonly<Record<string, unknown>>;

interface Arguments {
  readonly positional: readonly unknown[];
  readonly named: Given;
}

/** Throws VALUE_INVALID for what is no JSON, for unknown, missing and too many arguments. */
export function readArguments(payload: Uint8Array, parameters: Parameters): Given {
  const { positional, named } = argumentsOf(parsed(payload));
  const names = Object.keys(parameters);
  if (positional.length > names.length)
    throw wrong(`${positional.length} arguments were given, ${names.length} is the most`);
  const placed = Object.fromEntries(positional.map((value, index) => [names[index], value]));
  for (const name of Object.keys(named)) {
    if (!Object.hasOwn(parameters, name)) throw wrong(`there is no argument ${quoted(name)}`);
    if (Object.hasOwn(placed, name)) throw wrong(`${name} was given twice`);
  }
  const given = { ...parameters, ...placed, ...named };
  const missing = names.find((name) => given[name] === REQUIRED);
  if (missing !== undefined) throw wrong(`${missing} is missing`);
  return given;
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw wrong("expected JSON");
  }
}

function argumentsOf(value: unknown): Arguments {
  if (isMembers(value)) return { positional: [], named: value };
  if (!Array.isArray(value)) return { positional: [value], named: {} };
  const items: readonly unknown[] = value;
  const [positional, named] = items;
  if (items.length === 2 && Array.isArray(positional) && isMembers(named)) return { positional, named };
  return { positional: items, named: {} };
}

function isMembers(value: unknown): value is Given {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(fact: string): VscopeError {
  return new VscopeError("VALUE_INVALID", `arguments: ${fact}`);
}
