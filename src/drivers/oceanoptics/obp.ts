// Conversations in the Ocean Binary Protocol: one question, one answer, matched by type and the `regarding` number,
// so that an answer to an aborted question is never taken for another. Commands always ask for an acknowledgement;
// a refusal becomes DEVICE_PROTOCOL with the meaning of the device's number.

import { MS, SECOND } from "../../base/clock.ts";
import { isVscopeError, type VscopeError } from "../../base/errors.ts";
import type { Link, Wait } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";
import {
  decodeObp,
  encodeObp,
  FLAG_ACK,
  FLAG_ACK_REQUESTED,
  FLAG_EXCEPTION,
  FLAG_NACK,
  HEADER_BYTES,
  isObpStart,
  OBP2_VERSION,
  OBP_ERRORS,
  OBP_VERSION,
  type ObpMessage,
  obpLength,
} from "./obp-frame.ts";

const ANSWER_US = SECOND;
const NOT_READY = 7;
const DEFERRED = 255;
const ABSENT: readonly unknown[] = [2, 12];
// How long a device that is not ready is left alone; the question's deadline ends the tries.
const NOT_READY_RETRY_US = 20 * MS;

// Nothing more comes after this long within one message.
const SILENCE_US = 20 * MS;

const NO_DATA = new Uint8Array(0);

export interface ObpRequest {
  readonly type: number;
  readonly data?: Uint8Array;
  /** Deadline of the answer, one second by default. */
  readonly us?: number;
  /** It takes something out of the device: a broken answer cannot be asked for again. */
  readonly isOnce?: boolean;
}

export class Obp {
  readonly link: Link;
  readonly model: SpectrometerModel;
  readonly #version: number;
  #regarding: number;
  #echoesRegarding = false;
  #warnedOfVersion = false;

  constructor(link: Link, model: SpectrometerModel) {
    this.link = link;
    this.model = model;
    this.#version = model.protocol === "obp2" ? OBP2_VERSION : OBP_VERSION;
    // Not from 0: answers to an earlier session must not match.
    this.#regarding = link.clock.utcUs() % 2 ** 32;
  }

