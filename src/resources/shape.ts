// What a value looks like, in a line for people, from its schema.

import type { z } from "zod";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";

/** Such as `{ mode: "normal" or "hardware", timeoutS?: number }`. */
export function shapeOf(schema: z.ZodType): string {
  return print(jsonSchemaOf(schema));
}

function print(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  if (schema.properties) {
    const members = Object.entries(schema.properties).map(
      ([name, member]) => `${name}${schema.required?.includes(name) ? "" : "?"}: ${print(member)}`,
    );
    return `{ ${members.join(", ")} }`;
  }
  if (schema.prefixItems) return `[${schema.prefixItems.map(print).join(", ")}]`;
  if (schema.items) return `[${print(schema.items)}]`;
  if (typeof schema.additionalProperties === "object")
    return `{ name: ${print(schema.additionalProperties)} }`;
  if (schema.anyOf) return schema.anyOf.map(print).join(" or ");
  return [schema.type ?? "anything"].flat().join(" or ");
}
