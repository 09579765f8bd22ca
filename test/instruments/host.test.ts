import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { logTo, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { openLibc } from "../../src/base/libc.ts";
import type { Programs } from "../../src/drivers/clock/port.ts";
import { isClockSynchronised } from "../../src/instruments/clock-sync.ts";
import { Host } from "../../src/instruments/host.ts";

const ISO = "2026-06-21T12:00:00.000Z";
const SETTABLE = { version: "test", maySetClock: true, log: SILENT, isSynchronised: async () => false };

/** Programs of our own, and what was asked of them. */
function programsOf(run: Programs["run"]) {
  const asked: string[] = [];
  const programs: Programs = {
    run: (program, args, signal) => {
      asked.push([program, ...args].join(" "));
      return run(program, args, signal);
    },
  };
  return { programs, asked };
}

const TIMEDATECTL = "timedatectl --no-ask-password set-time @1782043200";
const DATE = `date --utc --set ${ISO}`;

test("the clock is set by systemd, else by date", async () => {
  const clock = new VirtualClock();
  const systemd = programsOf(async () => "");
  await new Host({ clock, ...SETTABLE, programs: systemd.programs }).setUtc(ISO, NEVER);
  assert.deepEqual(systemd.asked, [TIMEDATECTL]);
  const without = programsOf(async (program) => {
    if (program === "timedatectl") throw new Error("spawn timedatectl ENOENT");
    return "";
  });
  await new Host({ clock, ...SETTABLE, programs: without.programs }).setUtc(ISO, NEVER);
  assert.deepEqual(without.asked, [TIMEDATECTL, DATE]);
});

test("a user who may not is told what both say; the log has no jump", async () => {
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) });
  const { programs } = programsOf(async (program) => {
    const reason =
      program === "date"
        ? "date: cannot set date: Operation not permitted"
        : "Failed to set time: Access denied";
    throw new Error(`Command failed: ${program} and more\n${reason}\n`);
  });
  const host = new Host({ clock: new VirtualClock(), ...SETTABLE, log, programs });
  const refusals =
    "timedatectl: Failed to set time: Access denied; date: cannot set date: Operation not permitted";
  await assert.rejects(host.setUtc(ISO, NEVER), {
    code: "DEVICE_PERMISSION",
    message: `clock: not set, ${refusals}; docs/how-to/box.md tells what it needs`,
  });
  assert.deepEqual(lines, []);
});

test("a program that hangs is ended after ten seconds, or when the client goes", async () => {
  const clock = new VirtualClock();
  const { programs } = programsOf((_program, _args, signal) =>
    clock.delay(3600 * SECOND, signal).then(() => ""),
  );
  const host = new Host({ clock, ...SETTABLE, programs });
  await assert.rejects(clock.run(host.setUtc(ISO, NEVER)), {
    code: "DEVICE_TIMEOUT",
    message: "clock: not set after 10 s",
  });
  assert.equal(clock.nowUs(), 10 * SECOND);
  const gone = new AbortController();
  const setting = host.setUtc(ISO, gone.signal);
  gone.abort(new Error("the client is gone"));
  await assert.rejects(setting, { message: "the client is gone" });
  assert.equal(clock.pending, 0);
});

test("a clock that is synchronised is set by force only; the log has the jump", async () => {
  const clock = new VirtualClock(Date.parse("2026-06-21T12:00:00Z") * 1000);
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) });
  const { programs, asked } = programsOf(async () => "");
  const host = new Host({ clock, ...SETTABLE, log, programs, isSynchronised: async () => true });
  await assert.rejects(host.setUtc("2026-06-21T12:01:40.000Z", NEVER), {
    code: "STATE_CONFLICT",
    message: "clock: it is synchronised, PUT /sysinfo/clock/forced sets it all the same",
  });
  assert.deepEqual([lines, asked], [[], []]);
  await host.setUtc("2026-06-21T12:01:40.000Z", NEVER, true);
  assert.match(lines[0] ?? "", /"jumpS":100,"wasSynchronised":true.*the clock was set by a client/);
});

test("the kernel tells whether the clock is synchronised", async () => {
  const answering = (state: number) => async () => ({ ...(await openLibc()), declare: () => () => state });
  for (const [state, expected] of [
    [0, true],
    [4, true],
    [5, false],
    [-1, false],
  ] as const)
    assert.equal(await isClockSynchronised(answering(state)), expected);
  const none = () => Promise.reject(new Error("no C library"));
  assert.equal(await isClockSynchronised(none), false);
  assert.equal(typeof (await isClockSynchronised()), "boolean");
});
