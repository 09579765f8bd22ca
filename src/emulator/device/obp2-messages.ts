// The messages of OBP2, as users captured them: serial number, integration time, trigger, calibration, spectrum.

import { ascii, f32, u8 } from "./bytes.ts";
import { integrationTimeSetter, spectrumNow, triggerSetter } from "./obp-acquisition-messages.ts";
import type { Handler, Handlers, ObpCore } from "./obp-core.ts";

export function obp2Messages(device: ObpCore): Handlers {
  const { wavelengthCoefficients, nonlinearityCoefficients } = device.detector.calibration;
  const messages: Handlers = [
    [0x0000_0100, () => ascii(device.serial)],
    [0x0000_0101, () => u8(device.serial.length)],
    [0x0000_0c01, integrationTimeSetter(device)],
    [0x0000_0d01, triggerSetter(device)],
    [0x0000_1100, counted(wavelengthCoefficients)],
    [0x0000_1c00, spectrumNow(device)],
  ];
  const hasNonlinearity = device.model.features.includes("nonlinearity");
  return hasNonlinearity ? [...messages, [0x0000_1200, counted(nonlinearityCoefficients)]] : messages;
}

/** The number of coefficients, as a float too, comes before them. */
function counted(values: readonly number[]): Handler {
  return () => f32(values.length, ...values);
}
