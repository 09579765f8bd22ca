import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { irradianceAt, reflectanceOf } from "../../src/spectra/reflectance.ts";
import type { Exposed } from "../../src/spectra/signal-rate.ts";
import { sampleSpectrum } from "../client/sample-spectra.ts";

const SERIAL = "FLMS01859";
const T0_US = Date.UTC(2026, 5, 21, 12) * MS;

/** A pair with the light scaled, its exposure around a moment of 1 s. */
function exposed(channel: "upwelling" | "downwelling", atS: number, brightness: number): Exposed {
  const at = { serial: SERIAL, channel, sequence: 0 } as const;
  const dark = sampleSpectrum({ ...at, kind: "dark" });
  const light = sampleSpectrum({ ...at, kind: "light" });
  const counts = light.counts.map((count, pixel) => {
    const offset = dark.counts[pixel] ?? 0;
    return offset + (count - offset) * brightness;
  });
  const middleUs = T0_US + atS * SECOND;
  const halfUs = SECOND / 2;
  const times = { exposureStartUtcUs: middleUs - halfUs, exposureEndUtcUs: middleUs + halfUs };
  return { light: { ...light, ...times, counts }, dark };
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test("irradiance that changes evenly is known exactly at the time of the radiance", () => {
  const steady = reflectanceOf(exposed("upwelling", 3, 1), [exposed("downwelling", 3, 1)]);
  // A cloud edge takes 10 % of the light each second; the radiance, 3 s in, has 70 % of it.
  const bracketing = [exposed("downwelling", 4, 0.6), exposed("downwelling", 0, 1)];
  const interpolated = reflectanceOf(exposed("upwelling", 3, 0.7), bracketing);
  for (const [pixel, value] of interpolated.values.entries())
    assert.ok(Math.abs(value - (steady.values[pixel] ?? 0)) < 1e-9);
  const one = reflectanceOf(exposed("upwelling", 3, 0.7), bracketing.slice(1));
  assert.ok(
    Math.abs(mean(one.values) / mean(steady.values) - 0.7) < 1e-9,
    "without the second one it is 30 % off",
  );
});

test("the nearest before and after count; there is no extrapolation", () => {
  const irradiances = [0, 10, 20, 30].map((atS) => exposed("downwelling", atS, 1 + atS / 10));
  const at = (s: number): number => mean(irradianceAt(T0_US + s * SECOND, irradiances).values);
  const unit = at(0);
  assert.ok(Math.abs(at(13) / unit - 2.3) < 1e-9);
  assert.ok(Math.abs(at(20) / unit - 3) < 1e-9);
  assert.ok(Math.abs(at(-5) / unit - 1) < 1e-9);
  assert.ok(Math.abs(at(99) / unit - 4) < 1e-9);
});

test("without irradiance, or with a dark of another integration time, there is no reflectance", () => {
  const up = exposed("upwelling", 0, 1);
  const isInvalid = (error: unknown): boolean => isVscopeError(error, "VALUE_INVALID");
  assert.throws(() => reflectanceOf(up, []), isInvalid);
  const down = exposed("downwelling", 0, 1);
  const other = { ...down.dark, integrationTimeUs: down.dark.integrationTimeUs + 1 };
  assert.throws(() => reflectanceOf(up, [{ ...down, dark: other }]), isInvalid);
});
