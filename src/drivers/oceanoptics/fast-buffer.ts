// Many scans at the pace of the device: an Ocean FX exposes back to back into its buffer and hands out up to 15 frames in
// one answer, while it goes on exposing.
//
//     host    abort, clear, n, acquire     get 15    15 frames, get 15    ...     1
//     device                    | T | T | T | T | T | T | T | T | T | T | ...
//
// Facts: libseabreeze, and the vendor's speed test of the FX that comes with it.

import { MS } from "../../base/clock.ts";
import type { RawFrame } from "./driver.ts";
import { FastFrames } from "./fast-frames.ts";
import { isAbsent, type Obp } from "./obp.ts";
import { OBP1, readUnsigned, u32, u8 } from "./obp-messages.ts";

/** One answer has no more. */
const MOST_FRAMES = 15;
const MARGIN_US = 500 * MS;
// A firmware may answer at once with what there is, even with nothing; then it is left alone for a scan, or this long.
const LONGEST_PAUSE_US = 20 * MS;

export interface Scans {
  readonly integrationTimeUs: number;
  readonly count: number;
}

type Take = (frame: RawFrame) => void;

export class FastBuffer {
  readonly #obp: Obp;
  #isPresent = true;
  /** It was off, and is to be switched off again. */
  #isOnForUs = false;

  constructor(obp: Obp) {
    this.#obp = obp;
  }

  /** False when the firmware has none, as far as is known. */
  get isPresent(): boolean {
    return this.#isPresent;
  }

  /**
   * Gives `take` the frames of scans that follow each other, all begun after the call. False, and none taken, when the
   * firmware has no such buffer. Throws DEVICE_PROTOCOL when a scan is missing, stale or exposed for another time.
   */
  async acquire({ integrationTimeUs, count }: Scans, take: Take, signal: AbortSignal): Promise<boolean> {
    const { link, model } = this.#obp;
    const frames = new FastFrames({ model, subject: link.subject, integrationTimeUs });
    try {
      const capacity = await this.#prepare(signal);
      while (frames.taken < count) {
        const scans = { integrationTimeUs, count: Math.min(count - frames.taken, capacity) };
        await this.#fill(scans.count, frames, signal);
        await this.#empty(scans, frames, take, signal);
      }
    } catch (error) {
      if (!isAbsent(error) || frames.taken > 0) throw error;
      this.#giveUp();
      await this.#stop(signal);
    }
    await this.release(signal);
    return this.#isPresent;
  }

  /** Leaves the buffer switched as it was, and the device with one scan for each request. */
  async release(signal: AbortSignal): Promise<void> {
    const isKnown = await this.#obp.commandIfPresent({ type: OBP1.setBackToBack, data: u32(1) }, signal);
    if (!isKnown && this.#isPresent) this.#giveUp();
    if (!this.#isOnForUs) return;
    await this.#obp.command({ type: OBP1.setBufferEnabled, data: u8(0) }, signal);
    this.#isOnForUs = false;
  }

  #giveUp(): void {
    const { link } = this.#obp;
    this.#isPresent = false;
    link.log.warn({}, `${link.subject}: scans are taken one by one, the firmware has no fast buffer`);
  }

  async #stop(signal: AbortSignal): Promise<void> {
    await this.#obp.commandIfPresent({ type: OBP1.abort }, signal);
    await this.#obp.commandIfPresent({ type: OBP1.clearBuffer }, signal);
  }

  // Ends what is under way, empties the buffer and tells how many frames it holds.
  async #prepare(signal: AbortSignal): Promise<number> {
    // Not IfPresent: what cannot be ended is not begun.
    await this.#obp.command({ type: OBP1.abort }, signal);
    if (readUnsigned(await this.#obp.query({ type: OBP1.bufferEnabled }, signal)) === 0) {
      this.#isOnForUs = true;
      await this.#obp.command({ type: OBP1.setBufferEnabled, data: u8(1) }, signal);
    }
    await this.#obp.command({ type: OBP1.clearBuffer }, signal);
    const capacity = readUnsigned(await this.#obp.query({ type: OBP1.bufferCapacity }, signal));
    if (capacity < 1) throw this.#obp.link.protocolError("the buffer has no room for a spectrum");
    return capacity;
  }

  // Never with more than it holds: no frame is lost, however late the host comes for it.
  async #fill(scans: number, frames: FastFrames, signal: AbortSignal): Promise<void> {
    await this.#obp.command({ type: OBP1.setBackToBack, data: u32(scans) }, signal);
    frames.begin(this.#obp.link.clock.nowUs());
    await this.#obp.command({ type: OBP1.acquireIntoBuffer }, signal);
  }

  // While it fills.
  async #empty(
    { integrationTimeUs, count }: Scans,
    frames: FastFrames,
    take: Take,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#obp.link;
    const end = frames.taken + count;
    while (frames.taken < end) {
      const most = Math.min(end - frames.taken, MOST_FRAMES);
      const answer = await this.#fetch({ integrationTimeUs, count: most }, signal);
      for (const frame of frames.of(answer, most, clock.nowUs())) take(frame);
    }
  }

  /** As many frames as wanted, or fewer, but not none. */
  #fetch({ integrationTimeUs, count }: Scans, signal: AbortSignal): Promise<Uint8Array> {
    const { link, model } = this.#obp;
    const us = count * (integrationTimeUs + model.readoutMaxUs) + MARGIN_US;
    const pauseUs = Math.min(integrationTimeUs + model.readoutUs, LONGEST_PAUSE_US);
    return link.within({ us, what: `${count} buffered spectra` }, signal, async (inner) => {
      for (;;) {
        const request = { type: OBP1.bufferedFrames, data: u32(count), us: Number.POSITIVE_INFINITY };
        const answer = await this.#obp.query({ ...request, isOnce: true }, inner);
        if (answer.length > 0) return answer;
        await link.clock.delay(pauseUs, inner);
      }
    });
  }
}
