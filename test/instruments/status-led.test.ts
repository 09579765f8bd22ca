// The patterns of the status LED on an emulated line, and which state of the box is shown.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Cell } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { GpioBank } from "../../src/drivers/gpio/port.ts";
import { EmulatedGpioBank } from "../../src/emulator/gpio/bank.ts";
import { type LedState, ledStateOf, PATTERNS } from "../../src/instruments/led-pattern.ts";
import { StatusLed } from "../../src/instruments/status-led.ts";

test("each state has its pattern, and the LED is dark at the end", async () => {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  const state = new Cell<LedState>("idle");
  const led = await StatusLed.open({ bank, pin: 4, state, clock, log: SILENT });
  const changes = async (next: LedState): Promise<number[]> => {
    state.set("idle");
    await clock.advance(SECOND);
    const startUs = clock.nowUs();
    state.set(next);
    await clock.advance(2 * SECOND - 1);
    return bank.history.filter(({ atUs }) => atUs >= startUs).map(({ atUs }) => (atUs - startUs) / MS);
  };
  assert.deepEqual(bank.history, []);
  assert.deepEqual(await changes("recording"), [0]);
  assert.deepEqual(await changes("waiting"), [0, 1000]);
  assert.deepEqual(await changes("disk-low"), [0, 100, 200, 300]);
  assert.deepEqual((await changes("error")).slice(0, 4), [0, 100, 300, 400]);
  state.set("recording");
  assert.equal(bank.level(4), 1);
  led.close();
  assert.equal(bank.level(4), 0);
  state.set("error");
  assert.equal(clock.pending, 0);
});

test("an LED that fails harms nothing", async () => {
  const clock = new VirtualClock();
  let isBroken = false;
  const bank: Pick<GpioBank, "output"> = {
    output: async () => ({
      write: () => {
        if (isBroken) throw new VscopeError("DEVICE_FAULT", "GPIO4: EIO");
      },
      read: () => 0,
      close: () => {},
    }),
  };
  const emulated = new EmulatedGpioBank(clock);
  const state = new Cell<LedState>("recording");
  const input = emulated.input.bind(emulated);
  const whole = { ...bank, description: "broken", input, close: async () => {} };
  const led = await StatusLed.open({ bank: whole, pin: 4, state, clock, log: SILENT });
  isBroken = true;
  state.set("error");
  await clock.advance(SECOND);
  led.close();
});

const FINE = {
  phase: "idle",
  isMounted: true,
  freeBytes: 10e9,
  totalBytes: 30e9,
  reserveBytes: 64e6,
  isInstrumentMissing: false,
  hasLastFailed: false,
};

test("trouble comes first, then the disk, then what is done", () => {
  const cases: readonly (readonly [Partial<typeof FINE>, LedState])[] = [
    [{}, "idle"],
    [{ phase: "light" }, "recording"],
    [{ phase: "autointegrate" }, "recording"],
    [{ phase: "waiting" }, "waiting"],
    [{ phase: "paused" }, "waiting"],
    [{ phase: "light", freeBytes: 1.5e9 }, "disk-low"],
    [{ freeBytes: 100e6, totalBytes: 200e6 }, "disk-low"],
    [{ phase: "light", isInstrumentMissing: true, freeBytes: 0 }, "error"],
    [{ isMounted: false }, "error"],
    [{ hasLastFailed: true }, "error"],
    [{ hasLastFailed: true, phase: "light" }, "recording"],
  ];
  for (const [change, state] of cases)
    assert.equal(ledStateOf({ ...FINE, ...change }), state, JSON.stringify(change));
});

test("the documented table is that of the code", async () => {
  const page = await readFile(new URL("../../../docs/how-to/box.md", import.meta.url), "utf8");
  for (const { litMs, meaning } of Object.values(PATTERNS)) {
    assert.ok(page.includes(`| ${meaning} |`), meaning);
    if (litMs.length > 1) assert.ok(page.includes(litMs.join(", ")), litMs.join(", "));
  }
});
