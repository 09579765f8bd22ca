import assert from "node:assert/strict";
import { test } from "node:test";
import { wavelengthsNm } from "../../src/spectra/spectrum.ts";
import { canopyReflectance } from "../../src/emulator/light/targets.ts";
import type { PicoFile, PicoSpectrum } from "../../src/spectra/pico.ts";
import { spectrumOf, TestInstrument } from "../support/instrument.ts";

const RUN = "first run";

test("five sequences with autointegration give the target's reflectance within 2 %", async (context) => {
  const instrument = await TestInstrument.start(context);
  const status = await instrument.record({ run: RUN, sequences: 5, autointegrate: 0 });
  assert.equal(status.state, "done", status.error?.message);
  assert.deepEqual(await instrument.files(RUN), [
    "b000000_s000000_dark.pico",
    "b000000_s000000_light.pico",
    "b000000_s000001_light.pico",
    "b000000_s000002_light.pico",
    "b000000_s000003_light.pico",
    "b000000_s000004_dark.pico",
    "b000000_s000004_light.pico",
  ]);
  for (const { serial, channel, outcome, exposures, peakPercent } of instrument.model.recorder.autointegration
    .results.value) {
    const found = `${serial} ${channel}: ${outcome}, ${peakPercent} % after ${exposures} exposures`;
    context.diagnostic(found);
    assert.ok(outcome === "reached" && exposures <= 3 && Math.abs(peakPercent - 80) <= 8, found);
  }
  const dark = await instrument.read(RUN, "b000000_s000000_dark.pico");
  for (const serial of ["FLMS01859", "QEP00709"]) {
    const lights = await Promise.all(
      [0, 1, 2, 3, 4].map((sequence) => instrument.read(RUN, `b000000_s00000${sequence}_light.pico`)),
    );
    const error = rmsError(serial, lights, dark);
    context.diagnostic(
      `${serial}: reflectance is ${(100 * error).toFixed(2)} % RMS off between 450 and 850 nm`,
    );
    assert.ok(error < 0.02, `${serial}: ${error}`);
  }
});

/** Relative to the truth's mean in the band. */
function rmsError(serial: string, lights: readonly PicoFile[], dark: PicoFile): number {
  const first = lights[0];
  assert.ok(first);
  const { wavelengthCoefficients, counts } = spectrumOf(first, serial, "upwelling");
  const wavelengths = wavelengthsNm(wavelengthCoefficients, counts.length);
  const band = [...wavelengths.keys()].filter((pixel) => {
    const nm = wavelengths[pixel] ?? 0;
    return nm >= 450 && nm <= 850;
  });
  const signal = (channel: string, pixel: number): number => {
    const sum = lights.reduce((total, light) => total + rate(spectrumOf(light, serial, channel), pixel), 0);
    return sum / lights.length - rate(spectrumOf(dark, serial, channel), pixel);
  };
  const truth = band.map((pixel) => canopyReflectance(wavelengths[pixel] ?? 0));
  const squares = band.map((pixel, index) => {
    const measured = signal("upwelling", pixel) / signal("downwelling", pixel);
    return (measured - (truth[index] ?? 0)) ** 2;
  });
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(mean(squares)) / mean(truth);
}

/** Counts per microsecond. */
function rate({ counts, integrationTimeUs }: PicoSpectrum, pixel: number): number {
  return (counts[pixel] ?? 0) / integrationTimeUs;
}
