// Holds the source against docs/architecture.md: import ranks, cycles, sizes, and what may not be used.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { type SourceFile, sourceFiles, sourceRoot } from "./support/sources.ts";

const document = readFileSync(new URL("docs/architecture.md", sourceRoot), "utf8");
const sources = sourceFiles("src");
const ranks = new Map(
  [...document.matchAll(/^\| (\d+) \| `(src[^`]*)` \|/gm)].map(([, rank, folder]) => [
    folder ?? "",
    Number(rank),
  ]),
);
const limit = (what: string): number => {
  const found = new RegExp(`^\\| ${what} \\| (\\d+) \\|$`, "m").exec(document);
  assert.ok(found, `docs/architecture.md has no limit for ${what}`);
  return Number(found[1]);
};
const exempt = /Tables of data are exempt from the line limit: (.*)\./.exec(document)?.[1] ?? "";

function folderOf(path: string): string {
  for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) {
    if (ranks.has(folder)) return folder;
  }
  assert.fail(`${path}: its folder is not in the rank table of docs/architecture.md`);
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isLazy: boolean;
}

function importsOf({ path, text }: SourceFile): readonly Import[] {
  const found = text.matchAll(/(?:from\s+|import\s+|import\(\s*)"(\.[^"]+)"/g);
  return [...found].map(([whole, specifier]) => ({
    from: path,
    to: posix.join(posix.dirname(path), specifier ?? ""),
    isLazy: whole.startsWith("import("),
  }));
}

const imports = sources.flatMap(importsOf);

test("the rank table names every folder that has files, and no other", () => {
  const used = new Set(sources.map(({ path }) => folderOf(path)));
  assert.deepEqual(
    [...ranks.keys()].filter((folder) => !used.has(folder)),
    [],
  );
});

test("files import from lower ranks or their own folder only", () => {
  const wrong = imports.filter(({ from, to }) => {
    const [own, other] = [folderOf(from), folderOf(to)];
    return own !== other && (ranks.get(other) ?? 0) >= (ranks.get(own) ?? 0);
  });
  assert.deepEqual(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test("the emulator is imported lazily and by the composition only", () => {
  const wrong = imports.filter(
    ({ from, to, isLazy }) =>
      to.startsWith("src/emulator/") &&
      !from.startsWith("src/emulator/") &&
      !(isLazy && folderOf(from) === "src/composition"),
  );
  const types = new Set(
    sources.flatMap(({ path, text }) =>
      [...text.matchAll(/import type [^;]*"(\.[^"]+)"/g)].map(
        ([, to]) => `${path} ${posix.join(posix.dirname(path), to ?? "")}`,
      ),
    ),
  );
  const running = wrong.filter(
    ({ from, to }) => !(folderOf(from) === "src/composition" && types.has(`${from} ${to}`)),
  );
  assert.deepEqual(
    running.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test("there are no import cycles and no barrels", () => {
  const graph = new Map(
    sources.map(({ path }) => [path, imports.filter(({ from }) => from === path).map(({ to }) => to)]),
  );
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `import cycle: ${[...trail, path].join(" > ")}`);
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  const entry = /One exception: `([^`]+)`/.exec(document)?.[1] ?? "";
  assert.deepEqual(
    sources.filter(({ path, text }) => path.endsWith("/index.ts") || isBarrel(text)).map(({ path }) => path),
    [entry],
  );
  assert.deepEqual(
    imports.filter(({ to }) => to === entry).map(({ from }) => from),
    [],
  );
});

/** Whether a file does nothing but re-export. */
function isBarrel(text: string): boolean {
  const code = text
    .replace(/^\s*\/\/.*$/gm, "")
    .replace(/export (?:type )?(?:\*|\{[^}]*\}) from "[^"]+";/g, "");
  return code.trim() === "";
}

test("files and functions keep to the limits", () => {
  const long = sources
    .filter(({ path }) => !exempt.includes(path))
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > limit("lines in a file"));
  assert.deepEqual(long, []);
  const functions = sources.flatMap((file) => functionsOf(file));
  const tooLong = functions.filter(({ lines }) => lines > limit("lines in a function"));
  assert.deepEqual(tooLong, []);
  const tooMany = functions.filter(({ parameters }) => parameters > limit("parameters of a function"));
  assert.deepEqual(tooMany, []);
});

