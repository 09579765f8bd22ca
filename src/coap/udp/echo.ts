// Echo values (RFC 9175 section 2): what a client must send back to show that it gets what is sent to its address.
// Nothing is stored for them: a value is the time and a code over time and address with a secret of this process.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const LIFETIME_S = 120;
// Short, as the value must fit into three times what has come.
const TIME_BYTES = 2;
const TIMES = 2 ** 16;
const CODE_BYTES = 6;

export class EchoValues {
  readonly #secret = randomBytes(32);

  /** A value for the endpoint with this name. */
  make(endpoint: string, nowUs: number): Buffer {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUInt16BE(secondOf(nowUs));
    return Buffer.concat([time, this.#code(endpoint, time)]);
  }

  /** Whether the value was made for this endpoint within the last two minutes. */
  isValid(value: Buffer, endpoint: string, nowUs: number): boolean {
    if (value.length !== TIME_BYTES + CODE_BYTES) return false;
    const time = value.subarray(0, TIME_BYTES);
    const ageS = (secondOf(nowUs) - time.readUInt16BE() + TIMES) % TIMES;
    return ageS <= LIFETIME_S && timingSafeEqual(value.subarray(TIME_BYTES), this.#code(endpoint, time));
  }

  #code(endpoint: string, time: Buffer): Buffer {
    return createHmac("sha256", this.#secret).update(time).update(endpoint).digest().subarray(0, CODE_BYTES);
  }
}

function secondOf(nowUs: number): number {
  return Math.floor(nowUs / 1_000_000) % TIMES;
}
