// The device's side of a transcript, strictly. A write must be the next line, and no byte may differ. A read gets its
// bytes when all lines before it are done and its time has come. What does not fit fails the transfer, shows the line
// and what came instead, and is kept for `finish`.
//
// Written by hand, a transcript may leave out halts cleared, the close, and reads that the host gave up: they are
// checked if the transcript has any of their kind. The recorder leaves out nothing.

import assert from "node:assert/strict";
import type { Clock } from "../../src/base/clock.ts";
import { isErrorCode, VscopeError } from "../../src/base/errors.ts";
import type { UsbDevice, UsbTransport } from "../../src/drivers/usb/port.ts";
import { bytesText, type ParseOptions, parseTranscript, type TranscriptLine } from "./transcript-text.ts";

export interface ReplayOptions extends ParseOptions {
  /** Needed where lines have times. */
  readonly clock?: Clock;
  /** Of a transcript that does not begin with `open`. */
  readonly speed?: "full" | "high";
}

interface Reader {
  readonly endpoint: number;
  readonly length: number;
  resolve(bytes: Uint8Array): void;
  reject(reason: unknown): void;
}

export class ReplayTransport implements UsbTransport {
  readonly speed: "full" | "high";
  readonly haltsCleared: number[] = [];
  /** Buffer sizes of the reads that got bytes. */
  readonly readSizes: number[] = [];
  isClosed = false;
  readonly #lines: readonly TranscriptLine[];
  readonly #clock: Clock | undefined;
  readonly #opening: TranscriptLine | undefined;
  readonly #isChecked: ReadonlySet<string>;
  readonly #readers = new Set<Reader>();
  /** Writes that the transcript lets fail later. */
  readonly #failing: Reader[] = [];
  /** Lines about given-up reads that were done before an earlier one. */
  readonly #taken = new Set<TranscriptLine>();
  #at = 0;
  /** Clock time and transcript time of the last line that was done. */
  #doneUs: number;
  #doneLineUs = 0;
  #stopTimer = (): void => {};
  #written: Uint8Array = new Uint8Array(0);
  #lastCall = "nothing";
  #failure: unknown;

  constructor(transcript: string, options: ReplayOptions = {}) {
    this.#lines = parseTranscript(transcript, options);
    this.#clock = options.clock;
    this.#doneUs = this.#clock?.nowUs() ?? 0;
    this.#opening = this.#lines.find(({ kind, failure }) => kind === "open" && failure === undefined);
    this.speed = options.speed ?? (this.#opening?.words[1] === "full" ? "full" : "high");
    this.#isChecked = new Set(
      this.#lines.map(({ kind, failure }) => (failure?.code === "cancelled" ? "cancelled" : kind)),
    );
    const origin = this.#lines.find(({ time }) => time?.isRelative === false);
    this.#doneLineUs = origin?.time?.us ?? 0;
    this.#serve();
  }

