import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { isVscopeError } from "../../src/base/errors.ts";
import { channelsOf, parseInstrumentConfig, powerSwitchesOf } from "../../src/config/instrument-config.ts";

function mistakesIn(text: string, fileName = "vscope.config"): string[] {
  try {
    parseInstrumentConfig(text, fileName);
  } catch (error) {
    assert.ok(isVscopeError(error, "CONFIG_INVALID"));
    return error.message.split("\n");
  }
  return [];
}

test("the power switch of a spectrometer: line, polarity, time", () => {
  const section = (keys: string) =>
    parseInstrumentConfig(`[spectrometers]\n[[A]]\n${keys}`, "vscope.config").config;
  const switchOf = (keys: string) => powerSwitchesOf(section(keys)).get("A");
  assert.equal(switchOf("fan = True\n"), undefined);
  assert.equal(switchOf("power_switch_pin = -1\npower_off_s = 5\n"), undefined);
  assert.deepEqual(switchOf("power_switch_pin = 5\n"), {
    pin: 5,
    activeHigh: true,
    offUs: 3_000_000,
    onDelayUs: 1_000_000,
  });
  assert.deepEqual(switchOf("power_switch = 6\npower_switch_active_high = False\npower_off_s = 0.5\n"), {
    pin: 6,
    activeHigh: false,
    offUs: 500_000,
    onDelayUs: 1_000_000,
  });
  assert.match(
    mistakesIn("[spectrometers]\n[[A]]\npower_off_s = 0\n")[0] ?? "",
    /power_off_s: '0' is not a number in 0.1..600$/,
  );
});

// The shape of a piccolo3 file: nested headings of four levels, inline comments, placeholders, foreign sections.
const PICCOLO = `
[channels]
  [[shutter_2]]
    direction = upwelling
    reverse = True # Is the polarity reversed?
    fibreDiameter = 600 # micrometres
  [[shutter_1]]
    direction = downwelling
    fibreDiameter = 400

[spectrometers]
  [[__many__]]
    fan = boolean(default=None)
  [[dummy_QEP00709]]
    serialNumber = "dummy_QEP00709"
    colBinning = 1
    detectorTemperature = float(default=None)
    [[[calibration]]]
      [[[[upwelling]]]] # Channel
        wavelengthCalibrationCoefficientsPiccolo =  394.5, 0.75, -5.5e-05, -2.25e-09
  [[FLMT01859]]
    detectorSetTemperature = -10
    fan = True
    power_switch = -1
    min_integration_time = 1
    max_integration_time = 2500.5

# AutoAdjustment of Integration Time
[NoAutoAdjust]
    [[FLMT01859]]
        saturationLevel = 32000
[SimplifySpectra]
[NoProcessing]
#[cameras]
#    [[NoIR]]
[jsonrpc]
  rpcLogging = False
[output]
  split = False
`;

test("a piccolo.config loads", () => {
  const { config } = parseInstrumentConfig(PICCOLO, "piccolo.config");
  assert.deepEqual(channelsOf(config), ["downwelling", "upwelling"]);
  assert.deepEqual(config.shutters, [
    {
      name: "shutter_1",
      channel: "downwelling",
      mechanism: { kind: "latching", openPin: 18, closePin: 17, pulseMs: 30 },
      settleMs: 20,
      reverse: false,
      fibreDiameterUm: 400,
    },
    {
      name: "shutter_2",
      channel: "upwelling",
      mechanism: { kind: "latching", openPin: 22, closePin: 27, pulseMs: 30 },
      settleMs: 20,
      reverse: true,
      fibreDiameterUm: 600,
    },
  ]);
  const [dummy, flame] = config.spectrometers;
  assert.equal(dummy?.serial, "dummy_QEP00709");
  assert.equal(dummy?.isSimulated, true);
  assert.equal(dummy?.detectorSetpointC, undefined);
  assert.deepEqual(dummy?.wavelengthCoefficients, new Map([["upwelling", [394.5, 0.75, -5.5e-5, -2.25e-9]]]));
  assert.deepEqual(flame, {
    serial: "FLMT01859",
    isSimulated: false,
    detectorSetpointC: -10,
    fan: true,
    powerSwitch: undefined,
    minIntegrationTimeUs: 1000,
    maxIntegrationTimeUs: 2_500_500,
    initialIntegrationTimeUs: undefined,
    wavelengthCoefficients: new Map(),
  });
  assert.deepEqual(config.output, { split: false, clobber: false });
});

