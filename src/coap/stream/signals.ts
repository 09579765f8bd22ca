// Signalling messages, RFC 8323 section 5: what two ends of a connection tell each other about the connection.

import type { Message } from "../message/codec.ts";
import { NO_BYTES } from "../message/codec.ts";
import { type CoapOption, isCritical, readUint, uintOption } from "../message/options.ts";

/** Codes 7.01 to 7.05. */
export const SIGNAL = { CSM: 0xe1, PING: 0xe2, PONG: 0xe3, RELEASE: 0xe4, ABORT: 0xe5 } as const;

const SIGNAL_CLASS = 7;

// Each signal has option numbers of its own.
const CSM_OPTION = { MAX_MESSAGE_SIZE: 2, BLOCK_WISE_TRANSFER: 4 } as const;
const CUSTODY = 2;
const BAD_CSM_OPTION = 2;

/** What a peer can take. */
export interface Capabilities {
  /** Largest message, in bytes, from its first byte to its last. */
  readonly maxMessageBytes: number;
  /** It understands Block1 and Block2, and with messages over 1152 bytes BERT, too. */
  readonly blockWise: boolean;
}

/** Until a CSM says otherwise, RFC 8323 section 5.3. */
export const BASE_CAPABILITIES: Capabilities = { maxMessageBytes: 1152, blockWise: false };

/** A block of 16 bytes with its options must fit, else there is nothing to say to the peer. */
export const SMALLEST_MESSAGE_BYTES = 256;

export function isSignal(code: number): boolean {
  return code >> 5 === SIGNAL_CLASS;
}

/** Options beyond four bytes are malformed, and critical ones must be understood: there are none yet. */
export function unknownCritical({ options }: Message): number | undefined {
  return options.find(({ number }) => isCritical(number))?.number;
}

/** What is true after a CSM: options that it does not name keep their values. */
export function updated(before: Capabilities, { options }: Message): Capabilities {
  let { maxMessageBytes, blockWise } = before;
  for (const { number, value } of options) {
    if (number === CSM_OPTION.MAX_MESSAGE_SIZE && value.length <= 4) maxMessageBytes = readUint(value);
    if (number === CSM_OPTION.BLOCK_WISE_TRANSFER) blockWise = true;
  }
  return { maxMessageBytes, blockWise };
}

export function capabilitiesMessage(maxMessageBytes: number): Message {
  return signal(SIGNAL.CSM, [
    uintOption(CSM_OPTION.MAX_MESSAGE_SIZE, maxMessageBytes),
    { number: CSM_OPTION.BLOCK_WISE_TRANSFER, value: NO_BYTES },
  ]);
}

/** Whether the ping asks for its answer only after those to all requests before it. */
export function wantsCustody({ options }: Message): boolean {
  return options.some(({ number }) => number === CUSTODY);
}

/** The answer to a ping. */
export function pongTo(token: Buffer, withCustody: boolean): Message {
  const options = withCustody ? [{ number: CUSTODY, value: NO_BYTES }] : [];
  return { code: SIGNAL.PONG, token, options, payload: NO_BYTES };
}

/** The last message before a connection ends in order. */
export function releaseMessage(): Message {
  return signal(SIGNAL.RELEASE);
}

/** The last message before a connection ends because of the peer's mistake; `fact` is for people. */
export function abortMessage(fact: string, badCsmOption?: number): Message {
  const options = badCsmOption === undefined ? [] : [uintOption(BAD_CSM_OPTION, badCsmOption)];
  return { ...signal(SIGNAL.ABORT, options), payload: Buffer.from(fact) };
}

export function pingMessage(): Message {
  return signal(SIGNAL.PING);
}

function signal(code: number, options: readonly CoapOption[] = []): Message {
  return { code, token: NO_BYTES, options, payload: NO_BYTES };
}
