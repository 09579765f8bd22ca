// /emulator: what one can do to the emulated instrument; nothing is there with real hardware.

import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { declare, type EmulatedPlug, type ServerModel } from "./model.ts";

export const EMULATOR = [
  declare("/emulator/{serial}/plugged", {
    summary: "Whether an emulated spectrometer is plugged in; PUT unplugs it and plugs it in again",
    type: "core.a",
    value: z.boolean(),
    example: false,
    instances: ({ emulatedPlugs }) => [...emulatedPlugs.keys()].map((serial) => ({ serial })),
    get: (server, { serial }) => plugOf(server, serial).isPlugged.value,
    watch: (server, { serial }) => [plugOf(server, serial).isPlugged],
    put: (server, { serial }, isPlugged) => plugOf(server, serial).setPlugged(isPlugged),
  }),
];

function plugOf({ emulatedPlugs }: ServerModel, serial: string): EmulatedPlug {
  const plug = emulatedPlugs.get(serial);
  if (plug === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: is not emulated here`);
  return plug;
}
