// What goes over the wire when OOI devices are opened, as transcripts: the order that python-seabreeze uses, then the
// calibration, then the idle integration time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { type Log, SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { isUncalibrated } from "../../../src/drivers/oceanoptics/calibration.ts";
import type { SpectrometerDriver } from "../../../src/drivers/oceanoptics/driver.ts";
import { openDriver } from "../../../src/drivers/oceanoptics/open.ts";
import { ReplayTransport, replayDevice } from "../../transcripts/replay-transport.ts";

interface Opened {
  readonly driver: SpectrometerDriver;
  readonly warnings: readonly string[];
}

async function open(productId: number, transport: ReplayTransport): Promise<Opened> {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const log: Log = { ...SILENT, warn: (_, message) => warnings.push(message) };
  const device = replayDevice(0x2457, productId, transport);
  const driver = await clock.run(openDriver({ device, clock, log, isSimulated: false }, NEVER));
  assert.equal(transport.remaining, 0);
  return { driver, warnings };
}

/** Question and answer about a slot, with text, or 15 bytes in hex. */
function slot(number: number, content: string | { readonly hex: string }, pipes = "01 81"): string {
  const [out, answer] = pipes.split(" ");
  const index = number.toString(16).padStart(2, "0");
  const data = typeof content === "string" ? Buffer.from(content, "latin1").toString("hex") : content.hex;
  return `> ${out} 05 ${index}\n< ${answer} 05 ${index} ${data.padEnd(30, "0")}\n`;
}

const FF = { hex: "ff".repeat(15) };

function calibration(pipes = "01 81"): string {
  const numbers = ["338,25", "3.7831E-01", "-1.2345E-05", "-2.1e-09"];
  return [
    ...numbers.map((text, index) => slot(index + 1, text, pipes)),
    slot(5, "0.01", pipes),
    slot(14, "2.0", pipes),
    ...["0.89", "1.1e-05", "-2.5E-10"].map((text, index) => slot(6 + index, text, pipes)),
    slot(15, "2 OFLV-4 25\0\xff\xff", pipes),
  ].join("");
}

const STATUS = "> 01 FE\n< 81 00 08 70 17 00 00 00 00 00 08 00 00 00 00 80 55\n";
const IDLE_1MS = "> 01 02 E8 03 00 00\n";

test("Flame-S: initialise, firmware, status, saturation, serial, calibration, idle", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    > 01 6B 04
    < 81 04 46 30          # 3.04.6, least significant byte first
    ${STATUS}
    ${slot(17, { hex: "00000000cedb" })}
    ${slot(0, "FLMS01859\0\xff\xff")}
    ${calibration()}
    ${IDLE_1MS}`);
  const { driver, warnings } = await open(0x101e, transport);
  assert.deepEqual(driver.identity, {
    serial: "FLMS01859",
    model: "Flame-S",
    pixels: 2048,
    maxCounts: 65_535,
    saturationLevel: 56_270,
    isGainScaled: true,
    darkPixelRanges: [[6, 21]],
    opticalPixelRange: [21, 2048],
    integrationTimeUs: { min: 1000, max: 655_350_000, step: 1 },
    calibration: {
      wavelengthCoefficients: [338.25, 0.37831, -1.2345e-5, -2.1e-9],
      nonlinearityCoefficients: [0.89, 1.1e-5, -2.5e-10],
      strayLightConstant: 0.01,
      opticalConfiguration: "2 OFLV-4 25",
    },
    firmware: "FPGA 3.04.6",
    hasTec: false,
    isSimulated: false,
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(new Set(transport.haltsCleared), new Set([0x01, 0x81, 0x82]));
  assert.ok(transport.readSizes.every((size) => size === 64));
});

for (const [echo, version, model] of [
  ["FE", "46 30", "Flame-S"],
  ["00", "46 30", "Flame-S"],
  ["04", "61 21", "USB2000+"],
  ["04", "56 40", "Flame-S"],
] as const) {
  test(`register echo ${echo}, version ${version}: ${model}`, async () => {
    const transport = new ReplayTransport(`
      > 01 01
      > 01 6B 04
      < 81 ${echo} ${version}
      ${STATUS}
      ${slot(17, FF)} ${slot(0, "USB2+F01234")}
      ${calibration()}
      ${IDLE_1MS}`);
    const { driver } = await open(0x101e, transport);
    assert.equal(driver.identity.model, model);
    assert.equal(driver.identity.saturationLevel, 65_535);
  });
}

test("a register that does not answer is not fatal", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    > 01 6B 04
    > 01 6B 04             # asked again
    ${STATUS}
    ${slot(17, FF)} ${slot(0, "USB2+F01234")}
    ${calibration()}
    ${IDLE_1MS}`);
  const { driver, warnings } = await open(0x101e, transport);
  assert.equal(driver.identity.model, "USB2000+");
  assert.deepEqual(warnings, [
    "USB2000+ at USB 1-1.4: asks again",
    "USB2000+ at USB 1-1.4: firmware version is not readable",
  ]);
});

