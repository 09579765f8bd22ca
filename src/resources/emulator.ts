// /emulator: what one can do to the emulated instrument; nothing is there with real hardware.

import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import {
  declare,
  type EmulatedLight,
  type EmulatedTarget,
  type EmulatedUnit,
  type ServerModel,
} from "./model.ts";

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
  declare("/emulator/light", {
    summary: "The light before all emulated channels: sun, standard (a lamp with a certificate), hg-ar or ne",
    type: "core.a",
    value: z.string(),
    example: "hg-ar",
    instances: ({ emulatedLight }) => (emulatedLight === undefined ? [] : [{}]),
    get: (server) => lightOf(server).source.value,
    watch: (server) => [lightOf(server).source],
    put: (server, _, source) => lightOf(server).setSource(source),
  }),
  declare("/emulator/targets/{channel}", {
    summary: "What an emulated channel looks at: sky, canopy, soil or white-panel",
    type: "core.a",
    value: z.string(),
    example: "white-panel",
    instances: ({ emulatedTargets }) => [...emulatedTargets.keys()].map((channel) => ({ channel })),
    get: (server, { channel }) => targetOf(server, channel).target.value,
    watch: (server, { channel }) => [targetOf(server, channel).target],
    put: (server, { channel }, target) => targetOf(server, channel).setTarget(target),
  }),
];

function lightOf({ emulatedLight }: ServerModel): EmulatedLight {
  if (emulatedLight === undefined)
    throw new VscopeError("RESOURCE_NOT_FOUND", "light: nothing is emulated here");
  return emulatedLight;
}

function targetOf({ emulatedTargets }: ServerModel, channel: string): EmulatedTarget {
  const target = emulatedTargets.get(channel);
  if (target === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `${channel}: is not emulated here`);
  return target;
}

function unitOf({ emulatedUnits }: ServerModel, serial: string): EmulatedUnit {
  const unit = emulatedUnits.get(serial);
  if (unit === undefined) throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: is not emulated here`);
  return unit;
}
