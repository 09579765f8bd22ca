// What can be asked of the catalogue, and the SQL conditions for it.

import type { Flag } from "../spectra/flags.ts";
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
  fromUtcUs: "exposureStartUtcUs >= @fromUtcUs",
  toUtcUs: "exposureStartUtcUs < @toUtcUs",
} as const satisfies Partial<Record<keyof SpectrumQuery, string>>;

interface Condition {
  readonly sql: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The WHERE clause and its values. Only names from the table above, and numbers, reach the SQL text. */
export function conditionsOf(query: SpectrumQuery): {
  readonly where: string;
  readonly values: Readonly<Record<string, unknown>>;
} {
  const { flags = [], flagsNone = [], ...others } = query;
  const all = [
    ...Object.entries(CONDITIONS).flatMap(([name, sql]): readonly Condition[] => {
      const value: unknown = Reflect.get(others, name);
      return value === undefined ? [] : [{ sql, values: { [name]: value } }];
    }),
    ...flags.map((flag, index) => carries(flag, `flag${index}`, "> 0")),
    ...flagsNone.map((flag, index) => carries(flag, `none${index}`, "= 0")),
  ];
  return {
    where: all.length === 0 ? "" : `WHERE ${all.map(({ sql }) => sql).join(" AND ")}`,
    values: Object.assign({}, ...all.map(({ values }) => values)),
  };
}

// Flags are stored as JSON, `["saturated","sun_low"]`; to look for one in the text is as fast as for a bit in a mask.
function carries(flag: Flag, name: string, fits: "> 0" | "= 0"): Condition {
  return { sql: `instr(flags, @${name}) ${fits}`, values: { [name]: `"${flag}"` } };
}
