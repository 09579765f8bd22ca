// A transport that writes down what another one does, and nothing else: the caller gets the other's own promises, so
// neither results nor errors nor the order in which they come differ from a transport that is not recorded.

import type { UsbTransport } from "./port.ts";
import { endpointText, type Transcript } from "./transcript.ts";

export class RecordingTransport implements UsbTransport {
  readonly speed: "full" | "high";
  readonly #inner: UsbTransport;
  readonly #transcript: Transcript;
  readonly #portPath: string;

  constructor(inner: UsbTransport, transcript: Transcript, portPath: string) {
    this.speed = inner.speed;
    this.#inner = inner;
    this.#transcript = transcript;
    this.#portPath = portPath;
  }

  write(endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const address = endpointText(endpoint);
    // Before the transfer: its answer may be here before its own end is known.
    this.#transcript.transfer(this.#portPath, `> ${address}`, bytes);
    const written = this.#inner.write(endpoint, bytes, signal);
    written.then(undefined, (error: unknown) => this.#failed(`>! ${address}`, error, signal));
    return written;
  }

  read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const address = endpointText(endpoint);
    const read = this.#inner.read(endpoint, length, signal);
    read.then(
      (bytes) => this.#transcript.transfer(this.#portPath, `< ${address}`, bytes),
      (error: unknown) => this.#failed(`<! ${address}`, error, signal),
    );
    return read;
  }

  clearHalt(endpoint: number): Promise<void> {
    return this.#recorded("halt", this.#inner.clearHalt(endpoint), ` ${endpointText(endpoint)}`);
  }

  reset(): Promise<void> {
    return this.#recorded("reset", this.#inner.reset());
  }

  close(): Promise<void> {
    return this.#recorded("close", this.#inner.close());
  }

  #recorded(what: string, done: Promise<void>, argument = ""): Promise<void> {
    done.then(
      () => this.#transcript.event(this.#portPath, `${what}${argument}`),
      (error: unknown) => this.#failed(`${what}!${argument}`, error),
    );
    return done;
  }

  #failed(what: string, error: unknown, signal?: AbortSignal): void {
    this.#transcript.failure(this.#portPath, what, error, signal);
  }
}