test("USB4000: both spectrum pipes are cleared and drained; no firmware register", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    < 86 00 11 22          # left over from a crashed session
    < 82 69
    ${STATUS}
    ${slot(17, { hex: "" })} ${slot(0, "USB4F05678")}
    ${calibration()}
    > 01 02 0A 00 00 00`);
  const { driver, warnings } = await open(0x1022, transport);
  assert.equal(driver.identity.saturationLevel, 65_535);
  assert.deepEqual(new Set(transport.haltsCleared), new Set([0x01, 0x81, 0x82, 0x86]));
  assert.deepEqual(warnings, ["USB4000 at USB 1-1.4: dropped stale bytes"]);
});

test("HR4000: status, no saturation level", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    ${STATUS} ${slot(0, "HR4C1234")} ${calibration()}
    > 01 02 0A 00 00 00`);
  assert.equal((await open(0x1012, transport)).driver.identity.saturationLevel, 16_383);
});

test("QE65000: cooler defaults of slot 17, wavelengths at pixel - 10", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    ${STATUS}
    ${slot(17, { hex: "01009cff" })}
    ${slot(0, "QEB0123")}
    ${slot(1, "200")} ${slot(2, "0.5")} ${slot(3, "0")} ${slot(4, "0")}
    ${slot(5, FF)} ${slot(14, FF)}
    ${Array.from({ length: 8 }, (_, index) => slot(6 + index, FF)).join("")}
    ${slot(15, FF)}
    > 01 73 9C FF
    > 01 71 01 00
    > 01 02 08 00 00 00`);
  const { driver, warnings } = await open(0x1018, transport);
  assert.deepEqual(driver.identity.calibration, {
    wavelengthCoefficients: [195, 0.5, 0, 0],
    nonlinearityCoefficients: [],
  });
  assert.ok(driver.identity.hasTec);
  assert.deepEqual(warnings, ["QEB0123: no nonlinearity correction"]);
});

test("NIRQuest512: no status; an unprogrammed saturation level is not believed", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    ${slot(17, FF)} ${slot(0, "NQ51A123")} ${calibration()}
    > 01 02 01 00 00 00`);
  const { driver, warnings } = await open(0x1026, transport);
  assert.equal(driver.identity.saturationLevel, 65_535);
  assert.deepEqual(warnings, ["NQ51A123: no cooler settings in the EEPROM, the cooler stays as it is"]);
});

test("USB2000: legacy pipes, no status, no saturation, milliseconds", async () => {
  const pipes = "02 87";
  const transport = new ReplayTransport(`
    > 02 01
    ${slot(0, "USB2E1234", pipes)} ${calibration(pipes)}
    > 02 02 03 00 00 00`);
  const { driver } = await open(0x1002, transport);
  assert.equal(driver.identity.serial, "USB2E1234");
  assert.equal(driver.identity.saturationLevel, 4095);
});

