// Requests and answers that wait for a client's acknowledgement. Those of addresses that have not proven themselves are
// counted apart: a sender that is forged answers nothing, and must not keep out those that do. When too many of them wait, of
// all or of one computer, the oldest go, and are told to come again with an Echo; others are refused while their own computer
// has many waiting.

import { PerComputer } from "../engine/computers.ts";
import type { CoapLimits } from "../engine/limits.ts";
import type { UdpPeer } from "./udp-peer.ts";
import type { UdpRequest } from "./udp-request.ts";

export class Waiting {
  readonly #limits: Pick<CoapLimits, "responses" | "responsesPerPeer">;
  readonly #answers: PerComputer;
  readonly #proofs: PerComputer;
  /** Those that wait for a proof, the oldest first; of all, and by computer. */
  readonly #doubted = new Set<UdpRequest>();
  readonly #doubtedOf = new Map<string, Set<UdpRequest>>();

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
    if (!peer.isProven) return false;
    const isMuch = this.#answers.total >= responses && this.#answers.of(peer) > 0;
    return isMuch || !this.#answers.hasRoom(peer);
  }

  /** Who has to go so that one more request of the peer may wait for a proof; undefined when there is room. */
  oldestFor(peer: UdpPeer): UdpPeer | undefined {
    if (!this.#proofs.hasRoom(peer)) return firstUnproven(this.#doubtedOf.get(peer.computer) ?? []);
    return this.#proofs.total < this.#limits.responses ? undefined : firstUnproven(this.#doubted);
  }

  /** Counts a request, or the answer to one, until the function that it returns is called. */
  begin(request: UdpRequest): () => void {
    const { from } = request;
    const isDoubted = !from.isProven;
    const count = isDoubted ? this.#proofs : this.#answers;
    count.take(from);
    if (isDoubted) this.#doubt(request);
    return () => {
      count.give(from);
      if (isDoubted) this.#undoubt(request);
    };
  }

  #doubt(request: UdpRequest): void {
    const { computer } = request.from;
    this.#doubted.add(request);
    const ofComputer = this.#doubtedOf.get(computer) ?? new Set();
    this.#doubtedOf.set(computer, ofComputer.add(request));
  }

  #undoubt(request: UdpRequest): void {
    const { computer } = request.from;
    this.#doubted.delete(request);
    const ofComputer = this.#doubtedOf.get(computer);
    ofComputer?.delete(request);
    if (ofComputer?.size === 0) this.#doubtedOf.delete(computer);
  }
}

function firstUnproven(requests: Iterable<UdpRequest>): UdpPeer | undefined {
  for (const { from } of requests) if (!from.isProven) return from;
  return undefined;
}
