// A schema as JSON Schema: what documents print and formats are derived from.

import { z } from "zod";

export interface JsonSchema {
  /** What a member counts in and what it means, where its declaration says so. */
  readonly unit?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
}

const known = new WeakMap<z.ZodType, JsonSchema>();

/** Of what goes in: transforms and defaults are left out. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const json: unknown = z.toJSONSchema(schema, { unrepresentable: "any", io: "input" });
  const made = json as JsonSchema; // as: a JSON Schema by contract of zod
  known.set(schema, made);
  return made;
}
