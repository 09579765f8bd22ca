// The model table against the tables of the protocol reference, typed in here a second time: 1.1 endpoints, 1.2 models,
// 1.3 features, 1.5 gain scale, 2.4 trigger numbers. Where the table differs on purpose, DEVIATIONS says why; a deviation
// that no longer deviates fails, too.

import assert from "node:assert/strict";
import { test } from "node:test";
import { frameBytes } from "../../../src/drivers/oceanoptics/decode.ts";
import type { Feature, SpectrometerModel, TriggerMode } from "../../../src/drivers/oceanoptics/model.ts";
import { MODELS, type ModelName, UNSUPPORTED } from "../../../src/drivers/oceanoptics/models.ts";

const ROWS: readonly SpectrometerModel[] = MODELS;

/** Table 1.1: commands, answers, spectra. HDX and the ST: as the notes of 1.2 and 1.1 have it. */
const ENDPOINTS: Readonly<Record<string, string>> = {
  L2K: "2 87 82",
  FPGA: "1 81 82",
  JAZ: "1 81 82",
  OBP: "1 81 81",
  VEN: "1 82 82",
  OBP2: "1 81 81",
};

// Table 1.2: name, USB id, protocol, endpoint map, pixels P/C, bytes on the wire, shortest and longest integration time
// in us, its unit, largest counts P/C, trigger modes of P, dark pixels (half-open).
const TABLE_1_2 = `
USB2000      2457:1002 ooi  L2K  2048      4097    3000/655350000/1000  4095          0,1,3     2-24
ADC1000-USB  2457:1004 adc  L2K  2048/-    4097    5000/65535000/1000   65535         0,1,2,3   2-24
HR2000       2457:100a ooi  L2K  2048      4097    3000/655350000/1000  4095          0,1,3     2-24
HR4000       2457:1012 ooi  FPGA 3840/3648 7681    10/655350000/1       16383         0,1,2,3   2-13
USB650       2457:1014 ooi  L2K  2048/-    4097    3000/655350000/1000  4095          0,1,3     none
HR2000+      2457:1016 ooi  FPGA 2048      4097    1000/655350000/1     16383         0,1,2,3   2-24
QE65000      2457:1018 ooi  FPGA 1280/1044 2561    8000/1600000000/1000 65535         0,1,3     0-4+1040-1044
USB2000+     2457:101e ooi  FPGA 2048      4097    1000/655350000/1     65535         0,1,2,3,4 6-21
Flame-S      2457:101e ooi  FPGA 2048      4097    1000/655350000/1     65535         0,1,2,3,4 6-21
USB4000      2457:1022 ooi  FPGA 3840/3648 7681    10/65535000/1        65535         0,1,2,3   5-16
NIRQuest512  2457:1026 ooi  FPGA 512       1025    1000/1600000000/1000 65535         0,1,2,3   none
NIRQuest256  2457:1028 ooi  FPGA 256       513     1000/1600000000/1000 65535         0,1,2,3   none
Maya2000_Pro 2457:102a ooi  FPGA 2304/2068 4609    7200/65000000/1      64000         0,1,2,3   0-4+2064-2068
Maya2000     2457:102c ooi  FPGA 2304/2080 4609    15000/1600000000/1   65535         0,1,3     0-8+2072-2080
Torus        2457:1040 ooi  FPGA 2048      4097    1000/655350000/1     65535         0,1,2,3   none
Apex         2457:1044 ooi  FPGA 2304/2068 4609    15000/1600000000/1   64000         0         0-4+2064-2068
MayaLSL      2457:1046 ooi  FPGA 2304/2068 4609    7200/65000000/1      64000         0,1,2,3   0-4+2064-2068
Flame-NIR    2457:104b ooi  FPGA -/128     256     1000/655350000/1     65535         0,1,2,3   none
Jaz          2457:2000 ooi  JAZ  2048      4096    1000/655350000/1     65535         0,1,2,3   2-24
Ocean_FX     2457:2001 obp  OBP  2136      4272    6000/10000000/1      65535         0,1,3,255 none
HDX          2457:2003 obp  OBP  2068      4136    6000/10000000/1      65535         0,1,3,255 none
STS          2457:4000 obp  OBP  1024      2048    10/85000000/1        16383         0,1,2     none
QE_Pro       2457:4004 obp  OBP  1044      32+4176 8000/1600000000/1    262143/200000 0,1,2,3   0-4+1040-1044
Spark        2457:4200 obp  OBP  1024      2048    10/85000000/1        16383         0,1,2     none
Ventana      2457:5000 obp  VEN  1024      2048    22000/60000000/1     65535         0,1,2,3   none
ST           0999:1000 obp2 OBP2 1516      32+6064 1560/6000000/10      16383         0,1,3     1503-1516
SR2          0999:1001 obp2 OBP2 2110      32+4220 1/2000000/1          65535         0         0-24
SR4          0999:1002 obp2 OBP2 3648      32+7296 3800/10000000/1      65535         0         none
HR2          0999:1003 obp2 OBP2 2110      32+4220 1/2000000/1          65535         0         none
HR4          0999:1004 obp2 OBP2 3648      32+7296 3800/10000000/1      65535         0         none
SR6          0999:1005 obp2 OBP2 2048      32+4096 7200/5000000/1       65535         0         none
HR6          0999:1006 obp2 OBP2 2048      32+4096 7200/5000000/1       65535         0         none`;

