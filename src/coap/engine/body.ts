// Bodies that are read by position: the part that a request asks for, when it asks for it, and nothing else.

import { ERRORS, isVscopeError } from "../../base/errors.ts";
import { type MaybePromise, whenHere } from "../../base/maybe-promise.ts";
import { LARGEST_BLOCK_BYTES, partOf } from "../message/block.ts";
import { isKnown } from "./reply.ts";
import type { Request } from "./request.ts";
import type { CoapBody, Reply } from "./response.ts";
import type { Sending } from "./sending.ts";

/**
 * The reply with the part of its body that the request asks for as its payload; 5.03 when that is large and too much of such
 * waits to be sent. Throws what the body throws.
 */
export function withPart(
  request: Request,
  reply: Reply,
  body: CoapBody,
  sending: Sending,
): MaybePromise<Reply> {
  const part = partOf(body.size, request.block2, request.sizes);
  const needsNone = part === undefined || (reply.etag !== undefined && isKnown(request, reply.etag));
  if (needsNone) return reply;
  const { offset, end } = part;
  const length = end - offset;
  const refusal = length > LARGEST_BLOCK_BYTES ? sending.refusal(request.from, length) : undefined;
  if (refusal !== undefined) return refusal;
  const bytes = charged(request, body.read(offset, length, request.signal), length, sending);
  return whenHere(bytes, (payload) => ({ ...reply, payload, part, original: reply.original ?? reply }));
}

/** Counts what is read for a peer while it is, so that many requests at once do not fill the memory. */
function charged(
  { from }: Request,
  bytes: MaybePromise<Uint8Array>,
  length: number,
  sending: Sending,
): MaybePromise<Uint8Array> {
  if (!(bytes instanceof Promise)) return bytes;
  from.readingBytes += length;
  sending.take(from, length);
  return bytes.finally(() => {
    from.readingBytes -= length;
    sending.give(from, length);
  });
}

/** What a reader is told of a body that cannot be read; undefined for faults of the server itself. */
export function failedReply(error: unknown): Reply | undefined {
  if (!isVscopeError(error) || error.code === "INTERNAL") return undefined;
  return { code: ERRORS[error.code].coap, payload: Buffer.from(error.message, "utf8") };
}
