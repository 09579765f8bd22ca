// The corrected spectrum as clients see it: what they ask for, what became of it, and whether the numbers are right. The
// expected values are computed here from the raw spectrum and the calibration, not by the functions of the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { MS } from "../../src/base/clock.ts";
import { NewestSpectra } from "../../src/instruments/newest-spectra.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { CoapInstrument, segments, textOf } from "../support/coap-instrument.ts";
import { TestInstrument } from "../support/instrument.ts";

const FLAME = "FLMS01859";
const rawShape = z.looseObject({
  integrationTimeUs: z.number(),
  kind: z.string(),
  exposureStart: z.string(),
  wavelengthCoefficients: z.array(z.number()),
  counts: z.array(z.number()),
});
const correctedShape = rawShape.extend({
  counts: z.array(z.number().nullable()),
  darkCounts: z.number().optional(),
  saturatedPixels: z.array(z.number()).optional(),
  corrections: z.array(
    z.object({
      correction: z.string(),
      applied: z.boolean(),
      facts: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
      obstacle: z.string().optional(),
      detail: z.string().optional(),
    }),
  ),
});
const aboutShape = z.looseObject({
  maxCounts: z.number(),
  saturationLevel: z.number(),
  darkPixelRanges: z.array(z.tuple([z.number(), z.number()])),
  opticalPixelRange: z.tuple([z.number(), z.number()]),
});
const calibrationShape = z.looseObject({
  nonlinearityCoefficients: z.array(z.number()),
  strayLightConstant: z.number().optional(),
});

async function open(context: Parameters<typeof TestInstrument.start>[0]) {
  const instrument = await TestInstrument.start(context);
  const router = new Router(instrument.model, TREE);
  const match = (path: string) => router.match(path.split("/").slice(1));
  const get = (path: string, query: Readonly<Record<string, string>> = {}) =>
    router.get(match(path), query, NEVER);
  return {
    instrument,
    get,
    watch: (path: string) => router.observe(match(path)) ?? assert.fail(`${path} cannot be observed`),
    raw: async (serial = FLAME, channel = "upwelling") =>
      rawShape.parse(await get(`/spectrometers/${serial}/spectrum/${channel}`)),
    corrected: async (query: Readonly<Record<string, string>> = {}, serial = FLAME, channel = "upwelling") =>
      correctedShape.parse(await get(`/spectrometers/${serial}/corrected/${channel}`, query)),
    acquire: (kind: "light" | "dark", integrationTimeUs: number) =>
      instrument.clock.run(
        instrument.model.rack
          .spectrometer(FLAME)
          .acquire({ channel: "upwelling", kind, integrationTimeUs, notBeforeUs: 0 }, NEVER),
      ),
  };
}

type Corrected = z.infer<typeof correctedShape>;

function outcome({ corrections }: Corrected, name: string): Corrected["corrections"][number] {
  return corrections.find(({ correction }) => correction === name) ?? assert.fail(name);
}

