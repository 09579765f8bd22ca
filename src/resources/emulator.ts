// /emulator: what one can do to the emulated instrument; nothing is there with real hardware.

import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { declare, type EmulatedUnit, type ServerModel } from "./model.ts";

export const EMULATOR = [
  declare("/emulator/{serial}/plugged", {
    summary: "Whether an emulated spectrometer is plugged in; PUT unplugs it and plugs it in again",
    type: "core.a",
    value: z.boolean(),
    example: false,
    instances: ({ emulatedUnits }) => [...emulatedUnits.keys()].map((serial) => ({ serial })),
    get: (server, { serial }) => unitOf(server, serial).isPlugged.value,
    watch: (server, { serial }) => [unitOf(server, serial).isPlugged],
    put: (server, { serial }, isPlugged) => unitOf(server, serial).setPlugged(isPlugged),
  }),
  declare("/emulator/{serial}/trigger-input", {
    summary: "Level of an emulated spectrometer's trigger input: true is high; going high is the edge",
    type: "core.a",
    value: z.boolean(),
    example: true,
    instances: ({ emulatedUnits }) => [...emulatedUnits.keys()].map((serial) => ({ serial })),
    get: (server, { serial }) => unitOf(server, serial).triggerInput.value,
    watch: (server, { serial }) => [unitOf(server, serial).triggerInput],
    put: (server, { serial }, isHigh) => unitOf(server, serial).setTriggerInput(isHigh),
  }),
];

function unitOf({ emulatedUnits }: ServerModel, serial: string): EmulatedUnit {
  const unit = emulatedUnits.get(serial);
  if (unit === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: is not emulated here`);
  return unit;
}
