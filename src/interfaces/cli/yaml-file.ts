// A YAML file against a schema: every mistake at once, each with file, line, key and, for a mistyped key, the nearest one.

import { isMap, isNode, isScalar, LineCounter, type Document, type Node, parseDocument } from "yaml";
import { z } from "zod";
import { VscopeError } from "../../base/errors.ts";
import { nearestName } from "../../config/nearest-name.ts";

interface Mistake {
  readonly line: number;
  readonly text: string;
}

type Issue = z.core.$ZodIssue;

/** Throws VALUE_INVALID with all mistakes, a line each: "FILE:LINE: KEY: what is wrong". */
export function parseYaml<T>(schema: z.ZodType<T>, text: string, fileName: string): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors.map(({ pos, message }) => ({
    line: lines.linePos(pos[0]).line,
    text: message,
  }));
  if (broken.length > 0) throw wrong(broken, fileName);
  const parsed = schema.safeParse(plain(document, fileName));
  if (parsed.success) return parsed.data;
  const line = (node: Node | undefined): number => lines.linePos(node?.range?.[0] ?? 0).line;
  throw wrong(
    parsed.error.issues.flatMap((issue) => mistakesOf(issue, { schema, document, line })),
    fileName,
  );
}

// Names that stand for each other can make a small file a huge value; the package stops that with an error of its own.
function plain(document: Document, fileName: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw wrong([{ line: 1, text: error instanceof Error ? error.message : String(error) }], fileName);
  }
}

function wrong(mistakes: readonly Mistake[], fileName: string): VscopeError {
  const sorted = mistakes.toSorted((a, b) => a.line - b.line);
  const text = sorted.map((one) => `${fileName}:${one.line}: ${one.text}`).join("\n");
  return new VscopeError("VALUE_INVALID", text, { details: { usage: true } });
}

interface Place {
  readonly schema: z.ZodType;
  readonly document: Document;
  readonly line: (node: Node | undefined) => number;
}

function mistakesOf(issue: Issue, { schema, document, line }: Place): readonly Mistake[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code !== "unrecognized_keys") {
    const given = nodeAt(document, path);
    // What is missing has no line; what it is missing in has.
    return [
      {
        line: line(given ?? keyAt(document, path) ?? nodeAt(document, path.slice(0, -1))),
        text: words(path, issue),
      },
    ];
  }
  const known = knownAt(schema, path);
  return issue.keys.map((key) => {
    const nearest = nearestName(key, known);
    const hint = nearest === undefined ? `known are ${known.join(", ")}` : `did you mean ${nearest}?`;
    return {
      line: line(keyAt(document, [...path, key])),
      text: `${[...path, key].join(".")}: unknown key, ${hint}`,
    };
  });
}

function words(path: readonly (string | number)[], { message }: Issue): string {
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}

function nodeAt(document: Document, path: readonly (string | number)[]): Node | undefined {
  const found: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(found) ? found : undefined;
}

function keyAt(document: Document, path: readonly (string | number)[]): Node | undefined {
  const parent = nodeAt(document, path.slice(0, -1));
  const name = path.at(-1);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === name);
  return isNode(pair?.key) ? pair.key : undefined;
}

/** The keys that the schema knows at a path. */
function knownAt(schema: unknown, path: readonly (string | number)[]): readonly string[] {
  const inner = unwrapped(schema);
  const [first, ...rest] = path;
  if (first === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  if (inner instanceof z.ZodObject) return knownAt(inner.shape[String(first)], rest);
  if (inner instanceof z.ZodRecord) return knownAt(inner.valueType, rest);
  if (inner instanceof z.ZodArray) return knownAt(inner.element, rest);
  return [];
}

function unwrapped(schema: unknown): unknown {
  const isWrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return isWrapped ? unwrapped(schema.unwrap()) : schema;
}
