// One end of a connection: the signalling of RFC 8323 section 5, and everything that must not take too long. Servers and
// clients are built on it. A mistake of the peer ends this connection and nothing else.

import type { SizeLimits } from "../message/block.ts";
import { BERT_EXPONENT, LARGEST_BLOCK_BYTES, LARGEST_EXPONENT } from "../message/block.ts";
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/clock.ts";
import type { Message } from "../message/codec.ts";
import { EMPTY } from "../message/codes.ts";
import { DEFAULT_LIMITS } from "../engine/limits.ts";
import type { MessageStream } from "./message-stream.ts";
import { type Patience, ReadingPace } from "./reading-pace.ts";
import {
  abortMessage,
  BASE_CAPABILITIES,
  type Capabilities,
  capabilitiesMessage,
  isSignal,
  pingMessage,
  pongTo,
  releaseMessage,
  SIGNAL,
  SMALLEST_MESSAGE_BYTES,
  unknownCritical,
  updated,
  wantsCustody,
} from "./signals.ts";

/** The peer's first message must be here by then. */
export const OPEN_WITHIN_US = 10 * SECOND;
/** A message may take this long, and for what has come of it the time that the slowest rate gives. */
const MESSAGE_WITHIN_US = 20 * SECOND;
const PONG_WITHIN_US = 30 * SECOND;
/** From our last message to the end of the connection. */
const END_WITHIN_US = 5 * SECOND;

// What header, token and options of a message take at most, but for a long Location-Path.
const OVERHEAD_BYTES = 128;

export interface ConnectionHost {
  /** A request or a response. */
  message(message: Message): void;
  /** A signal or an empty message; false when too many come, and nothing more is to be read for a while. */
  signalled(nowUs: number): boolean;
  /** The peer's capabilities are known; called once. */
  opened(): void;
  drained(): void;
  /** The peer wants to end: it sends nothing new, and waits for what it has asked. */
  released(): void;
  /** Calls `pong` when all requests so far are answered, or at once without custody when too many wait already. */
  afterAnswers(pong: (withCustody: boolean) => void): void;
  /** The connection has ended; `fact` tells why when it was not in order. */
  closed(fact: string | undefined): void;
}

export class Connection {
  readonly #stream: MessageStream;
  readonly #host: ConnectionHost;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #pace: ReadingPace;
  readonly #openedUs: number;
  #capabilities: Capabilities = BASE_CAPABILITIES;
  #sizes: SizeLimits;
  #isOpen = false;
  #isPaused = false;
  #isHeld = false;
  #heardUs: number;
  #unfinishedUs: number | undefined;
  #pingedUs: number | undefined;
  #retiredUs: number | undefined;
  #endedUs: number | undefined;
  #fact: string | undefined;