  /** The device of a transcript that begins with `open`. */
  get device(): UsbDevice {
    const [vendorId = 0, productId = 0] = (this.#opening?.words[0] ?? "")
      .split(":")
      .map((id) => Number.parseInt(id, 16));
    return { vendorId, productId, portPath: "1-1.4", open: () => this.#open() };
  }

  /** Lines that have not been played yet. */
  get remaining(): number {
    return this.#lines.length - this.#at;
  }

  /** Throws the first thing that did not fit, or shows the line at which the transcript was left. */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    const next = this.#next;
    assert.ok(
      next === undefined,
      next && `${lineText(next)}\n was never reached; the last call was  ${this.#lastCall}`,
    );
  }

  async write(endpoint: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const got = `> ${address(endpoint)} ${bytesText(bytes)}`;
    const next = this.#next;
    const fits =
      next?.kind === "write" &&
      next.failure === undefined &&
      next.endpoint === endpoint &&
      next.bytes.length === bytes.length &&
      next.bytes.every((byte, index) => byte === undefined || byte === bytes[index]);
    if (!fits) this.#refuse(got);
    this.#lastCall = got;
    this.#written = bytes.slice();
    const fails = this.#failsLater(endpoint) ? this.#pending({ endpoint, length: 0 }, signal) : undefined;
    this.#done();
    await fails;
  }

  read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const got = `< ${address(endpoint)} (room for ${length} bytes)`;
    this.#lastCall = got;
    const isNamed = this.#lines.some((line) => line.kind === "read" && line.endpoint === endpoint);
    if (this.#opening !== undefined && !isNamed) return this.#refused(got);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        settle();
        reject(this.#givenUp(endpoint) ?? signal.reason);
        this.#serve();
      };
      const settle = (): void => {
        signal.removeEventListener("abort", onAbort);
        this.#readers.delete(reader);
      };
      const reader: Reader = {
        endpoint,
        length,
        resolve: (bytes) => {
          settle();
          resolve(bytes);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#readers.add(reader);
      this.#serve();
    });
  }

  async clearHalt(endpoint: number): Promise<void> {
    this.#demand("halt", endpoint);
    this.haltsCleared.push(endpoint);
  }

  async reset(): Promise<void> {
    this.#demand("reset");
  }

  async close(): Promise<void> {
    for (const reader of this.#readers) reader.reject(new VscopeError("DEVICE_NOT_CONNECTED", "closed"));
    this.#demand("close");
    this.isClosed = true;
  }

  async #open(): Promise<UsbTransport> {
    this.#demand("open");
    return this;
  }

  get #next(): TranscriptLine | undefined {
    return this.#lines[this.#at];
  }

