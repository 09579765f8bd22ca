// OBP messages beyond spectra, byte for byte. Expectations are from the published table of message types; numbers are
// little-endian.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../../src/base/clock.ts";
import { MODELS } from "../../../src/drivers/oceanoptics/models.ts";
import { type FarEndRig, farEnd, fromHex } from "./far-end.ts";
import { ask, dataOf, f32, get, hexOf, set, u16, u32, ZEROS } from "./obp-talk.ts";

function ascii(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

/** A command whose data are longer than the header holds. */
function setLong(rig: FarEndRig, type: number, data: Buffer): number {
  const head = `c1c0 0011 0400 0000 ${hexOf(type)} 00000000 000000000000 00 00 ${ZEROS} ${u32(data.length + 20)}`;
  rig.send(Buffer.concat([fromHex(head), data, fromHex(`${ZEROS}c5c4c3c2`)]));
  return Buffer.concat(rig.packets(rig.device.model.endpoints.answer)).readUInt16LE(6);
}

test("limits: integration time, delay, strobe period, binning, buffer", () => {
  const sts = farEnd("STS");
  const fx = farEnd("Ocean FX");
  assert.deepEqual(
    [1, 2, 3].map((n) => get(sts, 0x110000 + n)),
    [u32(10), u32(85_000_000), u32(1)],
  );
  assert.deepEqual(
    [1, 2, 3].map((n) => get(fx, 0x110000 + n)),
    [u32(10), u32(10_000_000), u32(1)],
  );
  assert.deepEqual(
    [1, 2, 3].map((n) => get(sts, 0x110500 + n)),
    [u32(0), u32(335_500), u32(1)],
  );
  assert.deepEqual(
    [1, 2, 3].map((n) => get(sts, 0x310000 + n)),
    [u32(50), u32(5_000_000), u32(1)],
  );
  assert.equal(get(sts, 0x110281), "03");
  assert.equal(get(farEnd("QE Pro"), 0x100820), u32(1024));
});

test("identity: revisions, names, ids", () => {
  const rig = farEnd("STS", { serial: "S12345" });
  assert.match(get(rig, 0x80), /^..$/);
  assert.match(get(rig, 0x90), /^....$/);
  assert.match(get(rig, 0x91), /^....$/);
  assert.equal(get(rig, 0x100), ascii("S12345"));
  assert.equal(get(rig, 0x101), "06");
  assert.equal(get(rig, 0xe00) + get(rig, 0xe01), "57240040");
  assert.equal(get(rig, 0xe11), ascii("STS"));
});

test("alias and user strings are kept, over a reset too", () => {
  const rig = farEnd("QE Pro");
  assert.equal(get(rig, 0x200), "");
  assert.equal(set(rig, 0x210, ascii("mast top")), 0);
  assert.equal(get(rig, 0x300), "04");
  assert.equal(get(rig, 0x301), "2000");
  assert.equal(set(rig, 0x310, `02${ascii("north")}`), 0);
  assert.equal(set(rig, 0x310, `04${ascii("none")}`), 6);
  assert.equal(set(rig, 0x310), 5);
  assert.equal(setLong(rig, 0x210, Buffer.alloc(33, "a")), 5);
  rig.device.reset();
  assert.equal(get(rig, 0x200), ascii("mast top"));
  assert.equal(get(rig, 0x201), "08");
  assert.equal(get(rig, 0x302, "02"), ascii("north"));
  assert.equal(get(rig, 0x302, "01"), "");
  assert.equal(get(rig, 0x302, "04"), "error 6");
  assert.equal(get(rig, 0x302), "error 5");
});

test("pixels: number, active and dark ranges as pairs of first and last, levels; 12 where there are none", () => {
  const qe = farEnd("QE Pro");
  assert.equal(get(qe, 0x110220), u32(1044));
  assert.equal(get(qe, 0x110221), u32(10) + u32(1033));
  const dark = [0, 3, 1040, 1043].map(u32).join("");
  assert.equal(get(qe, 0x110222), dark);
  assert.equal(get(qe, 0x110223), dark);
  assert.equal(get(qe, 0x101010), u32(262_143));
  assert.equal(get(qe, 0x1010a0), u32(200_000));
  assert.equal(get(qe, 0x1010a1), u32(5000));
  assert.equal(get(qe, 0x1010a2), u32(262_143));
  const sts = farEnd("STS");
  assert.equal(get(sts, 0x110220), u32(1024));
  assert.equal(get(sts, 0x110222), "error 12");
});

test("bench: id, serial, slit, fibre, grating, filter, coating; only where there is one", () => {
  const rig = farEnd("Spark", { serial: "SPK1" });
  const texts = [0x1b0000, 0x1b0100, 0x1b0400, 0x1b0500, 0x1b0600].map((type) => get(rig, type));
  assert.deepEqual(texts, ["EMULATED", "B-SPK1", "600/500", "OFLV", "UV2"].map(ascii));
  assert.deepEqual([get(rig, 0x1b0200), get(rig, 0x1b0300)], [u16(25), u16(400)]);
  assert.equal(get(farEnd("Ventana"), 0x1b0000), "error 2");
});

for (const [what, type] of [
  ["wavelength", 0x180100],
  ["nonlinearity", 0x181100],
  ["stray light", 0x183100],
] as const) {
  test(`${what} coefficients: count, get, set`, () => {
    const rig = farEnd("STS");
    const count = Number.parseInt(get(rig, type), 16);
    assert.equal(count, { wavelength: 4, nonlinearity: 8, "stray light": 1 }[what]);
    const last = (count - 1).toString(16).padStart(2, "0");
    assert.equal(set(rig, type + 0x11, last + f32(0.125)), 0);
    assert.equal(get(rig, type + 1, last), f32(0.125));
    assert.equal(set(rig, type + 0x11, `0${count}${f32(1)}`), 6);
    assert.equal(set(rig, type + 0x11, last + f32(Number.NaN)), 6);
    assert.equal(set(rig, type + 0x11, last), 5);
    assert.equal(get(rig, type + 1, `0${count}`), "error 6");
    assert.equal(get(rig, type + 1), "error 5");
  });
}

test("irradiance: no such data until it was set; then a float per pixel, their number and the area", () => {
  const rig = farEnd("QE Pro");
  for (const type of [0x182001, 0x182002, 0x182003]) assert.equal(get(rig, type), "error 12");
  const factors = Buffer.alloc(4 * 1044);
  for (let pixel = 0; pixel < 1044; pixel++) factors.writeFloatLE(pixel + 0.5, 4 * pixel);
  assert.equal(setLong(rig, 0x182011, factors.subarray(4)), 5);
  assert.equal(setLong(rig, 0x182011, factors), 0);
  assert.equal(set(rig, 0x182013, f32(0.119)), 0);
  assert.equal(set(rig, 0x182013, f32(-1)), 6);
  assert.equal(get(rig, 0x182001), factors.toString("hex"));
  assert.equal(get(rig, 0x182002), u32(1044));
  assert.equal(get(rig, 0x182003), f32(0.119));
  assert.equal(get(farEnd("Ventana"), 0x182001), "error 2");
});

test("hot pixels: 16-bit indices", () => {
  const rig = farEnd("STS", { serial: "HOT1" });
  const known = rig.device.detector.hotPixels;
  assert.equal(get(rig, 0x186000), known.length === 0 ? "error 12" : known.map(u16).join(""));
  assert.equal(set(rig, 0x186010, u16(3) + u16(1023)), 0);
  assert.equal(get(rig, 0x186000), "0300ff03");
  assert.equal(set(rig, 0x186010, u16(1024)), 6);
  assert.equal(set(rig, 0x186010, "03"), 5);
  assert.equal(set(rig, 0x186010), 0);
  assert.equal(get(rig, 0x186000), "error 12");
});

test("GPIO: vectors of values with a mask; outputs are seen, inputs driven", () => {
  const rig = farEnd("Ocean FX");
  assert.equal(get(rig, 0x200000), "08");
  assert.equal(set(rig, 0x200110, u32(0b0011) + u32(0xffff_ffff)), 0);
  assert.equal(set(rig, 0x200310, u32(0b0110) + u32(0b0010)), 0);
  assert.equal(rig.device.gpio.outputs, 0b0010);
  rig.device.gpio.drive(7, true);
  assert.equal(get(rig, 0x200100), u32(0b0011));
  assert.equal(get(rig, 0x200300), u32(0b1000_0010));
  assert.equal(set(rig, 0x200310, u32(0x100) + u32(0x100)), 6);
  assert.equal(set(rig, 0x200310, u32(1)), 5);
  assert.equal(get(farEnd("HDX"), 0x200000), "error 2");
});

test("temperatures: number, one, all", () => {
  const rig = farEnd("STS");
  assert.equal(get(rig, 0x400000), "02");
  const one = (index: string): number =>
    dataOf(ask(rig, { type: hexOf(0x400001), data: index })).readFloatLE(0);
  assert.ok(one("01") - one("00") > 5, "the board is warmer");
  assert.equal(get(rig, 0x400002), get(rig, 0x400001, "00") + get(rig, 0x400001, "01"));
  assert.equal(get(rig, 0x400001, "02"), "error 6");
  assert.equal(get(rig, 0x400001), "error 5");
});

test("cooler: stable when it has reached its set point, colder with the fan", async () => {
  const rig = farEnd("QE Pro");
  assert.equal(get(rig, 0x420003), "01");
  set(rig, 0x420011, f32(-20));
  assert.equal(get(rig, 0x420003), "00");
  await rig.clock.advance(300 * SECOND);
  assert.equal(get(rig, 0x420003), "01");
  set(rig, 0x420012, "00");
  await rig.clock.advance(300 * SECOND);
  assert.equal(get(rig, 0x420003), "00");
});

test("multicast of the HDX: enabled, group, port, time to live of interface 0", () => {
  const rig = farEnd("HDX");
  const answers = [0xa80, 0xa81, 0xa82, 0xa83].map((type) => get(rig, type, "00"));
  assert.deepEqual(answers, ["01", "efefefef", "0de0", "01"]);
  assert.equal(get(rig, 0xa80, "01"), "error 6");
  assert.equal(get(farEnd("STS"), 0xa80, "00"), "error 2");
});

test("reset and restore defaults: session settings are gone, the default binning is in force", () => {
  for (const type of [0x00, 0x01]) {
    const rig = farEnd("STS");
    set(rig, 0x110410, "01");
    set(rig, 0x110295, "02");
    set(rig, 0x110010, u32(5000));
    assert.equal(set(rig, type), 0);
    assert.deepEqual(
      [get(rig, 0x110400), get(rig, 0x110280), get(rig, 0x110000)],
      ["00", "02", u32(100_000)],
    );
  }
});

test("OBP2 knows its own messages only", () => {
  const sr = farEnd("SR2", { serial: "SR200123" });
  assert.equal(get(sr, 0x100), ascii("SR200123"));
  assert.equal(set(sr, 0x0c01, u32(2_000_000)), 0);
  assert.equal(set(sr, 0x0c01, u32(2_000_001)), 6);
  assert.equal(set(sr, 0x0c01, "01"), 5);
  assert.equal(set(sr, 0x0d01, "00"), 0);
  assert.equal(set(sr, 0x0d01, "03"), 6);
  assert.equal(get(sr, 0x1200), "error 2");
  const st = farEnd("ST");
  assert.equal(set(st, 0x0c01, u32(155)), 6, "1550 us");
  assert.equal(set(st, 0x0c01, u32(156)), 0, "1560 us");
  assert.equal(set(st, 0x0d01, "03"), 0);
  assert.equal(get(st, 0x1200).slice(0, 8), f32(8));
  assert.equal(get(st, 0x1100).length, 5 * 8);
});

test("every OBP model refuses what it lacks and gives a spectrum", async () => {
  for (const model of MODELS.filter(({ protocol }) => protocol === "obp")) {
    const rig = farEnd(model.name);
    const features: readonly string[] = model.features;
    const has = (type: number): boolean => get(rig, type) !== "error 2";
    assert.equal(has(0x110400), features.includes("lamp"), `${model.name} lamp`);
    assert.equal(has(0x310000), features.includes("continuous-strobe"), `${model.name} strobe`);
    assert.equal(has(0x420000), features.includes("tec"), `${model.name} cooler`);
    assert.equal(set(rig, 0x110610, "01"), features.includes("shutter") ? 0 : 2, `${model.name} shutter`);
    assert.equal(get(rig, 0x0010_2000), "error 2");
    ask(rig, { type: hexOf(model.spectrumRequest) });
    await rig.clock.advance(SECOND);
    assert.ok(rig.packets(model.endpoints.spectrum).length > 0, model.name);
    assert.equal(rig.device.truth.newest?.integrationTimeUs, 100 * MS);
  }
});
