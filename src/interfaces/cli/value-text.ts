// Values for people: numbers with units, objects as aligned lines, lists of objects as tables, long lists by their ends.

import { type Column, renderTable } from "./table.ts";

const LONGEST_LIST = 16;

/** A number, text, boolean or null in one line; undefined for anything larger. */
export function scalarText(value: unknown, unit?: string): string | undefined {
  if (value === null) return "-";
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "string") return printable(value);
  if (typeof value === "number") return unit === undefined ? String(value) : `${value} ${unitText(unit)}`;
  return undefined;
}

/** Any value, on as many lines as it needs. */
export function valueText(value: unknown, unit?: string): string {
  if (value === undefined) return "";
  // A long text, such as a configuration, is shown as it is.
  if (typeof value === "string" && value.includes("\n")) return value;
  if (isRecords(value)) return recordsText(value);
  return isRecord(value) ? recordText(value) : inlineText(value, unit);
}

/** Any value in one line. */
export function inlineText(value: unknown, unit?: string): string {
  const scalar = scalarText(value, unit);
  if (scalar !== undefined) return scalar;
  if (Array.isArray(value) && !value.some(isRecord)) return listText(value, unit);
  if (!isRecord(value)) return printable(JSON.stringify(value) ?? "");
  return Object.entries(value)
    .map(([key, member]) => `${printable(key)}=${memberText(member)}`)
    .join(" ");
}

function memberText(value: unknown): string {
  return scalarText(value) ?? printable(JSON.stringify(value) ?? "");
}

/** Units as people write them; the wire uses UCUM. */
export function unitText(unit: string): string {
  if (unit === "Cel") return "°C";
  return unit === "By" ? "bytes" : unit;
}

/** Text without control characters: nothing a server says may move the cursor. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listText(values: readonly unknown[], unit?: string): string {
  const suffix = unit === undefined ? "" : ` ${unitText(unit)}`;
  const text = (part: readonly unknown[]): string => part.map((value) => inlineText(value)).join(", ");
  if (values.length <= LONGEST_LIST) return values.length === 0 ? "none" : text(values) + suffix;
  return `${text(values.slice(0, 3))} .. ${text(values.slice(-1))}${suffix} (${values.length} values)`;
}

function isRecords(value: unknown): value is readonly Record<string, unknown>[] {
  return Array.isArray(value) && value.length > 0 && value.every(isRecord);
}

// Members in lines; those that are lists of objects follow as tables. The resource's unit is not that of every member.
function recordText(record: Record<string, unknown>): string {
  const tables = Object.entries(record).flatMap(([key, value]) =>
    isRecords(value) ? [`${printable(key)}:\n${recordsText(value)}`] : [],
  );
  return [renderTable([{ heading: "" }, { heading: "" }], memberRows(record, "")), ...tables]
    .filter(Boolean)
    .join("\n");
}

function memberRows(record: Record<string, unknown>, prefix: string): string[][] {
  return Object.entries(record).flatMap(([key, value]) => {
    const name = printable(prefix + key);
    if (prefix === "" && isRecords(value)) return [];
    return isRecord(value) ? memberRows(value, `${prefix}${key}.`) : [[name, inlineText(value)]];
  });
}

function recordsText(records: readonly Record<string, unknown>[]): string {
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const columns = keys.map((heading): Column => {
    const isNumeric = records.every(
      (record) => record[heading] === undefined || typeof record[heading] === "number",
    );
    return { heading: printable(heading), align: isNumeric ? "right" : "left" };
  });
  const cell = (value: unknown): string => (value === undefined ? "" : inlineText(value));
  return renderTable(
    columns,
    records.map((record) => keys.map((key) => cell(record[key]))),
  );
}

/** How something ended; what failed and has spectra all the same is not lost. */
export function outcomeText(outcome: string, result: unknown): string {
  if (outcome !== "failed" || typeof result !== "object" || result === null) return outcome;
  const { spectra }: { readonly spectra?: unknown } = result;
  return typeof spectra === "number" && spectra > 0 ? "failed in part" : outcome;
}
