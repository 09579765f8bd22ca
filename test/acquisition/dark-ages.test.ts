// Which darks the next lights would have: by what the spectrometer is set to, whatever its newest spectrum was.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { lightsNow, oldestDarkAgeS } from "../../src/acquisition/dark-ages.ts";
import { StoredDarks } from "../../src/acquisition/stored-darks.ts";
import { DEFAULT_LIMITS } from "../../src/spectra/quality.ts";
import { RackBench } from "../instruments/spectrometer-bench.ts";

const SERIAL = "SN0001";

test("the present integration time, scans and processing of the spectrometer", async () => {
  const bench = new RackBench({ spectrometers: [{ model: "STS", serial: SERIAL }] });
  await bench.start();
  await bench.clock.advance(30 * SECOND);
  const one = bench.rack.spectrometer(SERIAL);
  one.setIntegrationTimeUs("upwelling", 20 * MS);
  const darks = new StoredDarks(DEFAULT_LIMITS);
  const hasDark = (): boolean => {
    const lights = lightsNow([one], ["upwelling"], { nowUs: bench.clock.nowUs() });
    return oldestDarkAgeS(darks, "plot", lights) !== undefined;
  };
  assert.ok(!hasDark(), "nothing is recorded yet");
  const dark = await bench.acquire(one, { kind: "dark", integrationTimeUs: 20 * MS });
  darks.add({ run: "plot", file: "dark.pico" }, [dark]);
  assert.ok(hasDark());
  for (const [name, other, usual] of [
    ["boxcar", 2, 0],
    ["binning", 1, 0],
    ["scans-to-average", 4, 1],
  ] as const) {
    await bench.clock.run(one.controls.write(name, other, NEVER));
    assert.ok(!hasDark(), name);
    await bench.clock.run(one.controls.write(name, usual, NEVER));
    assert.ok(hasDark(), name);
  }
  one.setScans(2);
  assert.ok(!hasDark(), "scans");
  one.setScans(1);
  one.setIntegrationTimeUs("upwelling", 21 * MS);
  assert.ok(!hasDark(), "integration time");
  await bench.close();
});
