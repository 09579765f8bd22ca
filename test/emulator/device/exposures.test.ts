// The free-running clockwork: delivered frames lie on the grid of cycles, whatever the host does.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MS } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import {
  type Clockwork,
  type Exposed,
  FreeRunningExposures,
} from "../../../src/emulator/device/exposures.ts";

const READOUT_US = 2 * MS;

interface Rig {
  readonly clock: VirtualClock;
  readonly exposures: FreeRunningExposures;
  readonly delivered: (Exposed & { readonly atUs: number })[];
}

function rig(options: Partial<Clockwork> = {}): Rig {
  const clock = new VirtualClock();
  const delivered: (Exposed & { readonly atUs: number })[] = [];
  const exposures = new FreeRunningExposures(
    {
      clock,
      readoutUs: READOUT_US,
      powerUpIntegrationTimeUs: 100 * MS,
      restartsAtOnce: false,
      extraStaleCycles: 0,
      secondRequest: "queued",
      keepsRequestOnTrigger: false,
      ...options,
    },
    (exposed) => delivered.push({ ...exposed, atUs: clock.nowUs() }),
  );
  return { clock, exposures, delivered };
}

test("a request delivers the cycle in progress, read out after its end", async () => {
  const { clock, exposures, delivered } = rig();
  await clock.advance(250 * MS);
  exposures.request();
  await clock.advance(200 * MS);
  assert.deepEqual(delivered, [
    { startUs: 200 * MS, endUs: 300 * MS, integrationTimeUs: 100 * MS, atUs: 302 * MS },
  ]);
  assert.equal(clock.pending, 0);
});

test("a new integration time takes effect at the next boundary: the first frame is stale", async () => {
  const { clock, exposures, delivered } = rig();
  await clock.advance(250 * MS);
  exposures.setIntegrationTimeUs(30 * MS);
  exposures.request();
  await clock.advance(60 * MS);
  exposures.request();
  await clock.advance(100 * MS);
  assert.deepEqual(
    delivered.map(({ startUs, endUs }) => [startUs / MS, endUs / MS]),
    [
      [200, 300],
      [300, 330],
    ],
  );
});

test("a slow device keeps the old time for one cycle more; a hasty one restarts at once", async () => {
  const slow = rig({ extraStaleCycles: 1 });
  slow.exposures.setIntegrationTimeUs(30 * MS);
  slow.exposures.request();
  slow.exposures.request();
  slow.exposures.request();
  await slow.clock.advance(1000 * MS);
  assert.deepEqual(
    slow.delivered.map(({ integrationTimeUs }) => integrationTimeUs / MS),
    [100, 100, 30],
  );
  const hasty = rig({ restartsAtOnce: true });
  await hasty.clock.advance(50 * MS);
  hasty.exposures.setIntegrationTimeUs(30 * MS);
  hasty.exposures.request();
  await hasty.clock.advance(100 * MS);
  assert.deepEqual(hasty.delivered, [
    { startUs: 50 * MS, endUs: 80 * MS, integrationTimeUs: 30 * MS, atUs: 82 * MS },
  ]);
});

test("an exposure shorter than the read-out fills the end of the shortest cycle", async () => {
  const { clock, exposures, delivered } = rig({ powerUpIntegrationTimeUs: 10 });
  exposures.request();
  exposures.request();
  await clock.advance(20 * MS);
  assert.deepEqual(
    delivered.map(({ startUs, endUs, atUs }) => [startUs, endUs, atUs]),
    [
      [2 * MS - 10, 2 * MS, 4 * MS],
      [4 * MS - 10, 4 * MS, 6 * MS],
    ],
  );
});

test("a second request is queued, or ignored by other firmware", async () => {
  for (const [secondRequest, frames] of [
    ["queued", 2],
    ["ignored", 1],
  ] as const) {
    const { clock, exposures, delivered } = rig({ secondRequest });
    exposures.request();
    exposures.request();
    await clock.advance(500 * MS);
    assert.equal(delivered.length, frames);
  }
});

