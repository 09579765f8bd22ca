// Factors from spectra of a standard lamp, and the file that they become.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { standardIrradiance } from "../../../src/emulator/light/standard-lamp.ts";
import { Random } from "../../../src/emulator/random.ts";
import { calibrationText } from "../../../src/spectra/calibration/calibration-text.ts";
import {
  lampAt,
  type LampCertificate,
  lampCertificateOf,
} from "../../../src/spectra/calibration/lamp-certificate.ts";
import { type LampScene, plaqueOf } from "../../../src/spectra/calibration/lamp-scene.ts";
import { fitFactors } from "../../../src/spectra/calibration/radiometric-fit.ts";
import { readCalibrationText } from "../../../src/spectra/calibration-file.ts";
import type { PicoSpectrum } from "../../../src/spectra/pico.ts";
import { parsePico } from "../../../src/spectra/pico-reader.ts";
import { radiometricCalibrationOf } from "../../../src/spectra/radiometric.ts";
import { SEED } from "../../support/seed.ts";

const PIXELS = 600;
const FIRST_NM = 400;
const SERIAL = "UNIT1";
const CHANNEL = "downwelling";

/** Every 25 nm, the line above the rows included. */
const CERTIFICATE = lampCertificateOf(
  readCalibrationText(
    [
      "# kind: irradiance",
      "# units: mW m-2 nm-1",
      "wavelength_nm, irradiance",
      ...Array.from({ length: 33 }, (_, row) => 300 + 25 * row).map(
        (nm) => `${nm}, ${1000 * standardIrradiance(nm)}`,
      ),
    ].join("\n"),
    "lamp.csv",
  ),
);

const SCENE = { lamp: CERTIFICATE };

test("between its points the certificate is the lamp; outside there is none", () => {
  for (let nm = 300; nm <= 1100; nm += 3.7)
    assert.ok(Math.abs(lampAt(CERTIFICATE.curve, nm) / standardIrradiance(nm) - 1) < 1e-3, `${nm}`);
  assert.ok(Math.abs(lampAt(CERTIFICATE.curve, 500) / (CERTIFICATE.curve.values[8] ?? 0) - 1) < 1e-12);
  assert.ok(Number.isNaN(lampAt(CERTIFICATE.curve, 299.9)));
  assert.ok(Number.isNaN(lampAt(CERTIFICATE.curve, 1100.1)));
});

