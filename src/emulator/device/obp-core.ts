// What the messages of an OBP device work on, and the small parts that their handlers are made of.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import { u8, u16, u32, viewOf } from "./bytes.ts";
import type { Detector } from "./detector.ts";
import type { FrameBuffer } from "./frame-buffer.ts";
import type { GpioPort } from "./gpio-port.ts";
import { REFUSAL } from "./obp-framing.ts";
import type { RequestedExposures } from "./requested-exposures.ts";
import type { Settings } from "./settings.ts";
import type { Firmware } from "./spectrometer.ts";

/** The device behind the messages. */
export interface ObpCore {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly clock: Clock;
  readonly detector: Detector;
  readonly settings: Settings;
  readonly gpio: GpioPort;
  readonly exposures: RequestedExposures;
  readonly buffer: FrameBuffer;
  readonly fastBuffer: NonNullable<Firmware["fastBuffer"]>;
  triggerNumber: number;
  /** Of frames after power-up and reset. */
  defaultBinning: number;
  /** Exposes now and answers with the frame. */
  spectrumNow(answer: (frame: Uint8Array) => void): void;
  /** Exposes now and keeps the frames: as many as the back-to-back count says. */
  acquireIntoBuffer(): void;
  /** Answers with the oldest frames of the buffer; exposes those that are missing. */
  oldestFrames(count: number, answer: (frames: Uint8Array) => void): void;
  /** Ends what is under way; a host that waits for a frame gets none. */
  abort(): void;
  /** Back to the state after power-up. */
  reset(): void;
  triggerPulse(): void;
}

/** Data of a query, "done" for a command, "later" when `answer` will be called, or an error number. */
export type Reply = Uint8Array | "done" | "later" | number;

export type Handler = (data: Uint8Array, answer: (data: Uint8Array) => void) => Reply;

export type Handlers = [number, Handler][];

/** A command with a number: refused when its data have another length, or when `set` does not like it. */
export function number(bytes: 1 | 2 | 4, set: (value: number) => boolean): Handler {
  return (data) => {
    if (data.length !== bytes) return REFUSAL.wrongLength;
    const value = data.reduceRight((sum, byte) => sum * 256 + byte, 0);
    return set(value) ? "done" : REFUSAL.invalidData;
  };
}

/** A command with a number from `min` to `max`. */
export function numberWithin(
  bytes: 1 | 2 | 4,
  { min, max }: { readonly min: number; readonly max: number },
  set: (value: number) => void,
): Handler {
  return number(bytes, (value) => {
    if (value < min || value > max) return false;
    set(value);
    return true;
  });
}

/** A command with a byte that is 0 or 1. */
export function flag(set: (isOn: boolean) => void): Handler {
  return numberWithin(1, { min: 0, max: 1 }, (value) => set(value === 1));
}

/** A command with a 32-bit float; NaN and infinities are refused. */
export function float(set: (value: number) => void): Handler {
  return (data) => {
    if (data.length !== 4) return REFUSAL.wrongLength;
    const value = viewOf(data).getFloat32(0, true);
    if (!Number.isFinite(value)) return REFUSAL.invalidData;
    set(value);
    return "done";
  };
}

/** A command that needs no data. */
export function command(act: () => void): Handler {
  return () => {
    act();
    return "done";
  };
}

export function askFlag(get: () => boolean): Handler {
  return () => u8(get() ? 1 : 0);
}

export function ask8(get: () => number): Handler {
  return () => u8(get());
}

export function ask16(get: () => number): Handler {
  return () => u16(get());
}

export function ask32(get: () => number): Handler {
  return () => u32(get());
}
