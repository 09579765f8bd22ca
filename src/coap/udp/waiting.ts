// Requests and answers that wait for a client's acknowledgement. Those of addresses that have not proven themselves are
// counted apart: a sender that is forged answers nothing, and must not keep out those that do. When too many of them wait the
// oldest go, and are told to come again with an Echo; others are refused while their own computer has many waiting.

import { PerComputer } from "../engine/computers.ts";
import type { CoapLimits } from "../engine/limits.ts";
import type { UdpPeer } from "./udp-peer.ts";
import type { UdpRequest } from "./udp-request.ts";

export class Waiting {
  readonly #limits: Pick<CoapLimits, "responses" | "responsesPerPeer">;
  readonly #answers: PerComputer;
  readonly #proofs: PerComputer;
  /** Those that wait for a proof, the oldest first. */
  readonly #doubted = new Set<UdpRequest>();

  constructor(limits: Pick<CoapLimits, "responses" | "responsesPerPeer">) {
    this.#limits = limits;
    this.#answers = new PerComputer(limits.responsesPerPeer, limits.responses);
    this.#proofs = new PerComputer(limits.responsesPerPeer, limits.responses);
  }

  /** Whether no more may wait for the peer. A computer for which nothing waits is served however much waits for others. */
  isFull(peer: UdpPeer): boolean {
    const { responses, responsesPerPeer } = this.#limits;
    // A notification waits for each observation at most, and must not keep out what the client asks for.
    if (peer.line.waiting.length >= responsesPerPeer + peer.observers) return true;
    if (!peer.isProven) return !this.#proofs.hasRoom(peer);
    const isMuch = this.#answers.total >= responses && this.#answers.of(peer) > 0;
    return isMuch || !this.#answers.hasRoom(peer);
  }

  /** Who has to go so that one more may wait for a proof; undefined when there is room. */
  oldest(): UdpPeer | undefined {
    if (this.#proofs.total < this.#limits.responses) return undefined;
    for (const { from } of this.#doubted) if (!from.isProven) return from;
    return undefined;
  }

  /** Counts a request, or the answer to one, until the function that it returns is called. */
  begin(request: UdpRequest): () => void {
    const { from } = request;
    const isDoubted = !from.isProven;
    const count = isDoubted ? this.#proofs : this.#answers;
    count.take(from);
    if (isDoubted) this.#doubted.add(request);
    return () => {
      count.give(from);
      if (isDoubted) this.#doubted.delete(request);
    };
  }
}
