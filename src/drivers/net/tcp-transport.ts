// A TCP connection as a UsbTransport, so that the drivers need not know. A stream has no packets, so the protocol's own
// lengths cut it into messages: a read ends with its message, as a USB transfer ends with a short packet. What nobody has
// read stays here; an aborted read loses nothing, and the stream never loses its step.

import { withAny, withDeadline } from "../../base/abort.ts";
import { type Clock, SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { UsbTransport } from "../usb/port.ts";
import {
  addressText,
  type ByteStream,
  type Network,
  type NetworkProtocol,
  type SocketAddress,
} from "./port.ts";

const CONNECT_US = 3 * SECOND;
// Far more than a device has to say; one that sends without end must not fill the memory.
const LONGEST_BACKLOG_BYTES = 8 << 20;

export interface TcpOptions {
  readonly network: Network;
  readonly protocol: Pick<NetworkProtocol, "lengthOf">;
  readonly clock: Clock;
  readonly address: SocketAddress;
}

interface Read {
  readonly length: number;
  resolve(bytes: Uint8Array): void;
  reject(reason: unknown): void;
}

export class TcpTransport implements UsbTransport {
  readonly speed = "high";
  /** Resolves with the reason when the connection has ended, by itself or by `close`; a reset that succeeds is no end. */
  readonly ended: Promise<VscopeError>;
  readonly #options: TcpOptions;
  readonly #name: string;
  readonly #closing = new AbortController();
  readonly #reads = new Set<Read>();
  readonly #tellEnded: (reason: VscopeError) => void;
  #stream: ByteStream | undefined;
  /** Why there is no connection. */
  #gone: VscopeError | undefined;
  #backlog: Buffer = Buffer.alloc(0);
  /** Bytes of the message at the head of the backlog that nobody has read yet; 0 between messages. */
  #messageLeft = 0;

  private constructor(options: TcpOptions) {
    this.#options = options;
    this.#name = `network ${addressText(options.address)}`;
    let tell = (_reason: VscopeError): void => {};
    this.ended = new Promise((resolve) => (tell = resolve));
    this.#tellEnded = tell;
  }

  /** Throws DEVICE_NOT_CONNECTED; DEVICE_TIMEOUT after 3 s. */
  static async open(options: TcpOptions, signal: AbortSignal): Promise<TcpTransport> {
    const transport = new TcpTransport(options);
    await transport.#connect(signal);
    return transport;
  }

  /** The endpoint has no meaning here. An abort does not take back what the system has taken: messages stay whole. */
  write(_endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#stream === undefined) return reject(this.#notConnected());
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const finish = (): void => signal.removeEventListener("abort", onAbort);
      const refused = (error: unknown): void => reject(this.#gone ?? error);
      this.#stream.write(bytes).then(resolve, refused).finally(finish);
    });
  }

  read(_endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const settle = (end: () => void): void => {
        signal.removeEventListener("abort", onAbort);
        this.#reads.delete(read);
        end();
      };
      const read: Read = {
        length,
        resolve: (bytes) => settle(() => resolve(bytes)),
        reject: (reason) => settle(() => reject(reason)),
      };
      const onAbort = (): void => read.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#reads.add(read);
      this.#serve();
    });
  }

  /** A stream cannot stall. */
  async clearHalt(_endpoint: number): Promise<void> {
    if (this.#stream === undefined) throw this.#notConnected();
  }

  /** Connects anew; what was on its way is lost. The device's settings stay. */
  async reset(): Promise<void> {
    if (this.#closing.signal.aborted) throw this.#notConnected();
    this.#disconnect(new VscopeError("DEVICE_PROTOCOL", `${this.#name}: cancelled by a new connection`));
    this.#backlog = Buffer.alloc(0);
    this.#messageLeft = 0;
    try {
      await this.#connect(this.#closing.signal);
    } catch (error) {
      this.#tellEnded(this.#notConnected());
      throw error;
    }
  }

  async close(): Promise<void> {
    const reason = new VscopeError("DEVICE_NOT_CONNECTED", `${this.#name}: closed`);
    this.#closing.abort(reason);
    this.#disconnect(reason);
    this.#tellEnded(reason);
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { network, clock, address } = this.#options;
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `${this.#name}: no connection within ${CONNECT_US / SECOND} s`);
    const listener = {
      received: (bytes: Uint8Array) => this.#received(bytes),
      ended: (reason: VscopeError) => this.#end(reason),
    };
    // Before the first byte can come: a connection may end as soon as it is there.
    this.#gone = undefined;
    const stream = await withAny([signal, this.#closing.signal], (either) =>
      withDeadline({ clock, us: CONNECT_US, late }, either, (inner) =>
        network.connect(address, listener, inner),
      ),
    );
    if (this.#gone === undefined) this.#stream = stream;
    else stream.destroy();
  }

  #received(bytes: Uint8Array): void {
    this.#backlog = Buffer.concat([this.#backlog, bytes]);
    this.#serve();
    if (this.#backlog.length <= LONGEST_BACKLOG_BYTES) return;
    this.#end(new VscopeError("DEVICE_NOT_CONNECTED", `${this.#name}: sends without end`));
  }

  #end(reason: VscopeError): void {
    this.#disconnect(reason);
    this.#tellEnded(reason);
  }

  #disconnect(reason: VscopeError): void {
    this.#gone ??= reason;
    this.#stream?.destroy();
    this.#stream = undefined;
    for (const read of this.#reads) read.reject(reason);
  }

  /** Gives what has come to the reads that wait, oldest first. */
  #serve(): void {
    for (const read of this.#reads) {
      const bytes = this.#take(read.length);
      if (bytes === undefined) break;
      read.resolve(bytes);
    }
    if (this.#stream !== undefined || this.#gone === undefined) return;
    for (const read of this.#reads) read.reject(this.#gone);
  }

  #take(length: number): Uint8Array | undefined {
    if (this.#messageLeft === 0) {
      this.#messageLeft = this.#options.protocol.lengthOf(this.#backlog) ?? 0;
      if (this.#messageLeft === 0) return undefined;
    }
    const bytes = Math.min(length, this.#messageLeft);
    if (this.#backlog.length < bytes) return undefined;
    const taken = this.#backlog.subarray(0, bytes);
    this.#backlog = this.#backlog.subarray(bytes);
    this.#messageLeft -= bytes;
    return taken;
  }

  #notConnected(): VscopeError {
    return this.#gone ?? new VscopeError("DEVICE_NOT_CONNECTED", `${this.#name}: not connected`);
  }
}
