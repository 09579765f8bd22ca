// The box of a whole emulated instrument: an edge records, the LED shows it, a long press ends it before the power goes.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { parseServerConfig } from "../../src/config/server-config.ts";
import { Server } from "../../src/server.ts";
import { emulatedConfig, TestInstrument } from "../support/instrument.ts";

const LED = 4;
const BOX = `[box]
trigger_pin = 5
trigger_run = flight
trigger_sequences = 2
trigger_autointegrate = 0
trigger_reset_pin = 6
power_button_pin = 7
`;

test("an edge on the trigger input records into its run; a pulse tells the end", async (context) => {
  const { box } = parseServerConfig(BOX, "x.cfg").config;
  const instrument = await TestInstrument.start(context, { box, statusLedPin: LED });
  const { clock, model } = instrument;
  const { gpio } = instrument.emulated;
  assert.equal(gpio.level(LED), 0);
  gpio.drive(5, 1);
  assert.deepEqual({ ...model.box.trigger?.value, newestUtc: "" }, { started: 1, ignored: 0, newestUtc: "" });
  await clock.advance(10 * MS);
  assert.equal(gpio.level(LED), 1);
  gpio.drive(5, 0);
  await clock.advance(SECOND / 10);
  gpio.drive(5, 1);
  assert.equal(model.box.trigger?.value.ignored, 1);
  const running = model.operations.running;
  assert.ok(running);
  await clock.run(running.finished);
  assert.equal(gpio.level(6), 1);
  await clock.advance(SECOND);
  assert.equal(gpio.level(6), 0);
  assert.equal(gpio.level(LED), 0);
  assert.equal(model.dataDirectory.currentRun.value, "spectra", "the operator's choice");
  assert.deepEqual(await instrument.files("flight"), [
    "b000000_s000000_dark.pico",
    "b000000_s000000_light.pico",
    "b000000_s000001_dark.pico",
    "b000000_s000001_light.pico",
  ]);
});

test("a box that finds no spectrometer at its start shows trouble", async (context) => {
  const clock = new VirtualClock();
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  const emulated = emulatedConfig(folder, { statusLedPin: LED });
  const { hardware } = emulated;
  const emulator = { ...hardware.emulator, spectrometers: [] };
  const config = { ...emulated, hardware: { ...hardware, emulator } };
  const server = await clock.run(Server.start({ config, clock, log: SILENT, version: "test" }, NEVER));
  context.after(async () => {
    await clock.run(server.close());
    await rm(folder, { recursive: true });
  });
  await clock.advance(SECOND);
  const changes = server.hardware.emulated?.gpio.history.filter(({ pin }) => pin === LED) ?? [];
  assert.deepEqual(
    changes.slice(1, 4).map(({ atUs }, index) => (atUs - (changes[index]?.atUs ?? 0)) / MS),
    [100, 200, 100],
  );
});

test("a long press of the power button ends the batch, then runs the command", async (context) => {
  const { box } = parseServerConfig(BOX, "x.cfg").config;
  assert.ok(box.powerButton);
  const powerButton = { ...box.powerButton, offCommand: ["mkdir", ""] };
  const instrument = await TestInstrument.start(context, { box: { ...box, powerButton } });
  const { clock, model, folder } = instrument;
  powerButton.offCommand[1] = join(folder, "off");
  const operation = model.recorder.record({ run: "season", sequences: 1000, delayS: 10 });
  await clock.advance(60 * SECOND);
  instrument.emulated.gpio.drive(7, 0);
  await clock.advance(4 * SECOND);
  assert.equal(operation.status.value.state, "running");
  instrument.emulated.gpio.drive(7, 1);
  await clock.advance(SECOND);
  await clock.run(operation.finished);
  assert.equal(operation.status.value.state, "cancelled");
  assert.ok((await instrument.files("season")).length > 2);
  for (let turn = 0; turn < 1000; turn++) {
    if (await isThere(join(folder, "off"))) return;
    await clock.advance(0);
  }
  assert.fail("the command has not run");
});

async function isThere(path: string): Promise<boolean> {
  try {
    await readFile(path);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EISDIR";
  }
}
