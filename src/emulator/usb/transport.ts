// One open connection to an emulated device, with the rules of bulk transfers: a read ends with a short packet or when
// it is full, waits (NAK) while there is nothing, and overflows when a packet is larger than the room left.

import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { UsbTransport } from "../../drivers/usb/port.ts";
import type { UsbFarEnd } from "./far-end.ts";
import { damaged, type Fault, type FaultPlan } from "./faults.ts";

/** The socket side of a transport: what the bus knows of the device. */
export interface Socket {
  readonly name: string;
  readonly device: UsbFarEnd;
  readonly clock: Clock;
  readonly faults: FaultPlan;
  /** Endpoints that stall until their halt is cleared; the device keeps them when its host dies. */
  readonly halted: Set<number>;
  unplug(): void;
  /** What a port reset does besides resetting the device. */
  afterReset(): void;
  closed(): void;
}

interface Read {
  readonly length: number;
  readonly chunks: Uint8Array[];
  received: number;
  readonly fault: Fault | undefined;
  resolve(bytes: Uint8Array): void;
  reject(reason: unknown): void;
}

const ORPHAN = Uint8Array.of(0x69);

export class EmulatedTransport implements UsbTransport {
  readonly speed: "full" | "high";
  readonly #socket: Socket;
  readonly #reads = new Map<number, Read[]>();
  readonly #ending = new AbortController();
  #orphans = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.speed = socket.device.speed;
    socket.device.onReady((endpoint) => this.#pump(endpoint));
  }

  async write(endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#check(endpoint, signal);
    const { device, clock, faults } = this.#socket;
    const fault = faults.next("write");
    this.#strike(endpoint, fault);
    if (fault?.kind === "silence") await this.#silence(signal);
    if (fault?.kind === "stuck") await this.#silence(this.#ending.signal);
    if (fault?.kind === "delay") await clock.delay(fault.delayUs ?? 0, this.#joined(signal));
    if (fault?.kind === "ignored" || faults.isHung) return;
    device.receive(endpoint, fault === undefined ? bytes.slice() : damaged(bytes, fault.kind));
  }

  async read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    this.#check(endpoint, signal);
    const { clock, faults } = this.#socket;
    const fault = faults.next("read");
    this.#strike(endpoint, fault);
    if (fault?.kind === "silence") await this.#silence(signal);
    if (fault?.kind === "stuck") await this.#silence(this.#ending.signal);
    const bytes = await this.#transfer({ endpoint, length, fault }, signal);
    if (fault?.kind === "delay") await clock.delay(fault.delayUs ?? 0, this.#joined(signal));
    return fault === undefined ? bytes : damaged(bytes, fault.kind);
  }

  async clearHalt(endpoint: number): Promise<void> {
    this.#ending.signal.throwIfAborted();
    this.#socket.halted.delete(endpoint);
  }

  async reset(): Promise<void> {
    this.#ending.signal.throwIfAborted();
    this.#rejectAll(
      new VscopeError("DEVICE_PROTOCOL", `${this.#socket.name}: transfer cancelled by a USB reset`),
    );
    this.#socket.halted.clear();
    this.#socket.faults.wasReset();
    this.#socket.device.reset();
    this.#socket.afterReset();
  }

  async close(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.end(new VscopeError("DEVICE_NOT_CONNECTED", `${this.#socket.name}: closed`));
  }

  /** Ends the connection from the device's side, or by `close`: everything that waits rejects with `reason`. */
  end(reason: VscopeError): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort(reason);
    this.#socket.device.onReady(undefined);
    this.#rejectAll(reason);
    this.#socket.closed();
  }

  #check(endpoint: number, signal: AbortSignal): void {
    signal.throwIfAborted();
    this.#ending.signal.throwIfAborted();
    if (this.#socket.halted.has(endpoint)) throw this.#stalled(endpoint);
  }

  /** Faults that strike before a byte has moved. */
  #strike(endpoint: number, fault: Fault | undefined): void {
    if (fault?.kind === "orphan") this.#orphans += 1;
    if (fault?.kind === "unplug") {
      this.#socket.unplug();
      this.#ending.signal.throwIfAborted();
    }
    if (fault?.kind === "stall") {
      this.#socket.halted.add(endpoint);
      throw this.#stalled(endpoint);
    }
  }

  #stalled(endpoint: number): VscopeError {
    const details = { transfer: "stalled" };
    return new VscopeError("DEVICE_PROTOCOL", `${this.#socket.name}: endpoint ${hex(endpoint)} stalled`, {
      details,
    });
  }

  #joined(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#ending.signal]);
  }

  #silence(signal: AbortSignal): Promise<never> {
    const joined = this.#joined(signal);
    return new Promise((_, reject) => {
      if (joined.aborted) reject(joined.reason);
      joined.addEventListener("abort", () => reject(joined.reason), { once: true });
    });
  }

  #transfer(
    { endpoint, length, fault }: { endpoint: number; length: number; fault: Fault | undefined },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const queue = this.#reads.get(endpoint) ?? [];
      this.#reads.set(endpoint, queue);
      const onAbort = (): void => settle(() => reject(signal.reason));
      // The bytes that a cancelled read had already received are lost, as on a real bus.
      const settle = (end: () => void): void => {
        signal.removeEventListener("abort", onAbort);
        const index = queue.indexOf(read);
        if (index >= 0) queue.splice(index, 1);
        end();
      };
      const read: Read = {
        length,
        fault,
        chunks: [],
        received: 0,
        resolve: (bytes) => settle(() => resolve(bytes)),
        reject: (reason) => settle(() => reject(reason)),
      };
      queue.push(read);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#pump(endpoint);
    });
  }

  /** Moves packets from the device into the reads that wait, oldest first. */
  #pump(endpoint: number): void {
    const queue = this.#reads.get(endpoint) ?? [];
    for (let read = queue[0]; read !== undefined; read = queue[0]) {
      const packet = this.#nextPacket(endpoint);
      if (packet === undefined) return;
      if (read.received + packet.length > read.length) {
        const fact = `a packet of ${packet.length} bytes overflows the ${read.length - read.received} bytes left`;
        const details = { transfer: "overflow" };
        read.reject(new VscopeError("DEVICE_PROTOCOL", `${this.#socket.name}: ${fact}`, { details }));
        continue;
      }
      read.chunks.push(packet);
      read.received += packet.length;
      const isShort = packet.length < this.#socket.device.packetSize(endpoint);
      if (isShort || read.received === read.length) read.resolve(new Uint8Array(Buffer.concat(read.chunks)));
    }
  }

  #nextPacket(endpoint: number): Uint8Array | undefined {
    if (this.#socket.faults.isHung) return undefined;
    if (this.#orphans === 0) return this.#socket.device.take(endpoint);
    this.#orphans -= 1;
    return ORPHAN;
  }

  #rejectAll(reason: VscopeError): void {
    for (const queue of this.#reads.values()) {
      for (const read of queue.splice(0)) read.reject(reason);
    }
  }
}

function hex(endpoint: number): string {
  return `0x${endpoint.toString(16).padStart(2, "0")}`;
}
