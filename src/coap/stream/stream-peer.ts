// A client that talks to the server over a connection: requests in, answers and notifications out. Nothing piles up for a
// slow reader: it gets the newest value of what it observes, and long answers in blocks.

import { BERT_EXPONENT, LARGEST_BLOCK_BYTES, LARGEST_EXPONENT, type SizeLimits } from "../message/block.ts";
import { type Content, type Message, NO_BYTES } from "../message/codec.ts";
import { classOf, codeNumber } from "../message/codes.ts";
import type { Engine } from "../engine/engine.ts";
import { OPTION, uintOption } from "../message/options.ts";
import { type CoapIdentity, Peer, type Transport } from "../engine/peer.ts";
import { type Bucket, TOO_MANY, TRY_AGAIN_S } from "../engine/rate-limit.ts";
import type { ReplyMessage } from "../engine/response.ts";
import { endpointName } from "../network/udp.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { messageBytes } from "./frame.ts";
import type { MessageStream } from "./message-stream.ts";
import { type StreamCarrier, StreamRequest } from "./stream-request.ts";

/** While so much of bodies is being read for one connection, what else it asks for is read in small parts. */
const READING_BYTES = 4 * 1024 * 1024;

/** So many notifications of one connection are rendered at a time. */
const RENDERED_AT_ONCE = 4;

/** So many pings of one connection may wait for the answers before them; a ping takes three bytes and costs much more. */
const WAITING_PONGS = 16;

export interface StreamPeerOptions {
  readonly engine: Engine;
  /** Unlike that of any other connection. */
  readonly number: number;
  readonly maxMessageBytes: number;
  /** The connection has ended; `fact` tells why when it was not in order. */
  readonly closed: (peer: StreamPeer, fact: string | undefined) => void;
}

export class StreamPeer extends Peer implements ConnectionHost {
  readonly isStream = true;
  readonly name: string;
  readonly key: string;
  readonly plainAddress: string;
  readonly transport: Transport;
  readonly identity: CoapIdentity | undefined;
  readonly signal: AbortSignal;
  readonly #engine: Engine;
  readonly #connection: Connection;
  readonly #closed: StreamPeerOptions["closed"];
  readonly #bucket: Bucket | undefined;
  readonly #waiting = new Set<StreamCarrier>();
  #rendering = 0;
  /** Of messages that were sent and that the client has not read yet. */
  #unreadBytes = 0;
  #pongs: ((withCustody: boolean) => void)[] = [];
  #isReleased = false;

  constructor(stream: MessageStream, { engine, number, maxMessageBytes, closed }: StreamPeerOptions) {
    super();
    this.name = endpointName(stream.address, stream.port);
    this.key = `${stream.transport}#${number}`;
    this.plainAddress = stream.address;
    this.transport = stream.transport;
    this.identity = stream.identity;
    this.signal = engine.signal;
    this.#engine = engine;
    this.#closed = closed;
    this.#bucket = engine.rates.of(stream.address, engine.clock.nowUs());
    const { clock, limits: patience } = engine;
    this.#connection = new Connection(stream, this, { clock, maxMessageBytes, patience });
  }

  /** Small ones while answers wait to be read, by the peer or from a disk: the rest of a long one then waits where the memory is bounded. */
  get sizes(): SizeLimits {
    const { sizes, isFull } = this.#connection;
    if (!isFull && this.readingBytes < READING_BYTES) return sizes;
    const sizeExponent = sizes.sizeExponent === BERT_EXPONENT ? LARGEST_EXPONENT : sizes.sizeExponent;
    const blockBytes = Math.min(sizes.blockBytes, LARGEST_BLOCK_BYTES);
    return { wholeBytes: blockBytes, sizeExponent, blockBytes };
  }

  /** When it was last heard. */
  get heardUs(): number {
    return this.#connection.heardUs;
  }

  /** Whether ending the connection now would break something under way. */
  get isBusy(): boolean {
    return this.running > 0 || this.observers > 0;
  }

