// A configuration file against its schema: names made canonical, unknown ones found, values judged, and every mistake
// reported at once with file, line and key. Older files (their name tells) are read leniently: what is unknown there
// is ignored with a warning.

import { basename } from "node:path";
import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { type IniFile, type IniSection, type IniValue, type Mistake, readIni } from "./ini-file.ts";
import { nearestName } from "./nearest-name.ts";

export interface ConfigSchema<T> {
  readonly type: z.ZodType<T>;
  /** Older names of keys (in snake_case) and the present ones. camelCase needs no entry. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Sections of older files that have no meaning here, and why. */
  readonly ignoredSections: Readonly<Record<string, string>>;
}

export interface ReadConfig<T> {
  readonly config: T;
  /** Each with file and line: what was ignored. */
  readonly warnings: readonly string[];
}

const LEGACY_NAMES = ["piccolo.cfg", "piccolo.config"];
// What a ConfigObj specification looks like when it was left in the file as a value.
const PLACEHOLDER = /^(?:float|integer|boolean|string|option)\(.*\)$/;

/** True for the file names of piccolo3. */
export function isLegacyFile(fileName: string): boolean {
  return LEGACY_NAMES.includes(basename(fileName));
}

/** Reads a file's text. Throws CONFIG_INVALID with all mistakes, a line each; `details.mistakes` lists them. */
export function readConfigText<T>(schema: ConfigSchema<T>, text: string, fileName: string): ReadConfig<T> {
  const ini = readIni(text);
  const reader = new ConfigReader(schema, ini, isLegacyFile(fileName));
  const result = schema.type.safeParse(reader.canonical(ini.root, schema.type, { given: [], canonical: [] }));
  const mistakes = [...ini.mistakes, ...reader.mistakes];
  for (const issue of result.error?.issues ?? [])
    mistakes.push(reader.mistakeOf(issue.path.map(String), issue));
  if (result.success && mistakes.length === 0) {
    return { config: result.data, warnings: located(reader.warnings(), fileName) };
  }
  const lines = located(mistakes, fileName);
  throw new VscopeError("CONFIG_INVALID", lines.join("\n"), { details: { file: fileName, mistakes: lines } });
}

function located(remarks: readonly Mistake[], fileName: string): string[] {
  const sorted = [...remarks].sort((a, b) => a.line - b.line);
  return sorted.map(({ line, text }) =>
    line === 0 ? `${fileName}: ${text}` : `${fileName}:${line}: ${text}`,
  );
}

/** Where a key stands: as the file words it, and as the schema does. */
interface Place {
  readonly given: readonly string[];
  readonly canonical: readonly string[];
}

class ConfigReader {
  readonly mistakes: Mistake[] = [];
  readonly #warnings: Mistake[] = [];
  /** Unknown keys of older files, by section: one warning for each section. */
  readonly #ignoredKeys = new Map<string, { readonly line: number; readonly names: string[] }>();
  readonly #givenPaths = new Map<string, readonly string[]>();
  readonly #schema: Pick<ConfigSchema<unknown>, "aliases" | "ignoredSections">;
  readonly #ini: IniFile;
  readonly #isLegacy: boolean;

  constructor(
    schema: Pick<ConfigSchema<unknown>, "aliases" | "ignoredSections">,
    ini: IniFile,
    isLegacy: boolean,
  ) {
    this.#schema = schema;
    this.#ini = ini;
    this.#isLegacy = isLegacy;
  }

  /** The section with canonical names, without what is ignored. */
  canonical(section: IniSection, type: unknown, place: Place): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const known = knownNames(type);
    for (const [written, value] of Object.entries(section)) {
      const given = [...place.given, written];
      if (this.#isIgnored(given, value)) continue;
      const name = known === undefined ? written : this.#canonicalName(written, known);
      if (name === undefined) {
        this.#unknown(given, known ?? [], typeof value === "object" && !Array.isArray(value));
        continue;
      }
      if (value === "") continue; // a key without a value has its default
      const canonical = [...place.canonical, name];
      this.#note(canonical, given);
      const member = memberType(type, name);
      const isNested = isSection(value) && (member instanceof z.ZodObject || member instanceof z.ZodRecord);
      result[name] = isNested ? this.canonical(value, member, { given, canonical }) : value;
    }
    return result;
  }

