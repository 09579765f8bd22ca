// OOI commands beyond spectra, byte for byte: lamp, strobes, delay, GPIO, LED, slots, irradiance, cooler, ADC1000.
// Expectations are from the vendor's tables.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../../src/base/clock.ts";
import { MODELS, type ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { OoiDevice } from "../../../src/emulator/device/ooi-device.ts";
import { type FarEndRig, farEnd } from "./far-end.ts";

/** A device in the dark: what light there is comes from its own lamp. */
function inTheDark(name: ModelName, fpgaMajor = 1): FarEndRig {
  const rig = farEnd(name, { firmware: { fpgaVersion: [fpgaMajor, 0, 0] } });
  rig.scene.aperture("downwelling").move(false, 0, 0);
  rig.send("02 40 9c 00 00"); // 40 ms
  return rig;
}

/** Mean of the pixels where the lamp is bright, above that of a frame without lamp. */
async function brightness(rig: FarEndRig): Promise<number> {
  await rig.clock.advance(200 * MS);
  rig.send("09");
  await rig.clock.advance(200 * MS);
  const bytes = Buffer.concat(rig.packets(0x82));
  let sum = 0;
  for (let pixel = 1000; pixel < 1500; pixel++) sum += bytes.readUInt16LE(2 * pixel);
  return sum / 500;
}

/** What the lamp's known spectrum gives in a time, on the same pixels. */
function lampCounts(rig: FarEndRig, us: number): number {
  const pixels = rig.device.detector.lampCountsPerSecond.subarray(1000, 1500);
  return (pixels.reduce((sum, value) => sum + value, 0) / 500) * (us / SECOND);
}

function assertNear(actual: number, expected: number, share = 0.05): void {
  assert.ok(Math.abs(actual - expected) < share * expected, `${actual} is not about ${expected}`);
}

test("03: the lamp shows in the light, in status byte 6 and in register 40, and is off after a USB reset", async () => {
  const rig = inTheDark("USB2000+");
  const dark = await brightness(rig);
  rig.send("03 01 00");
  assertNear((await brightness(rig)) - dark, lampCounts(rig, 40 * MS));
  rig.send("fe");
  assert.equal(rig.hex(0x81).slice(12, 14), "01");
  rig.send("6b 40");
  assert.equal(rig.hex(0x81), "400100");
  rig.send("03 00 00");
  assert.ok(Math.abs((await brightness(rig)) - dark) < 20);
  rig.send("6a 40 01 00");
  assertNear((await brightness(rig)) - dark, lampCounts(rig, 40 * MS));
  rig.device.reset();
  rig.send("6b 40");
  assert.equal(rig.hex(0x81), "400000");
});

test("03 does nothing where the model has no lamp line", () => {
  const rig = farEnd("Apex");
  rig.send("03 01 00");
  rig.send("fe");
  assert.equal(rig.hex(0x81).slice(12, 14), "00");
});

const PERIODS = [
  { fpga: 1, what: "48 and period - 1", divisor: "30 00", count: "87 13", periodUs: 5000 },
  { fpga: 1, what: "48000 and ms - 1", divisor: "80 bb", count: "09 00", periodUs: 10_000 },
  { fpga: 3, what: "high and low word of 48 x period", divisor: "03 00", count: "80 a9", periodUs: 5000 },
  { fpga: 4, what: "as 3", divisor: "03 00", count: "80 a9", periodUs: 5000 },
] as const;

for (const { fpga, what, divisor, count, periodUs } of PERIODS) {
  test(`continuous strobe, FPGA ${fpga}: registers 08 and 0C are ${what}; 03 gates it`, async () => {
    const rig = inTheDark("USB2000+", fpga);
    const dark = await brightness(rig);
    rig.send(`6a 08 ${divisor}`);
    rig.send(`6a 0c ${count}`);
    assert.equal(rig.device.settings.values.strobePeriodUs, periodUs);
    assert.equal(rig.device.settings.values.isStrobing, false);
    assert.ok(Math.abs((await brightness(rig)) - dark) < 20, "no flash while the lamp line is low");
    rig.send("03 01 00");
    assert.equal(rig.device.settings.values.isStrobing, true);
    const flashes = (40 * MS) / periodUs;
    assertNear((await brightness(rig)) - dark, lampCounts(rig, 40 * MS + flashes * 1000));
    rig.send("6b 08");
    rig.send("6b 0c");
    assert.equal(rig.hex(0x81), `08${divisor}0c${count}`.replaceAll(" ", ""));
  });
}

test("single strobe: registers 38 and 3C are begin and end in 1/48 us", () => {
  const rig = farEnd("HR4000");
  rig.send("6a 38 60 00"); // 2 us
  rig.send("6a 3c 40 02"); // 12 us
  rig.send("03 01 00");
  const { isSingleStrobeOn, singleStrobeDelayUs, singleStrobeWidthUs } = rig.device.settings.values;
  assert.deepEqual([isSingleStrobeOn, singleStrobeDelayUs, singleStrobeWidthUs], [true, 2, 10]);
});

test("register 28: an edge-triggered exposure begins that many 1/48 us after the edge", async () => {
  const rig = farEnd("NIRQuest512");
  rig.send("6a 28 80 bb"); // 48000: 1000 us
  rig.send("0a 03 00");
  rig.send("09");
  await rig.clock.advance(50 * MS);
  rig.device.triggerPulse();
  await rig.clock.advance(500 * MS);
  assert.equal(rig.device.truth.newest?.startUs, 51 * MS);
});

test("GPIO: mux, direction and data registers; outputs are seen, inputs can be driven", () => {
  const rig = farEnd("USB2000+");
  rig.send("6a 54 05 00");
  rig.send("6a 50 01 00");
  assert.equal(rig.device.gpio.outputs, 0b001, "pin 2 is no output");
  rig.device.gpio.drive(3, true);
  rig.device.gpio.drive(0, true);
  rig.send("6b 54");
  assert.equal(rig.hex(0x81), "540900");
  rig.device.gpio.drive(3, false);
  rig.send("6b 54");
  assert.equal(rig.hex(0x81), "540100");
  rig.send("6a 48 01 00");
  rig.send("6b 48");
  rig.send("6b 50");
  assert.equal(rig.hex(0x81), "480100500100");
  assert.equal(rig.device.gpio.outputs, 0, "pin 0 has another function now");
});

test("registers: autonulling ones are kept, unknown ones are 0, the version cannot be written", () => {
  const rig = farEnd("USB2000+");
  const counts = Buffer.alloc(2);
  counts.writeUInt16LE(rig.device.detector.calibration.saturationCounts);
  rig.send("6b 68");
  assert.equal(rig.hex(0x81), `68${counts.toString("hex")}`);
  rig.send("6a 5c 11 22");
  rig.send("6a 60 33 44");
  rig.send("6a 99 55 66");
  rig.send("6a 04 77 88");
  for (const register of ["5c", "60", "99", "04"]) rig.send(`6b ${register}`);
  assert.equal(rig.hex(0x81), "5c1122603344990000046111");
});

test("12: the LED of a Flame", () => {
  const rig = farEnd("Flame-S");
  assert.equal(rig.device.isLedOn, true);
  rig.send("12 00");
  assert.equal(rig.device.isLedOn, false);
  rig.send("12 01");
  assert.equal(rig.device.isLedOn, true);
});

test("06 takes 200 ms: accesses to the memory come late, or are lost; other commands are served", async () => {
  for (const whileEepromIsBusy of ["late", "ignored"] as const) {
    const rig = farEnd("USB2000+", { firmware: { whileEepromIsBusy } });
    rig.send("06 13 41");
    rig.send("05 13");
    rig.send("06 12 42");
    rig.send("05 12");
    rig.send("6b 04");
    assert.equal(rig.hex(0x81), "046111", "at once");
    await rig.clock.advance(199 * MS);
    assert.equal(rig.hex(0x81), "");
    await rig.clock.advance(1 * MS);
    const first = `051341${"00".repeat(14)}`;
    assert.equal(rig.hex(0x81), whileEepromIsBusy === "late" ? first : "");
    await rig.clock.advance(200 * MS);
    assert.equal(rig.hex(0x81), whileEepromIsBusy === "late" ? `051242${"00".repeat(14)}` : "");
    assert.equal(rig.clock.pending, 0);
  }
});

test("06: 15 bytes padded with zeros; a slot beyond the last is lost, and reads FF", async () => {
  const rig = farEnd("USB2000+");
  rig.send(`06 1d ${"61".repeat(15)} 62`);
  await rig.clock.advance(200 * MS);
  rig.send("06 1e 61");
  await rig.clock.advance(200 * MS);
  rig.send("05 1d");
  rig.send("05 1e");
  assert.equal(rig.hex(0x81), `051d${"61".repeat(15)}051e${"ff".repeat(15)}`);
});

test("6D and 6E: blocks of 60 bytes at byte addresses, floats with the most significant byte first", async () => {
  const rig = farEnd("NIRQuest512");
  const floats = Buffer.alloc(60);
  for (let index = 0; index < 15; index++) floats.writeFloatBE(1.5 + index, 4 * index);
  rig.send(`6e c4 07 ${floats.toString("hex")}`); // 1988: the last 15 of 512 floats
  rig.send("6d c4 07");
  assert.equal(rig.hex(0x81), "", "busy");
  await rig.clock.advance(200 * MS);
  assert.equal(rig.hex(0x81), floats.toString("hex"));
  rig.send("6d 00 00");
  assert.equal(rig.hex(0x81), "ff".repeat(60), "never written");
  const none = farEnd("Jaz");
  none.send("6d 00 00");
  assert.equal(none.hex(0x81), "", "a Jaz has no irradiance calibration");
});

test("6C: only where there is a sensor on the board", () => {
  const flame = farEnd("Flame-S");
  flame.send("6c");
  assert.match(flame.hex(0x81), /^08....$/);
  const old = farEnd("HR2000+");
  old.send("6c");
  assert.equal(old.hex(0x81), "");
});

test("70, 71, 72, 73: fan, cooler, temperature and set point in tenths of a degree", async () => {
  const rig = farEnd("QE65000");
  const read = async (): Promise<number> => {
    await rig.clock.advance(300 * SECOND);
    rig.send("72");
    return Buffer.from(rig.hex(0x81), "hex").readInt16LE(0);
  };
  rig.send("73 38 ff"); // -20.0
  assert.equal(await read(), -200);
  rig.send("70 00 00");
  assert.equal(rig.device.detector.cooler.isFanOn, false);
  assert.ok((await read()) > -150, "without its fan it does not get so cold");
  rig.send("70 01 00");
  assert.equal(await read(), -200);
  rig.send("71 00 00");
  assert.ok((await read()) > 200);
  rig.send("71 01 00");
  assert.equal(await read(), -200);
});

test("ADC1000: 0B, 0C and 0D set channel, strobe rate and clock; its time has 16 bits", async () => {
  const rig = farEnd("ADC1000-USB");
  rig.send("0b 03 00");
  rig.send("0c e8 03");
  rig.send("0d 01 00");
  assert.ok(rig.device instanceof OoiDevice);
  assert.deepEqual(rig.device.adc, { channel: 3, strobeRate: 1000, masterClock: 1 });
  assert.equal(rig.packets(0x87).length, 0);
  rig.send("02 0a 00 ff ff");
  await rig.clock.advance(200 * MS);
  rig.send("09");
  await rig.clock.advance(200 * MS);
  assert.equal(rig.device.truth.newest?.integrationTimeUs, 10 * MS);
});

test("0B: other devices tell that no plug-ins are there", () => {
  const rig = farEnd("USB4000");
  rig.send("0b");
  assert.equal(rig.hex(0x81), "0000");
});

test("every OOI model: what its row does not name stays silent, and it still gives a spectrum", async () => {
  for (const model of MODELS.filter(({ protocol }) => protocol === "ooi")) {
    const rig = farEnd(model.name);
    const answers = (sent: string): number => {
      rig.send(sent);
      return rig.packets(model.endpoints.answer).length;
    };
    const features: readonly string[] = model.features;
    const isOld = model.frame.order === "split-64";
    assert.equal(answers("05 00"), 1, model.name);
    assert.equal(answers("6b 04"), isOld ? 0 : 1, `${model.name} registers`);
    assert.equal(answers("fe"), model.hasStatus ? 1 : 0, `${model.name} status`);
    assert.equal(answers("72"), features.includes("tec") ? 1 : 0, `${model.name} cooler`);
    assert.equal(answers("6d 00 00"), features.includes("irradiance") ? 1 : 0, `${model.name} irradiance`);
    assert.equal(answers("6c"), features.includes("board-temperature") ? 1 : 0, `${model.name} board`);
    rig.send("09");
    await rig.clock.advance(SECOND);
    assert.ok(rig.packets(model.endpoints.spectrum).length > 0, model.name);
  }
});
