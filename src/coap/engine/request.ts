// Requests as handlers see them, read from the options of a message of any transport.

import { type CoapMethod, methodOf } from "../message/codes.ts";
import type { Message } from "../message/codec.ts";
import {
  type Block,
  isReservedSize,
  LARGEST_EXPONENT,
  protectedSizes,
  readBlock,
  type SizeLimits,
} from "../message/block.ts";
import type { Opened } from "./guard.ts";
import { wantedBlocks } from "../message/q-block.ts";
import {
  type CoapOption,
  isCritical,
  findOption,
  isUnderstood,
  OPTION,
  readUint,
} from "../message/options.ts";
import type { CoapIdentity, Peer, Transport } from "./peer.ts";
import type { ReplyMessage } from "./response.ts";

export type { CoapIdentity, Transport };

export interface CoapRequest {
  readonly method: CoapMethod;
  /** The segments of the path, decoded and never joined: a segment may hold a slash. None is "." or "..". */
  readonly path: readonly string[];
  /** One entry per query option, such as "limit=10". */
  readonly query: readonly string[];
  /** Content format wanted in the answer (CoRE registry: 50 JSON, 60 CBOR). */
  readonly accept?: number;
  /** Content format of the payload. */
  readonly contentFormat?: number;
  /** The whole body, put together from its blocks. */
  readonly payload: Uint8Array;
  /** Entity tags of If-Match; an empty one stands for "if it exists". */
  readonly ifMatch: readonly Uint8Array[];
  readonly ifNoneMatch: boolean;
  /** Whom the request is from, such as `192.0.2.1:40000`, for logs. */
  readonly peer: string;
  /** Who has proven to send this; absent for anybody. */
  readonly identity?: CoapIdentity | undefined;
  /** Numeric address of the sender, without port; IPv4 plainly. */
  readonly peerAddress: string;
  readonly transport: Transport;
  /** The request was sent to a group of servers. */
  readonly isMulticast: boolean;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
}

const NO_BLOCKS: readonly Block[] = [];

/** Why a request is refused before a handler sees it. */
export interface Fault {
  readonly code: string;
  readonly text: string;
}

/** What became of a notification: the next can follow, the client does not want any, or the client is gone. */
export type Delivery = "delivered" | "refused" | "lost";

/** Who is told what becomes of the notifications of one observation. */
export interface NotificationSource {
  /** It is this observation's turn, after `reserve` has returned false. */
  granted(): void;
  /** Called once for each `send`, perhaps at once; "refused" can come later, too. */
  settled(delivery: Delivery): void;
}

/** How the notifications of one observation leave; each transport has its own rules for when the next can. */
export interface NotificationCarrier {
  /** Takes the turn to send; false when others have it: then `granted` is called later. After it, `send` or `release`. */
  reserve(): boolean;
  release(): void;
  send(message: ReplyMessage): void;
  /** Sends the end of the observation, out of turn. */
  sendLast(message: ReplyMessage): void;
  /** The observation has ended. */
  close(): void;
}

/** A request with all that the server needs to answer it. How the answer leaves is the transport's part. */
export abstract class Request implements CoapRequest {
  readonly method: CoapMethod;
  /** The message that was meant: the one inside when it came protected. */
  readonly message: Message;
  /** Set when it came protected. */
  readonly opened: Opened | undefined;
  readonly from: Peer;
  readonly path: string[] = [];
  readonly query: string[] = [];
  readonly etags: Buffer[] = [];
  readonly ifMatch: Buffer[] = [];
  ifNoneMatch = false;
  accept?: number;
  contentFormat?: number;
  payload: Uint8Array;
  observe: number | undefined;
  block1: Block | undefined;
  block2: Block | undefined;
  /** Set for a block of a body that comes in bursts (RFC 9177). */
  qBlock1: Block | undefined;
  /** Blocks of the answer that are to come at once (Q-Block2, RFC 9177); the first one is `block2`, too. */
  wanted: readonly Block[] = NO_BLOCKS;
  /** It asks for the whole answer in bursts. */
  startsBursts = false;
  size1 = 0;
  /** Bits of RFC 7967: 2, 8 and 16 for no interest in 2.xx, 4.xx and 5.xx. */
  noResponse = 0;
  fault: Fault | undefined;
  /** It has a critical option that is not known, or not allowed as it is (RFC 7252 sections 5.4.1, 5.4.3 and 5.4.5). */
  hasBadOption = false;
  /** A request for a later block: running it again does no harm. */
  isRepeatable = false;
  isMulticast = false;
  /** What `answerKey` has made of this request. */
  answerKey: string | undefined;
  /** Of the observation that this request registers: each notification is to be confirmable. */
  confirmsNotifications = false;

