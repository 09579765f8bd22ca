// Writes a radiometric calibration as the text that calibration-file.ts and radiometric.ts read. Pure.

import { type RadiometricCalibration, QUANTITIES } from "../radiometric.ts";

/** An error of an error is known no better. */
const NOISE_DIGITS = 3;

/** The text of a file; `remarks` stand above the header, a line each. Factors come back to the last bit. */
export function calibrationText(
  calibration: Omit<RadiometricCalibration, "source">,
  remarks: readonly string[] = [],
): string {
  const { quantity, serial, channel, date, validUntilUtcUs, axis, factors } = calibration;
  const { systematicUncertainty, factorNoise } = calibration;
  const header = [
    ["kind", quantity],
    ["units", QUANTITIES[quantity]],
    ["serial", serial],
    ["channel", channel],
    ...(date === undefined ? [] : [["date", date]]),
    ...(validUntilUtcUs === undefined
      ? []
      : [["valid_until", new Date(validUntilUtcUs / 1000).toISOString().slice(0, 10)]]),
    ...(systematicUncertainty === undefined
      ? []
      : [
          ["uncertainty_percent", systematicUncertainty * 100],
          ["coverage_factor", 1],
        ]),
  ];
  const noiseAt = (row: number): string => {
    const share = factorNoise?.[row];
    return share === undefined ? "" : `, ${(100 * share).toPrecision(NOISE_DIGITS)}`;
  };
  const rows = Array.from(factors.values, (value, row) => {
    return `${factors.wavelengthsNm[row]}, ${value}${noiseAt(row)}`;
  });
  const columns = axis === "pixel" ? "pixel, factor" : "wavelength_nm, factor";
  return [
    ...remarks.map((remark) => `## ${remark.replaceAll(/\s+/g, " ")}`),
    ...header.map(([key, value]) => `# ${key}: ${value}`),
    factorNoise === undefined ? columns : `${columns}, noise_percent`,
    ...rows,
    "",
  ].join("\n");
}
