// What can be asked of the catalogue, and the SQL conditions for it.

import { type Flag, flagMask } from "../spectra/flags.ts";
import type { SpectrumKind } from "../spectra/spectrum.ts";

/** All given members must hold. */
export interface SpectrumQuery {
  readonly run?: string;
  readonly batch?: number;
  readonly sequence?: number;
  readonly serial?: string;
  readonly channel?: string;
  readonly kind?: SpectrumKind;
  /** Only spectra that carry this quality flag. */
  readonly flag?: string;
  /** Only spectra that carry all these flags, and none of those. */
  readonly flags?: readonly Flag[];
  readonly flagsNone?: readonly Flag[];
  /** Exposures that began within this half-open range. */
  readonly fromUtcUs?: number;
  readonly toUtcUs?: number;
  /** 100 when absent. */
  readonly limit?: number;
  readonly offset?: number;
}

const CONDITIONS = {
  run: "run = @run",
  batch: "batch = @batch",
  sequence: "sequence = @sequence",
  serial: "serial = @serial",
  channel: "channel = @channel",
  kind: "kind = @kind",
  flag: "EXISTS (SELECT 1 FROM json_each(flags) WHERE value = @flag)",
  flags: "flagMask & @flags = @flags",
  flagsNone: "flagMask & @flagsNone = 0",
  fromUtcUs: "exposureStartUtcUs >= @fromUtcUs",
  toUtcUs: "exposureStartUtcUs < @toUtcUs",
} as const satisfies Partial<Record<keyof SpectrumQuery, string>>;

/** The WHERE clause and its values. Only names from the table above reach the SQL text. */
export function conditionsOf(query: SpectrumQuery): {
  readonly where: string;
  readonly values: Record<string, unknown>;
} {
  const given = Object.entries(query).filter(([name, value]) => name in CONDITIONS && value !== undefined);
  const conditions = Object.entries(CONDITIONS).filter(([name]) => given.some(([asked]) => asked === name));
  return {
    where:
      conditions.length === 0 ? "" : `WHERE ${conditions.map(([, condition]) => condition).join(" AND ")}`,
    values: Object.fromEntries(
      given.map(([name, value]) => [name, isNames(value) ? flagMask(value) : value]),
    ),
  };
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}
