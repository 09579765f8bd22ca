// OBP messages about multicast, by which a device is found on a network; interface 0 is the only one.

import { u8, u16 } from "./bytes.ts";
import type { Handler, Handlers } from "./obp-core.ts";
import { REFUSAL } from "./obp-framing.ts";

const GROUP = [239, 239, 239, 239] as const;
const PORT = 57_357;

export function multicastMessages(): Handlers {
  return [
    [0x0000_0a80, ofInterface(u8(1))],
    [0x0000_0a81, ofInterface(Uint8Array.from(GROUP))],
    [0x0000_0a82, ofInterface(u16(PORT))],
    [0x0000_0a83, ofInterface(u8(1))],
  ];
}

function ofInterface(value: Uint8Array): Handler {
  return (data) => {
    if (data.length !== 1) return REFUSAL.wrongLength;
    return data[0] === 0 ? value : REFUSAL.invalidData;
  };
}
