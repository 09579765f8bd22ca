// OBP messages about the device itself: revisions, names, user strings, optical bench, reset.

import { ascii, u8, u16 } from "./bytes.ts";
import { ask8, ask16, command, type Handler, type Handlers, type ObpCore } from "./obp-core.ts";
import { REFUSAL } from "./obp-framing.ts";

const HARDWARE_REVISION = 3;
const FIRMWARE_REVISION = 0x0121;
const FPGA_REVISION = 0x0113;
const ALIAS_BYTES = 32;
const USER_STRINGS = 4;
const USER_STRING_BYTES = 32;

export function identityMessages(device: ObpCore): Handlers {
  const { serial, model } = device;
  return [
    [0x0000_0000, command(() => device.reset())],
    [0x0000_0001, command(() => device.reset())],
    [0x0000_0080, () => u8(HARDWARE_REVISION)],
    [0x0000_0090, () => u16(FIRMWARE_REVISION)],
    [0x0000_0091, () => u16(FPGA_REVISION)],
    [0x0000_0100, () => ascii(serial)],
    [0x0000_0101, () => u8(serial.length)],
    ...aliasMessages(),
    ...userStringMessages(),
    [0x0000_0e00, () => u16(model.vendorId)],
    [0x0000_0e01, () => u16(model.productId)],
    [0x0000_0e10, () => ascii("Ocean Optics")],
    [0x0000_0e11, () => ascii(model.name)],
  ];
}

function aliasMessages(): Handlers {
  let alias = "";
  const set: Handler = (data) => {
    if (data.length > ALIAS_BYTES) return REFUSAL.wrongLength;
    alias = textOf(data);
    return "done";
  };
  return [
    [0x0000_0200, () => ascii(alias)],
    [0x0000_0201, () => u8(alias.length)],
    [0x0000_0210, set],
  ];
}

function userStringMessages(): Handlers {
  const strings = Array.from({ length: USER_STRINGS }, () => "");
  const get: Handler = (data) => {
    if (data.length !== 1) return REFUSAL.wrongLength;
    const text = strings[data[0] ?? USER_STRINGS];
    return text === undefined ? REFUSAL.invalidData : ascii(text);
  };
  const set: Handler = (data) => {
    const [index = USER_STRINGS] = data;
    if (data.length === 0 || data.length > 1 + USER_STRING_BYTES) return REFUSAL.wrongLength;
    if (index >= USER_STRINGS) return REFUSAL.invalidData;
    strings[index] = textOf(data.subarray(1));
    return "done";
  };
  return [
    [0x0000_0300, ask8(() => USER_STRINGS)],
    [0x0000_0301, ask16(() => USER_STRING_BYTES)],
    [0x0000_0302, get],
    [0x0000_0310, set],
  ];
}

/** Text up to a NUL. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
}

export function benchMessages({ serial }: ObpCore): Handlers {
  return [
    [0x001b_0000, () => ascii("EMULATED")],
    [0x001b_0100, () => ascii(`B-${serial}`)],
    [0x001b_0200, () => u16(25)],
    [0x001b_0300, () => u16(400)],
    [0x001b_0400, () => ascii("600/500")],
    [0x001b_0500, () => ascii("OFLV")],
    [0x001b_0600, () => ascii("UV2")],
  ];
}
