// `--check` for what people touch and see of the box: claims its lines as the server does, all together, and gives them back.

import { messageOf } from "../base/errors.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { validRunName } from "../datadir/run-name.ts";
import type { GpioBank, GpioInput } from "../drivers/gpio/port.ts";

interface BoxLine {
  readonly name: string;
  readonly pin: number;
  readonly claim: (gpio: GpioBank) => Promise<Pick<GpioInput, "close">>;
}

/** Prints a row for each line; returns how many problems there are. The shutters have theirs already. */
export async function checkBox(
  config: Pick<ServerConfig, "box" | "hardware">,
  gpio: GpioBank,
  print: (line: string) => void,
): Promise<number> {
  const claimed: Pick<GpioInput, "close">[] = [];
  let problems = 0;
  for (const { name, pin, claim } of linesOf(config)) {
    try {
      claimed.push(await claim(gpio));
      print(`${name.padEnd(17)}GPIO${pin}: free`);
    } catch (error) {
      print(`${name.padEnd(17)}GPIO${pin}, not usable: ${messageOf(error)}`);
      problems += 1;
    }
  }
  for (const line of claimed) line.close();
  return problems + checkRun(config.box.trigger?.run, print);
}

function checkRun(run: string | undefined, print: (line: string) => void): number {
  try {
    if (run !== undefined) validRunName(run);
    return 0;
  } catch (error) {
    print(`${"trigger".padEnd(17)}trigger_run: ${messageOf(error)}`);
    return 1;
  }
}

function linesOf({ box, hardware }: Pick<ServerConfig, "box" | "hardware">): readonly BoxLine[] {
  const { trigger, powerButton } = box;
  return [
    ...output("status LED", hardware.statusLedPin, 0),
    ...input("power button", powerButton),
    ...input("trigger", trigger),
    ...output("reset line", trigger?.reset?.pin, trigger?.reset?.activeHigh === false ? 1 : 0),
  ];
}

function output(name: string, pin: number | undefined, initial: 0 | 1): readonly BoxLine[] {
  return pin === undefined ? [] : [{ name, pin, claim: (gpio) => gpio.output(pin, initial) }];
}

function input(
  name: string,
  config: Pick<NonNullable<ServerConfig["box"]["trigger"]>, "pin" | "pull"> | undefined,
): readonly BoxLine[] {
  if (config === undefined) return [];
  const { pin, pull } = config;
  return [{ name, pin, claim: (gpio) => gpio.input(pin, { pull, onEdge: () => {}, onLost: () => {} }) }];
}
