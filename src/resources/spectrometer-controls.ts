// /spectrometers/{serial}/...: what an instrument has beyond integration time and cooler. Each exists only where the
// instrument has it. Nothing is changed while it records: the lights of a batch must fit its darks.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import type { ControlName, ControlValues } from "../drivers/oceanoptics/controls.ts";
import { declare, type ServerModel } from "./model.ts";

const MOST_PINS = 32;
const pins = z
  .int()
  .min(0)
  .max(2 ** MOST_PINS - 1);
// Of PUT: what is to change.
const strobe = z.strictObject({ enabled: z.boolean().optional(), periodUs: z.number().optional() });
const singleStrobe = z.strictObject({
  enabled: z.boolean().optional(),
  delayUs: z.int().optional(),
  widthUs: z.int().optional(),
});
const gpio = z.strictObject({ outputs: pins.optional(), levels: pins.optional() });
const shutter = z.enum(["open", "closed"]);

const bench = z.object({
  id: z.string().optional(),
  serial: z.string().optional(),
  slitUm: z.number().optional(),
  fibreUm: z.number().optional(),
  grating: z.string().optional(),
  filter: z.string().optional(),
  coating: z.string().optional(),
});
const revisions = z.object({
  hardware: z.string().optional(),
  firmware: z.string().optional(),
  fpga: z.string().optional(),
});
const status = z.object({
  pixels: z.number(),
  integrationTimeUs: z.number(),
  isLampEnabled: z.boolean(),
  triggerMode: z.number(),
  waitingPackets: z.number(),
  isHighSpeed: z.boolean(),
});

export const SPECTROMETER_CONTROLS = [
  declare("/spectrometers/{serial}/lamp", {
    summary: "Lamp Enable line; it also gates the strobes",
    value: z.boolean(),
    example: true,
    instances: having("lamp"),
    get: reading("lamp"),
    put: writing("lamp"),
  }),
  declare("/spectrometers/{serial}/continuous-strobe", {
    summary: "Pulses at a steady rate on the strobe line",
    unit: "us",
    value: strobe,
    putMerges: true,
    example: { enabled: true, periodUs: 10_000 },
    instances: having("continuous-strobe"),
    get: reading("continuous-strobe"),
    put: changing("continuous-strobe"),
  }),
  declare("/spectrometers/{serial}/single-strobe", {
    summary: "One pulse on the strobe line in every exposure, delayed from its start",
    unit: "us",
    value: singleStrobe,
    putMerges: true,
    example: { enabled: true, delayUs: 100, widthUs: 1000 },
    instances: having("single-strobe"),
    get: reading("single-strobe"),
    put: changing("single-strobe"),
  }),
  declare("/spectrometers/{serial}/acquisition-delay", {
    summary: "Time from trigger to exposure",
    unit: "us",
    value: z.number(),
    example: 250,
    instances: having("acquisition-delay"),
    get: reading("acquisition-delay"),
    put: writing("acquisition-delay"),
  }),
  declare("/spectrometers/{serial}/shutter", {
    summary: "Shutter inside the instrument: open or closed",
    value: shutter,
    example: "closed",
    instances: having("shutter"),
    get: async (server, at, _query, signal) =>
      (await reading("shutter")(server, at, undefined, signal)) ? "open" : "closed",
    put: (server, at, value, signal) => writing("shutter")(server, at, value === "open", signal),
  }),
  declare("/spectrometers/{serial}/gpio", {
    summary: "Pins of the accessory connector, bit n for pin n; outputs tells which are outputs",
    value: gpio,
    putMerges: true,
    example: { outputs: 1, levels: 1 },
    instances: having("gpio"),
    get: reading("gpio"),
    put: changing("gpio"),
  }),
  declare("/spectrometers/{serial}/fan", {
    summary: "Fan of the detector's cooler",
    value: z.boolean(),
    example: true,
    instances: having("fan"),
    get: reading("fan"),
    put: writing("fan"),
  }),
  declare("/spectrometers/{serial}/status-led", {
    summary: "LED on the instrument's housing; it may be seen in a dark room",
    value: z.boolean(),
    example: false,
    instances: having("status-led"),
    get: reading("status-led"),
    put: writing("status-led"),
  }),
  declare("/spectrometers/{serial}/temperatures", {
    summary: "All temperatures that the instrument measures, in its own order",
    unit: "Cel",
    value: z.array(z.number()),
    example: [24.5, 31.2],
    instances: having("temperatures"),
    get: async (server, at, _query, signal) => [
      ...(await reading("temperatures")(server, at, undefined, signal)),
    ],
  }),
  declare("/spectrometers/{serial}/optical-bench", {
    summary: "Slit, grating, filter and coating as the instrument knows them",
    value: bench,
    example: { slitUm: 25, grating: "600/500" },
    instances: having("optical-bench"),
    get: reading("optical-bench"),
  }),
  declare("/spectrometers/{serial}/revisions", {
    summary: "Revisions of hardware, firmware and FPGA",
    value: revisions,
    example: { fpga: "FPGA 3.04.6" },
    instances: having("revisions"),
    get: reading("revisions"),
  }),
  declare("/spectrometers/{serial}/status", {
    summary: "What the instrument says of itself at this moment",
    value: status,
    instances: having("status"),
    get: reading("status"),
  }),
];

export interface At {
  readonly serial: string;
}

export function having(name: ControlName): (server: ServerModel) => readonly At[] {
  return ({ rack }) =>
    rack.spectrometers.value.filter(({ controls }) => controls.has(name)).map(({ serial }) => ({ serial }));
}

export function reading<Name extends ControlName>(name: Name) {
  return ({ rack }: ServerModel, { serial }: At, _query: undefined, signal: AbortSignal) =>
    rack.spectrometer(serial).controls.read(name, signal);
}

export function writing<Name extends ControlName>(name: Name) {
  return (server: ServerModel, { serial }: At, value: ControlValues[Name], signal: AbortSignal) => {
    server.operations.requireIdle(serial);
    return server.rack.spectrometer(serial).controls.write(name, value, signal);
  };
}

/** Writes the members that are given and leaves the others as they are. */
function changing<Name extends "continuous-strobe" | "single-strobe" | "gpio">(name: Name) {
  return async (server: ServerModel, at: At, change: object, signal: AbortSignal): Promise<void> => {
    const value = await reading(name)(server, at, undefined, signal);
    await writing(name)(server, at, { ...value, ...definedOnly(change) }, signal);
  };
}