test("initialize drops the request, reset also the frame in read-out", async () => {
  const dropped = rig();
  dropped.exposures.request();
  await dropped.clock.advance(10 * MS);
  dropped.exposures.initialize();
  await dropped.clock.advance(500 * MS);
  assert.equal(dropped.delivered.length, 0);
  const reset = rig();
  reset.exposures.request();
  await reset.clock.advance(101 * MS);
  reset.exposures.setIntegrationTimeUs(50 * MS);
  reset.exposures.reset();
  await reset.clock.advance(500 * MS);
  assert.equal(reset.delivered.length, 0);
  assert.equal(reset.clock.pending, 0);
});

test("with an edge trigger nothing comes until a pulse; pulses during an exposure are lost", async () => {
  const { clock, exposures, delivered } = rig();
  exposures.setTrigger("hardware");
  exposures.request();
  exposures.request();
  await clock.advance(1000 * MS);
  assert.equal(delivered.length, 0);
  exposures.triggerPulse();
  await clock.advance(50 * MS);
  exposures.triggerPulse();
  await clock.advance(1000 * MS);
  assert.deepEqual(
    delivered.map(({ startUs, endUs }) => [startUs / MS, endUs / MS]),
    [[1000, 1100]],
  );
});

test("synchronised: an exposure lasts from pulse to pulse", async () => {
  const { clock, exposures, delivered } = rig();
  exposures.setTrigger("synchronization");
  exposures.request();
  exposures.triggerPulse();
  await clock.advance(70 * MS);
  exposures.triggerPulse();
  await clock.advance(10 * MS);
  assert.deepEqual(
    delivered.map(({ startUs, endUs }) => [startUs / MS, endUs / MS]),
    [[0, 70]],
  );
});

test("leaving a trigger mode drops the request, except in firmware that keeps it", async () => {
  for (const keepsRequestOnTrigger of [false, true]) {
    const { clock, exposures, delivered } = rig({ keepsRequestOnTrigger });
    exposures.setTrigger("hardware");
    exposures.request();
    exposures.setTrigger("normal");
    await clock.advance(500 * MS);
    assert.equal(delivered.length, keepsRequestOnTrigger ? 1 : 0);
  }
});

const step = fc.oneof(
  fc.record({ kind: fc.constant("wait" as const), us: fc.integer({ min: 1, max: 60_000 }) }),
  fc.record({ kind: fc.constant("set" as const), us: fc.integer({ min: 10, max: 40_000 }) }),
  fc.record({ kind: fc.constant("request" as const), us: fc.constant(0) }),
);

test("property: frames lie on one grid of cycles that a tick-by-tick model makes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.integer({ min: 0, max: 2 }),
      async (steps, extra) => {
        const { clock, exposures, delivered } = rig({ extraStaleCycles: extra });
        const commands: { atUs: number; us: number }[] = [];
        for (const { kind, us } of steps) {
          if (kind === "wait") await clock.advance(us);
          if (kind === "request") exposures.request();
          if (kind === "set") {
            exposures.setIntegrationTimeUs(us);
            commands.push({ atUs: clock.nowUs(), us });
          }
        }
        await clock.advance(40 * 110 * MS);
        const grid = gridOf(commands, extra, clock.nowUs());
        for (const { startUs, endUs, integrationTimeUs, atUs } of delivered) {
          assert.equal(grid.get(endUs), integrationTimeUs, `no cycle ends at ${endUs}`);
          assert.equal(endUs - startUs, integrationTimeUs);
          assert.equal(atUs, endUs + READOUT_US);
        }
        const requests = steps.filter(({ kind }) => kind === "request").length;
        assert.equal(delivered.length, requests);
      },
    ),
    { numRuns: 60 },
  );
});

/** All cycle ends with their integration times, cycle by cycle. A command at a boundary's moment comes after it. */
function gridOf(
  commands: readonly { readonly atUs: number; readonly us: number }[],
  extra: number,
  untilUs: number,
): Map<number, number> {
  const grid = new Map<number, number>();
  const coming = Array.from({ length: extra }, () => 100 * MS);
  let inForce = 100 * MS;
  for (let startUs = 0; startUs < untilUs; ) {
    const endUs = startUs + Math.max(inForce, READOUT_US);
    grid.set(endUs, inForce);
    const setAtEnd = commands.findLast(({ atUs }) => atUs < endUs)?.us ?? 100 * MS;
    coming.push(setAtEnd);
    inForce = coming.shift() ?? setAtEnd;
    startUs = endUs;
  }
  return grid;
}
