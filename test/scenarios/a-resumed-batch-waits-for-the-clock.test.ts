// A computer without a battery for its clock comes back from a power cut in another year: a batch that goes on waits for
// the right time, and is judged by it.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { Server } from "../../src/server.ts";
import { SettableClock } from "../scheduler/bench.ts";
import { emulatedConfig } from "../support/instrument.ts";
import { changeNote, copyOf, interrupted, RUN } from "../support/interrupted.ts";

const HOUR_US = 3600 * SECOND;
const INTERRUPTED_UTC_US = Date.UTC(2026, 5, 21, 12, 5) * 1000;

async function restarted(context: TestContext, startUtcUs: number, cut?: string, disk: Disk = SYSTEM_DISK) {
  const folder = cut ?? (await interrupted(context, "cut"));
  const virtual = new VirtualClock(startUtcUs);
  const clock = new SettableClock(virtual);
  const config = emulatedConfig(folder, { interruptedBatch: "resume", keepSettings: false });
  const server = await virtual.run(
    Server.start({ config, clock, log: SILENT, version: "test", disk }, NEVER),
  );
  context.after(() => virtual.run(server.close()));
  const { model } = server;
  const first = () => model.resumption.interruptions.value[0];
  const set = (utcUs: number): void => {
    clock.offsetUs += utcUs - clock.utcUs();
  };
  return { virtual, model, first, set };
}

test("it goes on when the clock is set, with the right times", async (context) => {
  const { virtual, model, first, set } = await restarted(context, 0);
  await virtual.advance(120 * SECOND);
  assert.equal(first()?.outcome, "waiting");
  set(INTERRUPTED_UTC_US + HOUR_US);
  await virtual.advance(60 * SECOND);
  assert.deepEqual([first()?.outcome, first()?.reason], ["resumed", undefined]);
  const { spectra } = await model.dataDirectory.shelf.slice({ run: [RUN] }, { limit: 100, offset: 0 });
  const again = spectra.filter(({ batch }) => batch === 1);
  assert.ok(again.length > 0);
  assert.ok(again.every(({ exposureStartUtcUs }) => exposureStartUtcUs > INTERRUPTED_UTC_US));
});

test("one that is too old by the right clock is closed", async (context) => {
  const { virtual, first, set } = await restarted(context, 0);
  await virtual.advance(120 * SECOND);
  set(INTERRUPTED_UTC_US + 7 * 24 * HOUR_US);
  await virtual.advance(60 * SECOND);
  assert.equal(first()?.outcome, "closed");
  assert.match(first()?.reason ?? "", /^it was interrupted 16\d\.\d h ago, acquisition.resume_within = 24$/);
});

test("without anybody who sets the clock it goes on after a while, and says so", async (context) => {
  const { virtual, first } = await restarted(context, 0);
  await virtual.advance(590 * SECOND);
  assert.equal(first()?.outcome, "waiting");
  await virtual.advance(60 * SECOND);
  const reason = "clock: not set within 600 s, how long ago it was interrupted is not known";
  assert.deepEqual([first()?.outcome, first()?.reason], ["resumed", reason]);
});

test("one that began before the clock was set goes on by a clock that is, and its age counts from then on", async (context) => {
  const cut = await interrupted(context, "cut", { startUtcUs: 0 });
  await changeNote(cut, (note) => note.replace("QEP00709", "GONE0001"));
  const { virtual, first } = await restarted(context, INTERRUPTED_UTC_US, cut);
  await virtual.advance(30 * SECOND);
  assert.equal(first()?.outcome, "waiting");
  const again = await copyOf(context, cut);
  await virtual.advance(60 * SECOND);
  const reason = "clock: was not set when it was interrupted, how long ago that was is not known";
  assert.deepEqual([first()?.outcome, first()?.reason], ["resumed", reason]);
  const later = await restarted(context, INTERRUPTED_UTC_US + 7 * 24 * HOUR_US, again);
  await later.virtual.advance(60 * SECOND);
  assert.equal(later.first()?.outcome, "closed");
  assert.match(later.first()?.reason ?? "", /^it was interrupted 168\.0 h ago/);
});

test("a medium that is away meanwhile is waited for", async (context) => {
  const cut = await interrupted(context, "cut");
  let isAway = false;
  const stat: Disk["stat"] = async (path) =>
    isAway && path.startsWith(cut) ? undefined : SYSTEM_DISK.stat(path);
  const { virtual, model, first, set } = await restarted(context, 0, cut, { ...SYSTEM_DISK, stat });
  await virtual.advance(60 * SECOND);
  isAway = true;
  await virtual.advance(60 * SECOND);
  assert.equal(model.dataDirectory.status.value.uuid, undefined);
  set(INTERRUPTED_UTC_US + HOUR_US);
  await virtual.advance(300 * SECOND);
  assert.equal(first()?.outcome, "waiting");
  isAway = false;
  await virtual.advance(60 * SECOND);
  assert.equal(first()?.outcome, "resumed");
});
