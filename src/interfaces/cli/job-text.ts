// How people write parts of a job: durations and conditions, on the command line and in files of experiments.

import { definedOnly } from "../../base/defined-only.ts";
import { type Comparison, comparison } from "../../scheduler/job.ts";
import { parseValue } from "./value.ts";

const UNIT_S: Readonly<Record<string, number>> = { ms: 1e-3, s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** Seconds in `30s`, `10 min`, `2h`, `1 d`; undefined for another text. */
export function durationS(text: string): number | undefined {
  const [, number, unit = "s"] = /^\s*(-?\d+(?:\.\d+)?)\s*([a-z]+)?\s*$/.exec(text) ?? [];
  const seconds = Object.hasOwn(UNIT_S, unit) ? UNIT_S[unit] : undefined;
  return number === undefined || seconds === undefined ? undefined : Number(number) * seconds;
}

/** `/datadir freeBytes >= 1e9`; undefined for another text. */
export function conditionOf(text: string): Comparison | undefined {
  const found = /^(\/\S*)(?:\s+([\w.-]+))?\s*(<=|>=|!=|=|<|>)\s*(\S.*)$/.exec(text.trim());
  const [, path, field, is, value = ""] = found ?? [];
  const parsed = comparison.safeParse(definedOnly({ path, field, is, value: parseValue(value.trim()) }));
  return parsed.success ? parsed.data : undefined;
}
