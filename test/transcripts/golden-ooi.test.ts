// The OOI families against transcripts written from the protocol reference: opening, and one spectrum whose counts were
// computed by hand. No byte here comes from the emulator.

import assert from "node:assert/strict";
import { test } from "node:test";
import { all, NEVER } from "../../src/base/abort.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { decodeFrame } from "../../src/drivers/oceanoptics/decode.ts";
import { Link } from "../../src/drivers/oceanoptics/link.ts";
import { type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { Ooi } from "../../src/drivers/oceanoptics/ooi.ts";
import { openDriver } from "../../src/drivers/oceanoptics/open.ts";
import { frameMacros, type Marks, transcriptFile } from "./golden.ts";
import { OOI } from "./macros.ts";
import { ReplayTransport } from "./replay-transport.ts";

interface Golden {
  readonly file: string;
  readonly model: ModelName;
  readonly serial: string;
  readonly saturationLevel: number;
  readonly layout?: "split";
  readonly pixels: number;
  readonly spectrum: Marks;
  readonly wavelengthCoefficients?: readonly number[];
  readonly echo?: string;
  readonly firmware?: string;
  readonly tecTemperatureC?: number;
}

const COEFFICIENTS = [338.25, 0.378, -1.2e-5, -2.1e-9];
/** Least significant byte first, nothing else. */
const PLAIN = [
  [0, 0x0000, 0],
  [1, 0x00ff, 255],
  [2, 0xff00, 65_280],
  [3, 0xffff, 65_535],
  [100, 1100, 1100],
  [127, 0x1234, 4660],
] as const;
const XOR_2000 = [
  [0, 0x2000, 0],
  [1, 0x2001, 1],
  [2, 0x0000, 8192],
  [3, 0x1fff, 16_383],
  [500, 1500, 9692], // 1500 + 8192
  [2047, 0x3fff, 8191],
] as const;
const XOR_8000 = [
  [0, 0x8000, 0],
  [1, 0x8001, 1],
  [2, 0x7fff, 65_535],
  [3, 0x0000, 32_768],
  [500, 1500, 34_268], // 1500 + 32768
  [511, 0xffff, 32_767],
] as const;
const WIRE_2K = { wirePixels: 2048, bytes: 2 } as const;
const PLAIN_2K: Marks = { ...WIRE_2K, marks: [...PLAIN, [2047, 3047, 3047]] };
const PLAIN_4K: Marks = {
  wirePixels: 3840,
  bytes: 2,
  // 1023 is the last pixel of the first pipe, 1024 the first of the second; 3647 the last before the filler.
  marks: [...PLAIN, [1023, 0xa1a2, 41_378], [1024, 0xb1b2, 45_490], [3647, 4647, 4647], [3648, 0xdead, 0]],
};
const XOR_4K: Marks = { wirePixels: 3840, bytes: 2, marks: [...XOR_2000, [3647, 4647, 12_839]] };
const FLAME_S = {
  model: "Flame-S",
  file: "flame-s",
  serial: "FLMS01859",
  saturationLevel: 65_535,
  pixels: 2048,
  spectrum: PLAIN_2K,
  firmware: "FPGA 3.04.6",
} as const;
const USB2000_PLUS = {
  ...FLAME_S,
  model: "USB2000+",
  file: "usb2000plus",
  serial: "USB2+F01234",
  saturationLevel: 56_270,
  firmware: "FPGA 2.22.1",
} as const;
const USB4000 = {
  model: "USB4000",
  serial: "USB4F05678",
  saturationLevel: 56_270,
  pixels: 3648,
  spectrum: PLAIN_4K,
} as const;
const HR4000 = {
  model: "HR4000",
  serial: "HR4C1234",
  saturationLevel: 16_383,
  pixels: 3648,
  spectrum: XOR_4K,
} as const;

const GOLDEN: readonly Golden[] = [
  {
    file: "usb2000",
    model: "USB2000",
    serial: "USB2E1234",
    saturationLevel: 4095,
    layout: "split",
    pixels: 2048,
    // The high nibble is noise. 63 and 64 are in different packets.
    spectrum: {
      ...WIRE_2K,
      marks: [
        [0, 0xf123, 291],
        [1, 0x0fff, 4095],
        [63, 0x50ff, 255],
        [64, 0xa100, 256],
        [1000, 2000, 2000],
        [2047, 0x8001, 1],
      ],
    },
  },
  {
    file: "adc1000",
    model: "ADC1000-USB",
    serial: "ADC10123",
    saturationLevel: 65_535,
    layout: "split",
    pixels: 2048,
    spectrum: {
      ...WIRE_2K,
      marks: [
        [0, 0xf123, 61_731],
        [63, 0x50ff, 20_735],
        [64, 0xa100, 41_216],
        [1000, 2000, 2000],
      ],
    },
  },
  ...["04", "FE", "00"].flatMap((echo) => [
    { ...USB2000_PLUS, echo },
    { ...FLAME_S, echo },
  ]),
  {
    file: "hr2000plus",
    model: "HR2000+",
    serial: "HR+C0123",
    saturationLevel: 16_383,
    pixels: 2048,
    spectrum: { ...WIRE_2K, marks: XOR_2000 },
  },
  { ...USB4000, file: "usb4000" },
  { ...USB4000, file: "usb4000-full-speed" },
  { ...HR4000, file: "hr4000" },
  { ...HR4000, file: "hr4000-full-speed" },
  {
    file: "qe65000",
    model: "QE65000",
    serial: "QEB0123",
    saturationLevel: 65_535,
    pixels: 1044,
    spectrum: { wirePixels: 1280, bytes: 2, marks: [...XOR_8000, [1043, 2043, 34_811], [1044, 0xdead, 0]] },
    // 200 + 0.5 (i - 10)
    wavelengthCoefficients: [195, 0.5, 0, 0],
    tecTemperatureC: -10,
  },
  {
    file: "nirquest512",
    model: "NIRQuest512",
    serial: "NQ51A123",
    saturationLevel: 46_000,
    pixels: 512,
    spectrum: { wirePixels: 512, bytes: 2, marks: XOR_8000 },
    tecTemperatureC: -10,
  },
  {
    file: "maya2000pro",
    model: "Maya2000 Pro",
    serial: "MAY11234",
    saturationLevel: 60_000,
    pixels: 2068,
    spectrum: { wirePixels: 2304, bytes: 2, marks: [...PLAIN, [2067, 3067, 3067], [2068, 0xdead, 0]] },
  },
  { ...USB2000_PLUS, file: "jaz", model: "Jaz", serial: "JAZA0123" },
  {
    file: "flame-nir",
    model: "Flame-NIR",
    serial: "FLMN0123",
    saturationLevel: 56_270,
    pixels: 128,
    spectrum: { wirePixels: 128, bytes: 2, marks: PLAIN },
  },
];

for (const golden of GOLDEN) {
  const echo = golden.echo === undefined ? "" : `, register echo ${golden.echo}`;
  test(`${golden.file}${echo}: opens, and gives the counts computed by hand`, async () => {
    const clock = new VirtualClock();
    const { spectrum, layout = "linear" } = golden;
    const macros = { ...OOI, ...frameMacros(spectrum, layout), echo: () => golden.echo ?? "" };
    const transport = new ReplayTransport(transcriptFile(`golden/${golden.file}`), { clock, macros });
    const { device } = transport;
    const driver = await clock.run(openDriver({ device, clock, log: SILENT, isSimulated: false }, NEVER));
    const { identity } = driver;
    assert.equal(identity.serial, golden.serial);
    assert.equal(identity.model, golden.model);
    assert.equal(identity.saturationLevel, golden.saturationLevel);
    const { wavelengthCoefficients = COEFFICIENTS } = golden;
    assert.deepEqual(identity.calibration.wavelengthCoefficients, wavelengthCoefficients);
    assert.deepEqual(identity.calibration.nonlinearityCoefficients, [0.89, 1.1e-5]);
    if (golden.echo !== undefined && golden.firmware !== undefined)
      assert.equal(identity.firmware, golden.firmware);

    const beganUs = clock.nowUs();
    const counts = await acquire(transport, clock, golden.model);
    assert.ok(clock.nowUs() - beganUs >= 100_000);
    assert.equal(counts.length, golden.pixels);
    for (const [pixel, , expected] of spectrum.marks)
      if (pixel < golden.pixels) assert.equal(counts[pixel], expected, `pixel ${pixel}`);
    if (golden.tecTemperatureC !== undefined)
      assert.equal((await clock.run(driver.tec?.read(NEVER) ?? Promise.reject())).temperatureC, -10);
    transport.finish();
    assert.equal(clock.pending, 0);
  });
}

// The plain exchange: which frames are discarded for freshness is not the protocol's.
async function acquire(
  transport: ReplayTransport,
  clock: VirtualClock,
  name: ModelName,
): Promise<Uint32Array> {
  const model = modelNamed(name);
  const ooi = new Ooi(new Link({ transport, clock, log: SILENT, subject: name }), model);
  const read = async (): Promise<Uint8Array> => {
    await ooi.setIntegrationTimeUs(100_000, NEVER);
    const [bytes] = await all<Uint8Array | undefined>(
      [
        (inner) => ooi.readSpectrum(1_000_000, inner),
        (inner) => ooi.requestSpectrum(inner).then(() => undefined),
      ],
      NEVER,
    );
    assert.ok(bytes);
    return bytes;
  };
  return decodeFrame(model.frame, await clock.run(read()), name);
}
