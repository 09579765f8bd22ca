// /spectrometers/{serial}/...: what an instrument keeps without power. Writing it asks for the serial number as
// confirmation, because the instrument's maker wrote it and nobody can compute it again. docs/how-to has the steps.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { VscopeError } from "../base/errors.ts";
import type { EepromSlot } from "../drivers/oceanoptics/controls.ts";
import { SLOT_BYTES, slotMeaning, slotOfText, slotText } from "../drivers/oceanoptics/eeprom.ts";
import { declare } from "./model.ts";
import { having, reading, writing } from "./spectrometer-controls.ts";

const confirm = z.string().optional();
const calibration = z.strictObject({
  wavelengthCoefficients: z.array(z.number()).optional(),
  nonlinearityCoefficients: z.array(z.number()).optional(),
  strayLightConstant: z.number().optional(),
  opticalConfiguration: z.string().optional(),
  confirm,
});
const irradiance = z.strictObject({ values: z.array(z.number()), confirm });
const PRINTABLE = /^[\x20-\x7e]*$/;
const slotContent = {
  text: z
    .string()
    .regex(PRINTABLE, "expected printable ASCII")
    // A NUL behind it: not every program reads a slot without one.
    .max(SLOT_BYTES - 1)
    .optional(),
  hex: z
    .string()
    .regex(/^[0-9a-f]{30}$/i, "expected 30 hexadecimal digits")
    .optional(),
};
const slotHead = { slot: z.int(), meaning: z.string() };
const slot = z.strictObject({
  slot: slotHead.slot.optional(),
  meaning: slotHead.meaning.optional(),
  ...slotContent,
  confirm,
});
const slots = z.array(z.object({ ...slotHead, text: z.string().optional(), hex: z.string() }));
const buffer = z.object({ enabled: z.boolean(), capacity: z.number(), spectra: z.number() });

export const SPECTROMETER_MEMORY = [
  declare("/spectrometers/{serial}/calibration", {
    summary:
      "Calibration coefficients stored in the instrument, ascending powers; PUT writes those given and needs confirm",
    access: { put: "admin" },
    value: calibration,
    putMerges: true,
    example: { wavelengthCoefficients: [340.1, 0.38, -1.2e-5, -2.1e-9], confirm: "FLMS01859" },
    instances: ({ rack }) => rack.spectrometers.value.map(({ serial }) => ({ serial })),
    get: ({ rack }, { serial }) => {
      const { identity } = rack.spectrometer(serial);
      const { wavelengthCoefficients, nonlinearityCoefficients, ...rest } =
        identity.storedCalibration ?? identity.calibration;
      return {
        wavelengthCoefficients: [...wavelengthCoefficients],
        nonlinearityCoefficients: [...nonlinearityCoefficients],
        ...rest,
      };
    },
    put: async (server, at, { opticalConfiguration, confirm: word, ...given }, signal) => {
      requireConfirmed(at, word);
      const held = server.rack.spectrometer(at.serial).identity.calibration.opticalConfiguration;
      const wanted = definedOnly(given);
      if (opticalConfiguration !== undefined && opticalConfiguration !== held)
        throw invalid(at, "opticalConfiguration is not written here");
      if (Object.keys(wanted).length === 0) throw invalid(at, "no coefficients to write");
      await writing("calibration")(server, at, wanted, signal);
    },
  }),
  declare("/spectrometers/{serial}/irradiance-calibration", {
    summary:
      "Irradiance calibration stored in the instrument, one number a pixel; empty when there is none; PUT needs confirm",
    typicalBytes: 20_000,
    access: { put: "admin" },
    value: irradiance,
    instances: having("irradiance"),
    get: async (server, at, _query, signal) => ({
      values: [...(await reading("irradiance")(server, at, undefined, signal))],
    }),
    put: (server, at, { values, confirm: word }, signal) => {
      requireConfirmed(at, word);
      return writing("irradiance")(server, at, values, signal);
    },
  }),
  declare("/spectrometers/{serial}/eeprom", {
    summary: "All slots of the instrument's EEPROM, 15 bytes each: what is meant to be in them, and what is",
    typicalBytes: 3000,
    value: slots,
    instances: having("eeprom"),
    get: async (server, at, _query, signal) =>
      (await reading("eeprom")(server, at, undefined, signal)).map(shown),
  }),
  declare("/spectrometers/{serial}/eeprom/{slot}", {
    summary: "A slot of the EEPROM; PUT writes text (14 characters) or hex (15 bytes) and needs confirm",
    access: { put: "admin" },
    value: slot,
    putMerges: true,
    example: { text: "600-2-25", confirm: "FLMS01859" },
    instances: () => [],
    get: async (server, at, _query, signal) => {
      const wanted = slotNumberOf(at);
      const found = (await reading("eeprom")(server, at, undefined, signal)).find(
        (one) => one.slot === wanted,
      );
      return shown(found ?? missing(at));
    },
    put: async (server, at, { slot: named, text, hex, confirm: word }, signal) => {
      const wanted = slotNumberOf(at);
      if (named !== undefined && named !== wanted)
        throw invalid(at, `slot ${named} in the body is not slot ${wanted} of the path`);
      if (text === undefined && hex === undefined) throw invalid(at, "give text or hex");
      requireConfirmed(at, word);
      const bytes = hex === undefined ? slotOfText(text ?? "") : Uint8Array.from(Buffer.from(hex, "hex"));
      if (text !== undefined && slotText(bytes) !== slotText(slotOfText(text)))
        throw invalid(at, "text and hex are not the same, give one of them");
      await writing("eeprom")(server, at, [{ slot: wanted, bytes }], signal);
    },
  }),
  declare("/spectrometers/{serial}/buffer", {
    summary: "Buffer of finished spectra in the instrument; every acquisition empties it, and so does DELETE",
    value: buffer,
    instances: having("buffer"),
    get: reading("buffer"),
    delete: async (server, at, signal) => {
      const held = await reading("buffer")(server, at, undefined, signal);
      await writing("buffer")(server, at, { ...held, spectra: 0 }, signal);
    },
  }),
];

interface At {
  readonly serial: string;
}

function requireConfirmed(at: At, word: string | undefined): void {
  if (word === at.serial) return;
  throw invalid(at, `this writes into the memory of the instrument, send confirm: "${at.serial}" with it`);
}

function invalid({ serial }: At, fact: string): VscopeError {
  return new VscopeError("VALUE_INVALID", `${serial}: ${fact}`);
}

function slotNumberOf(at: At & { readonly slot: string }): number {
  return /^(0|[1-9]\d{0,2})$/.test(at.slot) ? Number(at.slot) : missing(at);
}

function missing({ serial, slot: name }: At & { readonly slot: string }): never {
  throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: has no EEPROM slot ${name.slice(0, 20)}`);
}

function shown({ slot: number, bytes }: EepromSlot): z.infer<typeof slots>[number] {
  const text = slotText(bytes);
  return {
    slot: number,
    meaning: slotMeaning(number),
    ...(text !== undefined && PRINTABLE.test(text) ? { text } : {}),
    hex: Buffer.from(bytes).toString("hex"),
  };
}
