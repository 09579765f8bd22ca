import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isVscopeError } from "../../src/base/errors.ts";
import { SILENT } from "../../src/base/log.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { check } from "../../src/composition/check.ts";
import { InstrumentFile } from "../../src/composition/instrument-file.ts";
import { emulatedConfig } from "../support/instrument.ts";

async function provideFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-file-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("configurations that come together are written one after the other", async (t) => {
  const folder = await provideFolder(t);
  const file = new InstrumentFile(folder, emulatedConfig(folder), SILENT);
  await file.load();
  const sample = await file.read();
  const texts = Array.from({ length: 12 }, (_, index) => `# ${index}\n${sample}`);
  await Promise.all(texts.map((text) => file.write(text)));
  assert.equal(await file.read(), texts.at(-1));
  assert.equal(await readFile(`${file.path}.bak`, "utf8"), texts.at(-2));
  assert.equal((await readdir(folder)).length, 2, "no part is left");
});

test("more than wait are refused, and one that is refused changes nothing", async (t) => {
  const folder = await provideFolder(t);
  const file = new InstrumentFile(folder, emulatedConfig(folder), SILENT);
  await file.load();
  const sample = await file.read();
  const writes = await Promise.allSettled(
    Array.from({ length: 30 }, (_, index) => file.write(`# ${index}\n${sample}`)),
  );
  const refused = writes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  assert.ok(refused.length > 0 && refused.every((reason) => isVscopeError(reason, "DEVICE_BUSY")));
  assert.equal(await file.read(), `# ${writes.length - refused.length - 1}\n${sample}`);
});

test("--check with emulated hardware makes no data directory: the sample stands in for the file", async (t) => {
  const parent = await provideFolder(t);
  const config = emulatedConfig(join(parent, "data"));
  const lines: string[] = [];
  const options = { config, clock: new SystemClock(), log: SILENT };
  await check({ ...options, print: (line) => lines.push(line) });
  assert.deepEqual(await readdir(parent), []);
  assert.match(lines[0] ?? "", /vscope\.config: not there yet, the sample is valid$/);
  assert.ok(lines.some((line) => line.startsWith("spectrometer     QEP00709: ")));
  assert.equal(lines.at(-1), "everything that is configured is there");
  await new InstrumentFile(join(parent, "data"), config, SILENT).load();
  const again: string[] = [];
  await check({ ...options, print: (line) => again.push(line) });
  assert.match(again[0] ?? "", /vscope\.config: valid$/);
  assert.deepEqual(again.slice(1), lines.slice(1));
});

test("--check with real hardware refuses a missing file as the start does", async (t) => {
  const folder = await provideFolder(t);
  const emulated = emulatedConfig(folder);
  const config = { ...emulated, hardware: { ...emulated.hardware, usb: "none", gpio: "none" } as const };
  await assert.rejects(
    check({ config, clock: new SystemClock(), log: SILENT, print: () => assert.fail() }),
    (error) => isVscopeError(error, "CONFIG_INVALID"),
  );
});
