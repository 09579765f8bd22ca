// Answers in the order of their arrival, for who takes them one by one with a deadline.

import type { Clock } from "../../base/clock.ts";
import type { Message } from "../message/codec.ts";

/** Beyond these further ones are lost, as they can be on the way. */
const CAPACITY = 256;

export class Inbox {
  readonly #clock: Clock;
  readonly #messages: Message[] = [];
  #wake: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(message: Message): void {
    if (this.#messages.length < CAPACITY) this.#messages.push(message);
    this.#wake();
  }

  /** Resolves with the next message, or undefined after `us`; rejects when the signal aborts. */
  async take(us: number, signal: AbortSignal): Promise<Message | undefined> {
    signal.throwIfAborted();
    if (this.#messages.length === 0) await this.#arrival(us, signal);
    return this.#messages.shift();
  }

  #arrival(us: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", onAbort);
        this.#wake = () => {};
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason);
      };
      this.#wake = () => {
        end();
        resolve();
      };
      const cancel = this.#clock.after(us, () => this.#wake());
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
