// JSON as Python writes it, which piccolo3's clients have always read: ", " and ": " between, plain ASCII, and a point in
// every number that is a float there.

/** A number that has a point in the text, also when it is whole: 80.0. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export function jsonText(value: unknown): string {
  if (value instanceof Float) return floatText(value.value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(", ")}]`;
  if (typeof value === "object" && value !== null) return objectText(value);
  return asciiOnly(JSON.stringify(value) ?? "null");
}

function objectText(value: object): string {
  const members = Object.entries(value).map(([name, member]) => `${jsonText(name)}: ${jsonText(member)}`);
  return `{${members.join(", ")}}`;
}

function floatText(value: number): string {
  if (!Number.isFinite(value)) return "null";
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : String(value);
}

function asciiOnly(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
