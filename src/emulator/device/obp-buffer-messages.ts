// OBP messages about the buffer of finished frames: the QE Pro's, and the fast buffer of the Ocean FX.

import { LARGEST_BUFFER } from "./frame-buffer.ts";
import { viewOf } from "./bytes.ts";
import {
  ask32,
  askFlag,
  command,
  flag,
  type Handler,
  type Handlers,
  numberWithin,
  type ObpCore,
} from "./obp-core.ts";
import { REFUSAL } from "./obp-framing.ts";

/** Frames that one question to the fast buffer may ask for. */
const MOST_FRAMES = 15;
const MOST_BACK_TO_BACK = 50_000;
const ANY = { min: 0, max: 0xffff_ffff } as const;

export function bufferMessages(device: ObpCore): Handlers {
  const { buffer } = device;
  const messages: Handlers = [
    [0x0010_0800, askFlag(() => buffer.isEnabled)],
    [0x0010_0810, flag((isEnabled) => buffer.setEnabled(isEnabled))],
    [0x0010_0820, ask32(() => LARGEST_BUFFER)],
    [0x0010_0822, ask32(() => buffer.capacity)],
    [0x0010_0830, command(() => buffer.clear())],
    [0x0010_0831, numberWithin(4, ANY, (count) => buffer.removeOldest(count))],
    [0x0010_0832, numberWithin(4, { min: 1, max: LARGEST_BUFFER }, (frames) => buffer.setCapacity(frames))],
    [0x0010_0900, ask32(() => buffer.count)],
    [0x0010_0902, acquirer(device)],
    [0x0010_0908, askFlag(() => device.exposures.isIdle)],
    ...(device.fastBuffer === "absent" ? [] : backToBackMessages(device)),
  ];
  return device.model.exposure === "buffered" ? [...messages, [0x0010_0928, oldestFrame(device)]] : messages;
}

function backToBackMessages({ buffer }: ObpCore): Handlers {
  return [
    [0x0011_0102, ask32(() => buffer.backToBack)],
    [
      0x0011_0112,
      numberWithin(4, { min: 1, max: MOST_BACK_TO_BACK }, (count) => {
        buffer.backToBack = count;
      }),
    ],
  ];
}

function acquirer(device: ObpCore): Handler {
  return () => {
    if (!device.buffer.isEnabled) return REFUSAL.notReady;
    device.acquireIntoBuffer();
    return "done";
  };
}

function oldestFrame(device: ObpCore): Handler {
  return (_, answer) => {
    device.oldestFrames(1, answer);
    return "later";
  };
}

/** Some of the oldest frames at once, each with its metadata and checksum. */
export function fastBufferMessages(device: ObpCore): Handlers {
  const { fastBuffer, buffer } = device;
  if (fastBuffer === "unreadable" || fastBuffer === "absent") return [];
  return [
    [
      0x0010_0980,
      (data, answer) => {
        if (data.length !== 4) return REFUSAL.wrongLength;
        const count = viewOf(data).getUint32(0, true);
        if (count < 1 || count > Math.min(MOST_FRAMES, buffer.capacity)) return REFUSAL.invalidData;
        if (fastBuffer === "partial") return buffer.take(count);
        device.oldestFrames(count, answer);
        return "later";
      },
    ],
  ];
}
