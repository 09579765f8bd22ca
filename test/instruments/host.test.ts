import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { logTo, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { openLibc } from "../../src/base/libc.ts";
import { isClockSynchronised } from "../../src/instruments/clock-sync.ts";
import { Host } from "../../src/instruments/host.ts";

const ISO = "2026-06-21T12:00:00.000Z";
const SETTABLE = { version: "test", maySetClock: true, log: SILENT, isSynchronised: async () => false };

/** A folder with a `date` program of our own, found before the system's. */
async function provideDate(t: TestContext, script: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-host-"));
  const path = process.env["PATH"];
  const program = join(folder, "date");
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  process.env["PATH"] = `${folder}:${path}`;
  t.after(async () => {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true });
  });
  return folder;
}

test("the clock is set by the system's date program", async (t) => {
  const folder = await provideDate(t, 'echo "$@" > "$(dirname "$0")/asked"');
  const host = new Host({ clock: new VirtualClock(), ...SETTABLE });
  await host.setUtc(ISO, NEVER);
  assert.equal(await readFile(join(folder, "asked"), "utf8"), `--utc --set ${ISO}\n`);
});

test("a refusal of the system is told", async (t) => {
  await provideDate(t, "echo cannot set date >&2; exit 1");
  const host = new Host({ clock: new VirtualClock(), ...SETTABLE });
  await assert.rejects(
    host.setUtc(ISO, NEVER),
    (error) => isVscopeError(error, "DEVICE_PERMISSION") && error.message.endsWith("cannot set date"),
  );
});

test("a date program that hangs is ended after ten seconds, or when the client goes", async (t) => {
  await provideDate(t, "exec sleep 60");
  const clock = new VirtualClock();
  const host = new Host({ clock, ...SETTABLE });
  await assert.rejects(
    clock.run(host.setUtc(ISO, NEVER)),
    (error) => isVscopeError(error, "DEVICE_TIMEOUT") && error.message === "clock: not set after 10 s",
  );
  assert.equal(clock.nowUs(), 10 * SECOND);
  const gone = new AbortController();
  const setting = host.setUtc(ISO, gone.signal);
  gone.abort(new Error("the client is gone"));
  await assert.rejects(setting, { message: "the client is gone" });
  assert.equal(clock.pending, 0);
});

test("a clock that is synchronised is set by force only; the log has the jump", async (t) => {
  await provideDate(t, "exit 0");
  const clock = new VirtualClock(Date.parse("2026-06-21T12:00:00Z") * 1000);
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) });
  const host = new Host({ clock, ...SETTABLE, log, isSynchronised: async () => true });
  await assert.rejects(host.setUtc("2026-06-21T12:01:40.000Z", NEVER), {
    code: "STATE_CONFLICT",
    message: "clock: it is synchronised, PUT /sysinfo/clock/forced sets it all the same",
  });
  assert.deepEqual(lines, []);
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
