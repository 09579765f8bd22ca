// Exposures of 10 ms onto a card that needs 200 ms for a flush: recorded at the rate of a disk that needs no time.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type Clock, MS, SECOND } from "../../src/base/clock.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { TestInstrument } from "../support/instrument.ts";
import { SlowCard } from "../support/slow-card.ts";

const SEQUENCES = 150;
const INTEGRATION_MS = 10;

/** Sequences a second from the first light to the last. */
async function rate(t: TestContext, disk: Disk, started: (clock: Clock) => void): Promise<number> {
  const instrument = await TestInstrument.start(t, { disk });
  const { clock, model } = instrument;
  started(clock);
  const { rack, recorder } = model;
  for (const spectrometer of rack.spectrometers.value) {
    for (const channel of recorder.channels) spectrometer.setIntegrationTimeUs(channel, INTEGRATION_MS * MS);
  }
  const starts: number[] = [];
  const unsubscribe = recorder.status.subscribe(({ phase, channel }) => {
    if (phase === "light" && channel === recorder.channels[0]) starts.push(clock.nowUs());
  });
  const { state } = await instrument.record({ run: "run", sequences: SEQUENCES });
  unsubscribe();
  assert.equal(state, "done");
  assert.ok(starts.length >= SEQUENCES, `${starts.length} sequences`);
  return ((starts.length - 1) * SECOND) / ((starts.at(-1) ?? 0) - (starts[0] ?? 0));
}

test("a card with flushes of 200 ms takes 4 spectra of 10 ms at 95 % of the rate of a quick disk", async (t) => {
  const quick = await rate(t, SYSTEM_DISK, () => undefined);
  let clock: Clock | undefined;
  const card = new SlowCard(() => clock ?? assert.fail("no clock yet"), { hastens: true });
  const slow = await rate(t, card.disk, (ofInstrument) => {
    clock = ofInstrument;
  });
  t.diagnostic(`${quick.toFixed(1)} and ${slow.toFixed(1)} sequences/s, ${card.flushes} flushes`);
  assert.ok(slow >= 0.95 * quick, `${slow.toFixed(1)} of ${quick.toFixed(1)} sequences/s`);
});
