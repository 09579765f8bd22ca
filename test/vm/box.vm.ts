// The box on a real kernel's GPIO character device (gpio-sim): an autopilot's pulse starts a recording and the reset line
// tells its end, the LED shows it, a long press ends a batch before the computer is switched off.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { MS, SECOND } from "../../src/base/clock.ts";
import type { GuestServer } from "./rig/guest-server.ts";
import { Rig } from "./rig/rig.ts";
import { endTraces, type LineSet, startTraces } from "./rig/traces.ts";

const LABEL = "pinctrl-bcm2711";
const HEADER_LINES = 54;
const PIN = { led: 4, trigger: 16, reset: 20, button: 21, open: 18, close: 17 } as const;
const RESET_PULSE_MS = 50;
const OFF_S = 1;
const FOLDER = "/var/lib/vscope";
const TRACE = "/sys/kernel/debug/tracing/trace";
// What switches the computer off in the field leaves a mark here.
const CONFIG = `[datadir]
datadir = ${FOLDER}
[hardware]
gpio = chardev
status_led_pin = ${PIN.led}
[box]
trigger_pin = ${PIN.trigger}
trigger_pull = down
trigger_run = flight
trigger_reset_pin = ${PIN.reset}
trigger_reset_pulse_ms = ${RESET_PULSE_MS}
power_button_pin = ${PIN.button}
power_button_off_s = ${OFF_S}
power_button_reboot_s = 60
poweroff_command = touch /run/rig/power-off
reboot_command = touch /run/rig/reboot
`;
const TEXT = "[channels]\n  [[shutter_1]]\n    direction = upwelling\n";
const trigger = z.object({ usable: z.boolean(), started: z.number(), ignored: z.number() });
const PATIENCE_MS = 120_000;

let rig: Rig;
let server: GuestServer;
let base = 0;
before(async () => {
  rig = await Rig.boot("box", { spectrometers: [{ model: "Flame-S", serial: "FLMS01859" }] });
  await rig.insertGpioSim(LABEL, HEADER_LINES);
  const bases = `grep -l ${LABEL} /sys/class/gpio/gpiochip*/label | sed 's/label$/base/' | xargs cat`;
  base = Number(await rig.guest.run(bases));
  server = await rig.serve({ config: CONFIG, instrument: { folder: FOLDER, text: TEXT } });
});
after(() => rig.end());

/** What hangs on an input of the chip pulls its line there. */
function pull(pin: number, level: "up" | "down"): string {
  return `echo pull-${level} >$(echo /sys/devices/platform/gpio-sim.0/gpiochip*/sim_gpio${pin}/pull)`;
}

/** Waits in the guest until the server has set this line to this level so often. */
function hasSet(pin: number, level: 0 | 1, times: number): string {
  return `until [ $(grep -c 'gpio_value: ${base + pin} set ${level}' ${TRACE}) -ge ${times} ]; do sleep 0.1; done`;
}

function changesOf(lines: readonly LineSet[], pin: number): LineSet[] {
  return lines.filter(({ line }) => line === base + pin);
}

test("a pulse starts a recording; the LED is lit meanwhile, the reset line tells its end", async (context) => {
  assert.deepEqual(await server.client.getAs(["box", "trigger"], trigger), {
    usable: true,
    started: 0,
    ignored: 0,
  });
  await startTraces(rig.machine);
  await rig.guest.run(`${pull(PIN.trigger, "up")}; ${pull(PIN.trigger, "down")}; ${hasSet(PIN.reset, 0, 1)}`);
  const { lines } = await endTraces(rig.machine);
  assert.equal((await server.client.run("flight")).total, 2, "dark and light are there when the end is told");
  const { started } = await server.client.getAs(["box", "trigger"], trigger);
  assert.equal(started, 1);

  const [lit, dark] = changesOf(lines, PIN.led);
  const [opened] = changesOf(lines, PIN.open);
  const closed = changesOf(lines, PIN.close).at(-1);
  const [told, ended] = changesOf(lines, PIN.reset);
  assert.ok(lit && dark && opened && closed && told && ended, "each line has moved");
  assert.deepEqual([lit.level, dark.level, told.level, ended.level], [1, 0, 1, 0]);
  assert.ok(
    lit.atUs < opened.atUs && closed.atUs < dark.atUs,
    "lit from before the shutter opens until it is closed",
  );
  assert.ok(told.atUs > closed.atUs, "the end is told after the shutter has closed");
  const pulseUs = ended.atUs - told.atUs;
  context.diagnostic(`the pulse on the reset line lasts ${(pulseUs / MS).toFixed(1)} ms`);
  assert.ok(pulseUs >= RESET_PULSE_MS * MS);
});

test("the LED blinks while a batch waits; a long press ends the batch, then runs the command", async (context) => {
  await startTraces(rig.machine);
  const operation = await server.client.record({ run: "season", sequences: 1000, delayS: 600 });
  // Lit and dark for a second each: three of them are longer than a long press has to be.
  await rig.guest.run(`${hasSet(PIN.led, 0, 1)}; ${pull(PIN.button, "down")}; ${hasSet(PIN.led, 0, 3)}`);
  const { lines } = await endTraces(rig.machine);
  await rig.guest.run(`${pull(PIN.button, "up")}; until [ -e /run/rig/power-off ]; do sleep 0.1; done`);
  await assert.rejects(operation.result(AbortSignal.timeout(PATIENCE_MS)), { code: "OPERATION_CANCELLED" });
  assert.equal((await server.client.run("season")).total, 2);
  assert.equal((await rig.guest.attempt("test -e /run/rig/reboot")).status, 1);
  await server.line("power button: power off");

  const times = changesOf(lines, PIN.led).map(({ atUs }) => atUs);
  // Before the first change to dark it was lit by the recording, too.
  const lasted = times.slice(2).map((atUs, index) => (atUs - (times[index + 1] ?? 0)) / SECOND);
  context.diagnostic(`lit and dark for ${lasted.map((seconds) => seconds.toFixed(2)).join(", ")} s`);
  assert.ok(
    lasted.length >= 4 && lasted.every((seconds) => seconds > 0.9),
    "a second each, or later on a busy host",
  );
});
