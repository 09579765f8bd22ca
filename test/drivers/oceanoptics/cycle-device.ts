// A small model of a free-running OOI device, independent of the emulator: cycles, read-out, settings that take effect
// late, at once or never. It works step by step with plain timers. Each frame holds its own true exposure window.

import type { Clock } from "../../../src/base/clock.ts";
import { frameBytes } from "../../../src/drivers/oceanoptics/decode.ts";
import type { SpectrometerModel } from "../../../src/drivers/oceanoptics/model.ts";
import type { UsbTransport } from "../../../src/drivers/usb/port.ts";

export interface CycleOptions {
  readonly model: SpectrometerModel;
  readonly clock: Clock;
  readonly readoutUs: number;
  /** Boundaries until a new setting is in force: 1 is common, 0 restarts the cycle at once. */
  readonly depth: 0 | 1 | 2;
  /** The next exposure waits for the read-out of the last one. */
  readonly waitsForReadout: boolean;
  /** Of a command, until the device has it. */
  readonly latencyUs: number;
  /** Of a frame, until the busy host has it. */
  readonly noticeUs: number;
  readonly startUs: number;
}

interface Reader {
  readonly endpoint: number;
  readonly length: number;
  readonly give: (bytes: Uint8Array) => void;
}

export class CycleDevice implements UsbTransport {
  readonly speed = "high";
  /** Every command, in hex. */
  readonly commands: string[] = [];
  ignoresIntegrationTime = false;
  /** How long a frame takes until the busy host has it. */
  noticeUs: number;
  readonly #options: CycleOptions;
  readonly #readers = new Set<Reader>();
  readonly #packets: { readonly endpoint: number; readonly bytes: Uint8Array }[] = [];
  #settings: number[];
  #cancelCycle = (): void => {};
  #requests = 0;
  // One transfer after the other.
  #bus: Promise<void> = Promise.resolve();

  constructor(options: CycleOptions) {
    this.#options = options;
    this.noticeUs = options.noticeUs;
    this.#settings = [options.startUs];
    this.#startCycle();
  }

  /** Stops the clockwork, so that no timer is left. */
  stop(): void {
    this.#cancelCycle();
  }

  async write(_endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const former = this.#bus;
    const turn = former.then(() => this.#options.clock.delay(this.#options.latencyUs, signal));
    this.#bus = turn.catch(() => {});
    await turn;
    this.commands.push(Buffer.from(bytes).toString("hex"));
    if (bytes[0] === 0x02 && !this.ignoresIntegrationTime) this.#set(Buffer.from(bytes).readUInt32LE(1));
    if (bytes[0] === 0x09) this.#requests += 1;
    if (bytes[0] === 0x01) this.#requests = 0;
  }

  read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const reader: Reader = { endpoint, length, give: resolve };
      this.#readers.add(reader);
      signal.addEventListener("abort", () => {
        this.#readers.delete(reader);
        reject(signal.reason);
      });
      this.#serve();
    });
  }

  async clearHalt(): Promise<void> {}
  async reset(): Promise<void> {}

  async close(): Promise<void> {
    this.stop();
  }

  #set(us: number): void {
    const { depth } = this.#options;
    const inForce = this.#settings[0] ?? us;
    if (depth === 0) {
      this.#settings = [us];
      this.#cancelCycle();
      this.#startCycle();
      return;
    }
    // The newest setting enters the pipeline at its end; it moves up by one at each boundary.
    const later = this.#settings.slice(1, depth);
    while (later.length < depth - 1) later.push(this.#settings.at(-1) ?? inForce);
    this.#settings = [inForce, ...later, us];
  }

  #startCycle(): void {
    const { clock, model, readoutUs, waitsForReadout } = this.#options;
    const us =
      Math.floor((this.#settings[0] ?? 0) / model.integrationTimeUs.base) * model.integrationTimeUs.base;
    const exposesUs = waitsForReadout ? us : Math.max(us, readoutUs);
    this.#cancelCycle = clock.after(exposesUs, () => {
      const endUs = clock.nowUs();
      if (this.#requests > 0) {
        this.#requests -= 1;
        const frame = this.#frame(endUs - us, endUs, us);
        clock.after(readoutUs, () => this.#send(frame));
      }
      if (this.#settings.length > 1) this.#settings.shift();
      if (waitsForReadout) this.#cancelCycle = clock.after(readoutUs, () => this.#startCycle());
      else this.#startCycle();
    });
  }

  // Three 48-bit numbers in the first nine pixels, all within what XOR and mask leave.
  #frame(startUs: number, endUs: number, us: number): Uint8Array {
    const { frame } = this.#options.model;
    const bytes = Buffer.alloc(frameBytes(frame));
    for (const [index, value] of [startUs, endUs, us].entries()) {
      for (let part = 0; part < 6; part++)
        bytes.writeUInt16LE(Math.floor(value / 256 ** part) % 256, 2 * (6 * index + part));
    }
    if (frame.hasSyncByte) bytes[bytes.length - 1] = 0x69;
    return bytes;
  }

  #send(frame: Uint8Array): void {
    const { spectrum, spectrumFirst } = this.#options.model.endpoints;
    const first = spectrumFirst?.bytes ?? 0;
    if (spectrumFirst !== undefined) {
      this.#packets.push({ endpoint: spectrumFirst.endpoint, bytes: frame.subarray(0, first) });
    }
    this.#packets.push({ endpoint: spectrum, bytes: frame.subarray(first) });
    this.#serve();
  }

  #serve(): void {
    for (const packet of this.#packets.slice()) {
      const reader = [...this.#readers].find(({ endpoint }) => endpoint === packet.endpoint);
      if (reader === undefined) continue;
      if (packet.bytes.length > reader.length) throw new RangeError(`overflow of ${reader.length} bytes`);
      this.#packets.splice(this.#packets.indexOf(packet), 1);
      this.#readers.delete(reader);
      const { clock } = this.#options;
      const { noticeUs } = this;
      if (noticeUs === 0) reader.give(packet.bytes);
      else clock.after(noticeUs, () => reader.give(packet.bytes));
    }
  }
}

/** The exposure window that a frame of this device holds. */
export function windowOf(counts: Uint32Array): {
  readonly startUs: number;
  readonly endUs: number;
  readonly us: number;
} {
  const read = (index: number): number =>
    Array.from({ length: 6 }, (_, part) => (counts[6 * index + part] ?? 0) * 256 ** part).reduce(
      (a, b) => a + b,
      0,
    );
  return { startUs: read(0), endUs: read(1), us: read(2) };
}
