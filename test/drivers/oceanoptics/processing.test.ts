// Averaging, smoothing and binning by the firmware: the driver waits long enough, knows the number of pixels, and what
// an earlier session left is ended.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { MS } from "../../../src/base/clock.ts";
import { binnedIdentity } from "../../../src/drivers/oceanoptics/binned-identity.ts";
import { isUncalibrated } from "../../../src/drivers/oceanoptics/calibration.ts";
import type { ControlName } from "../../../src/drivers/oceanoptics/controls.ts";
import { wavelengthsNm } from "../../../src/spectra/spectrum.ts";
import { type Opened, openEmulated } from "./open-emulated.ts";

type Knob = Extract<ControlName, "scans-to-average" | "boxcar" | "binning">;

async function set({ driver, run }: Opened, knob: Knob, value: number): Promise<void> {
  await run(driver.controls[knob]?.write?.(value, NEVER) ?? assert.fail(`no ${knob}`));
}

function acquire({ driver, clock, run }: Opened, integrationTimeUs: number) {
  return run(driver.acquire({ integrationTimeUs, notBeforeUs: clock.nowUs() }, NEVER));
}

test("scans averaged by the device take as long as all of them, and the frame says so", async () => {
  const bench = await openEmulated("STS");
  await set(bench, "scans-to-average", 20);
  const sinceUs = bench.clock.nowUs();
  const frame = await acquire(bench, 100 * MS);
  const truth = bench.device.truth.newest ?? assert.fail();
  assert.deepEqual(frame.processing, { scans: 20, boxcarHalfWidth: 0, binning: 0 });
  assert.equal(truth.settings.scansToAverage, 20);
  assert.ok(truth.startUs >= sinceUs);
  assert.ok(frame.exposureEndUs - frame.exposureStartUs >= 20 * 100 * MS);
  await set(bench, "scans-to-average", 1);
  assert.equal((await acquire(bench, 100 * MS)).processing, undefined);
  await bench.close();
});

test("binned pixels are fewer, with the wavelengths of the middle of each group", async () => {
  const bench = await openEmulated("STS");
  const full = bench.driver.identity;
  const nm = wavelengthsNm(full.calibration.wavelengthCoefficients, full.pixels);
  for (const binning of [1, 2, 3]) {
    await set(bench, "binning", binning);
    const { identity } = bench.driver;
    assert.equal(identity.pixels, 1024 >> binning);
    assert.equal((await acquire(bench, 20 * MS)).counts.length, 1024 >> binning);
    const width = 2 ** binning;
    const binned = wavelengthsNm(identity.calibration.wavelengthCoefficients, identity.pixels);
    for (const pixel of [0, 1, 77, identity.pixels - 1]) {
      const middle = ((nm[pixel * width] ?? 0) + (nm[pixel * width + width - 1] ?? 0)) / 2;
      // The mean of the outermost differs from the middle by the curvature only.
      assert.ok(Math.abs((binned[pixel] ?? 0) - middle) < 1e-3, `${binning}: pixel ${pixel}`);
    }
  }
  await set(bench, "binning", 0);
  assert.equal(bench.driver.identity, full);
  await bench.close();
});

test("an instrument without a wavelength calibration has none when it bins, either", async () => {
  const { driver, close } = await openEmulated("STS");
  const { identity } = driver;
  const uncalibrated = {
    ...identity,
    calibration: { ...identity.calibration, wavelengthCoefficients: [0, 1] },
  };
  assert.ok(isUncalibrated(binnedIdentity(uncalibrated, 2).calibration));
  assert.ok(!isUncalibrated(binnedIdentity(identity, 2).calibration));
  await close();
});

test("an aborted exchange leaves the device with what was set", async () => {
  const bench = await openEmulated("STS");
  await set(bench, "boxcar", 3);
  await set(bench, "binning", 1);
  bench.device.settings.change({ boxcarHalfWidth: 0, binning: 0, scansToAverage: 7 });
  await bench.run(bench.driver.resynchronize(NEVER));
  const { boxcarHalfWidth, binning, scansToAverage } = bench.device.settings.values;
  assert.deepEqual([boxcarHalfWidth, binning, scansToAverage], [3, 1, 1]);
  await bench.close();
});
