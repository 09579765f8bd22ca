// Calibration files and what they make of counts per second, against numbers computed by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readCalibrationText } from "../../src/spectra/calibration-file.ts";
import { valueAt } from "../../src/spectra/curve.ts";
import { panelOf } from "../../src/spectra/panel.ts";
import {
  calibrated,
  factorsOfEnergy,
  radiometricCalibrationOf,
  unitFactor,
} from "../../src/spectra/radiometric.ts";

const PATH = { serial: "FLMS01859", channel: "upwelling" };
const HEAD = [
  "## Made with lamp F-1234 at 0.5 m",
  "# kind: radiance",
  "# units: W m-2 sr-1 nm-1",
  "# serial: FLMS01859",
  "# channel: upwelling",
  "# integration time ms: 250",
  "# date: 2026-03-01",
  "# valid_until: 2027-03-01",
  "wavelength_nm, factor",
];
const ROWS = ["400, 2e-6", "500, 4e-6", "600, 3e-6"];

function lines(change: Readonly<Record<string, string>> = {}, rows: readonly string[] = ROWS): string {
  const head = HEAD.map((line) => {
    const key = /^# (\w+):/.exec(line)?.[1] ?? "";
    return change[key] ?? line;
  });
  return [...head, ...rows].join("\n");
}

const calibrationOf = (text: string) => radiometricCalibrationOf(readCalibrationText(text, "up.csv"), PATH);

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual / expected - 1) < 1e-12, `${actual} instead of ${expected}`);
}

test("between two points it is linear, outside of all there is nothing", () => {
  const curve = { wavelengthsNm: Float64Array.of(400, 500, 600), values: Float64Array.of(2, 4, Number.NaN) };
  assert.deepEqual(
    [400, 425, 500].map((nm) => valueAt(curve, nm)),
    [2, 2.5, 4],
  );
  for (const nm of [399.999, 501, 600, 600.001, Number.NaN])
    assert.ok(Number.isNaN(valueAt(curve, nm)), `${nm}`);
});

test("1000 counts a second at 425 nm, where the factor is 2.5e-6, are 2.5e-3 W m-2 sr-1 nm-1", () => {
  const calibration = calibrationOf(lines());
  const rate = {
    wavelengthsNm: Float64Array.of(399, 400, 425, 550, 601),
    values: Float64Array.of(1000, 1000, 1000, Number.NaN, 1000),
  };
  const { values } = calibrated(rate, calibration);
  near(values[1] ?? 0, 2e-3);
  near(values[2] ?? 0, 2.5e-3);
  assert.deepEqual(
    [0, 3, 4].map((pixel) => Number.isNaN(values[pixel])),
    [true, true, true],
  );
  assert.deepEqual([calibration.quantity, calibration.source], ["radiance", "up.csv"]);
  assert.equal(calibration.validUntilUtcUs, Date.UTC(2027, 2, 1) * 1000);
});

test("factors for each pixel", () => {
  const rows = ["pixel,factor", "0,1e-6", "1,2e-6", "2,3e-6"];
  const calibration = calibrationOf(lines({}, []).replace("wavelength_nm, factor", rows.join("\n")));
  const rate = {
    wavelengthsNm: Float64Array.of(400, 401, 402, 403),
    values: Float64Array.of(10, 10, 10, 10),
  };
  const { values } = calibrated(rate, calibration);
  near(values[1] ?? 0, 2e-5);
  assert.ok(Number.isNaN(values[3]), "the file has three pixels");
  const gap = lines({}, []).replace("wavelength_nm, factor", "pixel,factor\n7,1e-6\n9,1e-6");
  assert.throws(() => calibrationOf(gap), {
    message: "up.csv:11: pixel 9: the first pixel is 0, and none is left out between two rows",
  });
});

test("units become SI, those of something else are refused", () => {
  assert.equal(unitFactor("W m-2 nm-1", "irradiance"), 1);
  assert.equal(unitFactor("W nm^-1 m^-2", "irradiance"), 1);
  near(unitFactor("mW m^-2 nm^-1 sr^-1", "radiance") ?? 0, 1e-3);
  near(unitFactor("uW/cm2/nm", "irradiance") ?? 0, 0.01);
  near(unitFactor("\u00b5W cm-2 nm-1", "irradiance") ?? 0, 0.01);
  near(unitFactor("W/m^2/sr/nm", "radiance") ?? 0, 1);
  for (const wrong of ["W m-2", "W m-2 sr-1 nm-1", "counts", "W m-2 um-1", "", "uJ/count"])
    assert.equal(unitFactor(wrong, "irradiance"), undefined, wrong);
  assert.equal(unitFactor("W m-2 nm-1", "radiance"), undefined);
});

