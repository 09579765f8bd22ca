// Text of a configuration file -> a tree of sections, with the line of every key.
// Two dialects are read: dotted sections `[a.b]`, and ConfigObj's nested ones `[a]` `[[b]]`, as in older files.
// This file makes both plain; the npm package `ini` does the parsing. It knows nothing of what keys mean.

import { parse } from "ini";
import { scanValue } from "./ini-value.ts";

export type IniValue = string | readonly string[] | IniSection;

export interface IniSection {
  readonly [name: string]: IniValue;
}

/** Something wrong in a file. */
export interface Mistake {
  readonly line: number;
  readonly text: string;
}

export interface IniFile {
  readonly root: IniSection;
  /** The line where the key or section stands; for one that is not written, its nearest parent's (0 for the file). */
  readonly lineOf: (path: readonly string[]) => number;
  readonly mistakes: readonly Mistake[];
}

const HEADING = /^(\[+)(.*?)(\]+)\s*(?:[#;].*)?$/;
const KEY_LINE = /^("[^"]*"|'[^']*'|[^=]*?)\s*=(.*)$/;
const KEY = /^[A-Za-z_][\w-]*$/;
// `ini` gives these a meaning of its own inside headings.
const UNSAFE_NAME = /[[\]"'\\;#\p{Cc}\uE000]/u;
// `ini` unescapes `\.` in the last name of a dotted section only, so a dot in a name travels as this letter.
const DOT = "\uE000";

/** Reads a whole file. Never throws: what cannot be read is listed in `mistakes`, the rest is in the tree. */
export function readIni(text: string): IniFile {
  const scan = new Scan();
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (const [index, line] of lines.entries()) scan.read(line.trim(), index + 1);
  const root = plainSection(parse(scan.plainLines.join("\n")));
  return { root, mistakes: scan.mistakes, lineOf: (path) => scan.lineOf(path) };
}

/** The walk through the lines: where we are, and what has been seen. */
class Scan {
  readonly plainLines: string[] = [];
  readonly mistakes: Mistake[] = [];
  readonly #lines = new Map<string, number>();
  readonly #keys = new Set<string>();
  /** Names of the sections around the present line: one entry a bracket depth, each of one or more names. */
  #stack: (readonly string[])[] = [];
  /** After a faulty heading its keys belong nowhere. */
  #isLost = false;

  read(line: string, number: number): void {
    if (line === "" || line.startsWith("#") || line.startsWith(";")) return;
    const fault = line.startsWith("[") ? this.#readHeading(line, number) : this.#readKey(line, number);
    if (fault !== undefined) this.mistakes.push({ line: number, text: fault });
  }

  lineOf(path: readonly string[]): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(idOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 0;
  }

  #readHeading(line: string, number: number): string | undefined {
    this.#isLost = true;
    const [, opening = "", inner = "", closing = ""] = HEADING.exec(line) ?? [];
    const depth = opening.length;
    if (depth === 0 || closing.length !== depth) return `${line} is not a section: brackets do not match`;
    if (depth > this.#stack.length + 1)
      return `${line} is nested ${depth} deep inside a section ${this.#stack.length} deep`;
    const names = depth === 1 ? splitDots(unquoted(inner.trim())) : [unquoted(inner.trim())];
    const bad = names.find((name) => name === "" || name === "__proto__" || UNSAFE_NAME.test(name));
    if (bad !== undefined) return `${line} is not a section: '${bad}' cannot be a name`;
    this.#stack = [...this.#stack.slice(0, depth - 1), names];
    const fault = this.#claim(this.#stack.flat(), number, "section");
    if (fault !== undefined) return fault;
    this.#isLost = false;
    this.plainLines.push(
      `[${this.#stack
        .flat()
        .map((name) => name.replaceAll(".", DOT))
        .join(".")}]`,
    );
    return undefined;
  }

  #readKey(line: string, number: number): string | undefined {
    const [, written, text] = KEY_LINE.exec(line) ?? [];
    if (written === undefined || text === undefined) return `'${line}' is neither [section] nor key = value`;
    const key = unquoted(written);
    if (!KEY.test(key) || key === "__proto__")
      return `'${key}' cannot be a key: letters, digits, _ and - are allowed`;
    if (this.#isLost) return undefined;
    const fault = this.#claim([...this.#stack.flat(), key], number, "key");
    if (fault !== undefined) return fault;
    const scanned = scanValue(text);
    if ("fault" in scanned) return `${key}: ${scanned.fault}`;
    this.plainLines.push(...plainKey(key, scanned.value));
    return undefined;
  }

  #claim(path: readonly string[], line: number, what: "section" | "key"): string | undefined {
    const id = idOf(path);
    const before = this.#lines.get(id);
    if (before !== undefined) return `${path.join(".")} is given twice, here and in line ${before}`;
    const owner = path.findIndex((_, index) => this.#keys.has(idOf(path.slice(0, index))));
    if (owner >= 0) return `${path.join(".")} is inside ${path.slice(0, owner).join(".")}, which is a key`;
    if (what === "key" && [...this.#lines.keys()].some((other) => other.startsWith(`${id}\n`))) {
      return `${path.join(".")} is a key, but there is a section of that name`;
    }
    this.#lines.set(id, line);
    if (what === "key") this.#keys.add(id);
    return undefined;
  }
}

// Always quoted, so that `ini` takes the text as it is.
function plainKey(key: string, value: string | readonly string[]): string[] {
  if (typeof value === "string") return [`${key} = ${JSON.stringify(value)}`];
  return value.map((item) => `${key}[] = ${JSON.stringify(item)}`);
}

function plainSection(parsed: object): IniSection {
  const section: Record<string, IniValue> = Object.create(null);
  for (const [name, value] of Object.entries(parsed)) section[name.replaceAll(DOT, ".")] = plainValue(value);
  return section;
}

// `ini` turns the texts true, false and null into values; here all is text, for the schema to judge.
function plainValue(value: unknown): IniValue {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "object" && value !== null ? plainSection(value) : String(value);
}

// `[a.b]` is b in a; `[a\.b]` is one name with a dot.
function splitDots(name: string): string[] {
  return name.split(/(?<!\\)\./).map((part) => part.trim().replaceAll("\\.", "."));
}

function unquoted(text: string): string {
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text;
}

function idOf(path: readonly string[]): string {
  return path.join("\n");
}