  /** Asks and returns the data of the answer. Throws DEVICE_TIMEOUT, or DEVICE_PROTOCOL with `details.errorNumber`. */
  async query(request: ObpRequest, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return (await this.#converse(request, 0, signal)).data;
    } catch (error) {
      // A broken answer can be asked for again, unless the question takes a spectrum out of the device.
      const isBroken = isVscopeError(error, "DEVICE_PROTOCOL") && error.details.errorNumber === undefined;
      if (!isBroken || request.isOnce === true || request.type === this.model.spectrumRequest) throw error;
      this.link.log.warn({ reason: error.message }, `${this.link.subject}: asks again`);
      await this.link.drain([this.model.endpoints.answer], SILENCE_US, signal);
      return (await this.#converse(request, 0, signal)).data;
    }
  }

  /** As `query`, but for a device that has no such thing: undefined. */
  async queryIfPresent(request: ObpRequest, signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      return await this.query(request, signal);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Sends a command and awaits its acknowledgement. */
  async command(request: ObpRequest, signal: AbortSignal): Promise<void> {
    const answer = await this.#converse(request, FLAG_ACK_REQUESTED, signal);
    if ((answer.flags & FLAG_ACK) === 0) {
      throw this.link.protocolError(`message ${typeText(request.type)} was answered, but not acknowledged`);
    }
  }

  /** As `command`; false when the device does not know it. */
  async commandIfPresent(request: ObpRequest, signal: AbortSignal): Promise<boolean> {
    try {
      await this.command(request, signal);
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  async #converse(request: ObpRequest, flags: number, signal: AbortSignal): Promise<ObpMessage> {
    const wait: Wait = { us: request.us ?? ANSWER_US, what: `answer to message ${typeText(request.type)}` };
    return this.link.within(wait, signal, async (inner) => {
      for (;;) {
        const answer = await this.#ask(request, flags, inner);
        if (!isRefusal(answer)) return answer;
        if (answer.error !== NOT_READY) throw this.#refusal(answer);
        await this.link.clock.delay(NOT_READY_RETRY_US, inner);
      }
    });
  }

  async #ask({ type, data = NO_DATA }: ObpRequest, flags: number, signal: AbortSignal): Promise<ObpMessage> {
    this.#regarding = (this.#regarding + 1) % 2 ** 32;
    const regarding = this.#regarding;
    const message = encodeObp({ version: this.#version, flags, error: 0, type, regarding, data });
    await this.link.transport.write(this.model.endpoints.out, message, signal);
    for (;;) {
      const answer = await this.#read(signal);
      if (this.#isAnswer(answer, type, regarding)) {
        if (answer.error === DEFERRED) continue;
        return answer;
      }
      const dropped = { type: typeText(answer.type), regarding: answer.regarding };
      this.link.log.warn(dropped, `${this.link.subject}: dropped the answer to an earlier question`);
    }
  }

  // Whether every firmware repeats `regarding` is not documented: 0 passes until the device has shown that it does.
  #isAnswer(answer: ObpMessage, type: number, regarding: number): boolean {
    if (answer.type !== type) return false;
    if (answer.regarding === regarding) {
      this.#echoesRegarding = true;
      return true;
    }
    return answer.regarding === 0 && !this.#echoesRegarding;
  }

  async #read(signal: AbortSignal): Promise<ObpMessage> {
    const parts = [await this.#readStart(signal)];
    const have = (): number => parts.reduce((sum, part) => sum + part.length, 0);
    const readMore = async (bytes: number): Promise<void> => {
      const part = await this.#readPipe(bytes, signal);
      if (part.length === 0) throw this.link.protocolError(`message ends after ${have()} bytes`);
      parts.push(part);
    };
    while (have() < HEADER_BYTES) await readMore(this.link.packetBytes);
    const total = obpLength(Buffer.concat(parts));
    if (total === undefined) throw this.link.protocolError("message header with an impossible length");
    while (have() < total) await readMore(this.link.bufferBytes(total - have()));
    const message = decodeObp(Buffer.concat(parts));
    if (typeof message === "string") throw this.link.protocolError(message);
    this.#checkVersion(message.version);
    return message;
  }

  // A packet that does not begin a message is the tail of one whose reading was aborted.
  async #readStart(signal: AbortSignal): Promise<Uint8Array> {
    for (;;) {
      const packet = await this.#readPipe(this.link.packetBytes, signal);
      if (isObpStart(packet)) return packet;
      this.link.log.warn(
        { bytes: packet.length },
        `${this.link.subject}: dropped a packet that begins no message`,
      );
    }
  }

  #readPipe(length: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.link.transport.read(this.model.endpoints.answer, length, signal);
  }

  #checkVersion(version: number): void {
    if (version === this.#version || this.#warnedOfVersion) return;
    this.#warnedOfVersion = true;
    this.link.log.warn(
      { version, expected: this.#version },
      `${this.link.subject}: unexpected protocol version`,
    );
  }

  #refusal({ type, error }: ObpMessage): VscopeError {
    const meaning = OBP_ERRORS[error] ?? "meaning unknown";
    return this.link.protocolError(`message ${typeText(type)} refused with error ${error}: ${meaning}`, {
      errorNumber: error,
    });
  }
}

/** True for the refusal of a device that does not know a message or has no such data. */
export function isAbsent(error: unknown): boolean {
  return isVscopeError(error, "DEVICE_PROTOCOL") && ABSENT.includes(error.details.errorNumber);
}

function isRefusal({ flags, error }: ObpMessage): boolean {
  return (flags & (FLAG_NACK | FLAG_EXCEPTION)) !== 0 || error !== 0;
}

function typeText(type: number): string {
  return `0x${type.toString(16).padStart(8, "0").toUpperCase()}`;
}