  mistakeOf(path: readonly string[], issue: { readonly code?: string; readonly message: string }): Mistake {
    const given = this.#givenPath(path);
    const text = issue.code === "invalid_type" ? "a section is expected here" : issue.message;
    return { line: this.#ini.lineOf(given), text: given.length === 0 ? text : `${given.join(".")}: ${text}` };
  }

  warnings(): Mistake[] {
    const keys = [...this.#ignoredKeys].map(([section, { line, names }]) => ({
      line,
      text: `[${section}]: ignored: ${names.join(", ")}: unknown here`,
    }));
    return [...this.#warnings, ...keys];
  }

  #isIgnored(given: readonly string[], value: IniValue): boolean {
    const name = given.at(-1) ?? "";
    const reason = given.length === 1 ? this.#schema.ignoredSections[name] : undefined;
    const line = this.#ini.lineOf(given);
    if (reason !== undefined && isSection(value)) {
      this.#warnings.push({ line, text: `[${name}]: ignored: ${reason}` });
      return true;
    }
    if (name === "__many__" || (typeof value === "string" && PLACEHOLDER.test(value))) {
      this.#warnings.push({
        line,
        text: `${given.join(".")}: ignored: a placeholder of the old sample file`,
      });
      return true;
    }
    return false;
  }

  // The name itself, its snake_case, or what an older name stands for.
  #canonicalName(written: string, known: readonly string[]): string | undefined {
    const snake = written.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
    const candidates = [written, snake, this.#schema.aliases[snake]];
    return candidates.find((name) => name !== undefined && known.includes(name));
  }

  #unknown(given: readonly string[], known: readonly string[], isSectionName: boolean): void {
    const line = this.#ini.lineOf(given);
    const name = given.at(-1) ?? "";
    if (this.#isLegacy && isSectionName) {
      this.#warnings.push({ line, text: `[${given.join(".")}]: ignored: unknown here` });
    } else if (this.#isLegacy) {
      const section = given.slice(0, -1).join(".");
      const ignored = this.#ignoredKeys.get(section) ?? {
        line: this.#ini.lineOf(given.slice(0, -1)) || line,
        names: [],
      };
      ignored.names.push(name);
      this.#ignoredKeys.set(section, ignored);
    } else {
      const nearest = nearestName(name, known);
      const hint = nearest === undefined ? `known are ${known.join(", ")}` : `did you mean ${nearest}?`;
      this.mistakes.push({
        line,
        text: `${given.join(".")}: unknown ${isSectionName ? "section" : "key"}, ${hint}`,
      });
    }
  }

  #note(canonical: readonly string[], given: readonly string[]): void {
    const id = canonical.join("\n");
    const before = this.#givenPaths.get(id);
    if (before !== undefined) {
      const text = `${given.join(".")}: the same as ${before.at(-1)} in line ${this.#ini.lineOf(before)}`;
      this.mistakes.push({ line: this.#ini.lineOf(given), text });
    }
    this.#givenPaths.set(id, given);
  }

  // Names that are not written in the file stay as the schema has them.
  #givenPath(canonical: readonly string[]): readonly string[] {
    for (let length = canonical.length; length > 0; length--) {
      const given = this.#givenPaths.get(canonical.slice(0, length).join("\n"));
      if (given !== undefined) return [...given, ...canonical.slice(length)];
    }
    return canonical;
  }
}

function isSection(value: IniValue): value is IniSection {
  return typeof value === "object" && !Array.isArray(value);
}

/** The names that a section of this type may have; undefined where the user chooses them. */
function knownNames(type: unknown): readonly string[] | undefined {
  const inner = unwrapped(type);
  if (inner instanceof z.ZodRecord) return undefined;
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function memberType(type: unknown, name: string): unknown {
  const inner = unwrapped(type);
  if (inner instanceof z.ZodRecord) return unwrapped(inner.valueType);
  return inner instanceof z.ZodObject ? unwrapped(inner.shape[name]) : undefined;
}

function unwrapped(type: unknown): unknown {
  const isWrapped =
    type instanceof z.ZodPrefault || type instanceof z.ZodDefault || type instanceof z.ZodOptional;
  return isWrapped ? unwrapped(type.unwrap()) : type;
}
