// OBP devices byte for byte, against the published golden messages. Headers are built and read by hand here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { MS } from "../../../src/base/clock.ts";
import { farEnd, fromHex } from "./far-end.ts";
import { ask, dataOf, message, ZEROS } from "./obp-talk.ts";

test("golden: set integration time is acknowledged, in either form", () => {
  for (const acknowledgeFlags of [0x0003, 0x0002] as const) {
    const rig = farEnd("STS", { firmware: { acknowledgeFlags } });
    rig.send(
      "c1c000110400000010001100000000000000000000000004a086010000000000000000000000000014000000" +
        ZEROS +
        "c5c4c3c2",
    );
    const flags = acknowledgeFlags === 0x0003 ? "0300" : "0200";
    assert.equal(
      rig.hex(0x81),
      `c1c00011${flags}000010001100${"00".repeat(12)}${ZEROS}14000000${ZEROS}c5c4c3c2`,
    );
    assert.equal(dataOf(ask(rig, { type: "00001100" })).readUInt32LE(0), 100_000);
  }
});

test("golden: serial number length, and the serial number itself", () => {
  const rig = farEnd("QE Pro", { serial: "QEP0070912345678" });
  const answer = ask(rig, { type: "01010000" });
  assert.equal(
    answer.toString("hex"),
    `c1c000110100000001010000000000000000000000000001${"10".padEnd(32, "0")}14000000${ZEROS}c5c4c3c2`,
  );
  assert.equal(dataOf(ask(rig, { type: "00010000" })).toString("latin1"), "QEP0070912345678");
});

test("golden: a command with MD5 is understood, its answer carries MD5", () => {
  const rig = farEnd("STS");
  const head = fromHex(`c1c000110000000001010000000000000000000000000100${ZEROS}14000000`);
  const digest = createHash("md5").update(head).digest("hex");
  assert.equal(digest, "4251a4dc2ce2907d247c305c4ab066b7");
  rig.send(Buffer.concat([head, fromHex(`${digest}c5c4c3c2`)]));
  const answer = Buffer.concat(rig.packets(0x81));
  assert.equal(answer[22], 1);
  assert.equal(
    answer.subarray(44, 60).toString("hex"),
    createHash("md5").update(answer.subarray(0, 44)).digest("hex"),
  );
  rig.send(Buffer.concat([head, fromHex(`${digest.replace("42", "43")}c5c4c3c2`)]));
  assert.equal(Buffer.concat(rig.packets(0x81)).readUInt16LE(6), 3);
});

test("set commands without an acknowledgement flag are silent, with it refused by number", () => {
  const rig = farEnd("STS");
  assert.equal(ask(rig, { type: "10001100", data: "a0860100" }).length, 0);
  const tooShort = ask(rig, { type: "10001100", data: "05000000", flags: "0400" });
  assert.equal(tooShort.readUInt16LE(4) & 0x08, 0x08);
  assert.equal(tooShort.readUInt16LE(6), 6);
  assert.equal(ask(rig, { type: "10001100", data: "0500", flags: "0400" }).readUInt16LE(6), 5);
  assert.equal(
    dataOf(ask(rig, { type: "00001100" })).readUInt32LE(0),
    100_000,
    "refused commands change nothing",
  );
});

test("unknown types, missing data, wrong version and checksum type have their error numbers", () => {
  const rig = farEnd("STS");
  assert.equal(ask(rig, { type: "efbeadde" }).readUInt16LE(6), 2);
  assert.equal(ask(rig, { type: "01201800" }).readUInt16LE(6), 12);
  assert.equal(ask(rig, { type: "00010000", version: "0020" }).readUInt16LE(6), 1);
  const strange = message({ type: "00010000" });
  strange[22] = 9;
  rig.send(strange);
  assert.equal(Buffer.concat(rig.packets(0x81)).readUInt16LE(6), 8);
  const huge = message({ type: "00010000" });
  huge.set([0xff, 0xff, 0xff, 0x7f], 40);
  rig.send(huge);
  assert.equal(Buffer.concat(rig.packets(0x81)).readUInt16LE(6), 4);
});

test("regarding comes back", () => {
  const answer = ask(farEnd("STS"), { type: "00010000", regarding: "78563412" });
  assert.equal(answer.readUInt32LE(12), 0x12345678);
});

