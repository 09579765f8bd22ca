import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isVscopeError } from "../../src/base/errors.ts";
import { picoFileOf, saturatedPixels } from "../../src/spectra/pico.ts";
import { parsePico, utcUsOf } from "../../src/spectra/pico-reader.ts";
import { picoText } from "../../src/spectra/pico-text.ts";
import type { Spectrum } from "../../src/spectra/spectrum.ts";
import { instrument, spectraSet, spectrum, START_UTC_US } from "./sample.ts";

const ORIGIN = { run: "plot10", batch: 3, writer: "vscope-server 0.1.0" };

// As piccolo2 wrote it with Python 2: another key set, "Z", spaces before line ends, texts for what is missing.
const OLD_METADATA = {
  Batch: 0,
  Dark: false,
  Datetime: "2018-01-30T17:04:30.146992Z",
  Direction: "Upwelling",
  FilterWavelength: "Missing metadata",
  IntegrationTime: 100.0,
  IntegrationTimeUnits: "milliseconds",
  NonlinearityCorrectionCoefficients: [0.85, 7.9e-6],
  PolynomialOrderOfNonlinearityCalibration: 7,
  Run: "spectra",
  SaturationLevel: 29000,
  SequenceNumber: 4,
  SerialNumber: "SIMULATED",
  StrayLightConstant: "Missing metadata",
  WavelengthCalibrationCoefficients: [339.9, 0.37],
  name: "S_instrument_simulator_2",
};

test("what was written is read back the same", () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  const degrees = fc.integer({ min: -3_600_000, max: 3_600_000 }).map((steps) => steps / 10_000);
  const plain = <T>(parts: { [key in keyof T]: fc.Arbitrary<T[key]> }) =>
    fc.record<T>(parts, { noNullPrototype: true });
  const spectra: fc.Arbitrary<Spectrum> = fc
    .record({
      serial: fc.string({ unit: "grapheme" }),
      channel: fc.string({ unit: "binary" }),
      kind: fc.constantFrom("light" as const, "dark" as const),
      integrationTimeUs: fc.integer({ min: 0, max: 1_600_000_000 }),
      exposureStartUtcUs: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
      counts: fc.uint32Array({ maxLength: 20 }),
      turn: fc.record(
        {
          bracket: fc.constantFrom("before" as const, "after" as const),
          startSkewUs: fc.nat(),
          darkAgeS: fc.nat().map((ms) => ms / 1000),
          darkFile: fc.string(),
          place: plain({
            latitudeDeg: degrees,
            longitudeDeg: degrees,
            heightM: degrees,
            source: fc.constantFrom("gpsd", "configuration"),
            ageS: fc.nat(),
          }),
          sun: plain({ elevationDeg: degrees, azimuthDeg: degrees }),
        },
        { requiredKeys: [] },
      ),
      wavelengthCoefficients: fc.array(
        finite.map((value) => value + 0),
        { maxLength: 5 },
      ),
      temperature: fc.option(
        finite.map((value) => value + 0),
        { nil: undefined },
      ),
    })
    .map(({ serial, wavelengthCoefficients, temperature, turn, ...rest }) =>
      spectrum({
        ...rest,
        ...turn,
        exposureEndUtcUs: rest.exposureStartUtcUs + rest.integrationTimeUs,
        instrument: instrument({
          serial,
          calibration: { wavelengthCoefficients, nonlinearityCoefficients: [] },
        }),
        ...(temperature === undefined ? {} : { detectorTemperatureC: temperature, tecEnabled: true }),
      }),
    );
  fc.assert(
    fc.property(fc.array(spectra, { maxLength: 4 }), fc.nat(), (list, sequence) => {
      const failure = { serial: "X", channel: "up", code: "DEVICE_TIMEOUT", message: "X: no answer" };
      const set = spectraSet({ spectra: list, sequence, failures: [failure], origin: "schedule 3" });
      const file = picoFileOf(set, ORIGIN);
      assert.deepEqual(parsePico(picoText(file), "f"), file);
    }),
    { numRuns: 200 },
  );
});

