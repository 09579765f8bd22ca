// The memory of an instrument over the resource tree: written only with the serial number as confirmation, never twice,
// and known to clients and spectra from then on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { TestInstrument } from "../support/instrument.ts";

const FLAME = "FLMS01859";
const QE_PRO = "QEP00709";
const NEW_WAVELENGTHS = [341.25, 0.375, -1.25e-5, -2.5e-9];

const slot = z.object({
  slot: z.number(),
  meaning: z.string(),
  text: z.string().optional(),
  hex: z.string(),
});
const calibration = z.object({
  wavelengthCoefficients: z.array(z.number()),
  nonlinearityCoefficients: z.array(z.number()),
  strayLightConstant: z.number().optional(),
  opticalConfiguration: z.string().optional(),
});

function open(instrument: TestInstrument) {
  const router = new Router(instrument.model, TREE);
  const match = (path: string) => router.match(path.split("/").slice(1));
  const run = <T>(promise: Promise<T>): Promise<T> => instrument.clock.run(promise);
  return {
    paths: () => [...router.instances()].map(({ path }) => `/${path.join("/")}`),
    get: (path: string) => run(router.get(match(path), {}, NEVER)),
    put: (path: string, value: unknown) => run(router.put(match(path), value, NEVER)),
    delete: (path: string) => run(router.delete(match(path), NEVER)),
  };
}

test("a calibration is written with the serial number as confirmation, and with nothing else", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { get, put } = open(instrument);
  const path = `/spectrometers/${FLAME}/calibration`;
  const old = calibration.parse(await get(path));
  for (const confirm of [undefined, "", "yes", FLAME.toLowerCase(), QE_PRO]) {
    await assert.rejects(put(path, { wavelengthCoefficients: NEW_WAVELENGTHS, confirm }), {
      code: "VALUE_INVALID",
      message: `${FLAME}: this writes into the memory of the instrument, send confirm: "${FLAME}" with it`,
    });
  }
  await assert.rejects(put(path, { confirm: FLAME }), { code: "VALUE_INVALID" });
  await assert.rejects(put(path, { opticalConfiguration: "other", confirm: FLAME }), {
    code: "VALUE_INVALID",
  });
  assert.deepEqual(await get(path), old);

  await put(path, { wavelengthCoefficients: NEW_WAVELENGTHS, confirm: FLAME });
  assert.deepEqual(await get(path), { ...old, wavelengthCoefficients: NEW_WAVELENGTHS });
  const [first] = z.array(z.number()).parse(await get(`/spectrometers/${FLAME}/wavelengths`));
  assert.equal(first, 341.25);
  await instrument.record({ run: "after", sequences: 1 });
  const { spectra } = await instrument.read("after", "b000000_s000000_light.pico");
  const recorded = spectra.find(({ serial }) => serial === FLAME);
  assert.deepEqual(recorded?.wavelengthCoefficients, NEW_WAVELENGTHS);
  // What GET gave can be sent back as a whole.
  await put(path, { ...old, confirm: FLAME });
  assert.deepEqual(await get(path), old);
});

test("a QE Pro takes a calibration too", async (context) => {
  const { get, put } = open(await TestInstrument.start(context));
  const path = `/spectrometers/${QE_PRO}/calibration`;
  await put(path, { nonlinearityCoefficients: [1, 0.5], strayLightConstant: 0.25, confirm: QE_PRO });
  const held = calibration.parse(await get(path));
  assert.deepEqual(held.nonlinearityCoefficients.slice(0, 2), [1, 0.5]);
  assert.equal(held.strayLightConstant, 0.25);
});

test("slots of the EEPROM: all with their meaning, one by one, written as text or hex", async (context) => {
  const { get, put } = open(await TestInstrument.start(context));
  const path = `/spectrometers/${FLAME}/eeprom`;
  const slots = z.array(slot).parse(await get(path));
  assert.equal(slots.length, 30);
  assert.deepEqual(
    slots.slice(0, 20).map(({ meaning }) => meaning)[13],
    "nonlinearity coefficient of order 7",
  );
  assert.deepEqual([slots[0]?.meaning, slots[0]?.text], ["serial number", FLAME]);
  assert.equal(slots[29]?.text, undefined, "nothing was ever written there");
  await put(`${path}/19`, { text: "mast 3", confirm: FLAME });
  assert.deepEqual(await get(`${path}/19`), {
    slot: 19,
    meaning: "user text",
    text: "mast 3",
    hex: Buffer.from("mast 3".padEnd(15, "\0")).toString("hex"),
  });
  const { hex } = slots[1] ?? assert.fail();
  await put(`${path}/1`, { text: "341.25", confirm: FLAME });
  const changed = calibration.parse(await get(`/spectrometers/${FLAME}/calibration`));
  assert.equal(changed.wavelengthCoefficients[0], 341.25);
  await put(`${path}/1`, { hex, confirm: FLAME });
  assert.deepEqual(await get(`${path}/1`), slots[1], "the backup is back");
});

test("a slot is refused without confirmation, with too much text, and where it does not exist", async (context) => {
  const { get, put } = open(await TestInstrument.start(context));
  const path = `/spectrometers/${FLAME}/eeprom`;
  const confirm = FLAME;
  await assert.rejects(put(`${path}/19`, { text: "x" }), {
    code: "VALUE_INVALID",
    message: /send confirm: "FLMS01859"/,
  });
  for (const wrong of [
    { text: "a".repeat(15) },
    { text: "\u00e9" },
    { hex: "00" },
    { hex: "g".repeat(30) },
    {},
    { text: "a", hex: "00".repeat(15) },
    { slot: 20, text: "a" },
    { text: "a", meaning: 5 },
  ]) {
    await assert.rejects(
      put(`${path}/19`, { ...wrong, confirm }),
      { code: "VALUE_INVALID" },
      JSON.stringify(wrong),
    );
  }
  const serial = put(`${path}/0`, { text: "OTHER", confirm });
  await assert.rejects(serial, {
    code: "VALUE_OUT_OF_RANGE",
    message: `${FLAME}: EEPROM slot: 0 is outside 1..29`,
  });
  for (const missing of ["30", "x", "-1", "1.5", "0x1"])
    await assert.rejects(get(`${path}/${missing}`), { code: "RESOURCE_NOT_FOUND" }, missing);
  await assert.rejects(get(`/spectrometers/${QE_PRO}/eeprom`), { code: "RESOURCE_NOT_FOUND" });
});

