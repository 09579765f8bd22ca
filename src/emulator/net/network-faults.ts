// Faults on demand of a spectrometer on a network: what goes wrong with the N-th answer of its TCP connections.

export type NetworkFault =
  /** Nobody listens. */
  | { readonly kind: "refused" }
  /** The connection is accepted and closed. */
  | { readonly kind: "dropped" }
  /** The connection ends in the middle of the answer. */
  | { readonly kind: "cut"; readonly nth: number }
  /** From this answer on nothing comes; the connection stays. */
  | { readonly kind: "silent"; readonly nth: number }
  /** Every byte of every answer comes by itself. */
  | { readonly kind: "pieces" }
  /** The answer comes late, in one piece with the next. */
  | { readonly kind: "joined"; readonly nth: number }
  /** Bytes that begin no message come before the answer. */
  | { readonly kind: "rubbish"; readonly nth: number }
  /** It says that it is another product. */
  | { readonly kind: "wrong-product"; readonly productId: number };

export class NetworkFaults {
  #fault: NetworkFault | undefined;
  #answers = 0;

  /** Answers are counted from 1 again. */
  start(fault: NetworkFault): void {
    this.#fault = fault;
    this.#answers = 0;
  }

  end(): void {
    this.#fault = undefined;
  }

  get current(): NetworkFault | undefined {
    return this.#fault;
  }

  /** Answers since `start`. */
  get answers(): number {
    return this.#answers;
  }

  /** Counts an answer and says what happens to it. */
  next(): NetworkFault | undefined {
    this.#answers += 1;
    const fault = this.#fault;
    if (fault === undefined || !("nth" in fault)) return fault;
    const hits = fault.kind === "silent" ? this.#answers >= fault.nth : this.#answers === fault.nth;
    return hits ? fault : undefined;
  }
}