// Table 1.3: EEPROM slots of C (P: read without a number), then what P or C has. "nonlinearity" to "acquisition-delay" are
// columns there, the rest is its column "other", as far as model.ts has a word for it.
const TABLE_1_3 = `
USB2000      17 nonlinearity stray-light irradiance lamp
ADC1000-USB  P
HR2000       17 nonlinearity stray-light lamp
HR4000       17 nonlinearity stray-light irradiance lamp continuous-strobe
USB650       P  lamp continuous-strobe
HR2000+      17 nonlinearity stray-light irradiance lamp continuous-strobe
QE65000      18 nonlinearity stray-light irradiance lamp continuous-strobe tec acquisition-delay fan
USB2000+     30 nonlinearity stray-light irradiance lamp continuous-strobe
Flame-S      30 nonlinearity stray-light irradiance lamp continuous-strobe
USB4000      17 nonlinearity stray-light irradiance lamp continuous-strobe
NIRQuest512  20 nonlinearity stray-light irradiance lamp continuous-strobe tec acquisition-delay fan
NIRQuest256  20 nonlinearity stray-light irradiance lamp continuous-strobe tec acquisition-delay fan
Maya2000_Pro 17 nonlinearity stray-light irradiance lamp continuous-strobe
Maya2000     17 nonlinearity stray-light irradiance lamp continuous-strobe acquisition-delay
Torus        17 nonlinearity stray-light irradiance lamp continuous-strobe
Apex         17 nonlinearity stray-light irradiance
MayaLSL      17 nonlinearity stray-light irradiance lamp continuous-strobe
Flame-NIR    30 nonlinearity stray-light irradiance lamp continuous-strobe
Jaz          17 nonlinearity stray-light lamp
Ocean_FX     0  nonlinearity stray-light lamp fast-buffer optical-bench temperature gpio
HDX          0  nonlinearity multicast
STS          0  nonlinearity stray-light irradiance lamp continuous-strobe acquisition-delay shutter binning temperature optical-bench scans-to-average boxcar
QE_Pro       0  nonlinearity stray-light irradiance lamp continuous-strobe tec data-buffer
Spark        0  nonlinearity stray-light irradiance continuous-strobe shutter temperature optical-bench scans-to-average boxcar
Ventana      0  nonlinearity stray-light tec
ST           0  nonlinearity
SR2          0
SR4          0
HR2          0
HR4          0
SR6          0
HR6          0`;

interface Deviation {
  readonly has: string;
  readonly because: string;
}

const FPGA_3 = "2.4: firmware from FPGA 3 on has other numbers; both maps are in the row";
const NOTES = "2.4: the vendor's answers, not the constants that P copies from model to model";
const MANUAL = "Flame manual, and T for the USB2000+ and USB4000";
const PINS = "data sheets: registers 48, 50 and 54 (2.3)";

