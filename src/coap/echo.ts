// Echo values (RFC 9175 section 2): what a client must send back to show that it gets what is sent to its address.
// Nothing is stored for them: a value is the time and a code over time and address with a secret of this process.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const LIFETIME_S = 120;
const TIME_BYTES = 4;
const CODE_BYTES = 8;

export class EchoValues {
  readonly #secret = randomBytes(32);

  /** A value for the endpoint with this name. */
  make(endpoint: string, nowUs: number): Buffer {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUInt32BE(secondOf(nowUs));
    return Buffer.concat([time, this.#code(endpoint, time)]);
  }

  /** Whether the value was made for this endpoint within the last two minutes. */
  isValid(value: Buffer, endpoint: string, nowUs: number): boolean {
    if (value.length !== TIME_BYTES + CODE_BYTES) return false;
    const time = value.subarray(0, TIME_BYTES);
    const ageS = (secondOf(nowUs) - time.readUInt32BE() + 2 ** 32) % 2 ** 32;
    return ageS <= LIFETIME_S && timingSafeEqual(value.subarray(TIME_BYTES), this.#code(endpoint, time));
  }

  #code(endpoint: string, time: Buffer): Buffer {
    return createHmac("sha256", this.#secret).update(time).update(endpoint).digest().subarray(0, CODE_BYTES);
  }
}

function secondOf(nowUs: number): number {
  return Math.floor(nowUs / 1_000_000) % 2 ** 32;
}