  /** `maxMessageBytes` is what this end takes. */
  constructor(
    stream: MessageStream,
    host: ConnectionHost,
    { clock, maxMessageBytes, patience = DEFAULT_LIMITS }: ConnectionOptions,
  ) {
    this.#stream = stream;
    this.#sizes = sizesFor(BASE_CAPABILITIES, stream.largestSentBytes);
    this.#patience = patience;
    this.#pace = new ReadingPace(patience);
    this.#host = host;
    this.#clock = clock;
    this.#openedUs = clock.nowUs();
    this.#heardUs = this.#openedUs;
    stream.attach({
      message: (message) => this.#receive(message),
      controlled: () => this.#count(),
      broken: (fact) => this.abort(fact),
      drained: () => this.#drained(),
      closed: (error) => host.closed(this.#fact ?? error?.message),
    });
    this.send(capabilitiesMessage(maxMessageBytes));
  }

  get sizes(): SizeLimits {
    return this.#sizes;
  }

  /** Largest message that the peer takes. */
  get maxMessageBytes(): number {
    return this.#capabilities.maxMessageBytes;
  }

  get isFull(): boolean {
    return this.#isPaused;
  }

  get isEnding(): boolean {
    return this.#endedUs !== undefined;
  }

  /** When the peer was last heard, or seen to read what waited for it. */
  get heardUs(): number {
    return this.#heardUs;
  }

  /** Sends. What the peer does not read stops the reading of what it asks. */
  send(message: Message): void {
    if (this.#endedUs !== undefined) return;
    this.#stream.send(message);
    if (!this.#stream.isFull || this.#isPaused) return;
    this.#isPaused = true;
    this.#pace.start(this.#clock.nowUs(), this.#stream.takenBytes);
    this.#stream.pause();
  }

  /** Reads nothing more until the next `check`: the peer feels it, and nothing is lost. */
  hold(): void {
    if (this.#isHeld || this.#endedUs !== undefined) return;
    this.#isHeld = true;
    this.#stream.pause();
  }

  /** Asks whether the peer is there; `check` ends the connection when it does not say so. */
  ping(): void {
    if (this.#pingedUs !== undefined) return;
    this.#pingedUs = this.#clock.nowUs();
    this.send(pingMessage());
  }

  /** Asks the peer to end. What it has sent meanwhile is answered still; `check` ends the connection if it does not. */
  retire(): void {
    if (this.#endedUs !== undefined || this.#retiredUs !== undefined) return;
    this.send(releaseMessage());
    this.#retiredUs = this.#clock.nowUs();
  }

  /** Ends in order. */
  release(): void {
    this.#end(this.#retiredUs === undefined ? releaseMessage() : undefined);
  }

  /** Ends because of a mistake of the peer. */
  abort(fact: string, badCsmOption?: number): void {
    this.#fact ??= fact;
    this.#end(abortMessage(fact, badCsmOption));
  }

  /** Ends at once. */
  destroy(fact?: string): void {
    this.#fact ??= fact;
    this.#stream.destroy();
  }

  /** Ends a connection that takes too long over something. Call it every second or so. */
  check(nowUs: number): void {
    this.#unhold();
    if (this.#isPaused) this.#checkReading(nowUs);
    else if (this.#endedUs !== undefined) {
      if (nowUs - this.#endedUs >= END_WITHIN_US) this.#stream.destroy();
    } else if (this.#retiredUs !== undefined && nowUs - this.#retiredUs >= END_WITHIN_US) {
      this.release();
    } else if (!this.#isOpen && nowUs - this.#openedUs >= OPEN_WITHIN_US) {
      this.abort("no capabilities message");
    } else if (this.#isSlow(nowUs)) {
      this.abort("a message takes too long");
    } else if (this.#pingedUs !== undefined && nowUs - this.#pingedUs >= PONG_WITHIN_US) {
      // The Pong comes after the message that is on its way.
      if (this.#stream.unfinishedBytes === 0) this.destroy("does not answer");
    }
  }

  #checkReading(nowUs: number): void {
    if (this.#pace.note(nowUs, this.#stream.takenBytes)) this.#heardUs = nowUs;
    if (this.#pace.isTooSlow(nowUs)) this.destroy("does not read what it has asked for");
  }

  #unhold(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (!this.#isPaused) this.#stream.resume();
  }

  #isSlow(nowUs: number): boolean {
    const bytes = this.#stream.unfinishedBytes;
    if (bytes === 0) {
      this.#unfinishedUs = undefined;
      return false;
    }
    this.#unfinishedUs ??= nowUs;
    return (
      nowUs - this.#unfinishedUs >= MESSAGE_WITHIN_US + (bytes / this.#patience.connectionBytesPerS) * SECOND
    );
  }

  #receive(message: Message): void {
    if (this.#endedUs !== undefined) return;
    this.#heardUs = this.#clock.nowUs();
    this.#unfinishedUs = undefined;
    this.#pingedUs = undefined;
    if (!this.#isOpen && message.code !== SIGNAL.CSM)
      this.abort("the first message is no capabilities message");
    else if (!isSignal(message.code) && message.code !== EMPTY) this.#host.message(message);
    else {
      this.#count();
      if (message.code !== EMPTY) this.#signal(message);
    }
  }

  #count(): void {
    if (!this.#host.signalled(this.#clock.nowUs())) this.hold();
  }

  #signal(message: Message): void {
    const unknown = unknownCritical(message);
    if (unknown !== undefined) return this.#refuseOption(message, unknown);
    switch (message.code) {
      case SIGNAL.CSM:
        return this.#learn(message);
      case SIGNAL.PING:
        return this.#pong(message);
      case SIGNAL.RELEASE:
        return this.#host.released();
      case SIGNAL.ABORT:
        return this.destroy(`has ended the connection: ${Buffer.from(message.payload).toString()}`);
      default:
      // A Pong has done its work by being heard; signals of later standards are for those who know them.
    }
  }

  #refuseOption({ code }: Message, option: number): void {
    const fact = `critical option ${option} of a signal`;
    if (code === SIGNAL.ABORT) this.destroy();
    else this.abort(fact, code === SIGNAL.CSM ? option : undefined);
  }

  #learn(message: Message): void {
    this.#capabilities = updated(this.#capabilities, message);
    const { maxMessageBytes } = this.#capabilities;
    if (maxMessageBytes < SMALLEST_MESSAGE_BYTES)
      return this.abort(`Max-Message-Size ${maxMessageBytes} is below ${SMALLEST_MESSAGE_BYTES}`);
    this.#sizes = sizesFor(this.#capabilities, this.#stream.largestSentBytes);
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#host.opened();
  }

  #pong(message: Message): void {
    const { token } = message;
    const pong = (withCustody: boolean): void => this.send(pongTo(token, withCustody));
    if (wantsCustody(message)) this.#host.afterAnswers(pong);
    else pong(false);
  }

  #drained(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#waitAnew(this.#clock.nowUs());
    if (this.#endedUs !== undefined) return;
    this.#host.drained();
    if (!this.#isPaused && !this.#isHeld) this.#stream.resume();
  }

  // While the peer could not be heard, nothing of it was late.
  #waitAnew(nowUs: number): void {
    this.#heardUs = nowUs;
    this.#unfinishedUs = undefined;
    if (this.#pingedUs !== undefined) this.#pingedUs = nowUs;
    if (this.#retiredUs !== undefined) this.#retiredUs = nowUs;
    if (this.#endedUs !== undefined) this.#endedUs = nowUs;
  }

  #end(last: Message | undefined): void {
    if (this.#endedUs !== undefined) return;
    if (last !== undefined) this.send(last);
    this.#endedUs = this.#clock.nowUs();
    this.#stream.end();
    // What is still on its way in is read and dropped, so that the end of it is seen.
    this.#stream.resume();
  }
}

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly maxMessageBytes: number;
  readonly patience?: Patience;
}

/** How to cut bodies for a peer, RFC 8323 section 6: BERT needs messages over 1152 bytes. */
function sizesFor({ maxMessageBytes, blockWise }: Capabilities, largestSentBytes: number): SizeLimits {
  const wholeBytes = Math.min(maxMessageBytes, largestSentBytes) - OVERHEAD_BYTES;
  if (blockWise && maxMessageBytes > BASE_CAPABILITIES.maxMessageBytes) {
    const blockBytes = wholeBytes - (wholeBytes % LARGEST_BLOCK_BYTES);
    return { wholeBytes, sizeExponent: BERT_EXPONENT, blockBytes };
  }
  const sizeExponent = Math.min(Math.floor(Math.log2(wholeBytes)) - 4, LARGEST_EXPONENT);
  return { wholeBytes, sizeExponent, blockBytes: 16 << sizeExponent };
}
