// A UsbTransport with deadlines and a name: every transfer ends, every error says which device and what was tried.
// Below the protocols (ooi.ts, obp.ts), above the port.

import { all, NEVER, orAborted, withDeadline } from "../../base/abort.ts";
import { type Clock, MS, SECOND } from "../../base/clock.ts";
import { isVscopeError, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { UsbTransport } from "../usb/port.ts";
import type { Endpoints } from "./model.ts";

const WRITE_DEADLINE_US = SECOND;
// Longer than any stale message; a multiple of every packet size, so that it never overflows.
const DRAIN_BYTES = 16_384;
// A buffer in the device holds less than this; more means that it sends without end.
const DRAIN_READS = 200;

export interface LinkOptions {
  readonly transport: UsbTransport;
  readonly clock: Clock;
  readonly log: Log;
  /** Begins every message until `rename`: model and port. */
  readonly subject: string;
}

export interface Wait {
  readonly us: number;
  /** What is waited for, for the message: "status". */
  readonly what: string;
}

export class Link {
  readonly transport: UsbTransport;
  readonly clock: Clock;
  readonly log: Log;
  #subject: string;

  constructor({ transport, clock, log, subject }: LinkOptions) {
    this.transport = transport;
    this.clock = clock;
    this.log = log;
    this.#subject = subject;
  }

  get subject(): string {
    return this.#subject;
  }

  /** From now on messages begin with the serial number. */
  rename(subject: string): void {
    this.#subject = subject;
  }

  /** Bytes of a full packet on the pipes of this device. */
  get packetBytes(): 64 | 512 {
    return this.transport.speed === "high" ? 512 : 64;
  }

  /**
   * The buffer for `bytes` bytes: whole packets, so that a longer stale packet cannot overflow it. When `bytes` is
   * whole packets already there is no short packet at the end, and the buffer has exactly this size.
   */
  bufferBytes(bytes: number): number {
    return Math.ceil(bytes / this.packetBytes) * this.packetBytes;
  }

  protocolError(fact: string, details: Readonly<Record<string, unknown>> = {}): VscopeError {
    return new VscopeError("DEVICE_PROTOCOL", `${this.#subject}: ${fact}`, { details });
  }

  write(endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.within(
      { us: WRITE_DEADLINE_US, what: `command ${hex(bytes[0] ?? 0)} to be taken` },
      signal,
      (inner) => this.transport.write(endpoint, bytes, inner),
    );
  }

  read(endpoint: number, length: number, wait: Wait, signal: AbortSignal): Promise<Uint8Array> {
    return this.within(wait, signal, (inner) => this.transport.read(endpoint, length, inner));
  }

  /**
   * Runs a task that ends by itself or, after `wait.us`, with DEVICE_TIMEOUT. Infinite `wait.us`: only `signal` ends it.
   * The bus's errors get the subject.
   */
  async within<T>(wait: Wait, signal: AbortSignal, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = (): Error =>
      new VscopeError(
        "DEVICE_TIMEOUT",
        `${this.#subject}: no ${wait.what} within ${Math.round(wait.us / MS)} ms`,
      );
    try {
      if (wait.us === Number.POSITIVE_INFINITY) return await task(signal);
      return await withDeadline({ clock: this.clock, us: wait.us, late }, signal, task);
    } catch (error) {
      throw this.#named(error, signal);
    }
  }

  // An abort is somebody else's error and stays as it is.
  #named(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted && error === signal.reason) return error;
    if (!isVscopeError(error) || error.message.startsWith(this.#subject)) return error;
    return new VscopeError(error.code, `${this.#subject}: ${error.message}`, {
      cause: error,
      details: error.details,
    });
  }

  /** Clears a halt and the data toggle of every pipe, which a crashed session may have left behind. */
  async clearHalts({ out, answer, spectrum, spectrumFirst }: Endpoints): Promise<void> {
    const first =
      spectrumFirst === undefined || this.transport.speed === "full" ? [] : [spectrumFirst.endpoint];
    try {
      for (const endpoint of new Set([out, answer, spectrum, ...first]))
        await this.transport.clearHalt(endpoint);
    } catch (error) {
      throw this.#named(error, NEVER);
    }
  }

  /** Reads and drops until every endpoint has been silent for `quietUs`. Returns the number of bytes dropped. */
  async drain(endpoints: readonly number[], quietUs: number, signal: AbortSignal): Promise<number> {
    const distinct = [...new Set(endpoints)];
    const dropped = await all(
      distinct.map((endpoint) => (inner: AbortSignal) => this.#drainOne(endpoint, quietUs, inner)),
      signal,
    );
    const bytes = dropped.reduce((sum, count) => sum + count, 0);
    if (bytes > 0) this.log.warn({ bytes }, `${this.#subject}: dropped stale bytes`);
    return bytes;
  }

  async #drainOne(endpoint: number, quietUs: number, signal: AbortSignal): Promise<number> {
    const silence = new VscopeError("DEVICE_TIMEOUT", `${this.#subject}: silent`);
    let bytes = 0;
    for (let reads = 0; reads < DRAIN_READS; reads++) {
      try {
        const deadline = { clock: this.clock, us: quietUs, late: () => silence };
        const packet = await withDeadline(deadline, signal, (inner) =>
          this.transport.read(endpoint, DRAIN_BYTES, inner),
        );
        bytes += packet.length;
      } catch (error) {
        if (error === silence) return bytes;
        if (!isVscopeError(error, "DEVICE_PROTOCOL")) throw this.#named(error, signal);
        await orAborted(this.transport.clearHalt(endpoint), signal);
      }
    }
    throw this.protocolError(`sends without end, ${bytes} bytes dropped`);
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0").toUpperCase();
}
