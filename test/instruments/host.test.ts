import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { Host } from "../../src/instruments/host.ts";

const ISO = "2026-06-21T12:00:00.000Z";

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
  const host = new Host({ clock: new VirtualClock(), version: "test", maySetClock: true });
  await host.setUtc(ISO, NEVER);
  assert.equal(await readFile(join(folder, "asked"), "utf8"), `--utc --set ${ISO}\n`);
});

test("a refusal of the system is told", async (t) => {
  await provideDate(t, "echo cannot set date >&2; exit 1");
  const host = new Host({ clock: new VirtualClock(), version: "test", maySetClock: true });
  await assert.rejects(
    host.setUtc(ISO, NEVER),
    (error) => isVscopeError(error, "DEVICE_PERMISSION") && error.message.endsWith("cannot set date"),
  );
});

test("a date program that hangs is ended after ten seconds, or when the client goes", async (t) => {
  await provideDate(t, "exec sleep 60");
  const clock = new VirtualClock();
  const host = new Host({ clock, version: "test", maySetClock: true });
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
