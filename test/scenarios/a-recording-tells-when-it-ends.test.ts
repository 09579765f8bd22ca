import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

test("at half of a steady batch the estimate is within 10 % of what is left, and the end is near it", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  for (const { serial } of model.rack.spectrometers.value) {
    model.rack.spectrometer(serial).setIntegrationTimeUs("downwelling", 700 * MS);
    model.rack.spectrometer(serial).setIntegrationTimeUs("upwelling", 2 * SECOND);
  }
  const startUs = clock.nowUs();
  const operation = model.recorder.record({ run: "estimate", sequences: 20, delayS: 3 });
  const seen: { readonly atUs: number; readonly leftUs: number; readonly endsUtc: string }[] = [];
  operation.status.subscribe(({ estimate }) => {
    if (estimate === undefined) return;
    const { remainingS, endsUtc } = estimate;
    seen.push({ atUs: clock.nowUs(), leftUs: remainingS * SECOND, endsUtc });
  });
  const { state, estimate } = await instrument.finish(operation);
  assert.deepEqual({ state, estimate }, { state: "done", estimate: undefined });
  const endUs = clock.nowUs();
  const half = seen.find(({ atUs }) => atUs - startUs >= (endUs - startUs) / 2);
  assert.ok(half);
  const leftUs = endUs - half.atUs;
  const percent = (100 * (half.leftUs - leftUs)) / leftUs;
  context.diagnostic(`at half ${half.leftUs / SECOND} s were expected, ${leftUs / SECOND} s were left`);
  assert.ok(Math.abs(percent) < 10, `${percent} % off`);
  const endsUtcUs = Date.parse(half.endsUtc) * MS;
  assert.ok(Math.abs(endsUtcUs - clock.utcUs()) < 0.1 * leftUs);
  const [first] = seen;
  assert.ok(first);
  context.diagnostic(
    `at the start ${first.leftUs / SECOND} s were expected, it took ${(endUs - startUs) / SECOND} s`,
  );
  assert.ok(Math.abs(first.leftUs / (endUs - startUs) - 1) < 0.5, "the first one has the right size");
});

test("before the first search nothing is said of the end; after it the estimate is that of the times found", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  for (const one of model.rack.spectrometers.value)
    for (const channel of one.channels) one.setIntegrationTimeUs(channel, 4 * SECOND);
  const operation = model.recorder.record({ run: "searched", sequences: 10, autointegrate: 0 });
  const seen: { readonly done: number; readonly atUs: number; readonly leftUs: number | undefined }[] = [];
  operation.status.subscribe(({ state, progress, estimate }) => {
    const leftUs = estimate === undefined ? undefined : estimate.remainingS * SECOND;
    if (state === "running") seen.push({ done: progress.done, atUs: clock.nowUs(), leftUs });
  });
  await instrument.finish(operation);
  const endUs = clock.nowUs();
  for (const { done, leftUs } of seen) assert.equal(leftUs === undefined, done === 0, `${done} done`);
  const first = seen.find(({ done }) => done === 1);
  assert.ok(first?.leftUs !== undefined);
  const leftUs = endUs - first.atUs;
  context.diagnostic(
    `after the search ${first.leftUs / SECOND} s were expected, ${leftUs / SECOND} s were left`,
  );
  assert.ok(Math.abs(first.leftUs / leftUs - 1) < 0.3);
});

test("while coolers settle nothing is said of the end", async (context) => {
  const instrument = await TestInstrument.start(context);
  const operation = instrument.model.recorder.record({ run: "warm", warmUp: true });
  const said: string[] = [];
  operation.status.subscribe(({ state, progress, estimate }) => {
    if (state === "running") said.push(`${progress.done} ${estimate === undefined ? "unknown" : "known"}`);
  });
  await instrument.finish(operation);
  assert.deepEqual([...new Set(said)], ["0 unknown", "1 known", "2 known", "3 known"]);
});