interface FunctionSize {
  readonly where: string;
  readonly lines: number;
  readonly parameters: number;
}

// The formatter makes the shape of a function visible in its indentation: from the line that opens a body to the
// line that closes it at the same depth. TypeScript 7 has no parser to ask.
function functionsOf({ path, text }: SourceFile): readonly FunctionSize[] {
  const lines = text.split("\n");
  return lines.flatMap((line, start) => {
    const head =
      /^(\s*)(?:export )?(?:private )?(?:static )?(?:async )?(?:function\*? ?\w*|\*?#?\w+)(?:<.*>)?\((.*)/.exec(
        line,
      );
    const indent = head?.[1];
    if (indent === undefined || /^\s*(?:if|for|while|switch|return|catch|await|super)\b/.test(line))
      return [];
    const end = lines.findIndex((other, index) => index >= start && new RegExp(`^${indent}\\}`).test(other));
    const opens = lines.slice(start, end).findIndex((other) => other.endsWith("{"));
    if (end < 0 || opens < 0) return [];
    const isBody = !lines
      .slice(start, start + opens)
      .some((other) => new RegExp(`^${indent}\\S.*;$`).test(other));
    return isBody
      ? [{ where: `${path}:${start + 1}`, lines: end - start + 1, parameters: countParameters(lines, start) }]
      : [];
  });
}

function countParameters(lines: readonly string[], start: number): number {
  const text = lines.slice(start, start + 12).join("\n");
  const open = text.indexOf("(");
  let depth = 0;
  let count = 0;
  let any = false;
  let angle = 0;
  for (let index = open; index < text.length; index++) {
    const character = text[index] ?? "";
    if ("([{".includes(character)) depth += 1;
    else if (")]}".includes(character)) depth -= 1;
    else if (character === "<") angle += 1;
    else if (character === ">" && text[index - 1] !== "=") angle -= 1;
    else if (character === "," && depth === 1 && angle <= 0)
      count += /^\s*\)/.test(text.slice(index + 1)) ? 0 : 1;
    else if (depth >= 1 && /\S/.test(character)) any = true;
    if (depth === 0) break;
  }
  return any ? count + 1 - (/signal: AbortSignal/.test(text.slice(open, open + 600)) ? 1 : 0) : 0;
}

test("timers and the wall clock exist in base/clock.ts only", () => {
  const wrong = sources.filter(
    ({ path, text }) =>
      path !== "src/base/clock.ts" && /\b(?:setTimeout|setInterval|Date\.now)\(|node:timers/.test(text),
  );
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test("no escape from types without a reason, no default exports, no console", () => {
  const wrong = sources.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => {
      const code = line.replace(/\/\/.*$/, "").replace(/(["'`]).*?\1/g, '""');
      if (/^\s*(?:\*|\/\*|import|export \{)/.test(line)) return [];
      const isEscape =
        /\bany\b/.test(code.replace(/\bfor any\b/, "")) && /[:<]\s*any\b|\bas any\b/.test(code)
          ? "any"
          : /\bas (?!const\b)\w/.test(code) && !line.includes("// as: ")
            ? "as without a reason"
            : /\bconsole\./.test(code)
              ? "console"
              : /export default/.test(code)
                ? "default export"
                : /@ts-ignore|@ts-nocheck/.test(line)
                  ? "ts-ignore"
                  : undefined;
      return isEscape === undefined ? [] : [`${path}:${index + 1} ${isEscape}: ${line.trim()}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

test("errors are VscopeErrors outside base/", () => {
  const wrong = sources.flatMap(({ path, text }) =>
    path.startsWith("src/base/")
      ? []
      : text
          .split("\n")
          .flatMap((line, index) => (/\bnew Error\(/.test(line) ? [`${path}:${index + 1}`] : [])),
  );
  assert.deepEqual(wrong, []);
});
