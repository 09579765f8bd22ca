// The OBP families against transcripts written from the protocol reference: opening, a refusal, and one spectrum whose
// counts were computed by hand. No byte here comes from the emulator.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { Link } from "../../src/drivers/oceanoptics/link.ts";
import { type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { Obp } from "../../src/drivers/oceanoptics/obp.ts";
import { openDriver } from "../../src/drivers/oceanoptics/open.ts";
import { frameMacros, type Marks, transcriptFile } from "./golden.ts";
import { OBP, OBP2 } from "./macros.ts";
import { ReplayTransport } from "./replay-transport.ts";

interface Golden {
  readonly file: string;
  readonly model: ModelName;
  readonly serial: string;
  readonly saturationLevel: number;
  /** By default as NONLINEARITY. */
  readonly nonlinearityCoefficients?: readonly number[];
  readonly spectrum: Marks;
}

const PLAIN = [
  [0, 0x0000, 0],
  [1, 0x00ff, 255],
  [2, 0xff00, 65_280],
  [3, 0xffff, 65_535],
  [100, 1100, 1100],
  [1023, 2023, 2023],
] as const;
const PLAIN_1K: Marks = { wirePixels: 1024, bytes: 2, marks: PLAIN };
const NONLINEARITY = [0.5, 0.25];
// Counter 1, tick 123456, 100000 us, trigger mode 0 (reference 3.5).
const QE_PRO_METADATA = `01000000 40E2010000000000 A0860100 0000 00 ${"00".repeat(13)}`;

const GOLDEN: readonly Golden[] = [
  { file: "sts", model: "STS", serial: "S01234", saturationLevel: 16_383, spectrum: PLAIN_1K },
  { file: "spark", model: "Spark", serial: "SPK00123", saturationLevel: 16_383, spectrum: PLAIN_1K },
  { file: "ventana", model: "Ventana", serial: "VEN00123", saturationLevel: 65_535, spectrum: PLAIN_1K },
  {
    file: "hdx",
    model: "HDX",
    serial: "HDX00123",
    saturationLevel: 65_535,
    spectrum: { wirePixels: 2068, bytes: 2, marks: [...PLAIN, [2067, 3067, 3067]] },
  },
  {
    file: "ocean-fx",
    model: "Ocean FX",
    serial: "FX00123",
    saturationLevel: 65_535,
    spectrum: { wirePixels: 2136, bytes: 2, marks: [...PLAIN, [2135, 3135, 3135]] },
  },
  {
    file: "qepro",
    model: "QE Pro",
    serial: "QEP00709",
    saturationLevel: 200_000,
    spectrum: {
      wirePixels: 1044,
      bytes: 4,
      metadata: QE_PRO_METADATA,
      // 18 bits: what is above is not the ADC's.
      marks: [
        [0, 0x0000_0000, 0],
        [1, 0x0003_ffff, 262_143],
        [2, 0x0001_0000, 65_536],
        [3, 0xfffc_0005, 5],
        [500, 1500, 1500],
        [1043, 0x0001_0203, 66_051],
      ],
    },
  },
  {
    file: "st",
    model: "ST",
    serial: "ST00123",
    saturationLevel: 16_383,
    spectrum: {
      wirePixels: 1516,
      bytes: 4,
      metadata: "EE".repeat(32),
      marks: [
        [0, 0x0000_0000, 0],
        [1, 0x0000_3fff, 16_383],
        [500, 1500, 1500],
        [1515, 0x0000_0102, 258],
      ],
    },
  },
  {
    file: "sr4",
    model: "SR4",
    serial: "SR400123",
    saturationLevel: 65_535,
    nonlinearityCoefficients: [],
    spectrum: {
      wirePixels: 3648,
      bytes: 2,
      metadata: "EE".repeat(32),
      marks: [...PLAIN, [3647, 4647, 4647]],
    },
  },
];

for (const golden of GOLDEN) {
  test(`${golden.file}: opens, is refused, and gives the counts computed by hand`, async () => {
    const clock = new VirtualClock();
    const dialect = modelNamed(golden.model).protocol === "obp2" ? OBP2 : OBP;
    const macros = { ...dialect, ...frameMacros(golden.spectrum, "linear") };
    const transport = new ReplayTransport(transcriptFile(`golden/${golden.file}`), { clock, macros });
    const { device } = transport;
    const driver = await clock.run(openDriver({ device, clock, log: SILENT, isSimulated: false }, NEVER));
    const { identity } = driver;
    assert.equal(identity.serial, golden.serial);
    assert.equal(identity.model, golden.model);
    assert.equal(identity.saturationLevel, golden.saturationLevel);
    assert.deepEqual(identity.calibration.wavelengthCoefficients, [338.25, 0.5, -0.125, 0.25]);
    const { nonlinearityCoefficients = NONLINEARITY } = golden;
    assert.deepEqual(identity.calibration.nonlinearityCoefficients, nonlinearityCoefficients);

    await clock.run(driver.prepare?.(NEVER) ?? Promise.resolve());
    const acquire = () =>
      clock.run(driver.acquire({ integrationTimeUs: 100_000, notBeforeUs: clock.nowUs() }, NEVER));
    await assert.rejects(acquire(), { code: "DEVICE_PROTOCOL", details: { errorNumber: 6 } });
    const beganUs = clock.nowUs();
    const { counts, discardedFrames, exposureStartUs, exposureEndUs } = await acquire();
    assert.ok(clock.nowUs() - beganUs >= 100_000);
    assert.equal(discardedFrames, 0);
    assert.deepEqual([exposureStartUs, exposureEndUs], [beganUs, beganUs + 100_000]);
    assert.equal(counts.length, golden.spectrum.wirePixels);
    for (const [pixel, , expected] of golden.spectrum.marks)
      assert.equal(counts[pixel], expected, `pixel ${pixel}`);
    transport.finish();
    assert.equal(clock.pending, 0);
  });
}

// Conversations number their messages from the clock: on this one the first number is 0, as in the reference.
const FIRST_IS_ZERO = 400_000 * 2 ** 32 - 1;

function conversation(transport: ReplayTransport, clock: VirtualClock, name: ModelName): Obp {
  return new Obp(new Link({ transport, clock, log: SILENT, subject: name }), modelNamed(name));
}

test("the golden frames of the protocol reference, literally", async () => {
  const clock = new VirtualClock(FIRST_IS_ZERO);
  const transport = new ReplayTransport(transcriptFile("golden/obp-frames"), { clock });
  const obp = (name: ModelName = "STS") => conversation(transport, clock, name);
  await transport.device.open(NEVER);
  const integrationTime = { type: 0x0011_0010, data: Uint8Array.of(0xa0, 0x86, 0x01, 0x00) };
  await obp().command(integrationTime, NEVER);
  await assert.rejects(obp().command(integrationTime, NEVER), {
    message: "STS: message 0x00110010 refused with error 6: payload data invalid",
  });
  assert.deepEqual(await obp().query({ type: 0x0000_0101 }, NEVER), Uint8Array.of(16));
  const coefficient = await obp().query({ type: 0x0018_0101, data: Uint8Array.of(2) }, NEVER);
  assert.equal(Buffer.from(coefficient).readFloatLE(), -0.125);
  await obp("QE Pro").command({ type: 0x0042_0011, data: Uint8Array.of(0x00, 0x00, 0x20, 0xc1) }, NEVER);
  assert.deepEqual(await obp().query({ type: 0x0010_1100 }, NEVER), new Uint8Array(2048).fill(7));
  assert.deepEqual(await obp("QE Pro").query({ type: 0x0010_0928 }, NEVER), new Uint8Array(4208).fill(7));
  transport.finish();
});

test("the golden OBP2 frame of the protocol reference, literally", async () => {
  const clock = new VirtualClock(FIRST_IS_ZERO);
  const transport = new ReplayTransport(transcriptFile("golden/obp2-frames"), { clock });
  await transport.device.open(NEVER);
  const bytes = await conversation(transport, clock, "SR4").query({ type: 0x0000_1c00 }, NEVER);
  assert.deepEqual(bytes, new Uint8Array(7328).fill(7));
  transport.finish();
});
