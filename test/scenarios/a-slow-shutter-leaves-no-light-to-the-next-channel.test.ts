// While the blades of one shutter come to rest the next one moves: no exposure may begin before the slower one rests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

const SETTLE_MS = 400;
const CONFIGURATION = `[channels]
  [[slow]]
    direction = downwelling
    open_pin = 18
    close_pin = 17
    pulse_ms = 30
    settle_ms = ${SETTLE_MS}
  [[quick]]
    direction = upwelling
    mechanism = level
    pin = 22
    settle_ms = 0
`;

test("the next light and the dark wait for the shutter that settles slowest", async (context) => {
  const instrument = await TestInstrument.start(context, { configuration: CONFIGURATION });
  const { emulated, model, clock } = instrument;
  for (const spectrometer of model.rack.spectrometers.value)
    for (const channel of model.recorder.channels) spectrometer.setIntegrationTimeUs(channel, 20 * MS);
  const status = await instrument.record({ run: "slow", sequences: 3, dark: "every" });
  assert.equal(status.state, "done", status.error?.message);
  const toUtcUs = clock.utcUs() - clock.nowUs();
  const ends = emulated.gpio.history.filter(({ pin, level }) => pin === 17 && level === 0);
  const restsUs = ends.map(({ atUs }) => toUtcUs + atUs + SETTLE_MS * MS);
  const upOpensUs = emulated.gpio.history
    .filter(({ pin, level }) => pin === 22 && level === 1)
    .map(({ atUs }) => toUtcUs + atUs);
  const starts: number[] = [];
  for (const file of await instrument.files("slow")) {
    const { spectra } = await instrument.read("slow", file);
    const mine = spectra.filter(({ kind, channel }) => kind === "dark" || channel === "upwelling");
    starts.push(...mine.map(({ exposureStartUtcUs }) => exposureStartUtcUs));
  }
  assert.equal(
    starts.length,
    3 * 2 * 3,
    "darks of both channels and lights of the quick one, of two spectrometers",
  );
  for (const startUs of starts) {
    const moved = restsUs.filter((us) => us - SETTLE_MS * MS <= startUs).at(-1);
    assert.ok(moved !== undefined && startUs >= moved, "begins when the slow shutter rests");
  }
  // The quick one does not wait to open.
  const overlaps = upOpensUs.filter((us) => restsUs.some((rest) => us < rest && us >= rest - SETTLE_MS * MS));
  assert.equal(overlaps.length, 3);
});