  constructor(received: Message, opened: Opened | undefined, from: Peer) {
    const message = opened === undefined ? received : insideOf(received, opened);
    const method = methodOf(message.code);
    this.method = method ?? "GET";
    this.message = message;
    this.opened = opened;
    this.from = from;
    this.payload = message.payload;
    if (method === undefined) this.fault = { code: "4.05", text: "" };
    let previous = -1;
    for (const option of message.options) {
      if (isUnderstood(option, previous)) this.#take(option);
      else if (isCritical(option.number)) this.#refuse(option.number);
      previous = option.number;
    }
    if (this.qBlock1 !== undefined || this.wanted.length > 0) this.#takeBursts();
    if (!from.isStream && (isReservedSize(this.block1) || isReservedSize(this.block2))) {
      this.fault ??= { code: "4.00", text: "block size exponent 7 is reserved" };
    }
  }

  get peer(): string {
    return this.from.name;
  }

  get peerAddress(): string {
    return this.from.plainAddress;
  }

  get transport(): Transport {
    return this.from.transport;
  }

  get identity(): CoapIdentity | undefined {
    return this.opened === undefined ? this.from.identity : this.opened.identity;
  }

  get signal(): AbortSignal {
    return this.from.signal;
  }

  /** What one message of the answer can carry. */
  get sizes(): SizeLimits {
    return this.opened === undefined ? this.from.sizes : protectedSizes(this.from.sizes);
  }

  /** The handler takes its time: the answer comes later. */
  abstract defer(): void;

  /** Sends the answer. */
  abstract respond(answer: ReplyMessage): void;

  /** Opens a way for the notifications of the observation that this request registers. */
  abstract carry(source: NotificationSource): NotificationCarrier;

