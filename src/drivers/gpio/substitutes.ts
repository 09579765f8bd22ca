// Banks for computers without GPIO: one that says so to whoever wants a line, and one that drives nothing, on request.

import { VscopeError } from "../../base/errors.ts";
import type { GpioBank, GpioLine } from "./port.ts";

/** Refuses every line with DEVICE_NOT_CONNECTED and the reason; so the server starts, and each shutter tells why not. */
export function absentBank(reason: string): GpioBank {
  const refuse = async (pin: number): Promise<never> => {
    throw new VscopeError("DEVICE_NOT_CONNECTED", `GPIO${pin}: ${reason}`);
  };
  return {
    description: `no GPIO: ${reason}`,
    output: refuse,
    input: refuse,
    close: async () => {},
  };
}

/** Lines that keep their level and drive nothing: the operator has chosen `gpio = none` and moves shutters by hand. */
export function idleBank(): GpioBank {
  return {
    description: "no GPIO by configuration: shutters are not driven",
    output: async (_pin, initial) => idleLine(initial),
    // Nothing is connected: only the resistor speaks.
    input: async (_pin, { pull }) => idleLine(pull === "up" ? 1 : 0),
    close: async () => {},
  };
}

function idleLine(initial: 0 | 1): GpioLine {
  let level = initial;
  return {
    write: (next) => {
      level = next;
    },
    read: () => level,
    close: () => {},
  };
}
