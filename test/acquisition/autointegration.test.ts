// The search on a whole emulated instrument: all spectrometers of a channel at once, every outcome with its reason.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TestInstrument } from "../support/instrument.ts";

test("a search of all channels says of each spectrometer what came of it and why", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { recorder } = instrument.model;
  const search = async () => {
    const { state } = await instrument.finish(recorder.autointegrate({}));
    assert.equal(state, "done");
    return recorder.autointegration.results.value;
  };
  const found = await search();
  assert.equal(found.length, 4);
  for (const { outcome, exposures, reason } of found) {
    assert.equal(outcome, "reached");
    assert.ok(exposures <= 3, `${exposures}`);
    assert.match(
      reason,
      /^the peak is (7[2-9]|8[0-8])(\.\d)? % of saturation at [\d.]+ ms, 80 % was wanted$/,
    );
  }
  instrument.emulated.scene.transmission = 1000;
  for (const { outcome, integrationTimeUs, exposures, reason } of await search()) {
    assert.equal(outcome, "too-bright");
    assert.ok(integrationTimeUs <= 8000 && exposures <= 3);
    assert.match(reason, /too bright: the peak is 100 % of saturation at the shortest time/);
  }
  instrument.emulated.scene.transmission = 1e-6;
  const dim = await search();
  const weak = dim.filter(({ serial }) => serial === "QEP00709");
  // Uncooled: a hot pixel reaches the target before the light does.
  for (const { outcome, reason } of dim.filter(({ serial }) => serial === "FLMS01859")) {
    assert.equal(outcome, "reached");
    assert.match(reason, /80 % was wanted; it is pixel \d+ alone, a hot one, the light is weaker$/);
  }
  for (const { outcome, exposures, reason } of weak) {
    assert.equal(outcome, "too-dark");
    assert.ok(exposures <= 3);
    assert.match(reason, /too weak: the peak is \d.* at the longest time, 10000 ms, 80 % was wanted/);
  }
});