function applied({ corrections }: Corrected): string {
  return corrections.flatMap((one) => (one.applied ? [one.correction] : [])).join(" ");
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function near(actual: readonly (number | null)[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [pixel, value] of actual.entries())
    assert.ok(Math.abs((value ?? Number.NaN) - (expected[pixel] ?? 0)) <= 0.0006, `[${pixel}] ${value}`);
}

test("by default: electric dark, nonlinearity, stray light, gain, in this order", async (context) => {
  const { instrument, raw, corrected, get } = await open(context);
  await instrument.record({ run: "plot10", sequences: 1 });
  const about = aboutShape.parse(await get(`/spectrometers/${FLAME}`));
  const calibration = calibrationShape.parse(await get(`/spectrometers/${FLAME}/calibration`));
  const before = await raw();
  const after = await corrected();
  assert.equal(applied(after), "electric-dark nonlinearity stray-light gain-scale");

  const dark = mean(about.darkPixelRanges.flatMap(([from, to]) => before.counts.slice(from, to)));
  const linear = before.counts.map((counts) => {
    const signal = counts - dark;
    return signal / calibration.nonlinearityCoefficients.reduceRight((sum, c) => sum * signal + c, 0);
  });
  const stray = (calibration.strayLightConstant ?? 0) * mean(linear.slice(...about.opticalPixelRange));
  const gain = about.maxCounts / about.saturationLevel;
  assert.ok(gain > 1, "the emulated Flame has a gain scale");
  near(
    after.counts,
    linear.map((counts) => (counts - stray) * gain),
  );
  assert.equal(after.darkCounts, dark);
  assert.deepEqual(outcome(after, "gain-scale").facts, { factor: gain });
  const { counts: _, ...metadata } = before;
  for (const [name, value] of Object.entries(metadata)) assert.deepEqual(after[name], value, name);
  assert.deepEqual(await raw(), before, "the raw spectrum stays");
});

test("each correction can be left out", async (context) => {
  const { instrument, raw, corrected } = await open(context);
  await instrument.record({ run: "plot10", sequences: 1 });
  const off = { dark: "none", nonlinearity: "false", "stray-light": "false", gain: "false" };
  const nothing = await corrected(off);
  assert.deepEqual(nothing.counts, (await raw()).counts);
  assert.equal(applied(nothing), "");
  assert.ok(nothing.corrections.every(({ obstacle }) => obstacle === "not-asked-for"));
  for (const [query, name] of [
    [{ ...off, dark: "electric" }, "electric-dark"],
    [{ ...off, nonlinearity: "true" }, "nonlinearity"],
    [{ ...off, "stray-light": "true" }, "stray-light"],
    [{ ...off, gain: "true" }, "gain-scale"],
  ] as const) {
    assert.equal(applied(await corrected(query)), name);
  }
});

test("what an instrument has nothing for is left out, with the reason", async (context) => {
  const { instrument, corrected } = await open(context);
  await instrument.record({ run: "plot10", sequences: 1 });
  const qePro = await corrected({}, "QEP00709");
  const { applied: isScaled, obstacle, detail } = outcome(qePro, "gain-scale");
  assert.deepEqual([isScaled, obstacle, detail], [false, "no-gain-scale", "the model has no gain scale"]);
  assert.ok(outcome(qePro, "electric-dark").applied);
});

test("dark=shutter: the newest dark spectrum with the same integration time", async (context) => {
  const { raw, corrected, acquire } = await open(context);
  const only = { dark: "shutter", nonlinearity: "false", "stray-light": "false", gain: "false" };
  const light = await acquire("light", 20 * MS);
  const none = await corrected(only);
  assert.deepEqual(none.counts, (await raw()).counts);
  const missing = outcome(none, "dark-spectrum");
  assert.deepEqual(
    [missing.obstacle, missing.detail],
    ["no-dark-spectrum", "no dark spectrum of upwelling with 20000 us"],
  );

  await acquire("dark", 30 * MS);
  await acquire("light", 20 * MS);
  assert.equal(outcome(await corrected(only), "dark-spectrum").obstacle, "no-dark-spectrum", "another time");

  const dark = await acquire("dark", 20 * MS);
  const itself = outcome(await corrected(only), "dark-spectrum");
  assert.deepEqual([itself.applied, itself.detail], [false, "the spectrum is a dark one itself"]);

  await acquire("light", 20 * MS);
  const before = await raw();
  const after = await corrected(only);
  near(
    after.counts,
    before.counts.map((counts, pixel) => counts - (dark.counts[pixel] ?? 0)),
  );
  assert.equal(applied(after), "dark-spectrum");
  const start = outcome(after, "dark-spectrum").facts?.["exposureStart"];
  assert.equal(Date.parse(String(start)), Math.floor(dark.exposureStartUtcUs / 1000));
  assert.ok(light.exposureStartUtcUs < dark.exposureStartUtcUs);
  assert.equal(
    applied(await corrected({ dark: "shutter" })),
    "dark-spectrum nonlinearity stray-light gain-scale",
  );
});

test("a saturated dark is not subtracted, and the answer says why", async (context) => {
  const { corrected, acquire, instrument } = await open(context);
  const spectra = instrument.model.rack.spectrometer(FLAME).newest("upwelling");
  const dark = await acquire("dark", 20 * MS);
  assert.ok(spectra instanceof NewestSpectra);
  const counts = Uint32Array.from(dark.counts, () => dark.instrument.saturationLevel);
  spectra.set({ ...dark, counts, flags: [...dark.flags, "saturated"] });
  assert.equal(spectra.darkFor(dark), dark, "the one before serves");
  spectra.set({ ...dark, counts, integrationTimeUs: 30 * MS, flags: ["saturated"] });
  await acquire("light", 30 * MS);
  const { applied: isApplied, detail } = outcome(await corrected({ dark: "shutter" }), "dark-spectrum");
  assert.deepEqual([isApplied, detail], [false, "the dark of 30000 us is not usable: saturated"]);
});

test("it is observed as the raw spectrum is", async (context) => {
  const { watch, acquire } = await open(context);
  let changes = 0;
  const stop = watch(`/spectrometers/${FLAME}/corrected/upwelling`)(() => changes++);
  await acquire("light", 20 * MS);
  await acquire("dark", 20 * MS);
  assert.equal(changes, 2);
  stop();
  await acquire("light", 20 * MS);
  assert.equal(changes, 2);
});

test("refused: wishes that nobody knows, a channel without a spectrum, unknown channels", async (context) => {
  const { get, corrected, acquire } = await open(context);
  const path = `/spectrometers/${FLAME}/corrected/upwelling`;
  await assert.rejects(corrected(), {
    code: "RESOURCE_NOT_FOUND",
    message: `${FLAME}: no spectrum of upwelling since the start`,
  });
  await acquire("light", 20 * MS);
  for (const query of [{ dark: "yes" }, { nonlinearity: "1" }, { gain: "" }, { straylight: "true" }])
    await assert.rejects(get(path, query), { code: "VALUE_INVALID" });
  await assert.rejects(corrected({}, FLAME, "sideways"), { code: "RESOURCE_NOT_FOUND" });
});

test("over CoAP, after a recording: the darks of the batch fit its lights; observed with its query", async () => {
  const server = await CoapInstrument.start();
  try {
    const { state } = await server.perform("/acquisition/record", { run: "plot10", sequences: 1 });
    assert.equal(state, "done");
    const path = `/spectrometers/${FLAME}/corrected/upwelling`;
    const query = ["dark=shutter", "stray-light=false"];
    const reply = await server.get(path, { query });
    assert.equal(reply.code, "2.05", textOf(reply));
    const all = correctedShape.parse(JSON.parse(textOf(reply)));
    assert.equal(applied(all), "dark-spectrum nonlinearity gain-scale");
    const observed = server.client.observe({ method: "GET", path: segments(path), query }, NEVER);
    for await (const first of observed) {
      assert.deepEqual(correctedShape.parse(JSON.parse(textOf(first))), all);
      break;
    }
    const refused = await server.get(path, { query: ["dark=perhaps"] });
    assert.equal(refused.code, "4.00");
  } finally {
    await server.close();
  }
});
