// The vector of a value: declared by the resource, or the value itself where that is a list of numbers.

import type { AnyResource, Vector } from "../../../resources/define.ts";
import { type JsonSchema, jsonSchemaOf } from "../../../resources/json-schema.ts";

export function isVector({ vector, value }: AnyResource): boolean {
  return vector !== undefined || (value !== undefined && isNumbers(jsonSchemaOf(value)));
}

export function isNumbers({ items }: JsonSchema): boolean {
  return items !== undefined && (items.type === "number" || items.type === "integer");
}

export function vectorOf({ vector }: AnyResource, value: unknown): Vector | undefined {
  if (vector !== undefined) return vector(value);
  return isNumberList(value) ? { values: value, first: 0, step: 1 } : undefined;
}

export function isNumberList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}
