// Frames of the fast buffer of an Ocean FX, and the proof that they are the scans that were asked for: none missing, none
// from before, each exposed for the time set. Pure.
//
//     64 bytes of metadata | pixels | checksum (4)
//
// Facts: libseabreeze. Nobody tells how the checksum is made, so it is not looked at.

import { VscopeError } from "../../base/errors.ts";
import { decodeFrame, frameBytes } from "./decode.ts";
import type { RawFrame } from "./driver.ts";
import type { SpectrometerModel } from "./model.ts";

const METADATA_BYTES = 64;
const CHECKSUM_BYTES = 4;
const METADATA = { metadataBytes: 2, pixelBytes: 4, counterUs: 8, integrationTimeUs: 16, count: 24 } as const;

/** Number of the scan since power-up, and the microseconds of the device. */
interface Stamp {
  readonly count: number;
  readonly counterUs: bigint;
}

interface Asked {
  readonly model: SpectrometerModel;
  /** Begins every message: the serial number. */
  readonly subject: string;
  readonly integrationTimeUs: number;
}

/** Scans that follow each other, as they come in. */
export class FastFrames {
  readonly #asked: Asked;
  #requestedUs: number | undefined;
  #first: Stamp | undefined;
  #last: Stamp | undefined;
  #taken = 0;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Frames so far. */
  get taken(): number {
    return this.#taken;
  }

  /** The exposures are asked for; the first time counts. */
  begin(nowUs: number): void {
    this.#requestedUs ??= nowUs;
  }

  /** The frames of an answer to a question for `most`. Throws DEVICE_PROTOCOL when they are not what was asked for. */
  *of(answer: Uint8Array, most: number, arrivalUs: number): Generator<RawFrame> {
    const pixelBytes = frameBytes(this.#asked.model.frame);
    const size = METADATA_BYTES + pixelBytes + CHECKSUM_BYTES;
    if (answer.length % size !== 0 || answer.length > most * size)
      throw this.#wrong(`${answer.length} bytes for ${most} buffered spectra of ${size} bytes`);
    for (let start = 0; start < answer.length; start += size) {
      const metadata = new DataView(answer.buffer, answer.byteOffset + start, METADATA_BYTES);
      const exposureStartUs = this.#startUs(this.#stamp(metadata, pixelBytes), arrivalUs);
      const pixels = answer.subarray(start + METADATA_BYTES, start + METADATA_BYTES + pixelBytes);
      const { model, subject, integrationTimeUs } = this.#asked;
      yield {
        counts: decodeFrame(model.frame, pixels, subject),
        exposureStartUs,
        exposureEndUs: exposureStartUs + integrationTimeUs,
        freshness: "metadata",
        discardedFrames: 0,
      };
    }
  }

  #stamp(metadata: DataView, pixelBytes: number): Stamp {
    const { integrationTimeUs } = this.#asked;
    const lengths = [
      metadata.getUint16(METADATA.metadataBytes, true),
      metadata.getUint32(METADATA.pixelBytes, true),
    ];
    if (lengths[0] !== METADATA_BYTES || lengths[1] !== pixelBytes)
      throw this.#wrong(
        `buffered spectrum of ${lengths.join(" + ")} bytes, not ${METADATA_BYTES} + ${pixelBytes}`,
      );
    const exposedUs = metadata.getUint32(METADATA.integrationTimeUs, true);
    if (exposedUs !== integrationTimeUs)
      throw this.#wrong(`buffered spectrum exposed for ${exposedUs} us instead of ${integrationTimeUs}`);
    return {
      count: metadata.getUint32(METADATA.count, true),
      counterUs: metadata.getBigUint64(METADATA.counterUs, true),
    };
  }

  // Counted from the request on, because an answer can be late and the exposure not.
  #startUs(stamp: Stamp, arrivalUs: number): number {
    const last = this.#last?.count;
    if (last !== undefined && stamp.count !== (last + 1) % 2 ** 32)
      throw this.#wrong(`buffered spectrum ${stamp.count} follows ${last}`);
    this.#first ??= stamp;
    this.#last = stamp;
    this.#taken += 1;
    const { integrationTimeUs } = this.#asked;
    const requestedUs = this.#requestedUs ?? arrivalUs;
    const leastUs = this.#taken * integrationTimeUs;
    if (arrivalUs - requestedUs < leastUs - 100 - leastUs / 1000)
      throw this.#wrong(
        `${this.#taken} buffered spectra came before ${leastUs} us, the time of their exposures`,
      );
    const startUs = requestedUs + Number(stamp.counterUs - this.#first.counterUs);
    return Math.max(requestedUs, Math.min(startUs, arrivalUs - integrationTimeUs));
  }

  #wrong(fact: string): VscopeError {
    return new VscopeError("DEVICE_PROTOCOL", `${this.#asked.subject}: ${fact}`);
  }
}
