// Confirmable messages: sent again until they are acknowledged (RFC 7252 section 4.2), one at a time per recipient
// (NSTART = 1, section 4.7). One timer serves all of them. Used by the server for separate responses and notifications,
// and by the client for requests.

import type { Clock } from "../base/clock.ts";
import { Ticker } from "./ticker.ts";

/** RFC 7252 section 4.8: the first retransmission after 2 to 3 s, each further one after twice the time, four in all. */
const ACK_TIMEOUT_US = 2_000_000;
const ACK_RANDOM_FACTOR = 1.5;
const MAX_RETRANSMIT = 4;
const TICK_US = 200_000;

export type Outcome = "acknowledged" | "reset" | "abandoned" | "cancelled";

export interface Confirmable {
  readonly messageId: number;
  readonly bytes: Buffer;
  /** Called once, when it is known what became of the message. */
  readonly settled: (outcome: Outcome) => void;
}

interface Outstanding extends Confirmable {
  retransmissions: number;
  waitUs: number;
  dueUs: number;
}

/** The confirmable traffic to one recipient. */
export class Line {
  isTaken = false;
  outstanding: Outstanding | undefined;
  readonly waiting: (() => void)[] = [];

  get isIdle(): boolean {
    return !this.isTaken && this.waiting.length === 0;
  }
}

export interface Recipient {
  readonly line: Line;
}

export interface ReliabilityOptions<R extends Recipient> {
  readonly clock: Clock;
  readonly send: (recipient: R, bytes: Buffer) => void;
  readonly retransmitted?: () => void;
  /** 0 to 1; spreads the first time-out. */
  readonly random?: () => number;
}

export class Reliability<R extends Recipient> {
  readonly #clock: Clock;
  readonly #send: (recipient: R, bytes: Buffer) => void;
  readonly #retransmitted: () => void;
  readonly #random: () => number;
  readonly #active = new Set<R>();
  readonly #ticker: Ticker;

  constructor({ clock, send, retransmitted = () => {}, random = Math.random }: ReliabilityOptions<R>) {
    this.#clock = clock;
    this.#send = send;
    this.#retransmitted = retransmitted;
    this.#random = random;
    this.#ticker = new Ticker(clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  /** Calls `granted` once the recipient's line is free, perhaps at once. It must lead to `transmit` or `release`. */
  whenFree({ line }: R, granted: () => void): void {
    if (line.isTaken) {
      line.waiting.push(granted);
      return;
    }
    line.isTaken = true;
    granted();
  }

  /** Sends on a line that was granted; the line is free again when the message has settled. */
  transmit(recipient: R, message: Confirmable): void {
    const waitUs = ACK_TIMEOUT_US * (1 + this.#random() * (ACK_RANDOM_FACTOR - 1));
    const dueUs = this.#clock.nowUs() + waitUs;
    recipient.line.outstanding = { ...message, retransmissions: 0, waitUs, dueUs };
    this.#active.add(recipient);
    this.#ticker.wake();
    this.#send(recipient, message.bytes);
  }

  /** Gives a granted line to the next one that waits. */
  release({ line }: R): void {
    const next = line.waiting.shift();
    if (next === undefined) line.isTaken = false;
    else next();
  }

  /** Ends the outstanding message with this identifier; false when there is none. */
  settle(recipient: R, messageId: number, outcome: Outcome): boolean {
    const outstanding = recipient.line.outstanding;
    if (outstanding?.messageId !== messageId) return false;
    recipient.line.outstanding = undefined;
    this.#active.delete(recipient);
    outstanding.settled(outcome);
    this.release(recipient);
    return true;
  }

  /** Ends all outstanding messages and forgets those that wait. */
  stop(): void {
    this.#ticker.stop();
    for (const recipient of this.#active) {
      recipient.line.waiting.length = 0;
      const outstanding = recipient.line.outstanding;
      if (outstanding !== undefined) this.settle(recipient, outstanding.messageId, "cancelled");
    }
    this.#active.clear();
  }

  #tick(nowUs: number): boolean {
    for (const recipient of this.#active) {
      const outstanding = recipient.line.outstanding;
      if (outstanding === undefined || nowUs < outstanding.dueUs) continue;
      if (outstanding.retransmissions === MAX_RETRANSMIT) {
        this.settle(recipient, outstanding.messageId, "abandoned");
        continue;
      }
      outstanding.retransmissions += 1;
      outstanding.waitUs *= 2;
      outstanding.dueUs = nowUs + outstanding.waitUs;
      this.#retransmitted();
      this.#send(recipient, outstanding.bytes);
    }
    return this.#active.size > 0;
  }
}
