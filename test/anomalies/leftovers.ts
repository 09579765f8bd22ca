// What a program that dies can leave in a spectrometer besides its own last transfer: commands sent as bytes, answers
// that nobody reads. (A message is broken off after its header only: that fits into every packet.)

import {
  encodeObp,
  FLAG_ACK_REQUESTED,
  OBP2_VERSION,
  OBP_VERSION,
} from "../../src/drivers/oceanoptics/obp-frame.ts";
import { OBP1, OBP2, u32, u8 } from "../../src/drivers/oceanoptics/obp-messages.ts";
import type { EmulatedSpectrometer } from "../../src/emulator/device/spectrometer.ts";
import type { Dice } from "../support/dice.ts";

const LONG_US = 60_000_000;

/** Does its work on a device; undefined where the device cannot be left so. */
export type Leftover = (device: EmulatedSpectrometer, dice: Dice) => readonly Uint8Array[];

const OOI: Readonly<Record<string, Leftover>> = {
  "pending requests": (_, dice) => times(dice.whole(1, 3), () => bytes(0x09)),
  "unread answers": (_, dice) => times(dice.whole(1, 3), () => bytes(0x05, dice.whole(0, 16))),
  "a minute's exposure": (device) => [longOoi(device), bytes(0x09)],
  "a minute's exposures, nothing pending": (device) => [longOoi(device)],
  "an armed trigger": (device) => [
    ...hardwareNumbers(device).map((mode) => bytes(0x0a, mode, 0)),
    bytes(0x09),
  ],
  "a lamp that is on": () => [bytes(0x03, 1, 0)],
};

const OBP: Readonly<Record<string, Leftover>> = {
  "pending requests": ({ model }, dice) => times(dice.whole(1, 3), () => message(model.spectrumRequest)),
  "unread answers": (_, dice) => times(dice.whole(1, 3), () => message(OBP1.serial)),
  "a minute's exposure": ({ model }) => {
    const us = Math.min(LONG_US, model.integrationTimeUs.max);
    return [message(OBP1.setIntegrationTime, u32(us)), message(model.spectrumRequest)];
  },
  "an armed trigger": (device) => [
    ...hardwareNumbers(device).map((mode) => message(OBP1.setTriggerMode, u8(mode))),
    message(device.model.spectrumRequest),
  ],
  "a full buffer": (_, dice) => times(dice.whole(1, 20), () => message(OBP1.acquireIntoBuffer)),
  "a buffer that fills": (_, dice) => [
    message(OBP1.setBackToBack, u32(dice.whole(20, 200))),
    message(OBP1.acquireIntoBuffer),
    message(OBP1.bufferedFrames, u32(dice.whole(1, 15))),
  ],
  "half a message": (_, dice) => [message(OBP1.setIntegrationTime, u32(20_000)).slice(0, dice.whole(44, 63))],
  "a lamp that is on": () => [message(OBP1.setLamp, u8(1))],
  "a shutter that is closed": () => [message(OBP1.setShutter, u8(0))],
};

const OBP_2: Readonly<Record<string, Leftover>> = {
  "pending requests": ({ model }, dice) => times(dice.whole(1, 3), () => message2(model.spectrumRequest)),
  "unread answers": (_, dice) => times(dice.whole(1, 3), () => message2(OBP2.serial)),
  "the longest exposure": ({ model }) => {
    const { max, base } = model.integrationTimeUs;
    return [message2(OBP2.setIntegrationTime, u32(max / base)), message2(model.spectrumRequest)];
  },
  "half a message": (_, dice) => [
    message2(OBP2.setIntegrationTime, u32(20_000)).slice(0, dice.whole(44, 63)),
  ],
};

const BY_PROTOCOL = { ooi: OOI, obp: OBP, obp2: OBP_2 } as const;

/** Leaves one thing or another in the device and says what. */
export function leaveBehind(device: EmulatedSpectrometer, dice: Dice): string {
  const [name, leftover] = dice.pick(Object.entries(BY_PROTOCOL[device.model.protocol]));
  for (const packet of leftover(device, dice)) device.receive(device.model.endpoints.out, packet);
  return name;
}

function times(count: number, make: () => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, make);
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function longOoi({ model }: EmulatedSpectrometer): Uint8Array {
  const { base, max, wireBytes } = model.integrationTimeUs;
  const value = u32(Math.floor(Math.min(LONG_US, max) / base));
  return Buffer.concat([bytes(0x02), value.subarray(0, wireBytes)]);
}

/** In every firmware; a number that this unit does not know is ignored. */
function hardwareNumbers({ model }: EmulatedSpectrometer): number[] {
  return model.triggers.flatMap(({ modes }) => (modes.hardware === undefined ? [] : [modes.hardware]));
}

function message(type: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return encodeObp({ version: OBP_VERSION, flags: FLAG_ACK_REQUESTED, error: 0, type, regarding: 7, data });
}

function message2(type: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return encodeObp({ version: OBP2_VERSION, flags: FLAG_ACK_REQUESTED, error: 0, type, regarding: 7, data });
}