/** By model and column: what the table has instead, and why. Features are what is more (+) or less (-). */
const DEVIATIONS: { readonly [Name in ModelName]?: Readonly<Record<string, Deviation>> } = {
  "ADC1000-USB": { protocol: { has: "ooi", because: "2.1: OOI with a time of 16 bits" } },
  HR4000: {
    triggers: { has: "0,1,2,3,4", because: FPGA_3 },
    dark: { has: "5-18", because: "C and the detector's data sheet; P's 2..4 are no pixels of it" },
    features: { has: "+gpio", because: PINS },
  },
  USB650: { features: { has: "-continuous-strobe", because: "1.3 note 2: no register file is known" } },
  "HR2000+": {
    triggers: { has: "0,1,2,3,4", because: FPGA_3 },
    features: { has: "+gpio", because: PINS },
  },
  QE65000: { triggers: { has: "0,1,2,3", because: NOTES } },
  "USB2000+": { features: { has: "+board-temperature +gpio", because: `${PINS}; ${MANUAL}` } },
  "Flame-S": { features: { has: "+board-temperature +gpio +status-led", because: `${PINS}; ${MANUAL}` } },
  USB4000: {
    triggers: { has: "0,1,2,3,4", because: FPGA_3 },
    features: { has: "+board-temperature +gpio +status-led", because: `${PINS}; ${MANUAL}` },
  },
  NIRQuest512: { triggers: { has: "0,3", because: NOTES } },
  NIRQuest256: { triggers: { has: "0,3", because: NOTES } },
  Torus: {
    triggers: { has: "0,1,3", because: NOTES },
    dark: { has: "6-21", because: "C; the detector is the USB2000+'s" },
  },
  Apex: { times: { has: "7200/1600000000/1", because: "D has 7.2 ms; the wider limits lose nothing" } },
  "Flame-NIR": {
    triggers: { has: "0,1,2,3,4", because: `0/9: the Flames, too. ${FPGA_3}` },
    features: { has: "+status-led", because: "vendor's data sheet" },
  },
  "Ocean FX": {
    times: { has: "10/10000000/1", because: "C, over USB; the wider limits lose nothing" },
    triggers: { has: "0,1,2,3,255", because: "C has synchronization, too; a device without it refuses it" },
    dark: { has: "14-30", because: "C" },
    features: {
      has: "+acquisition-delay +data-buffer",
      because: "C has a data buffer in FlameX.cpp; the delay is an OBP message, refused where it is unknown",
    },
  },
  "QE Pro": { triggers: { has: "0,1,3", because: NOTES } },
  Ventana: { triggers: { has: "0,1,2", because: "Ventana data sheet: 1 rising edge, 2 with the strobe" } },
};

type Cells = Readonly<Record<string, string>>;

function lines(table: string): readonly (readonly string[])[] {
  return table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
}

function nameOf(cell: string | undefined): string {
  return (cell ?? "").replace("_", " ");
}

function hex4(id: number): string {
  return id.toString(16).padStart(4, "0");
}

// C's pixel count where the two differ: P's has filler. P's full scale: C's is the usable range.
function cellsOf([name, id = "", protocol = "", map = "", pixels = "", ...rest]: readonly string[]): Cells {
  const [bytes = "", times = "", counts = "", triggers = "", dark = ""] = rest;
  const [ofP = "", ofC = ofP] = pixels.split("/");
  const [maxCounts = "", usableCounts = maxCounts] = counts.split("/");
  return {
    name: nameOf(name),
    id,
    protocol,
    endpoints: ENDPOINTS[map] ?? "",
    pixels: ofC === "-" ? ofP : ofC,
    bytes: String(bytes.split("+").reduce((sum, part) => sum + Number(part), 0)),
    times,
    maxCounts,
    usableCounts,
    triggers,
    dark,
  };
}

function cellsOfRow(model: SpectrometerModel): Cells {
  const { endpoints, frame, integrationTimeUs, triggers, darkPixelRanges: dark } = model;
  const numbers = new Set(triggers.flatMap(({ modes }) => Object.values(modes)));
  return {
    name: model.name,
    id: `${hex4(model.vendorId)}:${hex4(model.productId)}`,
    protocol: model.protocol,
    endpoints: [endpoints.out, endpoints.answer, endpoints.spectrum].map((end) => end.toString(16)).join(" "),
    pixels: String(frame.pixels),
    bytes: String(frameBytes(frame)),
    times: [integrationTimeUs.min, integrationTimeUs.max, integrationTimeUs.base].join("/"),
    maxCounts: String(model.maxCounts),
    usableCounts: String(model.usableCounts ?? model.maxCounts),
    triggers: [...numbers].toSorted((a, b) => a - b).join(","),
    dark: dark.length === 0 ? "none" : dark.map(([from, to]) => `${from}-${to}`).join("+"),
  };
}

function deviationsOf(name: string): Readonly<Record<string, Deviation>> {
  return new Map(Object.entries(DEVIATIONS)).get(name) ?? {};
}

test("1.2: every model of the reference, in its order, and no other", () => {
  assert.deepEqual(
    ROWS.map(({ name }) => name),
    lines(TABLE_1_2).map(([name]) => nameOf(name)),
  );
  assert.equal(ROWS.length, 32);
});

