// Factors from spectra of a standard lamp, and the file that they become.

import assert from "node:assert/strict";
import { test } from "node:test";
import { standardIrradiance } from "../../../src/emulator/light/standard-lamp.ts";
import { calibrationText } from "../../../src/spectra/calibration/calibration-text.ts";
import {
  lampAt,
  type LampCertificate,
  lampCertificateOf,
} from "../../../src/spectra/calibration/lamp-certificate.ts";
import { fitFactors } from "../../../src/spectra/calibration/radiometric-fit.ts";
import { readCalibrationText } from "../../../src/spectra/calibration-file.ts";
import type { PicoSpectrum } from "../../../src/spectra/pico.ts";
import { parsePico } from "../../../src/spectra/pico-reader.ts";
import { radiometricCalibrationOf } from "../../../src/spectra/radiometric.ts";

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

test("between its points the certificate is the lamp; outside there is none", () => {
  for (let nm = 300; nm <= 1100; nm += 3.7)
    assert.ok(Math.abs(lampAt(CERTIFICATE.curve, nm) / standardIrradiance(nm) - 1) < 1e-3, `${nm}`);
  assert.ok(Math.abs(lampAt(CERTIFICATE.curve, 500) / (CERTIFICATE.curve.values[8] ?? 0) - 1) < 1e-12);
  assert.ok(Number.isNaN(lampAt(CERTIFICATE.curve, 299.9)));
  assert.ok(Number.isNaN(lampAt(CERTIFICATE.curve, 1100.1)));
});

test("the factor is the lamp over the mean rate, and the file has it to the last bit", () => {
  const exposures = [0, 0.02].map((more) => exposure((pixel) => (20_000 + 5 * pixel) * (1 + more)));
  const fit = fitFactors(exposures, CERTIFICATE);
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
  const holes = fitFactors([exposure((pixel) => (pixel === 300 ? 65_000 : 20_000))], CERTIFICATE);
  assert.equal(holes.factors.wavelengthsNm.includes(FIRST_NM + 300), false);
  assert.equal(holes.factors.wavelengthsNm.length, PIXELS - 1);
  const gap = fitFactors([exposure((pixel) => (pixel >= 200 && pixel < 220 ? 65_000 : 20_000))], CERTIFICATE);
  assert.equal(gap.factors.wavelengthsNm[0], FIRST_NM + 220);
  // Ten counts up and down on 30: a signal-to-noise ratio of about 3.
  const noisy = exposure((pixel) => (pixel < 300 ? 30 + 10 * Math.sin(pixel * pixel) : 20_000));
  const quiet = fitFactors([noisy], CERTIFICATE);
  assert.ok((quiet.factors.wavelengthsNm[0] ?? 0) > FIRST_NM + 270);
  assert.throws(() => fitFactors([exposure(() => 0)], CERTIFICATE), {
    code: "VALUE_INVALID",
    message: `${SERIAL} ${CHANNEL}: no two pixels with a signal of 20 times its noise within the certificate`,
  });
});

test("spectra of two channels, and smoothed ones, are refused", () => {
  const one = exposure(() => 20_000);
  const other = { ...one, light: { ...one.light, channel: "upwelling" } };
  assert.throws(() => fitFactors([one, other], CERTIFICATE), {
    message: /^UNIT1 upwelling: a calibration is of one channel, not of UNIT1 downwelling too$/,
  });
  const processing = { scans: 1, boxcarHalfWidth: 2, binning: 0 };
  const smoothed = { ...one, light: { ...one.light, processing } };
  assert.throws(() => fitFactors([smoothed], CERTIFICATE), {
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

function indices(): Float64Array {
  return Float64Array.from({ length: PIXELS }, (_, pixel) => pixel);
}

/** A light of 10 ms with so many counts above its dark. */
function exposure(signalOf: (pixel: number) => number) {
  return { light: spectrum("light", (pixel) => 1000 + signalOf(pixel)), dark: spectrum("dark", () => 1000) };
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
