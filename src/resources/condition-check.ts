// Whether the condition of a job can ever hold, by what the tree declares: a mistyped one would cost a season of data.

import { VscopeError } from "../base/errors.ts";
import { targetOf } from "../client/resource-path.ts";
import { nearestName } from "../config/nearest-name.ts";
import type { Comparison } from "../scheduler/job.ts";
import type { AnyResource } from "./define.ts";
import { issueTexts } from "./issue-text.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";
import { printPath, type Router } from "./router.ts";

const SCALARS = ["number", "integer", "string", "boolean"];

/** Throws VALUE_INVALID with what is wrong and, for a mistyped name, the nearest known one. */
export function requireComparable(resources: readonly AnyResource[], wanted: Comparison): void {
  const { path, query } = targetOf(wanted.path);
  const found = declaredAt(resources, path);
  if (found?.get === undefined) throw unreadable(resources, path, found !== undefined);
  checkQuery(found, query);
  if (found.value !== undefined) checkValue(jsonSchemaOf(found.value), wanted);
}

/** A text when the kind of resource exists, but none of that name now: an unplugged device may come back. */
export function absenceOf<M>(router: Router<M>, wanted: Comparison): string | undefined {
  const { path } = targetOf(wanted.path);
  const { resource } = router.match(path);
  const present = [...router.instances()].filter((one) => one.resource === resource);
  const names = present.map((one) => printPath(one.path));
  const name = printPath(path);
  if (names.length === 0 || names.includes(name)) return undefined;
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  return `${name}: is not there now, and the condition does not hold until it is${hint}`;
}

function declaredAt(resources: readonly AnyResource[], path: readonly string[]): AnyResource | undefined {
  const placeholders = ({ path: template }: AnyResource): number => template.split("{").length;
  return resources
    .filter(({ path: template }) => printPath(path) === filled(template, path))
    .toSorted((a, b) => placeholders(a) - placeholders(b))[0];
}

/** The template with the segments of a path in the place of its placeholders. */
function filled(template: string, path: readonly string[]): string {
  const segments = template.split("/").slice(1);
  return printPath(segments.map((one, index) => (one.startsWith("{") ? (path[index] ?? one) : one)));
}

function unreadable(
  resources: readonly AnyResource[],
  path: readonly string[],
  isDeclared: boolean,
): VscopeError {
  const name = printPath(path);
  if (isDeclared) return invalid(name, "has no value to compare");
  const readable = resources.filter(({ get }) => get !== undefined);
  const known = [...new Set(readable.map(({ path: template }) => filled(template, path)))];
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? "vscope list shows what there is" : `did you mean ${nearest}?`;
  return invalid(name, `no such resource, ${hint}`);
}

function checkQuery({ query: schema, path }: AnyResource, query: readonly string[]): void {
  if (schema === undefined) return;
  const parameters = query.map((part) => /^([^=]*)=?(.*)$/s.exec(part)?.slice(1) ?? []);
  const parsed = schema.safeParse(Object.fromEntries(parameters), { reportInput: true });
  if (!parsed.success) throw invalid(path, issueTexts(schema, parsed.error.issues).join("; "));
}

function checkValue(schema: JsonSchema, { path, field, value }: Comparison): void {
  let found: readonly JsonSchema[] = alternatives(schema);
  let name = path;
  for (const part of field?.split(".") ?? []) {
    const inner = found.flatMap((one) => memberOf(one, part)).flatMap(alternatives);
    if (inner.length === 0) throw unknownMember(name, part, found);
    found = inner;
    name = name === path ? `${path} ${part}` : `${name}.${part}`;
  }
  const types = found.map(typeOf);
  if (types.includes(undefined)) return;
  const fitting = found.filter((one) => typeOf(one) === typeof value);
  if (fitting.length === 0) throw wrongType(name, found, value);
  const words = fitting.flatMap((one) => one.enum ?? (one.const === undefined ? [undefined] : [one.const]));
  if (words.includes(undefined) || words.includes(value)) return;
  const nearest = nearestName(String(value), words.map(String));
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  throw invalid(name, `is never ${JSON.stringify(value)}, but ${words.join(" or ")}${hint}`);
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return inner.length === 0 ? [schema] : inner.flatMap(alternatives);
}

function memberOf(schema: JsonSchema, name: string): readonly JsonSchema[] {
  const { properties = {}, additionalProperties: others = false, items } = schema;
  const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (own !== undefined) return [own];
  if (items !== undefined && /^\d{1,6}$/.test(name)) return [items];
  if (typeof others === "object") return [others];
  // Nothing is said about what it is.
  return others || schema.type === undefined ? [{}] : [];
}

/** As `typeof` has it; undefined when the schema leaves it open. */
function typeOf(schema: JsonSchema): string | undefined {
  const type = schema.type ?? (schema.enum === undefined ? undefined : typeof schema.enum[0]);
  return type === "integer" ? "number" : type?.toString();
}

function unknownMember(name: string, part: string, found: readonly JsonSchema[]): VscopeError {
  const known = found.flatMap(({ properties = {} }) => Object.keys(properties));
  if (known.length === 0) return invalid(name, `has no members, and so no ${part}`);
  const nearest = nearestName(part, known);
  const hint = nearest === undefined ? `it has ${known.join(", ")}` : `did you mean ${nearest}?`;
  return invalid(name, `has no member ${part}, ${hint}`);
}

function wrongType(name: string, found: readonly JsonSchema[], value: unknown): VscopeError {
  const members = found.flatMap(({ properties = {} }) => Object.keys(properties));
  if (!found.some((one) => SCALARS.includes(typeOf(one) ?? "")) && members.length > 0)
    return invalid(name, `is compared by a member, it has ${members.join(", ")}`);
  const types = [...new Set(found.map(typeOf))].join(" or ");
  return invalid(name, `is a ${types}, and never compares with ${JSON.stringify(value)}`);
}

function invalid(subject: string, fact: string): VscopeError {
  return new VscopeError("VALUE_INVALID", `condition on ${subject}: ${fact}`);
}
