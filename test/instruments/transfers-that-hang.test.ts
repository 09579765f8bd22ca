// A transfer that cancelling does not end, at every place where somebody waits for it: two seconds, and the connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { messageOf, VscopeError } from "../../src/base/errors.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import type { Spectrometer } from "../../src/instruments/spectrometer.ts";
import { RackBench } from "./spectrometer-bench.ts";

const SERIAL = "SN0001";
const SWITCH = { pin: 5, activeHigh: true, offUs: 3 * SECOND, onDelayUs: SECOND };
const CANCELLED = new VscopeError("OPERATION_CANCELLED", "operation 1: cancelled");

async function started(model: ModelName = "Flame-S", power = {}): Promise<[RackBench, Spectrometer]> {
  const bench = new RackBench({ spectrometers: [{ model, serial: SERIAL }], power });
  await bench.start();
  await bench.clock.advance(30 * SECOND);
  return [bench, bench.rack.spectrometer(SERIAL)];
}

/** An exposure that is aborted after a second; how it ends does not matter. */
async function abortedExposure(bench: RackBench, spectrometer: Spectrometer): Promise<void> {
  const user = new AbortController();
  spectrometer.acquire(bench.request({ integrationTimeUs: 10 * SECOND }), user.signal).catch(() => {});
  await bench.clock.advance(SECOND);
  bench.device(SERIAL).faults.start({ kind: "stuck", nth: 1, direction: "read" });
  user.abort(CANCELLED);
  await bench.clock.advance(SECOND / 20);
}

/** How something ends within a time. */
async function outcome({ clock }: RackBench, promise: Promise<unknown>, us: number): Promise<string> {
  let how = "hangs";
  promise.then(
    () => (how = "done"),
    (error: unknown) => (how = messageOf(error)),
  );
  await clock.advance(us);
  return how;
}

const names = ({ steps }: RackBench): readonly string[] => steps.map(({ step }) => step);

test("cancelled by a client", async () => {
  const [bench, spectrometer] = await started();
  bench.device(SERIAL).faults.start({ kind: "stuck", nth: 1, direction: "read" });
  const user = new AbortController();
  const acquisition = spectrometer.acquire(bench.request({ integrationTimeUs: SECOND }), user.signal);
  acquisition.catch(() => {});
  await bench.clock.advance(SECOND / 2);
  user.abort(CANCELLED);
  assert.equal(await outcome(bench, acquisition, 2 * SECOND), "SN0001: cancel takes longer than 2 s");
  await bench.clock.advance(30 * SECOND);
  assert.deepEqual(names(bench), ["cancel", "close", "reset", "re-open"]);
  await bench.acquire(spectrometer);
  await bench.close();
});

for (const model of ["Flame-S", "STS", "QE Pro"] as const) {
  for (const direction of ["read", "write"] as const) {
    test(`${model}: a ${direction} cancelled by its own deadline`, async () => {
      const [bench, spectrometer] = await started(model);
      bench.device(SERIAL).faults.start({ kind: "stuck", nth: 1, direction });
      const acquisition = spectrometer.acquire(bench.request({ integrationTimeUs: SECOND / 10 }), NEVER);
      const message = await outcome(bench, acquisition, 10 * SECOND);
      assert.match(message, /^SN0001: USB 1-1.1: a (read|write) goes on 2 s after it was cancelled/);
      await bench.clock.advance(60 * SECOND);
      assert.deepEqual(names(bench), ["clear halts", "close", "reset", "re-open"]);
      assert.equal(spectrometer.status.value.state, "idle");
      await bench.acquire(spectrometer);
      await bench.close();
    });
  }
}

test("within a step of the recovery", async () => {
  const [bench, spectrometer] = await started();
  await abortedExposure(bench, spectrometer);
  await bench.clock.advance(60 * SECOND);
  assert.equal(spectrometer.status.value.state, "idle");
  const inPlace = ["cancel", "clear halts", "initialise", "drain"];
  assert.deepEqual(names(bench), [...inPlace, "close", "reset", "re-open"]);
  await bench.acquire(spectrometer);
  await bench.close();
});

test("within a step of the recovery, while a client switches the power off", async () => {
  const [bench, spectrometer] = await started("Flame-S", { [SERIAL]: SWITCH });
  await abortedExposure(bench, spectrometer);
  assert.equal(await outcome(bench, bench.rack.setPower(SERIAL, "off", NEVER), 5 * SECOND), "done");
  await bench.clock.advance(60 * SECOND);
  assert.equal(spectrometer.status.value.state, "powered-off");
  assert.equal(bench.rack.powerSwitch(SERIAL).state.value, "off");
  await bench.close();
});

for (const [closes, end] of [
  [false, "the device is tried again"],
  [true, "the rack closes"],
] as const) {
  test(`while the device is being opened: ${end}`, async () => {
    const [bench, spectrometer] = await started();
    const { connection, faults } = bench.device(SERIAL);
    connection.setPlugged(false);
    await bench.clock.advance(SECOND);
    faults.start({ kind: "stuck", nth: 4, direction: "read" });
    connection.setPlugged(true);
    if (closes) {
      await bench.clock.advance(SECOND);
      assert.equal(spectrometer.status.value.state, "connecting");
      assert.equal(await outcome(bench, bench.rack.close(), 5 * SECOND), "done");
    } else {
      await bench.clock.advance(60 * SECOND);
      assert.equal(spectrometer.status.value.state, "idle");
    }
    assert.equal(faults.fired.length, 1);
    await bench.close();
  });
}

for (const direction of ["read", "write"] as const) {
  test(`the N-th ${direction} after the device has come, for every N: it comes back by itself`, async () => {
    for (let nth = 1, strikes = true; strikes; nth++) {
      const [bench, spectrometer] = await started("STS");
      const { connection, faults } = bench.device(SERIAL);
      connection.setPlugged(false);
      await bench.clock.advance(SECOND);
      faults.start({ kind: "stuck", nth, direction });
      connection.setPlugged(true);
      await bench.clock.advance(120 * SECOND);
      assert.equal(spectrometer.status.value.state, "idle", `${direction} ${nth}`);
      strikes = faults.fired.length > 0;
      faults.start();
      await bench.acquire(spectrometer);
      await bench.close();
    }
  });
}
