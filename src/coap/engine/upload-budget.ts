// What unfinished uploads may hold: of one client, of one computer, and of all. Shared by those in blocks and in bursts.

import { Budget } from "../../base/budget.ts";
import { PerComputer } from "./computers.ts";
import type { CoapLimits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { Reply } from "./response.ts";

/** There is no room for another upload, or another part. */
export const NO_ROOM: Reply = { code: "5.03", maxAgeS: 5 };

export class UploadBudget {
  readonly #limits: CoapLimits;
  readonly #budget: Budget;
  readonly #held: PerComputer;

  constructor(limits: CoapLimits) {
    this.#limits = limits;
    this.#budget = new Budget(limits.uploadBytes);
    this.#held = new PerComputer(limits.uploadBytesPerPeer, limits.uploadBytes);
  }

  /** Whether peers that may be forged have their share of all. */
  isCrowdedFor(peer: Peer): boolean {
    return this.#held.isCrowdedFor(peer);
  }

  ascertain(peer: Peer): void {
    this.#held.ascertain(peer);
  }

  fits(peer: Peer, bytes: number): boolean {
    const isMuch = peer.uploadBytes + bytes > this.#limits.uploadBytesPerPeer;
    return !isMuch && this.#budget.fits(bytes) && this.#held.hasRoom(peer, bytes);
  }

  take(peer: Peer, bytes: number): void {
    peer.uploadBytes += bytes;
    this.#budget.take(bytes);
    this.#held.take(peer, bytes);
  }

  give(peer: Peer, bytes: number): void {
    peer.uploadBytes -= bytes;
    this.#budget.give(bytes);
    this.#held.give(peer, bytes);
  }

  /** 4.13 for a body that is announced as, or already, too large. */
  refusalOf(announcedBytes: number, bytes: number): Reply | undefined {
    const limit = this.#limits.bodyBytes;
    if (announcedBytes <= limit && bytes <= limit) return undefined;
    return { code: "4.13", payload: Buffer.from(`body is larger than ${limit} bytes`), size1: limit };
  }
}