test("the factor is the lamp over the mean rate, and the file has it to the last bit", () => {
  const exposures = [0, 0.02].map((more) => exposure((pixel) => (20_000 + 5 * pixel) * (1 + more)));
  const fit = fitFactors(exposures, SCENE);
  assert.equal(fit.factors.values.length, PIXELS);
  for (const pixel of [0, 77, 599]) {
    // Counts in 10 ms are 100 times as many in a second.
    const expected = standardIrradiance(FIRST_NM + pixel) / ((20_000 + 5 * pixel) * 1.01 * 100);
    assert.ok(Math.abs((fit.factors.values[pixel] ?? 0) / expected - 1) < 1e-3);
  }
  const validUntilUtcUs = Date.UTC(2027, 5, 1) * 1000;
  const text = calibrationText({ ...fit, validUntilUtcUs }, ["two\nlines", "another"]);
  assert.match(text, /^## two lines\n## another\n# kind: irradiance\n# units: W m-2 nm-1\n/);
  const read = radiometricCalibrationOf(readCalibrationText(text, "made.csv"), {
    serial: SERIAL,
    channel: CHANNEL,
  });
  assert.deepEqual(read, { ...fit, validUntilUtcUs, source: "made.csv" });
  const pixels = { ...fit, axis: "pixel" as const, factors: { ...fit.factors, wavelengthsNm: indices() } };
  const again = readCalibrationText(calibrationText(pixels), "made.csv");
  assert.deepEqual([again.axis, again.x, again.values], ["pixel", indices(), fit.factors.values]);
});

test("what is saturated or noisy has no factor, and a wide gap ends the calibration", () => {
  const holes = fitFactors([exposure((pixel) => (pixel === 300 ? 65_000 : 20_000))], SCENE);
  assert.equal(holes.factors.wavelengthsNm.includes(FIRST_NM + 300), false);
  assert.equal(holes.factors.wavelengthsNm.length, PIXELS - 1);
  const gap = fitFactors([exposure((pixel) => (pixel >= 200 && pixel < 220 ? 65_000 : 20_000))], SCENE);
  assert.equal(gap.factors.wavelengthsNm[0], FIRST_NM + 220);
  // Ten counts up and down on 30: a signal-to-noise ratio of about 3.
  const noisy = exposure((pixel) => (pixel < 300 ? 30 + 10 * Math.sin(pixel * pixel) : 20_000));
  const quiet = fitFactors([noisy], SCENE);
  assert.ok((quiet.factors.wavelengthsNm[0] ?? 0) > FIRST_NM + 270);
  assert.throws(() => fitFactors([exposure(() => 0)], SCENE), {
    code: "VALUE_INVALID",
    message: `${SERIAL} ${CHANNEL}: no two pixels with a signal of 20 times its noise within the certificate`,
  });
});

test("the noise of the lamp's spectra is that of the factors over many calibrations, and goes into the file", () => {
  const [lights, repeats, pixels] = [4, 150, [60, 300, 580]];
  // Of the noise at the dark end darks are a third to half, at the bright end nothing.
  const signalOf = (pixel: number): number => 1200 + 45_000 * (pixel / PIXELS) ** 3;
  for (const darks of [2, 4]) {
    const random = new Random(SEED);
    const noisy = (counts: number): number =>
      counts + random.gaussian() * Math.hypot(20, Math.sqrt(Math.max(0, counts - 1000) / 1.5));
    const found = Array.from({ length: repeats }, () => {
      const dark = Array.from({ length: darks }, (_, second) => {
        const one = spectrum("dark", () => noisy(1000));
        return later(one, second);
      });
      const exposures = Array.from({ length: lights }, (_, index) => {
        const light = spectrum("light", (pixel) => noisy(1000 + signalOf(pixel)));
        return { light: later(light, 20 + index), dark: dark[index % darks] ?? assert.fail() };
      });
      const { factors, factorNoise = assert.fail() } = fitFactors(exposures, SCENE);
      return pixels.map((pixel) => {
        const row = factors.wavelengthsNm.indexOf(FIRST_NM + pixel);
        return [factors.values[row] ?? Number.NaN, factorNoise[row] ?? Number.NaN] as const;
      });
    });
    for (const index of pixels.keys()) {
      const values = found.map((one) => one[index]?.[0] ?? Number.NaN);
      const told = found.map((one) => one[index]?.[1] ?? Number.NaN);
      const mean = values.reduce((sum, value) => sum + value, 0) / repeats;
      const scatter = Math.sqrt(
        values.reduce((sum, value) => sum + (value / mean - 1) ** 2, 0) / (repeats - 1),
      );
      const claimed = told.reduce((sum, share) => sum + share, 0) / repeats;
      assert.ok(Math.abs(scatter / claimed - 1) < 0.2, `pixel ${pixels[index]}: ${scatter}, told ${claimed}`);
    }
  }
  const steady = fitFactors([exposure(signalOf)], SCENE);
  assert.equal(steady.factorNoise, undefined, "one spectrum of one scan does not tell its noise");
});

test("a third column has the noise of each factor; other files have none", () => {
  const factorNoise = Float64Array.from({ length: PIXELS }, (_, pixel) => 0.001 + pixel * 1e-6);
  const text = calibrationText({ ...fitFactors([exposure(() => 20_000)], SCENE), factorNoise });
  assert.match(text, /^wavelength_nm, factor, noise_percent$/m);
  const lines = readCalibrationText(text, "made.csv");
  const read = radiometricCalibrationOf(lines, { serial: SERIAL, channel: CHANNEL });
  for (const [row, share] of factorNoise.entries())
    assert.ok(Math.abs((read.factorNoise?.[row] ?? 0) / share - 1) < 5e-3);
  for (const [rows, expected] of [
    ["400, 1, 0.1\n401, 2", /:6: '401, 2' is not three numbers/],
    ["400, 1, -0.1\n401, 2, 0", /:5: noise -0.1 is below 0/],
  ] as const) {
    const broken = `# kind: irradiance\n# units: W m-2 nm-1\n# date: 2026-01-02\nnm, factor, noise_percent\n${rows}`;
    const named = broken.replace("nm, factor", "wavelength_nm, factor");
    assert.throws(() => readCalibrationText(named, "made.csv"), {
      code: "CONFIG_INVALID",
      message: expected,
    });
  }
  const lamp =
    "# kind: irradiance\n# units: W m-2 nm-1\nwavelength_nm, irradiance, noise_percent\n400, 1, 1\n401, 1, 1";
  assert.throws(() => lampCertificateOf(readCalibrationText(lamp, "lamp.csv")), {
    message: /^lamp\.csv: noise_percent is of radiometric calibrations/,
  });
});

test("spectra of two channels, and smoothed ones, are refused", () => {
  const one = exposure(() => 20_000);
  const other = { ...one, light: { ...one.light, channel: "upwelling" } };
  assert.throws(() => fitFactors([one, other], SCENE), {
    message: /^UNIT1 upwelling: a calibration is of one channel, not of UNIT1 downwelling too$/,
  });
  const processing = { scans: 1, boxcarHalfWidth: 2, binning: 0 };
  const smoothed = { ...one, light: { ...one.light, processing } };
  assert.throws(() => fitFactors([smoothed], SCENE), {
    message: /^UNIT1 downwelling: the instrument has binned or smoothed it$/,
  });
});

test("a certificate without kind or unit, or of a panel, is refused with its line", () => {
  const refuse = (header: string): (() => LampCertificate) => {
    return () => lampCertificateOf(readCalibrationText(`${header}\n400, 1\n500, 2`, "lamp.csv"));
  };
  const refused = (message: RegExp) => ({ code: "CONFIG_INVALID", message });
  assert.throws(
    refuse("# units: W m-2 nm-1"),
    refused(/^lamp\.csv: the header '# kind: \.\.\.' is missing$/),
  );
  assert.throws(refuse("# kind: panel"), refused(/^lamp\.csv:1: kind: 'panel' is not one of radiance, irr/));
  assert.throws(
    refuse("# kind: radiance\n# units: W m-2 nm-1"),
    refused(/^lamp\.csv:2: units: .* sr-1 nm-1$/),
  );
});

test("of a broad instrument the certificate is as broad: then the factors are those of even pixels", () => {
  const fwhmNm = 20;
  const sigma = fwhmNm / 2.3548;
  // By the trapezoid rule over 6 sigma, of a lamp that is all curvature.
  const broad = (nm: number): number => {
    let [sum, area] = [0, 0];
    for (let off = -6 * sigma; off <= 6 * sigma; off += sigma / 50) {
      const weight = Math.exp(-0.5 * (off / sigma) ** 2);
      sum += weight * standardIrradiance(nm + off);
      area += weight;
    }
    return sum / area;
  };
  const seen = exposure((pixel) => 200_000 * broad(FIRST_NM + pixel));
  const worstOf = (scene: LampScene): number => {
    const { values } = fitFactors([seen], scene).factors;
    // 200,000 counts in 10 ms for 1 W m-2 nm-1.
    return values.reduce((worst, value) => Math.max(worst, Math.abs(value * 2e7 - 1)), 0);
  };
  assert.ok(worstOf({ lamp: CERTIFICATE, fwhmNm }) < 2e-3);
  assert.ok(worstOf(SCENE) > 5e-3, "as narrow lines the blue end is off");
});

test("a plaque makes a radiance of the lamp's irradiance: E rho / pi, with the uncertainty of both", () => {
  const header = ["# kind: panel", "# units: 1", "# serial: P7", "# date: 2026-01-02"];
  const told = ["# uncertainty_percent: 0.8", "# coverage_factor: 2"];
  const plaque = (lines: readonly string[]) =>
    plaqueOf(readCalibrationText([...header, ...lines, "300, 0.98", "800, 0.96"].join("\n"), "p7.csv"));
  const exposures = [exposure(() => 20_000)];
  const lamp = { ...CERTIFICATE, uncertainty: 0.003 };
  const fit = fitFactors(exposures, { lamp, plaque: plaque(told) });
  assert.equal(fit.quantity, "radiance");
  assert.equal(fit.systematicUncertainty, 0.005);
  assert.equal(fit.factors.wavelengthsNm.at(-1), 800);
  const expected = (standardIrradiance(500) * 0.972) / Math.PI / 2e6;
  assert.ok(Math.abs((fit.factors.values[100] ?? 0) / expected - 1) < 1e-3);
  const text = calibrationText(fit);
  assert.match(text, /^# units: W m-2 sr-1 nm-1$/m);
  const path = { serial: SERIAL, channel: CHANNEL };
  const read = radiometricCalibrationOf(readCalibrationText(text, "made.csv"), path);
  assert.equal(read.systematicUncertainty, 0.005);
  assert.throws(() => fitFactors(exposures, { lamp, plaque: plaque([]) }), {
    message: "p7.csv: tells no uncertainty, but lamp and plaque have to, or neither",
  });
  const sphere = { ...CERTIFICATE, quantity: "radiance" as const };
  assert.throws(() => fitFactors(exposures, { lamp: sphere, plaque: plaque([]) }), {
    message: "lamp.csv: is of radiance, a plaque needs the irradiance that falls on it",
  });
  assert.throws(() => plaque(["# uncertainty_percent: 0.8"]), {
    message: /'# coverage_factor: \.\.\.' is missing$/,
  });
  assert.throws(() => plaque([...told.slice(1), "# uncertainty_percent: -1"]), {
    message: "p7.csv:6: uncertainty_percent: '-1' is not a number above 0",
  });
});

function indices(): Float64Array {
  return Float64Array.from({ length: PIXELS }, (_, pixel) => pixel);
}

/** A light of 10 ms with so many counts above its dark. */
function exposure(signalOf: (pixel: number) => number) {
  return { light: spectrum("light", (pixel) => 1000 + signalOf(pixel)), dark: spectrum("dark", () => 1000) };
}

function later(one: PicoSpectrum, second: number): PicoSpectrum {
  const exposureStartUtcUs = one.exposureStartUtcUs + second * SECOND;
  return { ...one, exposureStartUtcUs, exposureEndUtcUs: exposureStartUtcUs + 10_000 };
}

function spectrum(kind: "light" | "dark", countsOf: (pixel: number) => number): PicoSpectrum {
  const Metadata = {
    SerialNumber: SERIAL,
    Direction: CHANNEL,
    Type: kind,
    Datetime: "2026-03-01T12:00:00Z",
    IntegrationTime: 10,
    SaturationLevel: 60_000,
    WavelengthCalibrationCoefficients: [FIRST_NM, 1],
  };
  const Pixels = Array.from(indices(), (pixel) => countsOf(pixel));
  const [made] = parsePico(JSON.stringify({ Spectra: [{ Metadata, Pixels }] }), "made.pico").spectra;
  return made ?? assert.fail();
}
