// Confirmable messages: sent again until they are acknowledged (RFC 7252 section 4.2), one at a time per recipient
// (NSTART = 1, section 4.7). One timer serves all of them. Used by the server for separate responses and notifications,
// and by the client for requests.

import type { Clock } from "../../base/clock.ts";
import { Ticker } from "../../base/ticker.ts";

/** RFC 7252 section 4.8: the first retransmission after 2 to 3 s, each further one after twice the time, four in all. */
const ACK_TIMEOUT_US = 2_000_000;
const ACK_RANDOM_FACTOR = 1.5;
const MAX_RETRANSMIT = 4;
const TICK_US = 200_000;

export type Outcome = "acknowledged" | "reset" | "abandoned" | "cancelled";

export interface Confirmable {
  readonly messageId: number;
  readonly bytes: Buffer;
  /** How often it is sent again at most; 4 times when absent. */
  readonly retransmissions?: number;
  /** When it is first sent again; after 2 to 3 s when absent. Each further time takes twice as long. */
  readonly firstWaitUs?: number;
  /** Called once, when it is known what became of the message. */
  readonly settled: (outcome: Outcome) => void;
}

interface Outstanding extends Confirmable {
  readonly retransmissions: number;
  repeated: number;
  waitUs: number;
  dueUs: number;
}

/** Something to send that waits for its turn. */
export interface Turn {
  /** The line is free. Must lead to `transmit` or `release`. */
  readonly granted: () => void;
  /** The line will not be free for it: the recipient is gone. */
  readonly dropped?: () => void;
}

/** The confirmable traffic to one recipient. */
export class Line {
  isTaken = false;
  outstanding: Outstanding | undefined;
  readonly waiting: Turn[] = [];

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
  /** What must be acknowledged or reset before a recipient's line is granted to anybody. */
  readonly before?: (recipient: R) => Confirmable | undefined;
  /** 0 to 1; spreads the first time-out. */
  readonly random?: () => number;
}

export class Reliability<R extends Recipient> {
  readonly #clock: Clock;
  readonly #send: (recipient: R, bytes: Buffer) => void;
  readonly #retransmitted: () => void;
  readonly #before: (recipient: R) => Confirmable | undefined;
  readonly #random: () => number;
  readonly #active = new Set<R>();
  readonly #ticker: Ticker;

  constructor(options: ReliabilityOptions<R>) {
    const { clock, send, retransmitted = () => {}, before = () => undefined, random = Math.random } = options;
    this.#clock = clock;
    this.#send = send;
    this.#retransmitted = retransmitted;
    this.#before = before;
    this.#random = random;
    this.#ticker = new Ticker(clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  /** Grants the recipient's line once it is free, perhaps at once; in the order of the calls. */
  whenFree(recipient: R, turn: Turn): void {
    const { line } = recipient;
    if (line.isTaken) {
      line.waiting.push(turn);
      return;
    }
    line.isTaken = true;
    const first = this.#before(recipient);
    if (first === undefined) return turn.granted();
    line.waiting.push(turn);
    this.transmit(recipient, first);
  }

  /** Forgets all that waits for the recipient's line. */
  drop({ line }: R): void {
    for (const { dropped } of line.waiting.splice(0)) dropped?.();
  }

  /** Ends what is outstanding and forgets all that waits, for a recipient that is forgotten. */
  forget(recipient: R): void {
    this.drop(recipient);
    const { outstanding } = recipient.line;
    if (outstanding !== undefined) this.settle(recipient, outstanding.messageId, "cancelled");
  }

  /** Sends on a line that was granted; the line is free again when the message has settled. */
  transmit(recipient: R, message: Confirmable): void {
    const { messageId, bytes, settled, retransmissions = MAX_RETRANSMIT } = message;
    const waitUs = message.firstWaitUs ?? ACK_TIMEOUT_US * (1 + this.#random() * (ACK_RANDOM_FACTOR - 1));
    const dueUs = this.#clock.nowUs() + waitUs;
    recipient.line.outstanding = { messageId, bytes, settled, retransmissions, repeated: 0, waitUs, dueUs };
    this.#active.add(recipient);
    this.#ticker.wake();
    this.#send(recipient, bytes);
  }

  /** Gives a granted line to the next one that waits. */
  release({ line }: R): void {
    const next = line.waiting.shift();
    if (next === undefined) line.isTaken = false;
    else next.granted();
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
      this.forget(recipient);
    }
    this.#active.clear();
  }

  #tick(nowUs: number): boolean {
    for (const recipient of this.#active) {
      const outstanding = recipient.line.outstanding;
      if (outstanding === undefined || nowUs < outstanding.dueUs) continue;
      if (outstanding.repeated === outstanding.retransmissions) {
        this.settle(recipient, outstanding.messageId, "abandoned");
        continue;
      }
      outstanding.repeated += 1;
      outstanding.waitUs *= 2;
      outstanding.dueUs = nowUs + outstanding.waitUs;
      this.#retransmitted();
      this.#send(recipient, outstanding.bytes);
    }
    return this.#active.size > 0;
  }
}
