// Requests and replies as users of the client see them, to and from messages.

import { type CoapMethod, codeNumber, codeText } from "../message/codes.ts";
import { type Message, sortOptions } from "../message/codec.ts";
import {
  bytesOption,
  type CoapOption,
  findOption,
  findUint,
  OPTION,
  textOption,
  uintOption,
} from "../message/options.ts";

export interface CoapClientRequest {
  readonly method: CoapMethod;
  /** Segments, decoded: `["spectrometers", "FLMT01859"]`. */
  readonly path: readonly string[];
  readonly query?: readonly string[];
  /** Bodies over 1024 bytes are sent in blocks. */
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
  readonly accept?: number;
  readonly ifMatch?: readonly Uint8Array[];
  readonly ifNoneMatch?: boolean;
  /** Tag of the representation the caller has; the answer is then 2.03 when that is still valid. */
  readonly etag?: Uint8Array;
  /** Largest answer that is put together from blocks; 64 MiB when absent. */
  readonly maxBytes?: number;
  /**
   * Large bodies in bursts (Q-Block, RFC 9177), for links that lose datagrams and take long. Only over UDP without OSCORE;
   * elsewhere, and with a server that does not know it, as without.
   */
  readonly qBlock?: boolean;
  /** Of a GET: what an earlier attempt has brought. Reading goes on behind it unless the resource has changed. */
  readonly resume?: Resume;
  /** Called with each part of a 2.xx answer, in order and as soon as it is here. */
  readonly onPart?: (part: BodyPiece) => void;
  /** `false`: only `onPart` gets the body of a 2.xx answer, `payload` is empty. For what is larger than memory. */
  readonly keepsBody?: boolean;
}

export interface Resume {
  /** The beginning of the answer; its last bytes are read once more, and compared. */
  readonly have: Uint8Array;
  /** Bytes of the answer before `have`, a multiple of 1024; 0 when absent. `payload` begins behind them. */
  readonly skipped?: number;
  /** Tag of the representation that it is of. Absent for what only ever grows. */
  readonly etag?: Uint8Array;
}

export interface BodyPiece {
  /** 0 when the answer is read from its start: what came before is of no use any more. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly etag?: Uint8Array;
}

export interface CoapReply {
  /** Such as "2.05"; replies of 4.xx and 5.xx are not thrown. */
  readonly code: string;
  /** The whole body, put together from its blocks. */
  readonly payload: Uint8Array;
  readonly contentFormat?: number;
  readonly etag?: Uint8Array;
  readonly maxAgeS: number;
  readonly locationPath: readonly string[];
}

/** RFC 7252 section 5.10.5. */
const DEFAULT_MAX_AGE_S = 60;

export function requestOptions(request: CoapClientRequest): readonly CoapOption[] {
  const options: CoapOption[] = [];
  for (const tag of request.ifMatch ?? []) options.push(bytesOption(OPTION.IF_MATCH, tag));
  if (request.etag !== undefined) options.push(bytesOption(OPTION.ETAG, request.etag));
  if (request.ifNoneMatch === true) options.push(uintOption(OPTION.IF_NONE_MATCH, 0));
  for (const segment of request.path) options.push(textOption(OPTION.URI_PATH, segment));
  if (request.contentFormat !== undefined)
    options.push(uintOption(OPTION.CONTENT_FORMAT, request.contentFormat));
  for (const query of request.query ?? []) options.push(textOption(OPTION.URI_QUERY, query));
  if (request.accept !== undefined) options.push(uintOption(OPTION.ACCEPT, request.accept));
  return options;
}

/** The options with more integer options among them. */
export function withUints(
  options: readonly CoapOption[],
  ...more: readonly (readonly [number: number, value: number])[]
): readonly CoapOption[] {
  return sortOptions([...options, ...more.map(([number, value]) => uintOption(number, value))]);
}

/** The options that name what is read, for the requests after the first. */
export function readingOptions(options: readonly CoapOption[]): readonly CoapOption[] {
  const writing: readonly number[] = [
    OPTION.IF_MATCH,
    OPTION.IF_NONE_MATCH,
    OPTION.ETAG,
    OPTION.CONTENT_FORMAT,
  ];
  return options.filter(({ number }) => !writing.includes(number));
}

export function replyOf({ code, options }: Message, payload: Uint8Array): CoapReply {
  const contentFormat = findUint(options, OPTION.CONTENT_FORMAT);
  const etag = findOption(options, OPTION.ETAG);
  const location = options.filter(({ number }) => number === OPTION.LOCATION_PATH);
  return {
    code: codeText(code),
    payload,
    ...(contentFormat === undefined ? {} : { contentFormat }),
    ...(etag === undefined ? {} : { etag }),
    maxAgeS: findUint(options, OPTION.MAX_AGE) ?? DEFAULT_MAX_AGE_S,
    locationPath: location.map(({ value }) => value.toString()),
  };
}

const UNAUTHORIZED = codeNumber("4.01");

/** What a server asks to have sent back with the same request (RFC 9175 section 2.2). */
export function echoOf({ code, options }: Message): Buffer | undefined {
  return code === UNAUTHORIZED ? findOption(options, OPTION.ECHO) : undefined;
}

/** The request with what the server has asked for. */
export function withEcho(message: Message, echo: Buffer): Message {
  const others = message.options.filter(({ number }) => number !== OPTION.ECHO);
  return { ...message, options: sortOptions([...others, bytesOption(OPTION.ECHO, echo)]) };
}
