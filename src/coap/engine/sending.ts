// Bytes of large answers on their way over connections: parts of bodies that are being read, and what waits for clients to
// read it. One budget for all of them, so that many clients that each ask for a large file do not fill the memory.

import { PerComputer } from "./computers.ts";
import type { Peer } from "./peer.ts";
import type { Reply } from "./response.ts";

/** About how long a part takes over a good link. */
const TRY_AGAIN_S = 5;

export class Sending {
  readonly #limitBytes: number;
  readonly #held: PerComputer;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#held = new PerComputer(0, limitBytes);
  }

  get bytes(): number {
    return this.#held.total;
  }

  /** 5.03 when no more may be read for the peer. One part always may, so that no file is too large for a small budget. */
  refusal(peer: Peer, bytes: number): Reply | undefined {
    const own = this.#held.of(peer);
    const isMuch = own > 0 && !this.#held.hasRoom(peer, bytes);
    if (isMuch) return this.#refused(`${own} bytes wait for this computer, limit a quarter of`);
    const { total } = this.#held;
    const isFull = total > 0 && total + bytes > this.#limitBytes;
    return isFull ? this.#refused(`${total} bytes wait for clients, limit`) : undefined;
  }

  take(peer: Peer, bytes: number): void {
    this.#held.take(peer, bytes);
  }

  give(peer: Peer, bytes: number): void {
    this.#held.give(peer, bytes);
  }

  #refused(fact: string): Reply {
    const text = `answers over connections: ${fact} ${this.#limitBytes} bytes`;
    return { code: "5.03", maxAgeS: TRY_AGAIN_S, payload: Buffer.from(text), isForNow: true };
  }
}
