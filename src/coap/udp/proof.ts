// Proof that a client gets what is sent to its address. Without it a forged request turns the server on a third party, so
// until then an address gets at most three times the bytes that came from it (RFC 9175 section 2.4). The proof is asked for
// by a ping: every client of RFC 7252 answers one by a reset, so clients need to know nothing of this. One that does not gets
// 4.01 with Echo (RFC 9175). Reasons and measurements: docs/decisions/0006-proof-of-addresses.md.

import type { Clock } from "../../base/clock.ts";
import { scopeOf } from "../network/address.ts";
import { type CoapMessage, pingMessage } from "../message/codec.ts";
import { EchoValues } from "./echo.ts";
import type { Neighbours } from "../network/neighbours.ts";
import { findOption, OPTION } from "../message/options.ts";
import type { Confirmable, Outcome } from "./reliability.ts";
import type { UdpPeer } from "./udp-peer.ts";

/**
 * Whose address is doubted. `public`: those that are neither of this computer, nor of its subnets, nor of a private network.
 * `all`: everybody's but this computer's. `none`: nobody's.
 */
export type Amplification = "public" | "all" | "none";

/** What an address gets for each byte that came from it. */
export const FACTOR = 3;

// Pings at 0, 0.4 and 1.2 s, given up after 2.8 s: 12 bytes in all, as they count, too. The second comes so early because coap-client of
// libcoap 4.3.1 resets nothing during the first quarter of a second of some of its runs.
const PING_RETRANSMISSIONS = 2;
const PING_FIRST_WAIT_US = 400_000;

/** How long an acknowledgement waits for the proof, so that it can carry the answer: less than clients wait (2 s). */
export const PROOF_WITHIN_US = 1_500_000;

/** Acknowledgements and resets of nothing; after these the address can prove itself by Echo only. */
const GUESSES = 8;

export interface ProofsOptions {
  readonly policy: Amplification;
  readonly clock: Clock;
  readonly neighbours: Neighbours;
  /** The peer has answered no ping. */
  readonly failed: (peer: UdpPeer) => void;
}

export class Proofs {
  readonly #options: ProofsOptions;
  readonly #echo = new EchoValues();

  constructor(options: ProofsOptions) {
    this.#options = options;
  }

  /** Whether the address is believed unseen. */
  isExempt(address: string): boolean {
    const { policy, neighbours } = this.#options;
    if (this.isCertain(address)) return true;
    return policy === "public" && (scopeOf(address) !== "public" || neighbours.include(address));
  }

  /** Whether the address is never doubted: that of this computer, or of anybody when the owner wants it so. */
  isCertain(address: string): boolean {
    // From outside nothing can claim to be of this computer: the system drops it.
    return this.#options.policy === "none" || scopeOf(address) === "loopback";
  }

  /** Counts what came from a peer, and looks for an Echo of ours. */
  heard(peer: UdpPeer, bytes: number, message: CoapMessage): void {
    peer.credit += FACTOR * bytes;
    const value = findOption(message.options, OPTION.ECHO);
    if (value !== undefined && this.#echo.isValid(value, peer.name, this.#options.clock.nowUs()))
      peer.prove();
  }

  /** Whether an acknowledgement or reset may still be taken for a proof: identifiers have only 16 bits. */
  mayGuess({ isCertain, guesses }: UdpPeer): boolean {
    return isCertain || guesses < GUESSES;
  }

  /** What a peer must answer before anything confirmable is sent to it; nothing when it has proven itself. */
  ping(peer: UdpPeer): Confirmable | undefined {
    if (peer.isProven) return undefined;
    const messageId = peer.nextMessageId();
    return {
      messageId,
      bytes: pingMessage(messageId),
      retransmissions: PING_RETRANSMISSIONS,
      firstWaitUs: PING_FIRST_WAIT_US,
      settled: (outcome: Outcome) => {
        // By now it may have proven itself otherwise.
        if (outcome === "abandoned" && !peer.isProven) this.#options.failed(peer);
      },
    };
  }

  /** The value that a peer is asked to send back. */
  echoFor(peer: UdpPeer): Buffer {
    return this.#echo.make(peer.name, this.#options.clock.nowUs());
  }
}
