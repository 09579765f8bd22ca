// GPIO by the kernel's character device, version 2: the back end for every current system.
// Lines are found by their name in the device tree, then by the label of a chip whose offsets are BCM numbers.

import { isVscopeError, VscopeError } from "../../base/errors.ts";
import { gpioError } from "./gpio-error.ts";
import type { GpioKernel } from "./kernel.ts";
import { ask, ChardevInput, ChardevLine, type LineEnd } from "./chardev-line.ts";
import type { GpioBank, GpioInput, GpioInputOptions, GpioLine } from "./port.ts";
import { HEADER_CHIP_LABELS, lineNames } from "./raspberry-pi.ts";
import {
  type ChipInfo,
  decodeChipInfo,
  decodeLineInfo,
  decodeRequestedLine,
  encodeInputRequest,
  encodeLineInfo,
  encodeOutputRequest,
  type LineInfo,
  REQUEST,
  SIZE,
} from "./uapi.ts";

const CONSUMER = "vscope-server";

interface Chip {
  readonly path: string;
  readonly info: ChipInfo;
  readonly lines: readonly LineInfo[];
}

/** What a look at the chips has shown. */
export interface ChardevProbe {
  readonly bank?: GpioBank;
  /** Why there is none. */
  readonly reason: string;
}

/**
 * The bank of the chip that is named by path, name or label; without one, of the chips that carry a Raspberry Pi's
 * lines. Gives a reason when no such chip exists, or none may be opened.
 */
export function openChardev(kernel: GpioKernel, chipName: string | undefined): ChardevProbe {
  const { chips, refusals } = readChips(kernel);
  const suitable = chips.filter((chip) =>
    chipName === undefined ? isHeader(chip) : isNamed(chip, chipName),
  );
  if (suitable.length > 0) {
    return { bank: new ChardevBank(kernel, suitable, chipName !== undefined), reason: "" };
  }
  const seen = chips.map(({ path, info }) => `${path} (${info.label})`);
  const wanted = chipName === undefined ? "no chip with a Raspberry Pi's lines" : `no chip ${chipName}`;
  return {
    reason: [`${wanted} among ${seen.join(", ") || "no usable /dev/gpiochip*"}`, ...refusals].join("; "),
  };
}

function readChips(kernel: GpioKernel): { readonly chips: Chip[]; readonly refusals: string[] } {
  const chips: Chip[] = [];
  const refusals: string[] = [];
  for (const path of kernel.chips()) {
    try {
      chips.push(readChip(kernel, path));
    } catch (error) {
      refusals.push(gpioError(path, error).message);
    }
  }
  return { chips, refusals };
}

function readChip(kernel: GpioKernel, path: string): Chip {
  const descriptor = kernel.open(path);
  try {
    const info = decodeChipInfo(ask(kernel, descriptor, REQUEST.chipInfo, Buffer.alloc(SIZE.chipInfo)));
    const lines = Array.from({ length: info.lines }, (_, offset) => readLine(kernel, descriptor, offset));
    return { path, info, lines };
  } finally {
    kernel.close(descriptor);
  }
}

function readLine(kernel: GpioKernel, descriptor: number, offset: number): LineInfo {
  return decodeLineInfo(ask(kernel, descriptor, REQUEST.lineInfo, encodeLineInfo(offset)));
}

function isNamed({ path, info }: Chip, name: string): boolean {
  return path === name || info.name === name || info.label === name;
}

function isHeader(chip: Chip): boolean {
  return HEADER_CHIP_LABELS.includes(chip.info.label) || offsetByName(chip, 17) !== undefined;
}

function offsetByName({ lines }: Chip, pin: number): number | undefined {
  for (const name of lineNames(pin)) {
    const offset = lines.findIndex((line) => line.name === name);
    if (offset >= 0) return offset;
  }
  return undefined;
}

class ChardevBank implements GpioBank {
  readonly #kernel: GpioKernel;
  readonly #chips: readonly Chip[];
  /** The configuration names the chip: a pin without a line of its name is then the offset. */
  readonly #isChosen: boolean;
  readonly #lines = new Set<Pick<GpioLine, "close">>();

  constructor(kernel: GpioKernel, chips: readonly Chip[], isChosen: boolean) {
    this.#kernel = kernel;
    this.#chips = chips;
    this.#isChosen = isChosen;
  }

  get description(): string {
    return `gpiochip character device, ${this.#chips.map(({ path, info }) => `${path} (${info.label})`).join(", ")}`;
  }

  async output(pin: number, initial: 0 | 1): Promise<GpioLine> {
    const descriptor = this.#claim(pin, (offset) => encodeOutputRequest(offset, initial, CONSUMER));
    return this.#keep(new ChardevLine(this.#far(pin, descriptor)));
  }

  async input(pin: number, options: GpioInputOptions): Promise<GpioInput> {
    const descriptor = this.#claim(pin, (offset) => encodeInputRequest(offset, options.pull, CONSUMER));
    return this.#keep(new ChardevInput(this.#far(pin, descriptor), options));
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.close();
  }

  #keep<T extends Pick<GpioLine, "close">>(line: T): T {
    this.#lines.add(line);
    return line;
  }

  #far(pin: number, descriptor: number): LineEnd {
    const onClose = (closed: Pick<GpioLine, "close">): void => void this.#lines.delete(closed);
    return { name: `GPIO${pin}`, kernel: this.#kernel, descriptor, onClose };
  }

  #claim(pin: number, request: (offset: number) => Buffer): number {
    const { chip, offset } = this.#find(pin);
    try {
      return this.#request(chip, request(offset));
    } catch (error) {
      const known = gpioError(`GPIO${pin} (${chip.path} line ${offset})`, error);
      if (!isVscopeError(known, "DEVICE_BUSY")) throw known;
      throw new VscopeError("DEVICE_BUSY", `GPIO${pin}: in use by ${this.#consumerOf(chip, offset)}`, {
        cause: error,
      });
    }
  }

  #find(pin: number): { readonly chip: Chip; readonly offset: number } {
    for (const chip of this.#chips) {
      const offset = offsetByName(chip, pin);
      if (offset !== undefined) return { chip, offset };
    }
    for (const chip of this.#chips) {
      const isByOffset = this.#isChosen || HEADER_CHIP_LABELS.includes(chip.info.label);
      if (isByOffset && pin < chip.info.lines) return { chip, offset: pin };
    }
    throw new VscopeError("RESOURCE_NOT_FOUND", `GPIO${pin}: no such line on ${this.description}`);
  }

  #request(chip: Chip, request: Buffer): number {
    const descriptor = this.#kernel.open(chip.path);
    try {
      return decodeRequestedLine(ask(this.#kernel, descriptor, REQUEST.line, request));
    } finally {
      this.#kernel.close(descriptor);
    }
  }

  // Read again: the user of the line may be new.
  #consumerOf(chip: Chip, offset: number): string {
    const line = readChip(this.#kernel, chip.path).lines[offset];
    return line?.consumer || "another program";
  }
}
