// Clouds drift over while a sequence is recorded. Irradiance that is known before and after the radiance follows them.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MS } from "../../src/base/clock.ts";
import { canopyReflectance } from "../../src/emulator/light/targets.ts";
import { reflectanceOf } from "../../src/spectra/reflectance.ts";
import type { Exposed } from "../../src/spectra/signal-rate.ts";
import { spectrumOf, TestInstrument } from "../support/instrument.ts";

const SERIAL = "FLMS01859";
const SEQUENCES = 16;
/** By so much interleaving must be better. */
const FACTOR = 3;

async function meanError(context: TestContext, order: "turns" | "interleaved"): Promise<number> {
  const instrument = await TestInstrument.start(context, { seed: 3, cloudStrength: 1 });
  const { rack } = instrument.model;
  for (const { serial } of rack.spectrometers.value) {
    const spectrometer = rack.spectrometer(serial);
    spectrometer.setIntegrationTimeUs("downwelling", 10 * MS);
    spectrometer.setIntegrationTimeUs("upwelling", 30 * MS);
    // One to three seconds of light for each spectrum: a day with little light.
    spectrometer.setScans(100);
  }
  const status = await instrument.record({ run: order, sequences: SEQUENCES, order, delayS: 5 });
  assert.equal(status.state, "done", status.error?.message);
  const dark = await instrument.read(order, "b000000_s000000_dark.pico");
  const errors: number[] = [];
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const name = `b000000_s${String(sequence).padStart(6, "0")}_light.pico`;
    const { spectra } = await instrument.read(order, name);
    const exposed = (channel: string): readonly Exposed[] =>
      spectra
        .filter((light) => light.serial === SERIAL && light.channel === channel)
        .map((light) => ({ light, dark: spectrumOf(dark, SERIAL, channel) }));
    const [up] = exposed("upwelling");
    assert.ok(up);
    errors.push(relativeError(reflectanceOf(up, exposed("downwelling"))));
  }
  return Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
}

/** RMS between 450 and 850 nm, relative to the truth's mean there. */
function relativeError({ wavelengthsNm, values }: ReturnType<typeof reflectanceOf>): number {
  const band = [...wavelengthsNm.keys()].filter((pixel) => {
    const nm = wavelengthsNm[pixel] ?? 0;
    return nm >= 450 && nm <= 850;
  });
  const truth = (pixel: number): number => canopyReflectance(wavelengthsNm[pixel] ?? 0);
  const squares = band.reduce((sum, pixel) => sum + ((values[pixel] ?? 0) - truth(pixel)) ** 2, 0);
  const mean = band.reduce((sum, pixel) => sum + truth(pixel), 0) / band.length;
  return Math.sqrt(squares / band.length) / mean;
}

test(`under moving clouds interleaving makes reflectance at least ${FACTOR} times better`, async (context) => {
  const turns = await meanError(context, "turns");
  const interleaved = await meanError(context, "interleaved");
  const percent = (error: number): string => `${(100 * error).toFixed(2)} %`;
  context.diagnostic(`reflectance error in turns ${percent(turns)}, interleaved ${percent(interleaved)}`);
  assert.ok(interleaved * FACTOR < turns, `${turns / interleaved} times better`);
});

test("both bracketing spectra are in the file, the second one marked and last", async (context) => {
  const instrument = await TestInstrument.start(context);
  const status = await instrument.record({ run: "order", order: "interleaved" });
  assert.equal(status.state, "done", status.error?.message);
  const { spectra } = await instrument.read("order", "b000000_s000000_light.pico");
  const shown = spectra.map(({ channel, serial, bracket }) => `${channel} ${serial} ${bracket ?? "-"}`);
  assert.deepEqual(shown, [
    "downwelling FLMS01859 before",
    "downwelling QEP00709 before",
    "upwelling FLMS01859 -",
    "upwelling QEP00709 -",
    "downwelling FLMS01859 after",
    "downwelling QEP00709 after",
  ]);
  const [before, , up, , after] = spectra.map(({ exposureStartUtcUs }) => exposureStartUtcUs);
  assert.ok(before !== undefined && up !== undefined && after !== undefined && before < up && up < after);
  // A reader of piccolo's takes the first of a direction and serial number, or the last: it is that direction's either way.
  const byDirection = new Map(spectra.map((one) => [`${one.serial} ${one.channel}`, one.channel]));
  assert.equal(byDirection.size, 4);
  const dark = await instrument.read("order", "b000000_s000000_dark.pico");
  assert.equal(dark.spectra.length, 4);
});

test("each turn tells how far apart its spectrometers began", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { result } = await instrument.record({ run: "skew", sequences: 2 });
  const { spectra } = await instrument.read("skew", "b000000_s000001_light.pico");
  for (const channel of ["downwelling", "upwelling"]) {
    const starts = spectra.filter((one) => one.channel === channel);
    const times = starts.map(({ exposureStartUtcUs }) => exposureStartUtcUs);
    const skewUs = Math.max(...times) - Math.min(...times);
    assert.deepEqual(
      starts.map(({ startSkewUs }) => startSkewUs),
      [skewUs, skewUs],
    );
    context.diagnostic(`${channel}: ${skewUs} us apart`);
  }
  assert.ok(typeof result === "object" && result !== null && "startSkewUs" in result);
  const { startSkewUs } = result;
  assert.ok(typeof startSkewUs === "object" && startSkewUs !== null);
  assert.deepEqual(Object.keys(startSkewUs), ["downwelling", "upwelling"]);
});

test("interleaving without a downwelling channel is refused", async (context) => {
  const configuration = `
[channels]
[[shutter_1]]
direction = nadir
[[shutter_2]]
direction = upwelling
`;
  const instrument = await TestInstrument.start(context, { configuration });
  assert.throws(
    () => instrument.model.recorder.record({ order: "interleaved" }),
    /order: interleaved needs the channel downwelling and another one, there are nadir, upwelling/,
  );
});