test("what a piccolo.config holds in vain is named once, with line and section", () => {
  assert.deepEqual(parseInstrumentConfig(PICCOLO, "piccolo.config").warnings, [
    "piccolo.config:12: spectrometers.__many__: ignored: a placeholder of the old sample file",
    "piccolo.config:14: [spectrometers.dummy_QEP00709]: ignored: serialNumber, colBinning: unknown here",
    "piccolo.config:17: spectrometers.dummy_QEP00709.detectorTemperature: ignored: a placeholder of the old sample file",
    "piccolo.config:29: [NoAutoAdjust]: ignored: autointegration is set with each recording",
    "piccolo.config:32: [SimplifySpectra]: ignored: spectra are stored as they were recorded",
    "piccolo.config:33: [NoProcessing]: ignored: spectra are stored as they were recorded",
    "piccolo.config:36: [jsonrpc]: ignored: there is no JSON-RPC; the server answers CoAP",
  ]);
});

test("an empty file is an instrument without channels", () => {
  const { config } = parseInstrumentConfig("", "vscope.config");
  const output = { split: true, clobber: false };
  const nothing = { shutters: [], spectrometers: [], radiometric: [], panels: [], dataset: {}, indices: {} };
  assert.deepEqual(config, { ...nothing, output });
});

test("a level shutter, own pins and times", () => {
  const text = `[channels]
[[mast]]
channel = mast
mechanism = level
pin = 25
active_high = False
settle_ms = 150
[[shutter_1]]
direction = sky
open_pin = 5
pulse_ms = 100
`;
  const { shutters } = parseInstrumentConfig(text, "vscope.config").config;
  assert.deepEqual(
    shutters.map(({ channel, mechanism, settleMs }) => ({ channel, mechanism, settleMs })),
    [
      { channel: "mast", mechanism: { kind: "level", pin: 25, activeHigh: false }, settleMs: 150 },
      {
        channel: "sky",
        mechanism: { kind: "latching", openPin: 5, closePin: 17, pulseMs: 100 },
        settleMs: 20,
      },
    ],
  );
});

const SHUTTER = "[channels]\n[[shutter_1]]\ndirection = sky\n";
const MISTAKES: readonly (readonly [string, string, string])[] = [
  [
    "a shutter without a direction",
    "[channels]\n[[shutter_1]]\n",
    "2: channels.shutter_1.direction: missing, the name of a light path, such as upwelling (up to 64 characters, no / or \\) is expected",
  ],
  [
    "a direction that cannot be a path segment",
    "[channels]\n[[shutter_1]]\ndirection = a/b\n",
    "3: channels.shutter_1.direction: 'a/b' is not the name of a light path, such as upwelling (up to 64 characters, no / or \\)",
  ],
  [
    "a shutter whose lines nobody knows",
    "[channels]\n[[shutter_7]]\ndirection = sky\n",
    "2: channels.shutter_7: open_pin and close_pin are missing: only shutter_1, shutter_2, shutter_3 have lines by default",
  ],
  [
    "a level shutter without a pin",
    `${SHUTTER}mechanism = level\n`,
    "2: channels.shutter_1: pin is missing: a level shutter needs it",
  ],
  [
    "two shutters for one channel",
    `${SHUTTER}[[shutter_2]]\ndirection = sky\n`,
    "5: channels.shutter_2.direction: 'sky' has another shutter, too",
  ],
  [
    "a line used twice",
    `${SHUTTER}[[shutter_2]]\ndirection = ground\nopen_pin = 17\n`,
    "4: channels.shutter_2: line 17 is used twice",
  ],
  [
    "a power switch on a shutter's line",
    `${SHUTTER}[spectrometers]\n[[A]]\npower_switch_pin = 18\n`,
    "6: spectrometers.A.power_switch_pin: line 18 is used twice",
  ],
  [
    "a pulse that never ends",
    `${SHUTTER}pulse_ms = 5000\n`,
    "4: channels.shutter_1.pulse_ms: '5000' is not an integer in 1..1000",
  ],
  [
    "a mistyped key",
    `${SHUTTER}puls_ms = 50\n`,
    "4: channels.shutter_1.puls_ms: unknown key, did you mean pulse_ms?",
  ],
  [
    "a maximum below the minimum",
    "[spectrometers]\n[[A]]\nmin_integration_time_ms = 10\nmaxIntegrationTime = 5\n",
    "4: spectrometers.A.maxIntegrationTime: 5 ms is less than the minimum, 10 ms",
  ],
  [
    "a first integration time outside the limits",
    "[spectrometers]\n[[A]]\nmax_integration_time_ms = 10\ninitial_integration_time_ms = 50\n",
    "4: spectrometers.A.initial_integration_time_ms: 50 ms is outside 0..10 ms",
  ],
  [
    "a calibration for a channel that is not there",
    `${SHUTTER}[spectrometers]\n[[A]]\n[[[calibration]]]\n[[[[skyy]]]]\nwavelength_coefficients = 1, 2\n`,
    "7: spectrometers.A.calibration.skyy: unknown channel, did you mean sky?",
  ],
  [
    "coefficients that are no numbers",
    `${SHUTTER}[spectrometers]\n[[A]]\n[[[calibration]]]\n[[[[sky]]]]\nwavelength_coefficients = 1, two\n`,
    "8: spectrometers.A.calibration.sky.wavelength_coefficients: '1, two' is not a list of 2..8 numbers",
  ],
  [
    "a set point no cooler reaches",
    "[spectrometers]\n[[A]]\ndetectorTemperature = -273\n",
    "3: spectrometers.A.detectorTemperature: '-273' is not a number in -80..50",
  ],
];

