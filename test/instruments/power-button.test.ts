// Presses of different lengths on an emulated line, with bounces, and what they do.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { logTo } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { PowerButtonConfig } from "../../src/config/box-config.ts";
import { EmulatedGpioBank } from "../../src/emulator/gpio/bank.ts";
import { PowerButton } from "../../src/instruments/power-button.ts";

const CONFIG: PowerButtonConfig = {
  pin: 3,
  activeHigh: false,
  pull: "up",
  offUs: 3 * SECOND,
  rebootUs: 8 * SECOND,
  offCommand: ["systemctl", "poweroff"],
  rebootCommand: ["systemctl", "reboot"],
};

async function opened(context: TestContext, settleUs = 0) {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  const events: string[] = [];
  const log = logTo({ write: (line: string) => void events.push(`log ${/"msg":"([^"]*)/.exec(line)?.[1]}`) });
  const settle = async (): Promise<void> => {
    await new Promise<void>((resolve) => void clock.after(settleUs, resolve));
    events.push(`settled at ${clock.nowUs() / SECOND}`);
  };
  const run = async (command: readonly string[]): Promise<void> => {
    events.push(command.join(" "));
    if (command.includes("reboot")) throw new RangeError("not permitted");
  };
  const failed = async (): Promise<void> => void events.push("goes on");
  const button = await PowerButton.open({ bank, clock, log, config: CONFIG, settle, run, failed });
  context.after(() => button.close());
  const bounce = async (level: 0 | 1): Promise<void> => {
    for (const next of [level, 1 - level, level] as const) {
      bank.drive(3, next === 1 ? 1 : 0);
      await clock.advance(2 * MS);
    }
  };
  const press = async (us: number): Promise<void> => {
    await bounce(0);
    await clock.advance(us - 6 * MS);
    await bounce(1);
    await clock.advance(40 * MS);
  };
  return { clock, bank, events, press, button };
}

test("a short press does nothing, a long one ends the recording and then switches off", async (context) => {
  const { clock, events, press } = await opened(context, SECOND);
  await press(2.9 * SECOND);
  assert.deepEqual(events.splice(0), ["log power button: the press was too short, nothing happens"]);
  await press(3 * SECOND);
  assert.deepEqual(events, ["log power button: power off"]);
  await clock.advance(2 * SECOND);
  assert.match(events[1] ?? "", /^settled at/);
  assert.deepEqual(events.slice(2), ["systemctl poweroff"]);
});

test("a very long press reboots; a command that fails is logged, and the button works again", async (context) => {
  const { clock, events, press } = await opened(context);
  for (let round = 0; round < 2; round++) {
    await press(9 * SECOND);
    await clock.advance(SECOND);
    const shown = events.splice(0).filter((event) => !event.startsWith("settled"));
    assert.deepEqual(shown, [
      "log power button: reboot",
      "systemctl reboot",
      "log power button: the command failed",
      "goes on",
    ]);
  }
});

test("a recording that does not end delays the power off by 30 s only", async (context) => {
  const { clock, events, press, button } = await opened(context, 3600 * SECOND);
  await press(4 * SECOND);
  await clock.advance(29 * SECOND);
  assert.deepEqual(events.splice(0), ["log power button: power off"]);
  await clock.advance(2 * SECOND);
  assert.deepEqual(events, [
    "log power button: goes on without the end of the recording",
    "systemctl poweroff",
  ]);
  button.close();
  await press(4 * SECOND);
  assert.equal(events.length, 2);
});

test("a second press while the first is carried out does nothing", async (context) => {
  const { clock, events, press } = await opened(context, SECOND);
  const ignored = "log power button: an earlier press is being carried out, nothing else happens";
  await press(4 * SECOND);
  await press(9 * SECOND);
  await press(4 * SECOND);
  const shown = events.splice(0).filter((event) => !event.startsWith("settled"));
  assert.deepEqual(shown, ["log power button: power off", "systemctl poweroff", ignored, ignored]);
  // The computer is still there.
  await clock.advance(120 * SECOND);
  await press(4 * SECOND);
  assert.equal(events[0], "log power button: power off");
});

test("glitches and a button that is never released do nothing", async (context) => {
  const { clock, bank, events } = await opened(context);
  bank.drive(3, 0);
  await clock.advance(10 * MS);
  bank.drive(3, 1);
  await clock.advance(10 * SECOND);
  bank.drive(3, 0);
  await clock.advance(600 * SECOND);
  assert.deepEqual(events, []);
});