test("nothing is written while the instrument records", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { put } = open(instrument);
  const operation = instrument.model.recorder.record({ run: "busy", sequences: 1 });
  for (const [path, value] of [
    ["calibration", { strayLightConstant: 0 }],
    ["eeprom/19", { text: "x" }],
    ["irradiance-calibration", { values: [] }],
    ["status-led", false],
  ] as const) {
    const body = typeof value === "object" ? { ...value, confirm: FLAME } : value;
    await assert.rejects(put(`/spectrometers/${FLAME}/${path}`, body), { code: "STATE_CONFLICT" }, path);
  }
  await instrument.finish(operation);
});

test("what is written once is not written again by a replug, settings are", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { get, put } = open(instrument);
  await put(`/spectrometers/${FLAME}/eeprom/19`, { text: "first", confirm: FLAME });
  await put(`/spectrometers/${FLAME}/status-led`, false);
  const { spectrometer } = instrument.device(FLAME);
  instrument.emulated.bus.detach(spectrometer);
  // Somebody else writes into it meanwhile.
  spectrometer.reset();
  spectrometer.receive(0x01, Uint8Array.of(0x06, 19, 0x32, ...new Uint8Array(14)));
  await instrument.clock.advance(SECOND);
  instrument.emulated.bus.attach(spectrometer);
  await instrument.clock.advance(5 * SECOND);
  assert.equal(slot.parse(await get(`/spectrometers/${FLAME}/eeprom/19`)).text, "2");
  assert.equal(spectrometer.isLedOn, false);
});

test("an irradiance calibration is written whole, with confirmation", async (context) => {
  const { get, put } = open(await TestInstrument.start(context));
  for (const [serial, pixels] of [
    [FLAME, 2048],
    [QE_PRO, 1044],
  ] as const) {
    const path = `/spectrometers/${serial}/irradiance-calibration`;
    assert.deepEqual(await get(path), { values: [] });
    const values = Array.from({ length: pixels }, (_, pixel) => pixel / 1024);
    await assert.rejects(put(path, { values }), { code: "VALUE_INVALID" });
    await assert.rejects(put(path, { values: [1], confirm: serial }), { code: "VALUE_OUT_OF_RANGE" });
    await put(path, { values, confirm: serial });
    assert.deepEqual(await get(path), { values });
  }
});

test("cooler: stable and fan; buffer: told and emptied; each exists only where the device has it", async (context) => {
  const instrument = await TestInstrument.start(context);
  const tree = open(instrument);
  const path = `/spectrometers/${QE_PRO}/tec`;
  const tec = z.looseObject({ stable: z.boolean().optional(), fan: z.boolean().optional() });
  const { cooler } = instrument.device(QE_PRO).spectrometer.detector;
  const { stable, fan } = tec.parse(await tree.get(path));
  assert.deepEqual([stable, fan], [true, true]);
  await tree.put(path, { fan: false, setpointC: 5 });
  assert.equal(cooler.isFanOn, false);
  const changed = tec.parse(await tree.get(path));
  assert.deepEqual([changed.stable, changed.fan], [false, false]);

  const buffer = `/spectrometers/${QE_PRO}/buffer`;
  assert.deepEqual(await tree.get(buffer), { enabled: true, capacity: 1024, spectra: 0 });
  await tree.delete(buffer);
  const strobe = `/spectrometers/${QE_PRO}/single-strobe`;
  await tree.put(strobe, { enabled: true, delayUs: 250 });
  assert.deepEqual(await tree.get(strobe), { enabled: true, delayUs: 250, widthUs: 1000 });
  const paths = new Set(tree.paths());
  for (const [name, has] of [
    ["buffer", QE_PRO],
    ["single-strobe", QE_PRO],
    ["eeprom", FLAME],
    ["status-led", FLAME],
  ] as const) {
    for (const serial of [FLAME, QE_PRO])
      assert.equal(paths.has(`/spectrometers/${serial}/${name}`), serial === has, `${serial} ${name}`);
  }
});

test("after a write that fails halfway the server knows what the instrument holds", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { get, put } = open(instrument);
  const path = `/spectrometers/${FLAME}/calibration`;
  const old = calibration.parse(await get(path));
  const { faults } = instrument.device(FLAME);
  // What the server does by itself after opening is over then.
  await get(`/spectrometers/${FLAME}/eeprom`);
  // To the device go, for each slot, the question, the new content and the question again: the fifth writes slot 2.
  faults.start({ kind: "ignored", nth: 5, direction: "write" });
  await assert.rejects(put(path, { wavelengthCoefficients: NEW_WAVELENGTHS, confirm: FLAME }), {
    code: "DEVICE_PROTOCOL",
    message: `${FLAME}: EEPROM slot 2 has its old or new content; rewritten: EEPROM slot 1; it does not read back as it was written`,
  });
  await instrument.clock.advance(10 * SECOND);
  const [, ...others] = old.wavelengthCoefficients;
  const held = calibration.parse(await get(path));
  assert.deepEqual(held.wavelengthCoefficients, [341.25, ...others]);
});
