import assert from "node:assert/strict";
import { test } from "node:test";
import { picoFileOf } from "../../src/spectra/pico.ts";
import { picoText } from "../../src/spectra/pico-text.ts";
import type { Spectrum } from "../../src/spectra/spectrum.ts";
import { instrument, spectraSet, spectrum } from "./sample.ts";

const ORIGIN = { run: "plot10", batch: 3, writer: "vscope-server 0.1.0" };

// piccolo3's keys for a file without a channel calibration of its own; readers depend on every one.
const PICCOLO3_KEYS = [
  "Dark",
  "DarkPixels",
  "Datetime",
  "Direction",
  "IntegrationTime",
  "IntegrationTimeUnits",
  "NonlinearityCorrectionCoefficients",
  "OpticalPixelRange",
  "SaturationLevel",
  "SequenceNumber",
  "SerialNumber",
  "Temperature",
  "TemperatureEnabled",
  "TemperatureUnits",
  "Type",
  "WavelengthCalibrationCoefficients",
];

const GOLDEN = `{
 "Failures": [
  {
   "Code": "DEVICE_TIMEOUT",
   "Direction": "upwelling",
   "Message": "QEP00114: no answer within 5 s",
   "SerialNumber": "QEP00114"
  }
 ],
 "Format": {
  "name": "pico",
  "version": 2,
  "writer": "vscope-server 0.1.0"
 },
 "Spectra": [
  {
   "Metadata": {
    "Batch": 3,
    "Dark": false,
    "DarkPixels": [
     0,
     1
    ],
    "Datetime": "2026-11-20T15:00:07.044382+0000",
    "Direction": "upwelling",
    "DiscardedFrames": 1,
    "ExposureEnd": "2026-11-20T15:00:07.294382Z",
    "ExposureStart": "2026-11-20T15:00:07.044382Z",
    "Firmware": "1.00.0",
    "Freshness": "timing",
    "IntegrationTime": 250,
    "IntegrationTimeUnits": "milliseconds",
    "IntegrationTimeUs": 250000,
    "MaxCounts": 65535,
    "Model": "Flame-T",
    "NonlinearityCorrectionCoefficients": [
     1,
     0.000001
    ],
    "NumberOfPixels": 6,
    "OpticalConfiguration": null,
    "OpticalPixelRange": [
     2,
     6
    ],
    "QualityColour": "red",
    "QualityFlags": [
     "saturated",
     "simulated"
    ],
    "QualityMask": 3,
    "Run": "plot10",
    "SaturationLevel": 60000,
    "SequenceNumber": 12,
    "SerialNumber": "FLMT01859",
    "Simulated": true,
    "StrayLightConstant": null,
    "Temperature": null,
    "TemperatureEnabled": false,
    "TemperatureSetpoint": null,
    "TemperatureUnits": "degrees Celcius",
    "Type": "light",
    "WavelengthCalibrationCoefficients": [
     340,
     0.4,
     -0.00001,
     -2e-9
    ]
   },
   "Pixels": [
    1500,
    1501,
    20000,
    30000,
    60000,
    10000
   ]
  }
 ]
}`;

test("a file reads as piccolo3 writes it: sorted keys, indent 1, no newline at the end", () => {
  const failure = {
    serial: "QEP00114",
    channel: "upwelling",
    code: "DEVICE_TIMEOUT",
    message: "QEP00114: no answer within 5 s",
  };
  const set = spectraSet({ sequence: 12, failures: [failure] });
  assert.equal(picoText(picoFileOf(set, ORIGIN)), GOLDEN);
});

test("every key of piccolo3 is there, and the channel's calibration only where one is configured", () => {
  const plain = metadataOf(spectraSet());
  for (const key of PICCOLO3_KEYS) assert.ok(key in plain, key);
  assert.ok(!("WavelengthCalibrationCoefficientsPiccolo" in plain));
  const configured = metadataOf(
    spectraSet({ spectra: [spectrum({ channelWavelengthCoefficients: [1, 2] })] }),
  );
  assert.deepEqual(configured["WavelengthCalibrationCoefficientsPiccolo"], [1, 2]);
});

