// A spectrometer at a network address. What it is, it tells only when it is asked: at a search, and each time it is opened.

import { withDeadline } from "../../base/abort.ts";
import { SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { UsbDevice, UsbTransport } from "../usb/port.ts";
import { addressText, type NetworkProtocol } from "./port.ts";
import { type TcpOptions, TcpTransport } from "./tcp-transport.ts";

const IDENTIFY_US = 2 * SECOND;
const ENDPOINT = 0;
// Longer than any message that a device sends unasked.
const READ_BYTES = 16_384;

export interface NetworkDeviceOptions extends TcpOptions {
  readonly protocol: NetworkProtocol;
  /** What it said at a search; 0 when it is only known by its address. */
  readonly productId?: number;
}

export class NetworkDevice implements UsbDevice {
  readonly kind = "network";
  readonly vendorId: number;
  readonly portPath: string;
  readonly #options: NetworkDeviceOptions;
  #productId: number;
  #transport: TcpTransport | undefined;

  constructor(options: NetworkDeviceOptions) {
    this.vendorId = options.protocol.vendorId;
    this.portPath = addressText(options.address);
    this.#options = options;
    this.#productId = options.productId ?? 0;
  }

  /** What the device last said. */
  get productId(): number {
    return this.#productId;
  }

  get isOpen(): boolean {
    return this.#transport !== undefined;
  }

  /** Connects and asks for the product id. Throws DEVICE_NOT_CONNECTED, DEVICE_TIMEOUT, DEVICE_BUSY. */
  async open(signal: AbortSignal): Promise<UsbTransport> {
    if (this.#transport !== undefined)
      throw new VscopeError("DEVICE_BUSY", `network ${this.portPath}: is open already`);
    const transport = await TcpTransport.open(this.#options, signal);
    this.#transport = transport;
    void transport.ended.then(() => (this.#transport = undefined));
    try {
      this.#productId = await this.#identify(transport, signal);
      return transport;
    } catch (error) {
      await transport.close();
      throw error;
    }
  }

  async ended(): Promise<VscopeError> {
    const closed = new VscopeError("DEVICE_NOT_CONNECTED", `network ${this.portPath}: closed`);
    return (await this.#transport?.ended) ?? closed;
  }

  #identify(transport: UsbTransport, signal: AbortSignal): Promise<number> {
    const { clock, protocol } = this.#options;
    const fact = `network ${this.portPath}: does not say what it is within ${IDENTIFY_US / SECOND} s`;
    const late = (): Error => new VscopeError("DEVICE_TIMEOUT", fact);
    return withDeadline({ clock, us: IDENTIFY_US, late }, signal, async (inner) => {
      await transport.write(ENDPOINT, protocol.question, inner);
      for (;;) {
        const productId = protocol.productIdOf(await transport.read(ENDPOINT, READ_BYTES, inner));
        if (productId !== undefined) return productId;
      }
    });
  }
}
