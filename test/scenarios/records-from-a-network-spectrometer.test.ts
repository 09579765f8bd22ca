import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { LoopbackServer } from "../../src/emulator/net/loopback-server.ts";
import { Server } from "../../src/server.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import { farEndOf } from "../drivers/net/network-bench.ts";
import { emulatedConfig } from "../support/instrument.ts";
import { sourceRoot } from "../support/sources.ts";

const RUN = "network";

test("a server records from a spectrometer at a fixed network address", async (context) => {
  const clock = new SystemClock();
  const device = await LoopbackServer.open(farEndOf(clock, "Ocean FX", "FX00042"));
  context.after(() => device.close());
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  context.after(() => rm(folder, { recursive: true }));
  const config = emulatedConfig(folder);
  await copyFile(new URL("pdata/vscope.config", sourceRoot), join(folder, config.config));
  const hardware = { ...config.hardware, usb: "none", networkSpectrometers: [device.address] } as const;
  const options = { config: { ...config, hardware }, clock, log: SILENT, version: "test" };
  const server = await Server.start(options, NEVER);
  context.after(() => server.close());
  const { rack, recorder } = server.model;
  assert.deepEqual(
    rack.spectrometers.value.map(({ serial }) => serial),
    ["FX00042"],
  );
  const operation = recorder.record({ run: RUN, sequences: 1 });
  await operation.finished;
  assert.equal(operation.status.value.state, "done", operation.status.value.error?.message);
  const files = (await readdir(join(folder, RUN))).filter((name) => name.endsWith("light.pico"));
  const [name] = files;
  assert.ok(name);
  const { spectra } = parsePico(await readFile(join(folder, RUN, name), "utf8"), name);
  assert.equal(spectra.length, rack.spectrometer("FX00042").channels.length, "one of each channel");
  for (const { serial, counts } of spectra) {
    assert.equal(serial, "FX00042");
    assert.equal(counts.length, 2136);
  }
});