test("an EEPROM without calibration: pixel indices, with a warning", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    ${STATUS} ${slot(0, "HR4C1234")}
    ${slot(1, FF)} ${slot(2, "garbage")} ${slot(3, "0")} ${slot(4, "0")}
    ${slot(5, "0.1\x000.2")} ${slot(14, "0")} ${slot(6, "0")} ${slot(15, "")}
    > 01 02 0A 00 00 00`);
  const { driver, warnings } = await open(0x1012, transport);
  assert.deepEqual(driver.identity.calibration, {
    wavelengthCoefficients: [0, 1],
    nonlinearityCoefficients: [],
    strayLightConstant: 0.1,
  });
  assert.deepEqual(warnings, [
    "HR4C1234: no wavelength calibration, wavelengths are pixel indices",
    "HR4C1234: no nonlinearity correction",
  ]);
});

test("wavelengths that do not rise from pixel to pixel: pixel indices, with a warning", async () => {
  for (const [c1, c2, c3] of [
    ["-0.2", "0", "0"],
    ["0.2", "-1.0E-04", "0"], // falls from pixel 1000 on
    ["0.2", "0", "-1.0E-08"], // falls from pixel 2582 on
    ["1E308", "1E308", "0"],
  ] as const) {
    const transport = new ReplayTransport(`
    > 01 01
    ${STATUS} ${slot(0, "HR4C1234")}
    ${slot(1, "200")} ${slot(2, c1)} ${slot(3, c2)} ${slot(4, c3)}
    ${slot(5, "0")} ${slot(14, "0")} ${slot(6, "1")} ${slot(15, "x")}
    > 01 02 0A 00 00 00`);
    const { driver, warnings } = await open(0x1012, transport);
    const { calibration } = driver.identity;
    assert.deepEqual(calibration.wavelengthCoefficients, [0, 1]);
    assert.ok(isUncalibrated(calibration));
    assert.deepEqual(warnings, [
      "HR4C1234: wavelengths do not rise from pixel to pixel, wavelengths are pixel indices",
    ]);
  }
});

test("wavelengths that turn only behind the last pixel are used", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    ${STATUS} ${slot(0, "HR4C1234")}
    ${slot(1, "200")} ${slot(2, "0.37")} ${slot(3, "-5.0E-05")} ${slot(4, "0")}
    ${slot(5, "0")} ${slot(14, "0")} ${slot(6, "1")} ${slot(15, "x")}
    > 01 02 0A 00 00 00`);
  const { driver, warnings } = await open(0x1012, transport);
  assert.deepEqual(driver.identity.calibration.wavelengthCoefficients, [200, 0.37, -5e-5, 0]);
  assert.deepEqual(warnings, []);
});

test("a slot that does not answer, and its late answer, cost that slot only", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    ${STATUS} ${slot(0, "HR4C1234")}
    ${slot(1, "200")} ${slot(2, "0.5")} ${slot(3, "0")} ${slot(4, "0")}
    > 01 05 05
    > 01 05 05             # asked again
    > 01 05 0E
    < 81 05 05 ${"00".repeat(15)}   # the late answer to the question before
    < 81 05 0E 30 ${"00".repeat(14)}
    ${slot(6, "1")} ${slot(15, "x")}
    > 01 02 0A 00 00 00`);
  const { driver, warnings } = await open(0x1012, transport);
  assert.deepEqual(driver.identity.calibration.nonlinearityCoefficients, [1]);
  assert.deepEqual(warnings, ["HR4C1234: asks again", "HR4C1234: EEPROM slot 5 is not readable"]);
});

test("one disturbed question costs nothing: it is asked again", async () => {
  const transport = new ReplayTransport(`
    > 01 01
    ${STATUS} ${slot(0, "HR4C1234")}
    > 01 05 01
    < 81 05 01 32          # a piece of an answer
    ${calibration()}
    > 01 02 0A 00 00 00`);
  const { driver, warnings } = await open(0x1012, transport);
  assert.equal(driver.identity.calibration.wavelengthCoefficients.length, 4);
  assert.deepEqual(warnings, ["HR4C1234: asks again"]);
});

test("no serial number: refused, and the device is closed", async () => {
  const transport = new ReplayTransport(`> 01 01\n ${STATUS} ${slot(0, FF)}`);
  await assert.rejects(open(0x1012, transport), {
    code: "DEVICE_FAULT",
    message: "HR4000 at USB 1-1.4: EEPROM slot 0 holds no serial number",
  });
  assert.ok(transport.isClosed);
});

test("a device that does not answer is closed after its deadline", async () => {
  const transport = new ReplayTransport(`> 01 01\n ${STATUS}\n> 01 05 00\n> 01 05 00`);
  await assert.rejects(open(0x1012, transport), {
    code: "DEVICE_TIMEOUT",
    message: "HR4000 at USB 1-1.4: no EEPROM slot 0 within 500 ms",
  });
  assert.ok(transport.isClosed);
});

test("an unknown product of the vendor", async () => {
  await assert.rejects(open(0x1234, new ReplayTransport("")), {
    code: "RESOURCE_NOT_FOUND",
    message: "USB 1-1.4: 2457:1234 is not in the table of models",
  });
});

test("a product that only its name is known of: refused by name", async () => {
  await assert.rejects(open(0x1006, new ReplayTransport("")), {
    code: "RESOURCE_NOT_FOUND",
    message: "USB 1-1.4: 2457:1006 is a SAS, which is not supported",
  });
});