  #refuse(number: number): void {
    this.hasBadOption = true;
    this.fault ??= { code: "4.02", text: `option ${number}: critical and not known` };
  }

  /** Sends another part of the answer in a message of its own; false when it may not, or cannot, be sent now. */
  push(_answer: ReplyMessage): boolean {
    return false;
  }

  // Bursts are for datagrams that get lost. Inside OSCORE they would need a number for each block.
  #takeBursts(): void {
    const { from, opened, block1, block2, qBlock1, wanted: asked } = this;
    if (from.isStream || opened !== undefined)
      this.fault ??= { code: "4.02", text: "Q-Block: over plain UDP only" };
    if (block1 !== undefined || block2 !== undefined)
      this.fault ??= { code: "4.02", text: "Block and Q-Block in one request" };
    if (isReservedSize(qBlock1)) this.fault ??= { code: "4.00", text: "block size exponent 7 is reserved" };
    if (qBlock1 !== undefined && findOption(this.message.options, OPTION.REQUEST_TAG) === undefined)
      this.fault ??= { code: "4.00", text: "Q-Block1 needs a Request-Tag" };
    // Who sends in bursts can read in bursts, too.
    const [first = { number: 0, more: true, sizeExponent: LARGEST_EXPONENT }] = asked;
    const wanted = wantedBlocks(asked.length > 0 ? asked : [first]);
    if (wanted === undefined)
      this.fault ??= { code: "4.00", text: "Q-Block2: blocks of one size in ascending order" };
    this.startsBursts = first.number === 0 && first.more;
    this.wanted = wanted ?? NO_BLOCKS;
    this.block2 = this.wanted[0];
  }

  #take({ number, value }: CoapOption): void {
    switch (number) {
      case OPTION.URI_PATH:
        this.#takeSegment(value.toString());
        break;
      case OPTION.URI_QUERY:
        this.query.push(value.toString());
        break;
      case OPTION.ACCEPT:
        this.accept = readUint(value);
        break;
      case OPTION.CONTENT_FORMAT:
        this.contentFormat = readUint(value);
        break;
      case OPTION.OBSERVE:
        this.observe = readUint(value);
        break;
      case OPTION.PROXY_URI:
      case OPTION.PROXY_SCHEME:
        this.fault = { code: "5.05", text: "this server is no proxy" };
        break;
      default:
        this.#takeRare(number, value);
    }
  }

  #takeRare(number: number, value: Buffer): void {
    switch (number) {
      case OPTION.BLOCK1:
        this.block1 = readBlock(value);
        break;
      case OPTION.BLOCK2:
        this.block2 = readBlock(value);
        break;
      case OPTION.Q_BLOCK1:
        this.qBlock1 = readBlock(value);
        break;
      case OPTION.Q_BLOCK2:
        this.wanted = [...this.wanted, readBlock(value)];
        break;
      case OPTION.ETAG:
        this.etags.push(value);
        break;
      case OPTION.IF_MATCH:
        this.ifMatch.push(value);
        break;
      case OPTION.IF_NONE_MATCH:
        this.ifNoneMatch = true;
        break;
      case OPTION.SIZE1:
        this.size1 = readUint(value);
        break;
      case OPTION.NO_RESPONSE:
        this.noResponse = readUint(value);
        break;
      default:
      // Uri-Host, Uri-Port, Hop-Limit, Echo, Size2 and Request-Tag change nothing here (Request-Tag: see blockKey).
    }
  }

  // RFC 7252 section 5.10.1 forbids these two, and a path on a disk must never meet them.
  #takeSegment(segment: string): void {
    if (segment === "." || segment === "..")
      this.fault ??= { code: "4.02", text: `path segment "${segment}": not allowed` };
    this.path.push(segment);
  }
}

const BLOCK2_KEY: ReadonlySet<number> = new Set([
  OPTION.URI_PATH,
  OPTION.URI_QUERY,
  OPTION.ACCEPT,
  OPTION.REQUEST_TAG,
]);
const BLOCK1_KEY: ReadonlySet<number> = new Set([...BLOCK2_KEY, OPTION.CONTENT_FORMAT]);

/** Names the upload that a Block1 or Q-Block1 request belongs to: peer, method, path, query, Accept, Content-Format, Request-Tag. */
export function uploadKey(request: Request): string {
  return keyOf(request, BLOCK1_KEY);
}

/**
 * Names the answer that a Block2 request reads from. Neither token nor payload nor Content-Format count:
 * the requests for later blocks of an answer to a PUT are empty and have a new token.
 */
export function answerKey(request: Request): string {
  request.answerKey ??= keyOf(request, BLOCK2_KEY);
  return request.answerKey;
}

/** Names what is asked for, from whatever address. */
export function contentKey({ message, identity }: Request): string {
  return `${nameOf(identity)} ${optionsKey(message, BLOCK2_KEY)}${Buffer.from(message.payload).toString("latin1")}`;
}

/** Names an observation of a peer: its token, and who has proven to have registered it. */
export function observationKey({ message, identity }: Request): string {
  return `${nameOf(identity)} ${message.token.toString("latin1")}`;
}

// An identity has its own: nobody reads the rest of what was answered to another one, whatever address he sends from.
function keyOf({ message, from, identity }: Request, numbers: ReadonlySet<number>): string {
  return `${from.key} ${nameOf(identity)} ${optionsKey(message, numbers)}`;
}

function nameOf(identity: CoapIdentity | undefined): string {
  return identity === undefined ? "" : `${identity.kind} ${encodeURIComponent(identity.name)}`;
}

function insideOf({ token }: Message, { code, options, payload }: Opened): Message {
  return { code, token, options, payload };
}

function optionsKey({ code, options }: Message, numbers: ReadonlySet<number>): string {
  let key = `${code}`;
  for (const { number, value } of options) {
    // With the length in front no two lists of options give the same text.
    if (numbers.has(number)) key += ` ${number}:${value.length}:${value.toString("latin1")}`;
  }
  return key;
}