test("a dark spectrum of a cooled detector says so", () => {
  const dark = spectrum({
    kind: "dark",
    integrationTimeUs: 10_001,
    detectorTemperatureC: -9.98,
    tecEnabled: true,
    tecSetpointC: -10,
  });
  const metadata = metadataOf(spectraSet({ kind: "dark", spectra: [dark] }));
  assert.equal(metadata["Dark"], true);
  assert.equal(metadata["Type"], "dark");
  assert.equal(metadata["IntegrationTime"], 10.001);
  assert.equal(metadata["Temperature"], -9.98);
  assert.equal(metadata["TemperatureEnabled"], true);
  assert.equal(metadata["TemperatureSetpoint"], -10);
});

test("spectra are ordered channel by channel, in each by serial number", () => {
  const of = (serial: string, channel: string) => spectrum({ instrument: instrument({ serial }), channel });
  const spectra = [
    of("S_2", "upwelling"),
    of("S_1", "upwelling"),
    of("S_2", "downwelling"),
    of("S_10", "downwelling"),
  ];
  const order = picoFileOf(spectraSet({ spectra }), ORIGIN).spectra.map(
    ({ serial, channel }) => `${channel} ${serial}`,
  );
  assert.deepEqual(order, ["downwelling S_10", "downwelling S_2", "upwelling S_1", "upwelling S_2"]);
});

test("the second spectra of a channel come after all others, and only what is known is written", () => {
  const of = (channel: string, change: Partial<Spectrum> = {}) => spectrum({ channel, ...change });
  const spectra = [
    of("downwelling", { bracket: "before", startSkewUs: 12, darkAgeS: 3.5, darkFile: "d.pico" }),
    of("upwelling"),
    of("downwelling", { bracket: "after" }),
  ];
  const { Spectra } = JSON.parse(picoText(picoFileOf(spectraSet({ spectra }), ORIGIN)));
  const shown = Spectra.map(({ Metadata }: { Metadata: Record<string, unknown> }) =>
    ["Direction", "Bracket", "StartSkewUs", "DarkAgeS", "DarkFile"].map((key) => Metadata[key]).join(" "),
  );
  assert.deepEqual(shown, ["downwelling before 12 3.5 d.pico", "upwelling    ", "downwelling after   "]);
  assert.ok(!("Bracket" in Spectra[1].Metadata));
});

test("where the instrument stood and where the sun was", () => {
  const place = { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80, source: "gpsd", ageS: 10 };
  const sun = { elevationDeg: 12.25, azimuthDeg: 201.5 };
  const metadata = metadataOf(spectraSet({ spectra: [spectrum({ place, sun })] }));
  const keys = ["Latitude", "Longitude", "HeightM", "PositionSource", "PositionAgeS"];
  assert.deepEqual(
    [...keys, "SunElevation", "SunAzimuth"].map((key) => metadata[key]),
    [55.92, -3.17, 80, "gpsd", 10, 12.25, 201.5],
  );
  const unknown = metadataOf(spectraSet());
  assert.ok(![...keys, "SunElevation", "SunAzimuth"].some((key) => key in unknown));
});

test("the text is ASCII whatever the names are", () => {
  const text = picoText(
    picoFileOf(spectraSet({ spectra: [spectrum({ channel: "Wiese \u{1f331} ä" })] }), ORIGIN),
  );
  assert.match(text, /^[\x20-\x7e\n]*$/);
  assert.match(text, /"Direction": "Wiese \\ud83c\\udf31 \\u00e4"/);
});

test("an unprogrammed calibration does not make the file unreadable", () => {
  const calibration = { wavelengthCoefficients: [Number.NaN, 1], nonlinearityCoefficients: [Infinity] };
  const metadata = metadataOf(
    spectraSet({ spectra: [spectrum({ instrument: instrument({ calibration }) })] }),
  );
  assert.deepEqual(metadata["WavelengthCalibrationCoefficients"], []);
  assert.deepEqual(metadata["NonlinearityCorrectionCoefficients"], []);
});

function metadataOf(set: Parameters<typeof picoFileOf>[0]): Record<string, unknown> {
  return JSON.parse(picoText(picoFileOf(set, ORIGIN))).Spectra[0].Metadata;
}
