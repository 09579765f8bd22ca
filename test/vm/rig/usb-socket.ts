// A USB socket of the guest: what is plugged into the emulated bus of src/emulator appears there. The bridge speaks
// usb-redir to QEMU on one side and the server's own UsbTransport on the other, so that the device cores and the faults
// of the in-process tests work here, too.

import { mkdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { NEVER } from "../../../src/base/abort.ts";
import { isVscopeError } from "../../../src/base/errors.ts";
import type { UsbBus, UsbTransport } from "../../../src/drivers/usb/port.ts";
import { type DescribedDevice, descriptor } from "./descriptors.ts";
import { STATUS, type Status, TYPE, Wire } from "./wire.ts";

export interface UsbSocketOptions {
  /** Unix socket that QEMU connects to. */
  readonly path: string;
  /** A bus of its own: the one device on it comes and goes. */
  readonly bus: UsbBus;
  readonly speed: "full" | "high";
  readonly device: DescribedDevice;
}

const REQUEST = { getStatus: 0, clearFeature: 1, getDescriptor: 6 } as const;

/** Waits for QEMU at `path`, one connection at a time. */
export async function openUsbSocket(options: UsbSocketOptions): Promise<Server> {
  mkdirSync(dirname(options.path), { recursive: true });
  const server = createServer((socket) => {
    const connection = new Connection(options, socket);
    const unwatch = options.bus.watch({
      attached: () => void connection.plug(),
      detached: () => connection.unplug(),
    });
    socket.on("close", () => {
      unwatch();
      connection.unplug();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.path, resolve);
  });
  return server;
}

class Connection {
  readonly #options: UsbSocketOptions;
  readonly #socket: Socket;
  readonly #wire = new Wire();
  readonly #transfers = new Map<bigint, AbortController>();
  #transport: UsbTransport | undefined;
  #configuration = 0;

  constructor(options: UsbSocketOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    // A guest that is switched off ends the connection in its own way; `close` follows.
    socket.on("error", () => {});
    socket.on("data", (bytes) => this.#receive(bytes));
    this.#write(this.#wire.hello());
  }

  async plug(): Promise<void> {
    const [device] = await this.#options.bus.list();
    if (device === undefined) return;
    this.#transport = await device.open(NEVER);
    this.#configuration = 0;
    this.#write(this.#wire.interfaceInfo());
    this.#write(this.#wire.endpointInfo(this.#options.device.endpoints));
    this.#write(this.#wire.deviceConnect({ ...this.#options.device, speed: this.#options.speed }));
  }

  unplug(): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    this.#transport = undefined;
    this.#write(this.#wire.packet(TYPE.deviceDisconnect, 0n));
    void transport.close();
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  #receive(bytes: Buffer): void {
    for (const { type, id, body } of this.#wire.packets(bytes)) void this.#handle(type, id, body);
  }

  async #handle(type: number, id: bigint, body: Buffer): Promise<void> {
    if (type === TYPE.hello) {
      this.#wire.greeted(body);
      await this.plug();
    } else if (type === TYPE.reset) await this.#transport?.reset();
    else if (type === TYPE.setConfiguration) this.#configure(id, body[0] ?? 0);
    else if (type === TYPE.getConfiguration) this.#configure(id, this.#configuration);
    else if (type === TYPE.setAltSetting) this.#reply(TYPE.altSettingStatus, id, STATUS.success, ...body);
    else if (type === TYPE.getAltSetting)
      this.#reply(TYPE.altSettingStatus, id, STATUS.success, body[0] ?? 0, 0);
    else if (type === TYPE.cancel) this.#transfers.get(id)?.abort();
    else if (type === TYPE.control) await this.#control(id, body);
    else if (type === TYPE.bulk) await this.#bulk(id, body);
  }

  #reply(type: number, id: bigint, ...bytes: readonly number[]): void {
    this.#write(this.#wire.packet(type, id, Buffer.from(bytes)));
  }

  #configure(id: bigint, configuration: number): void {
    this.#configuration = configuration;
    this.#reply(TYPE.configurationStatus, id, STATUS.success, configuration);
  }

  async #control(id: bigint, body: Buffer): Promise<void> {
    const header = Buffer.from(body.subarray(0, 10));
    const answer = await this.#request(header);
    const data = answer?.subarray(0, header.readUInt16LE(8)) ?? Buffer.alloc(0);
    header[3] = answer === undefined ? STATUS.stall : STATUS.success;
    header.writeUInt16LE(data.length, 8);
    this.#write(this.#wire.packet(TYPE.control, id, header, data));
  }

  /** A standard request; undefined is a stall. */
  async #request(header: Buffer): Promise<Buffer | undefined> {
    const [, request = 0, requestType = 0] = header;
    const value = header.readUInt16LE(4);
    if (requestType === 0x80 && request === REQUEST.getDescriptor)
      return descriptor(this.#options.device, value);
    if ((requestType & 0xfc) === 0x80 && request === REQUEST.getStatus) return Buffer.from([0, 0]);
    if (requestType === 0x02 && request === REQUEST.clearFeature) {
      await this.#transport?.clearHalt(header.readUInt16LE(6) & 0xff);
      return Buffer.alloc(0);
    }
    return undefined;
  }

  async #bulk(id: bigint, body: Buffer): Promise<void> {
    const headerBytes = this.#wire.bulkHeaderBytes;
    const header = Buffer.from(body.subarray(0, headerBytes));
    const endpoint = header[0] ?? 0;
    const length = header.readUInt16LE(2) + (headerBytes > 8 ? header.readUInt16LE(8) * 0x1_0000 : 0);
    const isIn = (endpoint & 0x80) !== 0;
    const cancelling = new AbortController();
    this.#transfers.set(id, cancelling);
    const { status, data } = await this.#transfer(
      endpoint,
      isIn ? length : body.subarray(headerBytes),
      cancelling.signal,
    );
    this.#transfers.delete(id);
    const moved = isIn ? data.length : status === STATUS.success ? length : 0;
    header[1] = status;
    header.writeUInt16LE(moved & 0xffff, 2);
    if (headerBytes > 8) header.writeUInt16LE(moved >>> 16, 8);
    this.#write(this.#wire.packet(TYPE.bulk, id, header, data));
  }

  /** Moves bytes out, or as many as `bytesOrLength` says in. */
  async #transfer(
    endpoint: number,
    bytesOrLength: Buffer | number,
    signal: AbortSignal,
  ): Promise<{ readonly status: Status; readonly data: Uint8Array }> {
    const nothing = new Uint8Array();
    const transport = this.#transport;
    if (transport === undefined) return { status: STATUS.ioError, data: nothing };
    try {
      if (typeof bytesOrLength === "number") {
        return { status: STATUS.success, data: await transport.read(endpoint, bytesOrLength, signal) };
      }
      await transport.write(endpoint, bytesOrLength, signal);
      return { status: STATUS.success, data: nothing };
    } catch (error) {
      return { status: signal.aborted ? STATUS.cancelled : statusOf(error), data: nothing };
    }
  }
}

function statusOf(error: unknown): Status {
  if (!isVscopeError(error)) throw error;
  if (error.details.transfer === "stalled") return STATUS.stall;
  if (error.details.transfer === "overflow") return STATUS.babble;
  return STATUS.ioError;
}
