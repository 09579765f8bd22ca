// Units of this server's values as SenML has them: base units only, RFC 8428 section 12.1. A resource declares its unit
// (UCUM); a member has it at the end of its name.

export interface Unit {
  /** The name in the SenML registry. */
  readonly name: string;
  /** What a value is divided by to be in that unit: exact for the powers of ten that are used. */
  readonly divisor: number;
}

const SECONDS = { name: "s", divisor: 1 };
const CELSIUS = { name: "Cel", divisor: 1 };
const BYTES = { name: "B", divisor: 1 };
const RATIO = { name: "/", divisor: 100 };
const MICROSECONDS = { name: "s", divisor: 1e6 };
const NANOMETRES = { name: "m", divisor: 1e9 };
const MICROMETRES = { name: "m", divisor: 1e6 };

const DECLARED: ReadonlyMap<string, Unit> = new Map([
  ["s", SECONDS],
  ["us", MICROSECONDS],
  ["nm", NANOMETRES],
  ["um", MICROMETRES],
  ["Cel", CELSIUS],
  ["By", BYTES],
  ["%", RATIO],
  ["count", { name: "count", divisor: 1 }],
]);

const ENDINGS: readonly (readonly [string, Unit])[] = [
  ["Us", MICROSECONDS],
  ["Nm", NANOMETRES],
  ["Um", MICROMETRES],
  ["Percent", RATIO],
  ["Bytes", BYTES],
  ["C", CELSIUS],
  ["S", SECONDS],
];

/** Of a declared unit; undefined when SenML has none for it. */
export function unitOf(declared: string | undefined): Unit | undefined {
  return declared === undefined ? undefined : DECLARED.get(declared);
}

/** A member's name without its unit, and the unit: `integrationTimeUs` is `integrationTime` in seconds. */
export function unitInName(member: string): { readonly name: string; readonly unit?: Unit } {
  for (const [ending, unit] of ENDINGS) {
    const name = member.slice(0, -ending.length);
    if (member.endsWith(ending) && /[a-z0-9]$/.test(name)) return { name, unit };
  }
  return { name: member };
}
