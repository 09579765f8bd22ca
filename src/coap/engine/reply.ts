// From an answer to one message: validation by entity tag, choice of the block, options.

import { classOf, codeNumber, isSafe } from "../message/codes.ts";
import { type Block, blockValue, LARGEST_BLOCK_BYTES, partOf } from "../message/block.ts";
import { etagOf, type Pins } from "./block2.ts";
import { bytesOption, type CoapOption, OPTION, textOption, uintOption } from "../message/options.ts";
import { NO_BYTES } from "../message/codec.ts";
import { answerKey, type Request } from "./request.ts";
import type { Reply, ReplyMessage } from "./response.ts";

/** 2.03: the client holds the representation, with its format. */
const VALID = codeNumber("2.03");

const PAST_END: Reply = { code: "4.00", payload: Buffer.from("block is past the end") };

interface Selected {
  readonly code: number;
  readonly payload: Uint8Array;
  readonly etag?: Uint8Array;
  readonly block2?: Block;
  readonly size2?: number;
}

/**
 * Makes the message for a reply, and pins the reply when more blocks can follow. `sequence` is the value of the Observe
 * option, if there is to be one; `isNotification` leaves out what belongs to the registering request only.
 */
export function composeReply(
  request: Request,
  reply: Reply,
  pins: Pins,
  {
    sequence,
    isNotification = false,
  }: { readonly sequence?: number | undefined; readonly isNotification?: boolean } = {},
): ReplyMessage {
  const asked =
    isNotification && request.block2 !== undefined ? { ...request.block2, number: 0 } : request.block2;
  const selected = select(request, reply, asked);
  if (selected === undefined) return composeReply(request, PAST_END, pins);
  const hasMore = selected.block2?.more === true;
  if (hasMore) pins.pin(answerKey(request), request.from, reply.original ?? reply);
  const options = replyOptions(selected, reply, { sequence, isBurst: request.wanted.length > 0 });
  if (request.block1 !== undefined && !isNotification) insertBlock1(options, request.block1);
  const { code, payload } = selected;
  const isUnwanted = (request.noResponse & (1 << (classOf(code) - 1))) !== 0 && !isNotification;
  return { code, options, payload, hasMore, isUnwanted };
}

/** Undefined when the block that was asked for lies past the end. */
function select(request: Request, reply: Reply, asked: Block | undefined): Selected | undefined {
  const code = codeNumber(reply.code);
  const body = reply.payload ?? NO_BYTES;
  // Diagnostic text is for people: the first KiB is enough, and clients rarely fetch the rest of an error.
  if (classOf(code) !== 2) return { code, payload: body.subarray(0, LARGEST_BLOCK_BYTES) };
  const size = reply.body?.size ?? body.length;
  const etag = reply.etag ?? (size > LARGEST_BLOCK_BYTES ? etagOf(body) : undefined);
  if (etag !== undefined && isKnown(request, etag)) return { code: VALID, payload: NO_BYTES, etag };
  const part = reply.part ?? partOf(size, asked, request.sizes);
  if (part === undefined) return undefined;
  const { offset, end, block } = part;
  // What a body gives was read for this very part.
  const payload = reply.body === undefined && block !== undefined ? body.subarray(offset, end) : body;
  const needsTag = block !== undefined && request.wanted.length > 0;
  const tag = etag ?? (needsTag ? etagOf(body) : undefined);
  const tagged = tag === undefined ? {} : { etag: tag };
  if (block === undefined) return { code, payload, ...tagged };
  // In a burst the first block can be lost, and libcoap takes only blocks that all have the same Size2.
  const isSized = offset === 0 || request.wanted.length > 0;
  return { code, payload, block2: block, ...tagged, ...(isSized ? { size2: size } : {}) };
}

/** The client has said that it holds this representation. */
export function isKnown({ method, etags }: Request, etag: Uint8Array): boolean {
  return isSafe(method) && etags.some((known) => known.equals(etag));
}

// In ascending order of the option numbers.
function replyOptions(
  selected: Selected,
  reply: Reply,
  { sequence, isBurst }: { readonly sequence: number | undefined; readonly isBurst: boolean },
): CoapOption[] {
  const options: CoapOption[] = [];
  if (selected.etag !== undefined) options.push(bytesOption(OPTION.ETAG, selected.etag));
  if (sequence !== undefined) options.push(uintOption(OPTION.OBSERVE, sequence));
  for (const segment of reply.locationPath ?? []) options.push(textOption(OPTION.LOCATION_PATH, segment));
  if (reply.contentFormat !== undefined && selected.code !== VALID) {
    options.push(uintOption(OPTION.CONTENT_FORMAT, reply.contentFormat));
  }
  if (reply.maxAgeS !== undefined) options.push(uintOption(OPTION.MAX_AGE, reply.maxAgeS));
  if (reply.qBlock1 !== undefined) options.push(uintOption(OPTION.Q_BLOCK1, blockValue(reply.qBlock1)));
  const { block2, size2 } = selected;
  if (block2 !== undefined && !isBurst) options.push(uintOption(OPTION.BLOCK2, blockValue(block2)));
  if (size2 !== undefined) options.push(uintOption(OPTION.SIZE2, size2));
  if (block2 !== undefined && isBurst) options.push(uintOption(OPTION.Q_BLOCK2, blockValue(block2)));
  if (reply.size1 !== undefined) options.push(uintOption(OPTION.SIZE1, reply.size1));
  if (reply.echo !== undefined) options.push(bytesOption(OPTION.ECHO, reply.echo));
  return options;
}

/** The answer to a block names that block (RFC 7959 section 2.3); its place is before Size2 and Size1. */
function insertBlock1(options: CoapOption[], block: Block): void {
  const at = options.findIndex(({ number }) => number > OPTION.BLOCK1);
  options.splice(at < 0 ? options.length : at, 0, uintOption(OPTION.BLOCK1, blockValue(block)));
}