for (const line of lines(TABLE_1_2)) {
  test(`1.2: ${nameOf(line[0])} has the reference's numbers, or a reason`, () => {
    const reference = cellsOf(line);
    const row = ROWS.find(({ name }) => name === reference["name"]) ?? assert.fail();
    const cells = cellsOfRow(row);
    const deviations = deviationsOf(row.name);
    for (const [column, value] of Object.entries(reference)) {
      const deviation = deviations[column];
      assert.equal(cells[column], deviation?.has ?? value, column);
      assert.notEqual(deviation?.has, value, `${column} does not deviate`);
    }
  });
}

for (const [cell, slots, ...features] of lines(TABLE_1_3)) {
  test(`1.3: ${nameOf(cell)} has the reference's features, or a reason`, () => {
    const row = ROWS.find(({ name }) => name === nameOf(cell)) ?? assert.fail();
    // P reads any slot it is asked for: 17 are those with a meaning.
    assert.equal(row.eepromSlots, slots === "P" ? 17 : Number(slots));
    const has: readonly string[] = row.features;
    const more = has.filter((feature) => !features.includes(feature)).toSorted();
    const less = features.filter((feature) => !has.includes(feature)).toSorted();
    const differences = [...more.map((feature) => `+${feature}`), ...less.map((feature) => `-${feature}`)];
    assert.equal(differences.join(" "), deviationsOf(row.name)["features"]?.has ?? "");
    assert.equal(new Set<Feature>(row.features).size, row.features.length, "named twice");
  });
}

test("1.4: the second pipe, XOR, masks, filler, metadata, sync byte and the origin of the wavelengths", () => {
  const having = (is: (model: SpectrometerModel) => boolean): string =>
    ROWS.filter(is)
      .map(({ name }) => name)
      .join(" ");
  assert.equal(
    having(({ endpoints }) => endpoints.spectrumFirst !== undefined),
    "HR4000 USB4000",
  );
  assert.equal(
    having(({ frame }) => frame.xor === 0x2000),
    "HR4000 HR2000+",
  );
  assert.equal(
    having(({ frame }) => frame.xor === 0x8000),
    "QE65000 NIRQuest512 NIRQuest256",
  );
  assert.equal(
    having(({ frame }) => frame.order === "split-64"),
    "USB2000 ADC1000-USB HR2000 USB650",
  );
  assert.equal(
    having(({ frame }) => frame.mask === 0x0fff),
    "USB2000 HR2000 USB650",
  );
  assert.equal(
    having(({ frame }) => frame.wirePixels !== frame.pixels),
    "HR4000 QE65000 USB4000 Maya2000 Pro Maya2000 Apex MayaLSL",
  );
  assert.equal(
    having(({ frame }) => frame.headerBytes === 32),
    "QE Pro ST SR2 SR4 HR2 HR4 SR6 HR6",
  );
  assert.equal(
    having(({ frame }) => frame.bytesPerPixel === 4),
    "QE Pro ST",
  );
  assert.equal(
    having(({ protocol, frame }) => protocol === "ooi" && !frame.hasSyncByte),
    "Flame-NIR Jaz",
  );
  assert.deepEqual(
    ROWS.filter(({ frame }) => frame.wavelengthOffset !== 0).map(({ name, frame }) => [
      name,
      frame.wavelengthOffset,
    ]),
    [["QE65000", -10]],
  );
});

// Table 1.5: offset and width in the data of slot 17, and what counts as programmed.
const STANDARD = { slot: 17, offset: 4, bytes: 2, validFrom: 1, validTo: 65_535 };
const GAIN_SCALED: Readonly<Record<string, typeof STANDARD>> = {
  "USB2000+": STANDARD,
  "Flame-S": STANDARD,
  USB4000: STANDARD,
  NIRQuest512: { ...STANDARD, bytes: 4 },
  NIRQuest256: { ...STANDARD, bytes: 4 },
  "Maya2000 Pro": { ...STANDARD, offset: 0, validFrom: 32_769, validTo: 64_000 },
  Torus: STANDARD,
  Apex: { ...STANDARD, offset: 0, validFrom: 32_769, validTo: 64_000 },
  MayaLSL: { ...STANDARD, offset: 0, validFrom: 32_769, validTo: 64_000 },
  "Flame-NIR": STANDARD,
  Jaz: STANDARD,
};

test("1.5: where the saturation level lies", () => {
  for (const { name, saturation } of ROWS) assert.deepEqual(saturation, GAIN_SCALED[name], name);
});