test("a message may come in pieces, two in one transfer, and after rubbish", () => {
  const rig = farEnd("STS", { serial: "S12345" });
  const bytes = message({ type: "00010000" });
  rig.send(bytes.subarray(0, 17));
  rig.send(bytes.subarray(17, 50));
  assert.equal(rig.packets(0x81).length, 0);
  rig.send(bytes.subarray(50));
  assert.equal(rig.packets(0x81).length, 1);
  rig.send(Buffer.concat([fromHex("0102c1c1"), bytes, bytes]));
  assert.equal(rig.packets(0x81).length, 2);
});

test("wavelength coefficients give the wavelengths; the index beyond the last is refused", () => {
  const rig = farEnd("QE Pro");
  assert.equal(dataOf(ask(rig, { type: "00011800" }))[0], 4);
  const coefficients = [0, 1, 2, 3].map((index) =>
    dataOf(ask(rig, { type: "01011800", data: `0${index}` })).readFloatLE(0),
  );
  const at = (pixel: number): number => coefficients.reduce((sum, c, order) => sum + c * pixel ** order, 0);
  assert.ok(Math.abs(at(10) - 390) < 1 && Math.abs(at(1033) - 1100) < 1);
  assert.ok(Math.abs(at(500) - (rig.device.detector.wavelengthsNm[500] ?? 0)) < 0.001);
  assert.equal(ask(rig, { type: "01011800", data: "04" }).readUInt16LE(6), 6);
});

test("STS: a spectrum is exposed on request; 2112 bytes in 33 full packets, without a short one", async () => {
  const rig = farEnd("STS");
  ask(rig, { type: "10001100", data: "204e0000" }); // 20 ms
  await rig.clock.advance(33 * MS);
  const askedUs = rig.clock.nowUs();
  rig.send(message({ type: "00111000" }));
  await rig.clock.advance(20 * MS);
  assert.equal(rig.packets(0x81).length, 0, "not before the exposure is over");
  await rig.clock.advance(20 * MS);
  const packets = rig.packets(0x81);
  assert.equal(packets.length, 33);
  assert.ok(packets.every(({ length }) => length === 64));
  const answer = Buffer.concat(packets);
  assert.equal(answer.length, 2112);
  assert.equal(answer.subarray(40, 44).toString("hex"), "14080000");
  const counts = Array.from({ length: 1024 }, (_, pixel) => answer.readUInt16LE(44 + 2 * pixel));
  assert.ok(Math.max(...counts) > 11_000 && Math.max(...counts) <= 16_383);
  assert.equal(rig.device.truth.newest?.startUs, askedUs);
  assert.equal(rig.device.truth.newest?.endUs, askedUs + 20 * MS);
});

test("STS: binning halves the pixels", async () => {
  const rig = farEnd("STS");
  ask(rig, { type: "90021100", data: "01", flags: "0400" });
  rig.send(message({ type: "00111000" }));
  await rig.clock.advance(200 * MS);
  assert.equal(Buffer.concat(rig.packets(0x81)).length, 64 + 1024);
});

test("QE Pro: a buffered spectrum is 4272 bytes with metadata of 32, pixels of 18 bits", async () => {
  const rig = farEnd("QE Pro");
  ask(rig, { type: "10001100", data: "30750000" }); // 30 ms
  assert.equal(ask(rig, { type: "02091000", flags: "0400" }).readUInt16LE(4), 3);
  await rig.clock.advance(100 * MS);
  assert.equal(dataOf(ask(rig, { type: "00091000" })).readUInt32LE(0), 1);
  const answer = ask(rig, { type: "28091000" });
  assert.equal(answer.length, 4272);
  assert.equal(answer.subarray(40, 44).toString("hex"), "84100000");
  const data = dataOf(answer);
  assert.equal(data.readUInt32LE(0), 1);
  assert.equal(data.readUInt32LE(12), 30_000);
  assert.equal(data[18], 0);
  const counts = Array.from({ length: 1044 }, (_, pixel) => data.readUInt32LE(32 + 4 * pixel));
  assert.ok(Math.max(...counts) > 100_000 && Math.max(...counts) < 262_144);
});

