import assert from "node:assert/strict";
import { test } from "node:test";
import { stepsOf } from "../../../src/spectra/processing/steps.ts";
import type { RadiometricCalibration } from "../../../src/spectra/radiometric.ts";
import { sampleSpectrum } from "../../client/sample-spectra.ts";

test("what all values of a product are uncertain by together stands apart from the noise of each", () => {
  const [serial, channel] = ["FLMS01859", "upwelling"];
  const spectrum = sampleSpectrum({ serial, channel, kind: "light", sequence: 0 });
  const calibration: RadiometricCalibration = {
    quantity: "radiance",
    serial,
    channel,
    source: "up.csv",
    axis: "pixel",
    factors: { wavelengthsNm: Float64Array.of(0, 1), values: Float64Array.of(1, 1) },
    systematicUncertainty: 0.006,
  };
  const noise = { readNoiseCounts: 20, electronsPerCount: 1.5 };
  const steps = stepsOf({
    level: "radiance",
    spectrum,
    darks: { nearest: 1 },
    calibrations: [calibration],
    noise,
    systematic: true,
  });
  const factsOf = (name: string) => steps.find(({ step }) => step === name)?.facts;
  assert.deepEqual(factsOf("radiometric-calibration"), {
    quantity: "radiance",
    source: "up.csv",
    date: null,
    systematicUncertainty: 0.006,
    k: 1,
  });
  assert.deepEqual(factsOf("uncertainty"), { k: 1, of: "noise of light and darks", ...noise });
  assert.deepEqual(factsOf("systematic-uncertainty"), { k: 1, of: "calibrations" });
});
