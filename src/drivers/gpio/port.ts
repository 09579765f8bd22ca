// The port to GPIO lines. Implementations: chardev.ts (gpiochip v2), sysfs.ts (onoff) and the emulator's bank.

import type { VscopeError } from "../../base/errors.ts";

export interface GpioLine {
  /** Drives the line. Throws DEVICE_FAULT with the system's reason when the kernel refuses. */
  write(level: 0 | 1): void;
  read(): 0 | 1;
  /** Gives the line back; the level it has stays until somebody else drives it. */
  close(): void;
}

export interface GpioInput {
  read(): 0 | 1;
  /** Gives the line back; no change is reported afterwards. */
  close(): void;
}

export interface GpioInputOptions {
  /** The resistor inside the chip; `none` leaves it as it is. */
  readonly pull: "none" | "up" | "down";
  /** Called after each edge with the level that it led to; bounces included. */
  readonly onEdge: (level: 0 | 1) => void;
  /** Called once when the line is gone: no edge will come any more. */
  readonly onLost: (reason: VscopeError) => void;
}

export interface GpioBank {
  /** Text for logs: which back end and chip. */
  readonly description: string;
  /**
   * Claims a line by its BCM number as an output at `initial`.
   * Throws DEVICE_BUSY when somebody has it, DEVICE_PERMISSION, or RESOURCE_NOT_FOUND when there is no such line.
   */
  output(pin: number, initial: 0 | 1): Promise<GpioLine>;
  /** Claims a line as an input. Throws as `output` does, and DEVICE_FAULT when there is no such resistor. */
  input(pin: number, options: GpioInputOptions): Promise<GpioInput>;
  close(): Promise<void>;
}