  /** Ends what takes too long. Whoever is silent for `idleUs` is asked whether he observes still, or let go. */
  check(nowUs: number, idleUs: number): void {
    this.#connection.check(nowUs);
    const { isEnding, isFull } = this.#connection;
    if (isEnding || isFull || this.running > 0 || nowUs - this.heardUs < idleUs) return;
    if (this.observers > 0) this.#connection.ping();
    else this.#connection.retire();
  }

  release(): void {
    this.#connection.release();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  message(message: Message): void {
    const { counts, log } = this.#engine;
    counts.received += 1;
    const isAllowed = this.#isAllowed(this.#connection.heardUs);
    // Responses to what was never asked.
    if (classOf(message.code) !== 0) return isAllowed ? undefined : this.#connection.hold();
    if (!isAllowed) return this.#limit(message.token);
    try {
      this.#engine.handle(new StreamRequest(message, this.#engine.open(message, this), this));
    } catch (error) {
      counts.failures += 1;
      log.error({ err: error, peer: this.name }, "CoAP: a message could not be handled");
      this.#connection.abort("internal error");
    }
  }

  signalled(nowUs: number): boolean {
    return this.#isAllowed(nowUs);
  }

  opened(): void {}

  drained(): void {
    this.#hasRead();
    this.#grant();
  }

  released(): void {
    this.#isReleased = true;
    this.#answered();
  }

  afterAnswers(pong: (withCustody: boolean) => void): void {
    // Custody is elective, the Pong is not. What the client does not read of them stops the reading of more.
    if (this.#pongs.length >= WAITING_PONGS) return pong(false);
    this.#pongs.push(pong);
    this.#answered();
  }

  closed(fact: string | undefined): void {
    this.#hasRead();
    this.isGone = true;
    this.#closed(this, fact);
  }

  respond(token: Buffer, answer: ReplyMessage): void {
    if (!answer.isUnwanted) this.send(token, answer);
    this.#answered();
  }

  /** Sends an answer or a notification; 5.00 in its place when its options alone are too long for the peer. */
  send(token: Buffer, { code, options, payload }: Content): void {
    const message = { code, token, options, payload };
    const isTooLong = messageBytes(message) > this.#connection.maxMessageBytes;
    this.#engine.counts.sent += 1;
    if (isTooLong)
      return this.#connection.send({ code: codeNumber("5.00"), token, options: [], payload: NO_BYTES });
    this.#connection.send(message);
    // What has left at once, or is less than that, is not worth counting.
    if (!this.#connection.isFull || this.isGone) return;
    this.#unreadBytes += payload.length;
    this.#engine.sending.take(this, payload.length);
  }

  /** Takes a turn to render and send a notification; false when the carrier has to wait for `granted`. */
  reserve(carrier: StreamCarrier): boolean {
    if (this.#canRender && this.#waiting.size === 0) {
      this.#rendering += 1;
      return true;
    }
    this.#waiting.add(carrier);
    return false;
  }

  /** Gives a turn to the next one that waits. */
  giveBack(): void {
    this.#rendering -= 1;
    this.#grant();
  }

  /** The carrier waits no longer. */
  forget(carrier: StreamCarrier): void {
    this.#waiting.delete(carrier);
  }

  #isAllowed(nowUs: number): boolean {
    if ((this.#bucket?.take(nowUs) ?? "allowed") === "allowed") return true;
    this.#engine.counts.limited += 1;
    return false;
  }

  // A connection cannot drop a request: nobody would send it again.
  #limit(token: Buffer): void {
    const options = [uintOption(OPTION.MAX_AGE, TRY_AGAIN_S)];
    this.send(token, { code: TOO_MANY, options, payload: NO_BYTES });
  }

  #hasRead(): void {
    this.#engine.sending.give(this, this.#unreadBytes);
    this.#unreadBytes = 0;
  }

  get #canRender(): boolean {
    return !this.#connection.isFull && this.#rendering < RENDERED_AT_ONCE;
  }

  #grant(): void {
    for (const carrier of this.#waiting) {
      if (!this.#canRender) return;
      this.#waiting.delete(carrier);
      this.#rendering += 1;
      carrier.granted();
    }
  }

  #answered(): void {
    if (this.running > 0) return;
    for (const pong of this.#pongs.splice(0)) pong(true);
    if (this.#isReleased) this.#connection.release();
  }
}
