// Answers as handlers give them, and the check that they can be sent.

import { VscopeError } from "../../base/errors.ts";
import type { Block, BodyPart } from "../message/block.ts";
import type { Content } from "../message/codec.ts";
import { codeNumber } from "../message/codes.ts";

/**
 * A body that stays where it is, such as a file: read by position, block by block. What it throws as a VscopeError is the
 * answer, with its text.
 */
export interface CoapBody {
  readonly size: number;
  /** As many bytes, all within the body. Throws PRECONDITION_FAILED when the body is another by now. */
  read(offset: number, length: number, signal: AbortSignal): Uint8Array | Promise<Uint8Array>;
}

/** How the notifications of an observation are made. */
export interface CoapNotifications {
  /** False: the handler is called for each observer, also when several observe the same. */
  readonly isShared: boolean;
  /** True: each is confirmable, whatever the registration was. */
  readonly isConfirmable: boolean;
}

export interface CoapResponse {
  /** Such as "2.05". */
  readonly code: string;
  /** The whole body; must not change afterwards. Bodies over 1024 bytes are sent in blocks, those of errors cut off. */
  readonly payload?: Uint8Array;
  /** In place of a payload. Needs an `etag` that differs between versions of the body. */
  readonly body?: CoapBody;
  readonly contentFormat?: number;
  /** 1 to 8 bytes. Without one, payloads over 1024 bytes get one from their contents. */
  readonly etag?: Uint8Array;
  /** How long the answer is fresh; 60 s when absent. */
  readonly maxAgeS?: number;
  /** Segments of the path of what was created. */
  readonly locationPath?: readonly string[];
  /**
   * Set on a 2.05 to a GET of something observable. The server calls it when the request asked for observation, and then
   * the handler again, with the same request, after each change (changes in quick succession count as one).
   * It must return at once and not call `changed` itself; what it returns ends the subscription.
   * A value read long before an asynchronous handler returns can miss a change: read it last.
   */
  readonly observe?: (changed: () => void) => () => void;
  /** Shared, and confirmable as the registration was, when absent. */
  readonly notifications?: CoapNotifications;
}

/** An answer of the library itself. */
export interface Reply extends CoapResponse {
  /** Largest body accepted, for 4.13. */
  readonly size1?: number;
  /** For 2.31: all blocks of the body up to this one have come (RFC 9177). */
  readonly qBlock1?: Block;
  /** The reply that this one is a part of: its payload is what was read of the body. */
  readonly original?: Reply;
  /** Which part of its body the payload is: decided before the read, as what a connection takes changes meanwhile. */
  readonly part?: BodyPart;
  /** A refusal for want of room, which there is in a while: a notification waits for it. */
  readonly isForNow?: true;
  /** Asks the client to send the request again with this (RFC 9175 section 2.2), with 4.01; 1 to 40 bytes. */
  readonly echo?: Uint8Array;
}

/** An answer or a notification as it is sent. */
export interface ReplyMessage extends Content {
  /** More blocks can be fetched. */
  readonly hasMore: boolean;
  /** The client has said that it is not interested (RFC 7967). */
  readonly isUnwanted: boolean;
}

const LONGEST_ETAG = 8;
const LONGEST_SEGMENT = 255;

/** Throws INTERNAL when the response cannot be encoded, so that all after it need not care. */
export function checkResponse(response: CoapResponse): void {
  const { code, body, contentFormat, etag, maxAgeS, locationPath } = response;
  codeNumber(code);
  if (body !== undefined && etag === undefined)
    throw new VscopeError("INTERNAL", "response: a body needs an etag");
  checkInteger("contentFormat", contentFormat, 0xffff);
  checkInteger("maxAgeS", maxAgeS, 0xffff_ffff);
  if (etag !== undefined && (etag.length === 0 || etag.length > LONGEST_ETAG)) {
    throw new VscopeError("INTERNAL", `response: etag of ${etag.length} bytes is outside 1..${LONGEST_ETAG}`);
  }
  for (const segment of locationPath ?? []) {
    if (Buffer.byteLength(segment) <= LONGEST_SEGMENT) continue;
    throw new VscopeError("INTERNAL", `response: a segment of locationPath is over ${LONGEST_SEGMENT} bytes`);
  }
}

function checkInteger(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= max)) return;
  throw new VscopeError("INTERNAL", `response: ${name} ${value} is outside 0..${max}`);
}
