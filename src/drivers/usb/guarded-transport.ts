// A transport on which everything ends. A cancelled transfer ends within a millisecond; one that does not hangs in the
// bus. It is given up, whoever has cancelled it (a client, a deadline), and the connection with it: only closing, a reset
// and opening again help then.

import { NEVER, orAborted, orGivenUp, withDeadline } from "../../base/abort.ts";
import { type Clock, SECOND } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { UsbTransport } from "./port.ts";

/** How long a transfer may go on after it was cancelled, and how long closing may take. */
export const CANCEL_US = 2 * SECOND;

export class GuardedTransport implements UsbTransport {
  readonly #inner: UsbTransport;
  readonly #clock: Clock;
  readonly #place: string;
  /** The transfer that hangs. */
  #stuck: VscopeError | undefined;

  /** `place` begins the messages, such as "USB 1-1.4". */
  constructor(inner: UsbTransport, { clock, place }: { readonly clock: Clock; readonly place: string }) {
    this.#inner = inner;
    this.#clock = clock;
    this.#place = place;
  }

  get speed(): UsbTransport["speed"] {
    return this.#inner.speed;
  }

  /** As the port says; throws DEVICE_TIMEOUT when it does not end, and from then on. */
  write(endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#guarded("a write", (inner) => this.#inner.write(endpoint, bytes, inner), signal);
  }

  /** As `write`. */
  read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#guarded("a read", (inner) => this.#inner.read(endpoint, length, inner), signal);
  }

  async clearHalt(endpoint: number): Promise<void> {
    this.#requireFree();
    await this.#inner.clearHalt(endpoint);
  }

  reset(): Promise<void> {
    return this.#inner.reset();
  }

  /** Never rejects, and does not wait longer than a cancelled transfer may take. */
  async close(): Promise<void> {
    const late = (): Error => new VscopeError("DEVICE_TIMEOUT", `${this.#place}: does not close`);
    const deadline = { clock: this.#clock, us: CANCEL_US, late };
    const closing = withDeadline(deadline, NEVER, (signal) => orAborted(this.#inner.close(), signal));
    await Promise.allSettled([closing]);
  }

  async #guarded<T>(
    what: string,
    transfer: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    this.#requireFree();
    const late = (reason: unknown): Error => {
      const fact = `${what} goes on ${CANCEL_US / SECOND} s after it was cancelled (${messageOf(reason)})`;
      this.#stuck = new VscopeError("DEVICE_TIMEOUT", `${this.#place}: ${fact}`, { cause: reason });
      return this.#stuck;
    };
    return orGivenUp(transfer(signal), { clock: this.#clock, us: CANCEL_US, late }, signal);
  }

  #requireFree(): void {
    if (this.#stuck !== undefined) throw this.#stuck;
  }
}