test("QE Pro: the oldest frame first, one exposed when there is none, clear and abort empty everything", async () => {
  const rig = farEnd("QE Pro", { firmware: { leftoverFrames: 2 } });
  assert.equal(Buffer.concat(rig.packets(0x81)).length, 4272, "the answer that the dead host never read");
  const counter = (answer: Buffer): number => dataOf(answer).readUInt32LE(0);
  assert.equal(counter(ask(rig, { type: "28091000" })), 2);
  assert.equal(dataOf(ask(rig, { type: "00091000" })).readUInt32LE(0), 1);
  ask(rig, { type: "30081000" });
  assert.equal(dataOf(ask(rig, { type: "00091000" })).readUInt32LE(0), 0);
  rig.send(message({ type: "28091000" }));
  assert.equal(dataOf(ask(rig, { type: "08091000" }))[0], 0, "busy");
  await rig.clock.advance(200 * MS);
  assert.equal(counter(Buffer.concat(rig.packets(0x81))), 4);
  rig.send(message({ type: "28091000" }));
  ask(rig, { type: "00001000" });
  await rig.clock.advance(500 * MS);
  assert.equal(rig.packets(0x81).length, 0);
  assert.equal(dataOf(ask(rig, { type: "08091000" }))[0], 1, "idle");
});

test("QE Pro: frames buffered before a change keep the old integration time in their metadata", async () => {
  const rig = farEnd("QE Pro");
  rig.send(message({ type: "02091000" }));
  await rig.clock.advance(200 * MS);
  ask(rig, { type: "10001100", data: "204e0000" });
  const time = (answer: Buffer): number => dataOf(answer).readUInt32LE(12);
  assert.equal(time(ask(rig, { type: "28091000" })), 100_000);
  rig.send(message({ type: "28091000" }));
  await rig.clock.advance(200 * MS);
  assert.equal(time(Buffer.concat(rig.packets(0x81))), 20_000);
});

test("golden: cooler set point -10.0, read back; temperature", () => {
  const rig = farEnd("QE Pro");
  const set = message({ type: "11004200", data: "000020c1", flags: "0400" });
  assert.equal(Buffer.from(set.subarray(24, 28)).readFloatLE(0), -10);
  rig.send(set);
  rig.packets(0x81);
  assert.equal(dataOf(ask(rig, { type: "01004200" })).readFloatLE(0), -10);
  assert.ok(Math.abs(dataOf(ask(rig, { type: "04004200" })).readFloatLE(0) + 10) < 0.1);
  assert.equal(dataOf(ask(rig, { type: "03004200" }))[0], 1);
  assert.equal(ask(farEnd("STS"), { type: "04004200" }).readUInt16LE(6), 2, "STS has no cooler");
});

test("a trigger mode holds the exposure until a pulse; unknown numbers are refused", async () => {
  const rig = farEnd("STS");
  assert.equal(ask(rig, { type: "10011100", data: "77", flags: "0400" }).readUInt16LE(6), 6);
  ask(rig, { type: "10011100", data: "01", flags: "0400" });
  rig.send(message({ type: "00111000" }));
  await rig.clock.advance(1000 * MS);
  assert.equal(rig.packets(0x81).length, 0);
  rig.device.triggerPulse();
  await rig.clock.advance(200 * MS);
  assert.equal(rig.device.truth.newest?.startUs, 1000 * MS);
});

test("OBP2: version 0x2000, frames with 32 bytes in front, times in the device's unit", async () => {
  const st = farEnd("ST");
  const version = "0020";
  ask(st, { type: "010c0000", data: "d0070000", version }); // 2000 x 10 us
  st.send(message({ type: "001c0000", version }));
  await st.clock.advance(100 * MS);
  assert.equal(Buffer.concat(st.packets(0x81)).length, 6160);
  assert.equal(st.device.truth.newest?.integrationTimeUs, 20_000);
  const sr4 = farEnd("SR4");
  const coefficients = dataOf(ask(sr4, { type: "00110000", version }));
  assert.equal(coefficients.readFloatLE(0), 4);
  assert.ok(Math.abs(coefficients.readFloatLE(4) - (sr4.device.detector.wavelengthsNm[0] ?? 0)) < 0.001);
  sr4.send(message({ type: "001c0000", version }));
  await sr4.clock.advance(200 * MS);
  assert.equal(Buffer.concat(sr4.packets(0x81)).length, 7392);
});

test("Ventana answers on endpoint 82", () => {
  const rig = farEnd("Ventana", { serial: "VEN00001" });
  rig.send(message({ type: "00010000" }));
  assert.equal(dataOf(Buffer.concat(rig.packets(0x82))).toString("latin1"), "VEN00001");
});
