// A YAML file against a schema: every mistake at once, each with file, line, column and key.

import { isMap, isNode, isScalar, LineCounter, type Document, type Node, parseDocument } from "yaml";
import { z } from "zod";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { faultsOf, type Path } from "./mistake-text.ts";

/** Offset in the file, and what is wrong there. */
interface Mistake {
  readonly at: number;
  readonly text: string;
}

/** Throws VALUE_INVALID with all mistakes, a line each: "FILE:LINE:COLUMN: KEY: what is wrong, what is allowed". */
export function parseYaml<T>(schema: z.ZodType<T>, text: string, fileName: string): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const wrong = (mistakes: readonly Mistake[]): VscopeError => {
    const sorted = mistakes.toSorted((a, b) => a.at - b.at);
    const texts = sorted.map((one) => {
      const { line, col } = lines.linePos(one.at);
      return `${fileName}:${line || 1}:${col || 1}: ${one.text}`;
    });
    return new VscopeError("VALUE_INVALID", texts.join("\n"), { details: { usage: true } });
  };
  const broken = document.errors.map(({ pos, message }) => ({ at: pos[0], text: message }));
  if (broken.length > 0) throw wrong(broken);
  const { value, fault } = plain(document);
  if (fault !== undefined) throw wrong([{ at: 0, text: fault }]);
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const known = (path: Path): readonly string[] => knownAt(schema, path);
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, known));
  throw wrong(
    faults.map((fault) => ({
      at: offsetOf(document, fault.path),
      text: fault.path.length === 0 ? `the file ${fault.text}` : `${fault.path.join(".")}: ${fault.text}`,
    })),
  );
}

/** "FILE:LINE:COLUMN" of a key in a file that is well formed. */
export function whereInYaml(text: string, fileName: string, path: Path): string {
  const lines = new LineCounter();
  const { line, col } = lines.linePos(offsetOf(parseDocument(text, { lineCounter: lines }), path));
  return `${fileName}:${line || 1}:${col || 1}`;
}

// Names that stand for each other can make a small file a huge value; the package stops that with an error of its own.
function plain(document: Document): { readonly value?: unknown; readonly fault?: string } {
  try {
    return { value: document.toJS() };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

// Of the key where there is one: an empty value has no place. What is missing has none either; what it is missing in has.
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length);
    const node = keyAt(document, part) ?? nodeAt(document, part);
    if (node?.range) return node.range[0];
  }
  return 0;
}

function nodeAt(document: Document, path: Path): Node | undefined {
  const found: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(found) ? found : undefined;
}

function keyAt(document: Document, path: Path): Node | undefined {
  const parent = nodeAt(document, path.slice(0, -1));
  const name = path.at(-1);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === name);
  return isNode(pair?.key) ? pair.key : undefined;
}

/** The keys that the schema knows at a path. */
function knownAt(schema: unknown, path: Path): readonly string[] {
  const inner = unwrapped(schema);
  const [first, ...rest] = path;
  if (first === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  if (inner instanceof z.ZodObject) return knownAt(inner.shape[String(first)], rest);
  if (inner instanceof z.ZodRecord) return knownAt(inner.valueType, rest);
  if (inner instanceof z.ZodArray) return knownAt(inner.element, rest);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((one) => knownAt(one, path));
  return [];
}

function unwrapped(schema: unknown): unknown {
  const isWrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return isWrapped ? unwrapped(schema.unwrap()) : schema;
}