  #done(): void {
    const { time } = this.#next ?? {};
    this.#doneUs = this.#clock?.nowUs() ?? 0;
    if (time?.isRelative === false) this.#doneLineUs = time.us;
    this.#at += 1;
    this.#serve();
  }

  /** Plays the lines that are the device's. */
  #serve(): void {
    this.#stopTimer();
    for (let next = this.#next; next !== undefined; next = this.#next) {
      const isOurs = next.kind === "read" || (next.kind === "write" && next.failure !== undefined);
      if (next.kind === "attach" || next.kind === "detach") {
        this.#at += 1;
      } else if (!isOurs || next.failure?.code === "cancelled" || !this.#isDue(next)) {
        return;
      } else {
        const { kind, endpoint } = next;
        const waiting = kind === "read" ? [...this.#readers] : this.#failing;
        const reader = waiting.find((candidate) => candidate.endpoint === endpoint);
        if (reader === undefined) return;
        this.#settle(next, reader);
      }
    }
  }

  #isDue(line: TranscriptLine): boolean {
    const { time } = line;
    if (time === undefined) return true;
    assert.ok(this.#clock, `${lineText(line)}\n has a time, and there is no clock`);
    const afterUs = time.isRelative ? time.us : Math.max(0, time.us - this.#doneLineUs);
    const leftUs = this.#doneUs + afterUs - this.#clock.nowUs();
    if (leftUs <= 0) return true;
    this.#stopTimer = this.#clock.after(leftUs, () => this.#serve());
    return false;
  }

  #settle(line: TranscriptLine, reader: Reader): void {
    const { failure } = line;
    if (failure !== undefined) {
      const code = isErrorCode(failure.code) ? failure.code : "INTERNAL";
      reader.reject(new VscopeError(code, failure.text));
    } else {
      const bytes = Uint8Array.from(line.bytes, (byte, index) => byte ?? this.#written[index] ?? 0);
      const wrong = this.#misfit(bytes.length, reader.length);
      if (wrong === undefined) {
        this.readSizes.push(reader.length);
        reader.resolve(bytes);
      } else {
        this.#failure ??= failureOf(line, `< ${address(reader.endpoint)} ${wrong}`);
        reader.reject(this.#failure);
      }
    }
    this.#done();
  }

  // A bulk read ends with a short packet or when it is full (USB 2.0, section 5.8.3).
  #misfit(bytes: number, room: number): string | undefined {
    if (bytes > room) return `with room for ${room} bytes only: it overflows`;
    const packetBytes = this.speed === "high" ? 512 : 64;
    if (bytes < room && bytes > 0 && bytes % packetBytes === 0)
      return `with room for ${room} bytes: no short packet ends it`;
    return undefined;
  }

  /** An event of the host that the transcript may have left out. */
  #demand(kind: "open" | "halt" | "reset" | "close", endpoint = 0): void {
    this.#lastCall = kind === "halt" ? `halt ${address(endpoint)}` : kind;
    if (!this.#isChecked.has(kind)) return;
    const next = this.#next;
    if (next?.kind !== kind || next.endpoint !== endpoint) this.#refuse(this.#lastCall);
    this.#done();
    if (next.failure === undefined) return;
    const { code, text } = next.failure;
    throw new VscopeError(isErrorCode(code) ? code : "INTERNAL", text);
  }

  /** The host gave up a read: takes its line, or returns what is wrong with that. */
  #givenUp(endpoint: number): unknown {
    const next = this.#next;
    const got = `< ${address(endpoint)} given up`;
    if (this.#isChecked.has("cancelled")) return this.#takeCancelled(endpoint, got);
    const isWaiting = next?.kind === "read" && next.endpoint !== endpoint && this.#isDue(next);
    if (!isWaiting || [...this.#readers].some((reader) => reader.endpoint === next.endpoint))
      return undefined;
    this.#failure ??= failureOf(next, got);
    return this.#failure;
  }

  // Several are given up in one moment, in no order that matters.
  #takeCancelled(endpoint: number, got: string): unknown {
    const isCancelled = (line: TranscriptLine | undefined): boolean => line?.failure?.code === "cancelled";
    const isWanted = (line: TranscriptLine | undefined): boolean =>
      isCancelled(line) && line?.kind === "read" && line.endpoint === endpoint && !this.#taken.has(line);
    let at = this.#at;
    while (isCancelled(this.#lines[at]) && !isWanted(this.#lines[at])) at += 1;
    const line = this.#lines[at];
    if (line === undefined || !isWanted(line)) {
      this.#failure ??= failureOf(this.#next, got);
      return this.#failure;
    }
    this.#taken.add(line);
    for (let next = this.#next; next !== undefined && this.#taken.has(next); next = this.#next) this.#done();
    return undefined;
  }

  #failsLater(endpoint: number): boolean {
    const rest = this.#lines.slice(this.#at + 1).filter((line) => line.kind === "write");
    return rest.find((line) => line.endpoint === endpoint)?.failure !== undefined;
  }

  #pending(
    { endpoint, length }: Pick<Reader, "endpoint" | "length">,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const write: Reader = { endpoint, length, resolve, reject };
      this.#failing.push(write);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  #refuse(got: string): never {
    this.#failure ??= failureOf(this.#next, got);
    throw this.#failure;
  }

  async #refused(got: string): Promise<never> {
    return this.#refuse(got);
  }
}

function lineText({ number, text, bytes }: TranscriptLine): string {
  const shown = bytes.length > 0 ? `\n           =  ${bytesText(bytes)}` : "";
  return `transcript line ${number}:  ${text}${shown}`;
}

function failureOf(line: TranscriptLine | undefined, got: string): assert.AssertionError {
  const expected = line === undefined ? "the transcript is over" : lineText(line);
  return new assert.AssertionError({ message: `${expected}\n     but got:  ${got}` });
}

function address(endpoint: number): string {
  return endpoint.toString(16).padStart(2, "0").toUpperCase();
}

/** A device whose transcript does not begin with `open`. */
export function replayDevice(vendorId: number, productId: number, transport: UsbTransport): UsbDevice {
  return { vendorId, productId, portPath: "1-1.4", open: async () => transport };
}