// Table 2.4 and the notes below it; columns: normal, software, level, synchronization, hardware edge, disabled.
const OLD = "0 1 - 2 3 -";
const TABLE_2_4: { readonly [Name in ModelName]: readonly string[] } = {
  USB2000: ["0 1 - - 3 -"],
  "ADC1000-USB": [OLD], // not in 2.4: P
  HR2000: ["0 1 - - 3 -"],
  HR4000: [OLD, "FPGA 3: 0 1 2 - 4 -"],
  USB650: ["0 1 - - 3 -"], // not in 2.4: P
  "HR2000+": [OLD, "FPGA 3: 0 1 2 3 4 -"],
  QE65000: ["0 - 1 2 3 -"],
  "USB2000+": [OLD, "FPGA 3: 0 1 2 3 4 -"],
  "Flame-S": [OLD, "FPGA 3: 0 1 2 3 4 -"],
  USB4000: [OLD, "FPGA 3: 0 1 2 - 4 -"],
  NIRQuest512: ["0 - - - 3 -"],
  NIRQuest256: ["0 - - - 3 -"],
  "Maya2000 Pro": ["0 - 1 2 3 -"],
  Maya2000: ["0 - 1 - 3 -"], // not in 2.4: numbers as P, 1 as the Maya Pro
  Torus: ["0 1 - - 3 -"],
  Apex: ["0 - - - - -"], // not in 2.4: P
  MayaLSL: ["0 - 1 2 3 -"],
  "Flame-NIR": [OLD, "FPGA 3: 0 1 2 3 4 -"], // 0/9
  Jaz: [OLD], // not in 2.4: P
  "Ocean FX": ["0 - 3 2 1 255"], // P; 2 as C
  HDX: ["0 - 3 - 1 255"],
  STS: ["0 - - 2 1 -"],
  "QE Pro": ["0 - 1 - 3 -"],
  Spark: ["0 - - 2 1 -"],
  Ventana: ["0 - - 2 1 -"], // its data sheet, as STS
  ST: ["0 1 - - 3 -"],
  SR2: ["0 - - - - -"],
  SR4: ["0 - - - - -"],
  HR2: ["0 - - - - -"],
  HR4: ["0 - - - - -"],
  SR6: ["0 - - - - -"],
  HR6: ["0 - - - - -"],
};
const MODES = [
  "normal",
  "software",
  "level",
  "synchronization",
  "hardware",
  "disabled",
] as const satisfies readonly TriggerMode[];

for (const [name, expected] of Object.entries(TABLE_2_4)) {
  test(`2.4: ${name} has the trigger numbers of its firmware`, () => {
    const { triggers } = ROWS.find((row) => row.name === name) ?? assert.fail();
    const printed = triggers.map(({ fpgaMajorFrom, modes }) => {
      const numbers = MODES.map((mode) => modes[mode] ?? "-").join(" ");
      return fpgaMajorFrom === 0 ? numbers : `FPGA ${fpgaMajorFrom}: ${numbers}`;
    });
    assert.deepEqual(printed, expected);
  });
}

test("2.2: the status query is asked where P asks it", () => {
  const asked = "HR4000 HR2000+ QE65000 USB2000+ Flame-S USB4000 Maya2000 Pro Maya2000 Torus Apex MayaLSL";
  const having = ROWS.filter(({ hasStatus }) => hasStatus).map(({ name }) => name);
  assert.equal(having.join(" "), asked);
});

test("3.4: how each family is asked for a spectrum", () => {
  const asked = new Map(ROWS.map(({ name, spectrumRequest }) => [name, spectrumRequest]));
  const messages: readonly (readonly [number, string])[] = [
    [0x0010_1100, "STS Spark Ventana"],
    [0x0010_1000, "HDX"],
    [0x0010_0928, "QE_Pro"],
    [0x0000_1c00, "ST SR2 SR4 HR2 HR4 SR6 HR6"],
    [0x09, "USB2000 USB4000 Jaz Flame-NIR"],
  ];
  for (const [message, names] of messages)
    for (const name of names.split(" ")) assert.equal(asked.get(nameOf(name)), message, name);
  assert.equal(asked.get("Ocean FX"), 0x0010_1000);
});

test("below 1.2: what only the udev file names is named and has no row", () => {
  assert.deepEqual(
    UNSUPPORTED.map(({ vendorId, productId, name }) => `${name} ${hex4(vendorId)}:${hex4(productId)}`),
    ["SAS 2457:1006", "NIR512 2457:100c", "NIR256 2457:1010", "USB325 2457:1024", "USB250 2457:1030"],
  );
  const taken = ROWS.filter(({ vendorId }) => vendorId === 0x2457).map(({ productId }) => productId);
  assert.ok(UNSUPPORTED.every(({ productId }) => !taken.includes(productId)));
});
