// What `--check` says of the lines of the box, on an emulated chip.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { checkBox } from "../../src/composition/check-box.ts";
import { parseServerConfig } from "../../src/config/server-config.ts";
import { EmulatedGpioBank } from "../../src/emulator/gpio/bank.ts";

/** Lines printed for this configuration, on a chip whose line 18 is a shutter's. */
async function checked(text: string) {
  const bank = new EmulatedGpioBank(new VirtualClock());
  await bank.output(18, 0);
  const printed: string[] = [];
  const { config } = parseServerConfig(text, "x.cfg");
  const problems = await checkBox(config, bank, (line) => void printed.push(line));
  return { problems, printed, bank };
}

test("a box without trigger, button and LED has nothing to tell", async () => {
  const { problems, printed } = await checked("");
  assert.deepEqual([problems, printed], [0, []]);
});

test("lines that are free are named, and free again afterwards", async () => {
  const box = "[box]\ntrigger_pin = 16\ntrigger_reset_pin = 20\npower_button_pin = 21\n";
  const { problems, printed, bank } = await checked(`${box}[hardware]\nstatus_led_pin = 4\n`);
  assert.equal(problems, 0);
  assert.deepEqual(printed, [
    "status LED       GPIO4: free",
    "power button     GPIO21: free",
    "trigger          GPIO16: free",
    "reset line       GPIO20: free",
  ]);
  for (const pin of [4, 16, 20, 21]) await bank.output(pin, 0);
});

test("a line of a shutter, one that is given twice, one that is not there and a wrong run are problems", async () => {
  const box = "[box]\ntrigger_pin = 16\ntrigger_reset_pin = 16\ntrigger_run = ../x\npower_button_pin = 99\n";
  const { problems, printed } = await checked(`${box}[hardware]\nstatus_led_pin = 18\n`);
  assert.equal(problems, 4);
  assert.deepEqual(
    printed.map((line) => line.slice(0, 60)),
    [
      "status LED       GPIO18, not usable: gpio: line 18 is taken",
      "power button     GPIO99, not usable: gpio: there is no line ",
      "trigger          GPIO16: free",
      "reset line       GPIO16, not usable: gpio: line 16 is taken",
      'trigger          trigger_run: run name "../x": not allowed, ',
    ],
  );
});
