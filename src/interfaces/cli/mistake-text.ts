// What a schema finds wrong with a value in a file, in words for people: what is given, and what is allowed.

import { inspect } from "node:util";
import type { z } from "zod";
import { nearestName } from "../../config/nearest-name.ts";

type Issue = z.core.$ZodIssue;
export type Path = readonly (string | number)[];

/** One thing that is wrong, and where. */
export interface Fault {
  readonly path: Path;
  readonly text: string;
}

const MOST_GIVEN = 60;
const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "keys with their values",
  record: "keys with their values",
};

/** The faults of an issue, with the keys of unknown ones; `known` tells which keys there are at a path. */
export function faultsOf(issue: Issue, known: (path: Path) => readonly string[]): readonly Fault[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: [...path, key],
      text: `unknown key, ${hint(key, known(path))}`,
    }));
  const inner = innerIssues(issue);
  if (inner === undefined) return [{ path, text: textOf(issue) }];
  return inner.flatMap((one) => faultsOf({ ...one, path: [...issue.path, ...one.path] }, known));
}

/** `did you mean x?`, or what is allowed. */
export function hint(given: string, known: readonly string[]): string {
  const nearest = nearestName(given, known);
  return nearest === undefined ? `known are ${known.join(", ") || "none"}` : `did you mean ${nearest}?`;
}

// Of the forms that a value may have, the one it was probably meant to have.
function innerIssues(issue: Issue): readonly Issue[] | undefined {
  if (issue.code === "invalid_key") return issue.issues;
  if (issue.code !== "invalid_union") return undefined;
  return issue.errors.find((branch) => !branch.some(isOfAnotherKind));
}

function isOfAnotherKind({ code, path }: Issue): boolean {
  return code === "invalid_type" && path.length === 0;
}

function textOf(issue: Issue): string {
  const { input, message } = issue;
  if (issue.code === "custom") return message;
  if (input === undefined) return `is missing, expected ${expectedOf(issue)}`;
  const given = inspect(input, { depth: 1, breakLength: Number.POSITIVE_INFINITY }).slice(0, MOST_GIVEN);
  if (issue.code === "invalid_value") {
    const words = issue.values.map(String);
    return `${given} is not ${words.join(", ")}${near(given.replaceAll("'", ""), words)}`;
  }
  if (issue.code === "too_small" || issue.code === "too_big") return sizeText(issue, given);
  return input === null
    ? `is empty, expected ${expectedOf(issue)}`
    : `${given}, expected ${expectedOf(issue)}`;
}

function near(given: string, words: readonly string[]): string {
  const nearest = nearestName(given, words);
  return nearest === undefined ? "" : `, did you mean ${nearest}?`;
}

function sizeText(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig, given: string): string {
  const isNumber = ["number", "int"].includes(issue.origin);
  const [what, subject] = isNumber
    ? ["", given]
    : [` ${issue.origin === "array" ? "entries" : "long"}`, "it"];
  if (issue.code === "too_small")
    return `${subject} is ${isNumber ? "below" : "less than"} ${issue.minimum}${what}`;
  return `${subject} is ${isNumber ? "above" : "more than"} ${issue.maximum}${what}`;
}

// Schemas of this project say in their own words what they expect; the package's words are its own.
function expectedOf(issue: Issue): string {
  if (issue.message.startsWith("expected ")) return issue.message.slice("expected ".length);
  if (issue.code === "invalid_union") {
    const kinds = issue.errors.flatMap((branch) => branch.filter(isOfAnotherKind).map(expectedOf));
    return [...new Set(kinds)].join(" or ") || "something else";
  }
  if (issue.code === "invalid_value") return issue.values.map(String).join(", ");
  return issue.code === "invalid_type" ? (KINDS[issue.expected] ?? issue.expected) : issue.message;
}
