// GPIO by the older sysfs interface and the npm package `onoff`, for kernels without the character device.
// The kernel numbers lines from a base that differs by board and version, so it is read, never assumed.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { gpioError } from "./gpio-error.ts";
import type { GpioBank, GpioInput, GpioInputOptions, GpioLine } from "./port.ts";
import { HEADER_CHIP_LABELS } from "./raspberry-pi.ts";

/** What is used of onoff's Gpio objects. */
export interface OnoffGpio {
  writeSync(level: 0 | 1): void;
  readSync(): 0 | 1;
  watch(listener: (error: Error | null | undefined, level: 0 | 1) => void): void;
  unwatchAll(): void;
  unexport(): void;
}

/** The sysfs folder, and how lines are exported; a test puts its own in place. */
export interface Sysfs {
  readonly folder: string;
  exportOutput(number: number, direction: "high" | "low"): OnoffGpio;
  /** With both edges. */
  exportInput(number: number): OnoffGpio;
}

export interface SysfsProbe {
  readonly bank?: GpioBank;
  /** Why there is none. */
  readonly reason: string;
}

interface SysfsChip {
  readonly label: string;
  readonly base: number;
  readonly lines: number;
}

/** The real folder and onoff. Throws DEVICE_NOT_CONNECTED when the optional package is not installed. */
export async function linuxSysfs(): Promise<Sysfs> {
  try {
    const { Gpio } = await import("onoff");
    return {
      folder: "/sys/class/gpio",
      exportOutput: (number, direction) => new Gpio(number, direction),
      exportInput: (number) => new Gpio(number, "in", "both"),
    };
  } catch (error) {
    const message = `onoff: the optional package is not usable: ${messageOf(error)}`;
    throw new VscopeError("DEVICE_NOT_CONNECTED", message, { cause: error });
  }
}

/** The bank of the chip with this label (or folder name), or of a Raspberry Pi's header. */
export function openSysfs(sysfs: Sysfs, chipName: string | undefined): SysfsProbe {
  const names = chipName === undefined ? HEADER_CHIP_LABELS : [chipName];
  const chips = readChips(sysfs.folder);
  for (const [name, chip] of chips) {
    if (names.includes(chip.label) || names.includes(name))
      return { bank: new SysfsBank(sysfs, chip), reason: "" };
  }
  const seen = [...chips].map(([name, { label }]) => `${name} (${label})`).join(", ");
  return { reason: `no chip ${names.join(", ")} in ${sysfs.folder} (${seen || "empty"})` };
}

function readChips(folder: string): Map<string, SysfsChip> {
  const chips = new Map<string, SysfsChip>();
  for (const name of entries(folder).filter((entry) => /^gpiochip\d+$/.test(entry))) {
    const read = (file: string): string => readFileSync(join(folder, name, file), "latin1").trim();
    chips.set(name, { label: read("label"), base: Number(read("base")), lines: Number(read("ngpio")) });
  }
  return chips;
}

// No folder is no chip.
function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

class SysfsBank implements GpioBank {
  readonly #sysfs: Sysfs;
  readonly #chip: SysfsChip;
  readonly #open = new Set<Pick<GpioLine, "close">>();

  constructor(sysfs: Sysfs, chip: SysfsChip) {
    this.#sysfs = sysfs;
    this.#chip = chip;
  }

  get description(): string {
    return `sysfs by onoff, ${this.#chip.label} from ${this.#chip.base}`;
  }

  async output(pin: number, initial: 0 | 1): Promise<GpioLine> {
    const { number, name } = this.#numbered(pin);
    const gpio = guarded(name, () => this.#sysfs.exportOutput(number, initial === 1 ? "high" : "low"));
    const line: GpioLine = {
      write: (level) => guarded(name, () => gpio.writeSync(level)),
      read: () => guarded(name, () => gpio.readSync()),
      close: () => {
        if (this.#open.delete(line)) guarded(name, () => gpio.unexport());
      },
    };
    this.#open.add(line);
    return line;
  }

  async input(pin: number, { pull, onEdge, onLost }: GpioInputOptions): Promise<GpioInput> {
    const { number, name } = this.#numbered(pin);
    if (pull !== "none")
      throw new VscopeError(
        "DEVICE_FAULT",
        `${name}: sysfs sets no resistor, pull ${pull} needs the chardev`,
      );
    const gpio = guarded(name, () => this.#sysfs.exportInput(number));
    gpio.watch((error, level) => {
      if (!error) return onEdge(level);
      gpio.unwatchAll();
      onLost(gpioError(name, error));
    });
    const line: GpioInput = {
      read: () => guarded(name, () => gpio.readSync()),
      close: () => {
        if (!this.#open.delete(line)) return;
        gpio.unwatchAll();
        guarded(name, () => gpio.unexport());
      },
    };
    this.#open.add(line);
    return line;
  }

  #numbered(pin: number): { readonly number: number; readonly name: string } {
    const { base, lines } = this.#chip;
    if (pin < lines) return { number: base + pin, name: `GPIO${pin} (sysfs ${base + pin})` };
    const fact = `${this.description} has ${lines}`;
    throw new VscopeError("RESOURCE_NOT_FOUND", `GPIO${pin}: no such line, ${fact}`);
  }

  async close(): Promise<void> {
    for (const line of this.#open) line.close();
  }
}

function guarded<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw gpioError(name, error);
  }
}