test("a file of an older system is read; what it does not tell is null", () => {
  const file = parsePico(fileText(OLD_METADATA, [10, 19.5, 28]).replaceAll(",\n", ", \n"), "old.pico");
  const [first] = file.spectra;
  assert.ok(first !== undefined);
  assert.equal(file.format, null);
  assert.equal(first.kind, "light");
  assert.equal(first.channel, "Upwelling");
  assert.equal(first.integrationTimeUs, 100_000);
  assert.equal(first.exposureStartUtcUs, Date.UTC(2018, 0, 30, 17, 4, 30) * 1000 + 146_992);
  assert.equal(first.exposureEndUtcUs, null);
  assert.equal(first.strayLightConstant, null);
  assert.deepEqual(first.darkPixels, []);
  assert.deepEqual(first.opticalPixelRange, [0, 3]);
  assert.deepEqual([...first.counts], [10, 19.5, 28]);
  assert.equal(saturatedPixels(first), 0);
});

test("a dark spectrum is known by Dark when Type is missing", () => {
  assert.equal(parsePico(fileText({ ...OLD_METADATA, Dark: true }, [1]), "f").spectra[0]?.kind, "dark");
});

const BROKEN: readonly (readonly [string, string, RegExp])[] = [
  ["empty", "", /^x\.pico: not JSON: /],
  ["cut", fileText(OLD_METADATA, [1, 2]).slice(0, 300), /^x\.pico: not JSON: /],
  ["another JSON", "[1]", /^x\.pico: Invalid input: expected object/],
  ["no spectra", "{}", /^x\.pico: Spectra: .*expected array/],
  [
    "no serial number",
    fileText({ ...OLD_METADATA, SerialNumber: undefined }, [1]),
    /Spectra\[0\]\.Metadata\.SerialNumber: /,
  ],
  [
    "no saturation level",
    fileText({ ...OLD_METADATA, SaturationLevel: null }, [1]),
    /Metadata\.SaturationLevel: .*number/,
  ],
  [
    "a time that is none",
    fileText({ ...OLD_METADATA, Datetime: "yesterday" }, [1]),
    /Datetime: "yesterday" is not a date/,
  ],
  [
    "a month that is none",
    fileText({ ...OLD_METADATA, Datetime: "2018-13-30T17:04:30Z" }, [1]),
    /not a date/,
  ],
  [
    "other units",
    fileText({ ...OLD_METADATA, IntegrationTimeUnits: "s" }, [1]),
    /IntegrationTimeUnits: .*milliseconds/,
  ],
  ["text among the pixels", fileText(OLD_METADATA, [1, "2"]), /Spectra\[0\]\.Pixels\[1\]: .*number/],
];

for (const [what, text, message] of BROKEN) {
  test(`a broken file is refused with the place: ${what}`, () => {
    assert.throws(
      () => parsePico(text, "x.pico"),
      (error) =>
        isVscopeError(error, "VALUE_INVALID") && message.test(error.message) && !/[.]$/.test(error.message),
    );
  });
}

test("dates of all writers mean the same moment", () => {
  for (const text of [
    "2026-11-20T15:00:07.044382+0000",
    "2026-11-20T15:00:07.044382Z",
    "2026-11-20 15:00:07.044382",
    "2026-11-20T16:00:07.044382+01:00",
    "2026-11-20T15:00:07.044382999Z",
  ]) {
    assert.equal(utcUsOf(text), START_UTC_US, text);
  }
  assert.equal(utcUsOf("2026-11-20T15:00:07Z"), START_UTC_US - 44_382);
});

function fileText(metadata: object, pixels: readonly unknown[]): string {
  return JSON.stringify({ Spectra: [{ Metadata: metadata, Pixels: pixels }] }, null, 1);
}