test("the memory of an instrument: 0.5 uJ a count, 0.2 cm2, pixels of 0.4 nm", () => {
  // 1000 counts in 0.1 s: 1000 * 0.5 / (0.1 * 0.2 * 0.4) = 62500 uW cm-2 nm-1 = 625 W m-2 nm-1.
  const nm = Float64Array.of(400, 400.4, 400.8, 401.2);
  const factors = factorsOfEnergy([0.5, 0.5, 0, Number.NaN], nm, 0.2);
  near((1000 / 0.1) * (factors.values[1] ?? 0), 625);
  assert.ok(
    Math.abs((factors.values[0] ?? 0) / (factors.values[1] ?? 1) - 1) < 1e-9,
    "the first pixel has one neighbour",
  );
  assert.ok(Number.isNaN(factors.values[2]));
  assert.ok(Number.isNaN(factors.values[3]));
});

test("a file that is not of this spectrometer and channel, or not of this quantity, with line and reason", () => {
  for (const [change, message] of [
    [{ serial: "# serial: FLMS00001" }, "up.csv:4: serial: 'FLMS00001' is not FLMS01859"],
    [{ channel: "# channel: downwelling" }, "up.csv:5: channel: 'downwelling' is not upwelling"],
    [{ kind: "# kind: panel" }, "up.csv:2: kind: 'panel' is not one of radiance, irradiance"],
    [
      { units: "# units: W m-2 nm-1" },
      "up.csv:3: units: 'W m-2 nm-1' is not a unit of radiance, such as W m-2 sr-1 nm-1",
    ],
    [{ units: "## no units" }, "up.csv: the header '# units: ...' is missing"],
    [{ date: "# date: 2026-02-31" }, "up.csv:7: date: '2026-02-31' is not a day such as 2026-03-01"],
    [
      { valid_until: "# valid_until: spring" },
      "up.csv:8: valid_until: 'spring' is not a day such as 2026-03-01",
    ],
  ] as const)
    assert.throws(() => calibrationOf(lines(change)), { code: "CONFIG_INVALID", message });
});

test("every row that is wrong, with its line", () => {
  const rows = ["400, 1e-6", "500", "450, x", "600, 0", "390, 1e-6", "700, 1e-6, 3", "20000, 1"];
  assert.throws(() => calibrationOf(lines({ valid_until: "# valid untill: 2027-03-01" }, rows)), {
    message: [
      "up.csv:8: 'valid untill: 2027-03-01': unknown header, known keys are kind, units, serial, channel, date, valid_until, integration_time_ms, uncertainty_percent, coverage_factor; a remark begins with ##",
      "up.csv:11: '500' is not two numbers with a comma between",
      "up.csv:12: '450, x' is not two numbers with a comma between",
      "up.csv:13: factor 0 is not above 0",
      "up.csv:14: 390 does not come after 400: the first column ascends",
      "up.csv:15: '700, 1e-6, 3' is not two numbers with a comma between",
      "up.csv:16: wavelength 20000 is outside 100..10000 nm",
    ].join("\n"),
  });
  assert.throws(() => calibrationOf(lines({}, ["400, 1"])), {
    message: "up.csv: 1 rows of numbers, 2 at least",
  });
});

const PANEL = ["# kind: panel", "# units: percent", "# serial: 99AA05", "# date: 2026-01-15"];
const panelFrom = (head: readonly string[], rows: readonly string[]) =>
  panelOf(readCalibrationText([...head, ...rows].join("\n"), "panel.csv"), {
    name: "big",
    serial: "99AA05",
    validDays: 365,
  });

test("a panel in percent or as shares of 1; each taken for the other is refused", () => {
  const percent = panelFrom(PANEL, ["400, 98.5", "800, 99"]);
  const shares = panelFrom(PANEL.with(1, "# units: 1"), ["400, 0.985", "800, 0.99"]);
  for (const { factors } of [percent, shares]) near(valueAt(factors, 600), 0.9875);
  assert.equal(percent.calibratedUtcUs, Date.UTC(2026, 0, 15) * 1000);
  assert.throws(() => panelFrom(PANEL, ["400, 0.985", "800, 0.99"]), {
    message: "panel.csv:2: units: no factor is above 1.2: these are no percent",
  });
  assert.throws(() => panelFrom(PANEL.with(1, "# units: 1"), ["400, 98.5", "800, 99"]), {
    message: "panel.csv:2: units: a factor is not in 0..1.2, as units: 1 has it",
  });
  assert.throws(() => panelFrom(PANEL.with(2, "# serial: 99AA06"), ["400, 98", "800, 99"]), {
    message: "panel.csv:3: serial: '99AA06' is not 99AA05",
  });
});
