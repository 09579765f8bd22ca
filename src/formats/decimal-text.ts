// Numbers as Java writes them, for files that look like those of the makers' program.

/** With so many decimals, halves away from zero; of the decimal text of the number, not of the binary fraction behind it. */
export function withDecimals(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return String(value);
  const text = String(Math.abs(value));
  if (text.includes("e")) return value.toFixed(decimals);
  const digits = Math.round(Number(`${text}e${decimals}`));
  const rounded = Number(`${digits}e-${decimals}`);
  return `${value < 0 && digits !== 0 ? "-" : ""}${rounded.toFixed(decimals)}`;
}

/** `5.000000E0`: no plus sign, and no zeros before the exponent. */
export function scientific(value: number): string {
  return value.toExponential(6).replace("e+", "E").replace("e", "E");
}
