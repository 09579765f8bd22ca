// Writes a radiometric calibration as the text that calibration-file.ts and radiometric.ts read. Pure.

import { type RadiometricCalibration, QUANTITIES } from "../radiometric.ts";

/** The text of a file; `remarks` stand above the header, a line each. Numbers come back to the last bit. */
export function calibrationText(
  calibration: Omit<RadiometricCalibration, "source">,
  remarks: readonly string[] = [],
): string {
  const { quantity, serial, channel, date, validUntilUtcUs, axis, factors, systematicUncertainty } =
    calibration;
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
  const rows = Array.from(factors.values, (value, row) => `${factors.wavelengthsNm[row]}, ${value}`);
  return [
    ...remarks.map((remark) => `## ${remark.replaceAll(/\s+/g, " ")}`),
    ...header.map(([key, value]) => `# ${key}: ${value}`),
    axis === "pixel" ? "pixel, factor" : "wavelength_nm, factor",
    ...rows,
    "",
  ].join("\n");
}
