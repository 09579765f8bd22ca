import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  nonlinearityOrder,
  slotNumber,
  slotSaturation,
  slotTecDefaults,
  slotText,
} from "../../../src/drivers/oceanoptics/eeprom.ts";
import { modelNamed } from "../../../src/drivers/oceanoptics/models.ts";

function slot(text: string, fill = 0): Uint8Array {
  const bytes = new Uint8Array(15).fill(fill);
  bytes.set(Buffer.from(text, "latin1"));
  return bytes;
}

const UNPROGRAMMED = new Uint8Array(15).fill(0xff);

test("text ends at the first NUL, whatever follows", () => {
  assert.equal(slotText(slot("USB2+F01234\0@#!")), "USB2+F01234");
  assert.equal(slotText(slot("USB2+F01234\0", 0xff)), "USB2+F01234");
  assert.equal(slotText(slot("FIFTEEN_LETTERS")), "FIFTEEN_LETTERS");
  assert.equal(slotText(slot("  gg 01 200 ")), "gg 01 200");
  assert.equal(slotText(slot("10\xb5m\0")), "10\u00b5m");
});

test("an empty or unprogrammed slot has no text", () => {
  assert.equal(slotText(slot("")), undefined);
  assert.equal(slotText(slot("   ")), undefined);
  assert.equal(slotText(UNPROGRAMMED), undefined);
});

test("numbers, with exponents and decimal commas", () => {
  assert.equal(slotNumber(slot("3.4567890E-01\0")), 0.3456789);
  assert.equal(slotNumber(slot("-1.2345e-05")), -1.2345e-5);
  assert.equal(slotNumber(slot("338,25")), 338.25);
  assert.equal(slotNumber(slot("0")), 0);
  assert.equal(slotNumber(slot("nan")), undefined);
  assert.equal(slotNumber(slot("1.2.3")), undefined);
  assert.equal(slotNumber(slot("Infinity")), undefined);
  assert.equal(slotNumber(UNPROGRAMMED), undefined);
});

test("the nonlinearity order is written as integer or decimal", () => {
  assert.equal(nonlinearityOrder(slot("7")), 7);
  assert.equal(nonlinearityOrder(slot("7.0")), 7);
  assert.equal(nonlinearityOrder(slot("8")), undefined);
  assert.equal(nonlinearityOrder(slot("-1")), undefined);
  assert.equal(nonlinearityOrder(UNPROGRAMMED), undefined);
});

test("saturation level: where it stands and when it counts", () => {
  const bytes = (values: Readonly<Record<number, number>>): Uint8Array => {
    const data = new Uint8Array(15);
    for (const [offset, value] of Object.entries(values)) data[Number(offset)] = value;
    return data;
  };
  const saturation = (name: Parameters<typeof modelNamed>[0], data: Uint8Array): number | undefined => {
    const { saturation: source } = modelNamed(name);
    return source === undefined ? undefined : slotSaturation(data, source);
  };
  assert.equal(saturation("Flame-S", bytes({ 4: 0x34, 5: 0xea })), 0xea34);
  assert.equal(saturation("Flame-S", bytes({})), undefined);
  assert.equal(saturation("Flame-S", UNPROGRAMMED), 65_535);
  assert.equal(saturation("NIRQuest512", bytes({ 4: 0x50, 5: 0xc3 })), 50_000);
  assert.equal(saturation("NIRQuest512", UNPROGRAMMED), undefined);
  assert.equal(saturation("Maya2000 Pro", bytes({ 0: 0x60, 1: 0xea })), 60_000);
  assert.equal(saturation("Maya2000 Pro", bytes({ 0: 0x00, 1: 0x80 })), undefined);
  assert.equal(saturation("Maya2000 Pro", UNPROGRAMMED), undefined);
});

test("cooler defaults, unless unprogrammed", () => {
  const data = new Uint8Array(15);
  data.set([1, 0, 0x9c, 0xff]);
  assert.deepEqual(slotTecDefaults(data), { enabled: true, fanEnabled: false, setpointC: -10 });
  assert.equal(slotTecDefaults(UNPROGRAMMED), undefined);
  data[1] = 2;
  assert.equal(slotTecDefaults(data), undefined);
});

test("no content of a slot throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 15, maxLength: 15 }), (bytes) => {
      const number = slotNumber(bytes);
      assert.ok(number === undefined || Number.isFinite(number));
      const text = slotText(bytes);
      assert.ok(text === undefined || (text.length > 0 && !text.includes("\0")));
      slotTecDefaults(bytes);
    }),
  );
});
