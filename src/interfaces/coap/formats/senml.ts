// SenML (RFC 8428) in JSON and CBOR: one record for each number, truth or text, in base units. Names are the path and
// the member or pixel; a spectrum has the start of its exposure as base time. Lists of anything else are left out.

import type { AnyResource, Vector } from "../../../resources/define.ts";
import { type JsonSchema, jsonSchemaOf } from "../../../resources/json-schema.ts";
import { isMembers } from "../../../resources/merge-patch.ts";
import { FORMAT } from "../content-formats.ts";
import { encodeCbor } from "./cbor.ts";
import type { Format, Subject } from "./format.ts";
import { type Unit, unitInName, unitOf } from "./units.ts";
import { isNumberList, isNumbers, isVector, vectorOf } from "./vector.ts";

/** RFC 8428 section 4.3, and its labels in CBOR, section 6. */
const LABELS = { bn: -2, bt: -3, bu: -4, n: 0, u: 1, v: 2, vs: 3, vb: 4 } as const;

type Name = keyof typeof LABELS;
type SenmlRecord = { [K in Name]?: string | number | boolean };

export const SENML_JSON: Format = {
  number: FORMAT.senmlJson,
  fits: isMeasured,
  encode: (value, subject) => Buffer.from(JSON.stringify(pack(value, subject)), "utf8"),
};

export const SENML_CBOR: Format = {
  number: FORMAT.senmlCbor,
  fits: isMeasured,
  encode: (value, subject) => encodeCbor(pack(value, subject).map(labelled)),
};

function isMeasured(resource: AnyResource): boolean {
  return isVector(resource) || (resource.value !== undefined && hasRecords(jsonSchemaOf(resource.value)));
}

function hasRecords(schema: JsonSchema): boolean {
  const { type, anyOf, properties, additionalProperties } = schema;
  if (anyOf !== undefined) return anyOf.every(hasRecords);
  if (type === "object") {
    const members = Object.values(properties ?? {});
    const rest = typeof additionalProperties === "object" ? [additionalProperties] : [];
    return members.length + rest.length > 0 && [...members, ...rest].every(hasRecords);
  }
  return isNumbers(schema) || ["number", "integer", "boolean", "string", "null"].includes(String(type));
}

/** The records; what they have in common is in the first (section 4.6 resolves it). */
function pack(value: unknown, { resource, path }: Subject): readonly SenmlRecord[] {
  const vector = vectorOf(resource, value);
  const unit = unitOf(resource.unit);
  const records = vector === undefined ? recordsOf(value, [], unit) : vectorRecords(vector, unit);
  if (isMembers(value) && vector !== undefined) records.push(...membersBut(vector.member, value));
  const [first, ...others] = records;
  if (first === undefined) return [];
  const base = `${path.map(legal).join("/")}${first.n === undefined ? "" : "/"}`;
  return [{ bn: base, ...commonOf(vector, unit), ...first }, ...others];
}

function commonOf(vector: Vector | undefined, unit: Unit | undefined): SenmlRecord {
  if (vector === undefined) return {};
  return {
    ...(vector.utcS === undefined ? {} : { bt: vector.utcS }),
    ...(unit === undefined ? {} : { bu: unit.name }),
  };
}

function vectorRecords({ values, first, step }: Vector, unit: Unit | undefined): SenmlRecord[] {
  const divisor = unit?.divisor ?? 1;
  return values.flatMap((value, index) =>
    value === null || !Number.isFinite(value)
      ? []
      : [{ n: String(first + index * step), v: value / divisor }],
  );
}

function membersBut(vector: string | undefined, value: Readonly<Record<string, unknown>>): SenmlRecord[] {
  return Object.entries(value).flatMap(([name, member]) =>
    name === vector ? [] : recordsOfMember(name, member, []),
  );
}

function recordsOf(value: unknown, at: readonly string[], unit: Unit | undefined): SenmlRecord[] {
  const named = at.length === 0 ? {} : { n: at.map(legal).join("/") };
  if (typeof value === "number")
    return !Number.isFinite(value) ? [] : [{ ...named, ...measured(value, unit) }];
  if (typeof value === "boolean") return [{ ...named, vb: value }];
  if (typeof value === "string") return [{ ...named, vs: value }];
  if (isNumberList(value)) return value.flatMap((one, index) => recordsOf(one, [...at, String(index)], unit));
  if (!isMembers(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => recordsOfMember(name, member, at));
}

function recordsOfMember(member: string, value: unknown, at: readonly string[]): SenmlRecord[] {
  const { name, unit } = unitInName(member);
  return recordsOf(value, [...at, name], unit);
}

function measured(value: number, unit: Unit | undefined): SenmlRecord {
  return unit === undefined ? { v: value } : { u: unit.name, v: value / unit.divisor };
}

// Section 4.5.1: letters, digits and - : . / _ only.
function legal(segment: string): string {
  return segment.replace(/[^A-Za-z0-9\-:._]/g, "_");
}

function labelled(record: SenmlRecord): ReadonlyMap<number, unknown> {
  const labels = new Map<number, unknown>();
  for (const name of NAMES) if (record[name] !== undefined) labels.set(LABELS[name], record[name]);
  return labels;
}

const NAMES: readonly Name[] = ["bn", "bt", "bu", "n", "u", "v", "vs", "vb"];