for (const [name, text, expected] of MISTAKES) {
  test(`refused: ${name}`, () => assert.deepEqual(mistakesIn(text), [`vscope.config:${expected}`]));
}

test("the sample loads, and what it shows in comments are the defaults", async () => {
  const sample = await readFile("pdata/vscope.config", "utf8");
  const { config, warnings } = parseInstrumentConfig(sample, "vscope.config");
  assert.deepEqual(warnings, []);
  assert.deepEqual(channelsOf(config), ["downwelling", "upwelling"]);
  const enabled = sample.replace(/^( *)#(?=[a-z_]+ =)/gm, "$1");
  assert.notEqual(enabled, sample);
  assert.deepEqual(parseInstrumentConfig(enabled, "vscope.config").config, config);
});

test("the examples in the sample's comments are valid", async () => {
  const sample = await readFile("pdata/vscope.config", "utf8");
  const enabled = sample.replace(/^ *# (?= *(\[\[|[a-z_]+ = ))/gm, "");
  const { config } = parseInstrumentConfig(enabled, "vscope.config");
  assert.deepEqual(channelsOf(config), ["downwelling", "mast", "upwelling"]);
  assert.equal(config.spectrometers[0]?.initialIntegrationTimeUs, 100_000);
  assert.equal(config.spectrometers[0]?.wavelengthCoefficients.get("upwelling")?.length, 4);
});

const CALIBRATED = `
[channels]
[[shutter_1]]
direction = downwelling
[[shutter_2]]
direction = upwelling
[spectrometers]
[[A]]
[[[calibration]]]
[[[[downwelling]]]]
collection_area_cm2 = 0.119
[[[[upwelling]]]]
wavelength_coefficients = 340, 0.4
radiometric_file = A-up.csv
[panels]
[[field panel]]
serial = 99AA05
file = panel.csv
`;

test("what the owner says of the data, with commas, and indices by name", () => {
  const text =
    "[dataset]\ninstitution = University of Edinburgh, GeoSciences\nlicense = CC-BY-4.0\n[indices]\nred_edge = R750 / R710w4\n";
  const { config } = parseInstrumentConfig(text, "vscope.config");
  assert.deepEqual(config.dataset, {
    institution: "University of Edinburgh, GeoSciences",
    license: "CC-BY-4.0",
  });
  assert.deepEqual(config.indices, { red_edge: "R750 / R710w4" });
  assert.deepEqual(mistakesIn("[dataset]\ninstitute = X\n"), [
    "vscope.config:2: dataset.institute: unknown key, did you mean institution?",
  ]);
});

test("radiometric calibrations of spectrometers and channels, and white panels", () => {
  const { config } = parseInstrumentConfig(CALIBRATED, "vscope.config");
  assert.deepEqual(config.radiometric, [
    { serial: "A", channel: "downwelling", from: { collectionAreaCm2: 0.119 } },
    { serial: "A", channel: "upwelling", from: { file: "A-up.csv" } },
  ]);
  assert.deepEqual([...(config.spectrometers[0]?.wavelengthCoefficients.keys() ?? [])], ["upwelling"]);
  assert.deepEqual(config.panels, [
    { name: "field panel", serial: "99AA05", file: "panel.csv", validDays: 365 },
  ]);
  const wrong = CALIBRATED.replace("serial = 99AA05\n", "").replace("panel.csv", "panel.csv\nvalid_days = 0");
  assert.deepEqual(mistakesIn(wrong), [
    "vscope.config:16: panels.field panel.serial: missing, the panel's serial number is expected",
    "vscope.config:18: panels.field panel.valid_days: '0' is not an integer in 1..3650",
  ]);
  const both = CALIBRATED.replace("wavelength_coefficients = 340, 0.4", "collection_area_cm2 = 1");
  assert.deepEqual(mistakesIn(both), [
    "vscope.config:13: spectrometers.A.calibration.upwelling.collection_area_cm2: given beside radiometric_file: it is for the irradiance calibration in the instrument",
  ]);
});
