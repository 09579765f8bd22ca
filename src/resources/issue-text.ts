// What a schema finds wrong with a value, in words for people: where, what was given, what is expected.

import { inspect } from "node:util";
import type { z } from "zod";
import { jsonSchemaOf } from "./json-schema.ts";

// A long list can be wrong in every element.
const MOST_ISSUES = 5;
const MOST_GIVEN = 60;

/** Such as `limit: '0', expected 1..500`, one for each issue; the last tells how many more there are. */
export function issueTexts(schema: z.ZodType, issues: readonly z.core.$ZodIssue[]): readonly string[] {
  const texts = issues.slice(0, MOST_ISSUES).map((issue) => issueText(schema, issue));
  return issues.length > MOST_ISSUES ? [...texts, `and ${issues.length - MOST_ISSUES} more`] : texts;
}

/** A value on one line, cut. */
export function givenText(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY }).slice(0, MOST_GIVEN);
}

function issueText(schema: z.ZodType, issue: z.core.$ZodIssue): string {
  const at = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  if (issue.code === "unrecognized_keys") return at + unknownText(schema, issue);
  const expected = /(?:^|: )(expected .*?)(?:, received .*)?$/.exec(issue.message)?.[1];
  if (expected === undefined) return at + issue.message;
  return `${at}${issue.input === undefined ? "missing" : givenText(issue.input)}, ${expected}`;
}

function unknownText(schema: z.ZodType, { keys, path }: z.core.$ZodIssueUnrecognizedKeys): string {
  const unknown = `unknown: ${keys.join(", ").slice(0, MOST_GIVEN)}`;
  const known = path.length > 0 ? [] : Object.keys(jsonSchemaOf(schema).properties ?? {});
  return known.length === 0 ? unknown : `${unknown}; known are ${known.join(", ")}`;
}
