// The text of a USB transcript: what went over the bus, when, and how it ended. One event a line, so that grep and a
// person can read it, and test/transcripts can replay it:
//
//     # comment
//     TIME PORT open VVVV:PPPP SPEED     a device was opened: ids in hex, speed full or high
//     TIME PORT > EP BYTES               a write to endpoint EP, at the moment when it was handed over
//     TIME PORT < EP BYTES               a read from endpoint EP, at the moment when its bytes were here
//     TIME PORT | BYTES                  more bytes of the line before
//     TIME PORT halt EP                  a halt was cleared
//     TIME PORT reset                    the port was reset
//     TIME PORT close                    the device was closed
//     TIME PORT attach VVVV:PPPP         a device came, or went (detach)
//     TIME PORT WHAT! [EP] CODE TEXT     what failed, with the error's code; CODE is `cancelled` where the caller gave up
//
// TIME is in microseconds since the transcript began, PORT the socket (`1-1.4`, or `192.0.2.7:57357`), EP an endpoint address and BYTES are
// hex, four bytes a group and 32 a line; white space in them has no meaning. A read that fails is `<!`, a write `>!`.

import { type Clock, isoUtc } from "../../base/clock.ts";
import { isVscopeError, messageOf } from "../../base/errors.ts";

/** Takes one line without its end. Called often and within transfers: it must be quick and must not wait. */
export type LineSink = (line: string) => void;

export interface TranscriptOptions {
  readonly clock: Clock;
  readonly sink: LineSink;
}

const TIME_DIGITS = 10;
const LINE_HEX_DIGITS = 64;
const GROUPS = /[0-9A-F]{1,8}/g;

export class Transcript {
  readonly #clock: Clock;
  readonly #sink: LineSink;
  readonly #startUs: number;
  #isBroken = false;

  constructor({ clock, sink }: TranscriptOptions) {
    this.#clock = clock;
    this.#sink = sink;
    this.#startUs = clock.nowUs();
    this.#write(`# USB transcript, begun ${isoUtc(clock.utcUs())}`);
  }

  /** Adds a line; `text` is all behind the port. */
  event(portPath: string, text: string): void {
    this.#write(`${this.#start(portPath)} ${text}`);
  }

  /** Adds the bytes of a transfer, over as many lines as they need. */
  transfer(portPath: string, what: string, bytes: Uint8Array): void {
    const start = this.#start(portPath);
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex").toUpperCase();
    for (let at = 0; at === 0 || at < hex.length; at += LINE_HEX_DIGITS) {
      const groups = hex.slice(at, at + LINE_HEX_DIGITS).match(GROUPS) ?? [];
      this.#write(`${start} ${[at === 0 ? what : "|", ...groups].join(" ")}`);
    }
  }

  /** Adds a failure: `what` is the event with its endpoint, such as `<! 82`. An abort of `signal` is no fault. */
  failure(portPath: string, what: string, error: unknown, signal?: AbortSignal): void {
    const isCancelled = signal?.aborted === true && error === signal.reason;
    const code = isCancelled ? "cancelled" : isVscopeError(error) ? error.code : "error";
    this.event(portPath, `${what} ${code} ${messageOf(error).replaceAll(/\s+/g, " ")}`);
  }

  #start(portPath: string): string {
    return `${String(this.#clock.nowUs() - this.#startUs).padStart(TIME_DIGITS)} ${portPath}`;
  }

  // What a sink throws is nobody's fault on the bus: the transcript ends, the transfers go on.
  #write(line: string): void {
    if (this.#isBroken) return;
    try {
      this.#sink(line);
    } catch {
      this.#isBroken = true;
    }
  }
}

/** An endpoint address as the transcript writes it. */
export function endpointText(endpoint: number): string {
  return endpoint.toString(16).padStart(2, "0").toUpperCase();
}

/** `2457:101E`. */
export function idText(vendorId: number, productId: number): string {
  return [vendorId, productId].map((id) => id.toString(16).padStart(4, "0").toUpperCase()).join(":");
}
