// Edges on an emulated line start recordings; the reset line tells when they have ended.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { logTo } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { TriggerConfig } from "../../src/config/box-config.ts";
import type { GpioBank } from "../../src/drivers/gpio/port.ts";
import { EmulatedGpioBank } from "../../src/emulator/gpio/bank.ts";
import { TriggerInput } from "../../src/instruments/trigger-input.ts";

const CONFIG: TriggerConfig = {
  pin: 23,
  edge: "rising",
  pull: "none",
  debounceUs: 50 * MS,
  run: undefined,
  sequences: 1,
  autointegrate: -1,
  reset: { pin: 24, activeHigh: true, pulseUs: 20 * MS },
};
const RECORDING_US = 2 * SECOND;

async function opened(context: TestContext, change: Partial<TriggerConfig> = {}) {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) });
  let busyUntilUs = 0;
  const start = () => {
    if (clock.nowUs() < busyUntilUs)
      throw new VscopeError("STATE_CONFLICT", "record: operation 1 is running");
    busyUntilUs = clock.nowUs() + RECORDING_US;
    return { id: "1", finished: new Promise<void>((resolve) => void clock.after(RECORDING_US, resolve)) };
  };
  const trigger = await TriggerInput.open({ bank, clock, log, config: { ...CONFIG, ...change }, start });
  context.after(() => trigger.close());
  const pulse = async (us: number): Promise<void> => {
    bank.drive(23, 1);
    await clock.advance(us);
    bank.drive(23, 0);
  };
  return { clock, bank, lines, trigger, pulse };
}

test("a rising edge starts a recording, its end is told by a pulse on the reset line", async (context) => {
  const { clock, bank, trigger, pulse } = await opened(context);
  await pulse(5 * MS);
  assert.equal(trigger.status.value.started, 1);
  await clock.advance(3 * SECOND);
  assert.deepEqual(
    bank.history.filter(({ pin }) => pin === 24),
    [
      { pin: 24, level: 1, atUs: RECORDING_US },
      { pin: 24, level: 0, atUs: RECORDING_US + 20 * MS },
    ],
  );
  await pulse(5 * MS);
  assert.equal(trigger.status.value.started, 2);
});

test("bounces are one edge; an edge while something is recorded is counted and logged", async (context) => {
  const { clock, lines, trigger, pulse } = await opened(context);
  for (let bounce = 0; bounce < 10; bounce++) {
    await pulse(MS);
    await clock.advance(MS);
  }
  assert.deepEqual([trigger.status.value.started, trigger.status.value.ignored], [1, 0]);
  await clock.advance(SECOND);
  await pulse(5 * MS);
  const { started, ignored, reason } = trigger.status.value;
  assert.deepEqual([started, ignored, reason], [1, 1, "record: operation 1 is running"]);
  assert.match(lines.at(-1) ?? "", /GPIO23: trigger ignored/);
});

test("a button that is held for longer than it bounces, and released with bounces, starts one recording", async (context) => {
  const { clock, bank, trigger } = await opened(context);
  bank.drive(23, 1);
  await clock.advance(RECORDING_US + SECOND);
  bank.drive(23, 0);
  for (let bounce = 0; bounce < 10; bounce++) {
    await clock.advance(5 * MS);
    bank.drive(23, 1);
    await clock.advance(5 * MS);
    bank.drive(23, 0);
  }
  assert.deepEqual({ ...trigger.status.value, newestUtc: "" }, { started: 1, ignored: 0, newestUtc: "" });
  await clock.advance(50 * MS);
  bank.drive(23, 1);
  assert.equal(trigger.status.value.started, 2);
});

test("a falling edge where it is configured, with the reset line active low", async (context) => {
  const reset = { pin: 24, activeHigh: false, pulseUs: 20 * MS };
  const { clock, bank, trigger } = await opened(context, { edge: "falling", pull: "up", reset });
  assert.equal(bank.level(24), 1);
  bank.drive(23, 0);
  await clock.advance(RECORDING_US + MS);
  assert.equal(trigger.status.value.started, 1);
  assert.equal(bank.level(24), 0);
  // The server ends within the pulse.
  trigger.close();
  assert.equal(bank.level(24), 1);
  bank.drive(23, 1);
  bank.drive(23, 0);
  assert.equal(trigger.status.value.started, 1);
  assert.equal(clock.pending, 0);
});

test("a line that is taken is refused, and the reset line is given back", async () => {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  await bank.output(23, 0);
  const start = () => ({ id: "1", finished: Promise.resolve() });
  const log = logTo({ write: () => {} });
  await assert.rejects(TriggerInput.open({ bank, clock, log, config: CONFIG, start }), {
    code: "DEVICE_BUSY",
  });
  await bank.output(24, 0);
});

test("a line that is lost is told by the status and the log", async (context) => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) });
  let lose = (_reason: VscopeError): void => {};
  const input: GpioBank["input"] = async (_pin, { onLost }) => {
    lose = onLost;
    return { read: () => 0, close: () => {} };
  };
  const bank = { description: "a line that goes away", input, output: assert.fail, close: async () => {} };
  const start = () => ({ id: "1", finished: Promise.resolve() });
  const config = { ...CONFIG, reset: undefined };
  const trigger = await TriggerInput.open({ bank, clock, log, config, start });
  context.after(() => trigger.close());
  lose(new VscopeError("DEVICE_NOT_CONNECTED", "GPIO23: the line is gone"));
  assert.deepEqual(trigger.status.value, {
    started: 0,
    ignored: 0,
    usable: false,
    reason: "GPIO23: the line is gone",
  });
  assert.match(lines.at(-1) ?? "", /GPIO23: the trigger input is lost/);
});
