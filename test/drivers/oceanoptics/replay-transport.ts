// The far end of a transcript: lines `> EP HEX` that the driver must write in this order, `< EP HEX` that it then may
// read. An unexpected write fails at once; a read without bytes waits for its signal, as on the bus.

import assert from "node:assert/strict";
import type { UsbDevice, UsbTransport } from "../../../src/drivers/usb/port.ts";

interface Line {
  readonly isWrite: boolean;
  readonly endpoint: number;
  readonly bytes: Uint8Array;
}

interface Reader {
  readonly endpoint: number;
  readonly give: (bytes: Uint8Array) => void;
}

export class ReplayTransport implements UsbTransport {
  readonly speed: "full" | "high";
  readonly haltsCleared: number[] = [];
  /** Buffer sizes of the reads that got bytes. */
  readonly readSizes: number[] = [];
  isClosed = false;
  readonly #lines: Line[];
  readonly #readers = new Set<Reader>();

  constructor(transcript: string, speed: "full" | "high" = "high") {
    this.speed = speed;
    this.#lines = transcript
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter((line) => line !== "")
      .map(parseLine);
  }

  /** Lines that nobody has written or read yet. */
  get remaining(): number {
    return this.#lines.length;
  }

  async write(endpoint: number, bytes: Uint8Array): Promise<void> {
    const next = this.#lines[0];
    const wanted = next?.isWrite === true ? `${next.endpoint}: ${hex(next.bytes)}` : "no write";
    assert.equal(`${endpoint}: ${hex(bytes)}`, wanted);
    this.#lines.shift();
    this.#serve();
  }

  read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const reader: Reader = {
        endpoint,
        give: (bytes) => {
          this.#readers.delete(reader);
          assert.ok(bytes.length <= length, `overflow: ${bytes.length} bytes into ${length}`);
          this.readSizes.push(length);
          resolve(bytes);
        },
      };
      this.#readers.add(reader);
      signal.addEventListener("abort", () => {
        this.#readers.delete(reader);
        reject(signal.reason);
      });
      this.#serve();
    });
  }

  async clearHalt(endpoint: number): Promise<void> {
    this.haltsCleared.push(endpoint);
  }

  async reset(): Promise<void> {}

  async close(): Promise<void> {
    this.isClosed = true;
  }

  #serve(): void {
    for (let next = this.#lines[0]; next !== undefined && !next.isWrite; next = this.#lines[0]) {
      const { endpoint, bytes } = next;
      const reader = [...this.#readers].find((candidate) => candidate.endpoint === endpoint);
      if (reader === undefined) return;
      this.#lines.shift();
      reader.give(bytes);
    }
  }
}

export function replayDevice(vendorId: number, productId: number, transport: UsbTransport): UsbDevice {
  return { vendorId, productId, portPath: "1-1.4", open: async () => transport };
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").toUpperCase();
}

function parseLine(line: string): Line {
  const match = /^([<>]) ([0-9A-Fa-f]{2}) (.*)$/.exec(line);
  assert.ok(match, `transcript line: ${line}`);
  const [, direction, endpoint = "", bytes = ""] = match;
  return { isWrite: direction === ">", endpoint: Number.parseInt(endpoint, 16), bytes: fromHex(bytes) };
}
