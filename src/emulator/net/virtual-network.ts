// A network in one process, on the clock of the test: hosts at addresses, streams and datagrams that take their time.

import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import {
  addressText,
  type ByteStream,
  type Datagrams,
  type Network,
  type SocketAddress,
  type StreamListener,
} from "../../drivers/net/port.ts";
import type { NetworkFarEnd } from "./network-far-end.ts";

const LATENCY_US = 200;
const OWN_ADDRESS = "192.0.2.1";

interface Host {
  readonly address: SocketAddress;
  readonly farEnd: NetworkFarEnd;
}

export class VirtualNetwork implements Network {
  readonly #clock: Clock;
  readonly #hosts = new Map<string, Host>();
  /** While false nothing can be sent by UDP. */
  isUp = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Powers a spectrometer up at an address. */
  attach(farEnd: NetworkFarEnd, address: SocketAddress): void {
    this.#hosts.set(addressText(address), { address, farEnd });
  }

  /** It loses its power; its connection ends, or stays open unnoticed (`isSilent`). */
  detach(address: SocketAddress, { isSilent = false }: { readonly isSilent?: boolean } = {}): void {
    const host = this.#hosts.get(addressText(address));
    this.#hosts.delete(addressText(address));
    if (!isSilent) host?.farEnd.cut();
  }

  async connect(address: SocketAddress, listener: StreamListener, signal: AbortSignal): Promise<ByteStream> {
    await this.#clock.delay(LATENCY_US, signal);
    const name = `network ${addressText(address)}`;
    const host = this.#hosts.get(addressText(address));
    const stream = new VirtualStream(this.#clock, name, listener);
    if (host === undefined || !stream.connect(host.farEnd))
      throw new VscopeError("DEVICE_NOT_CONNECTED", `${name}: connect ECONNREFUSED`);
    return stream;
  }

  interfaces(): readonly string[] {
    return this.isUp ? [OWN_ADDRESS] : [];
  }

  async openDatagrams(
    _interfaceAddress: string,
    heard: (bytes: Uint8Array, from: SocketAddress) => void,
  ): Promise<Datagrams> {
    let isOpen = true;
    const send = async (bytes: Uint8Array): Promise<void> => {
      for (const { address, farEnd } of this.#hosts.values()) {
        const answer = farEnd.answerTo(bytes);
        if (answer !== undefined)
          this.#clock.after(LATENCY_US, () => (isOpen ? heard(answer, address) : undefined));
      }
    };
    return { send, close: () => (isOpen = false) };
  }
}

class VirtualStream implements ByteStream {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #listener: StreamListener;
  #isOpen = true;
  #receive = (_bytes: Uint8Array): void => {};
  #close = (): void => {};

  constructor(clock: Clock, name: string, listener: StreamListener) {
    this.#clock = clock;
    this.#name = name;
    this.#listener = listener;
  }

  connect(farEnd: NetworkFarEnd): boolean {
    const connection = farEnd.accept({
      send: (bytes) => this.#later(() => this.#listener.received(bytes)),
      cut: () => this.#later(() => this.#ended()),
    });
    if (connection === undefined) return false;
    this.#receive = (bytes) => connection.receive(bytes);
    this.#close = () => connection.closed();
    return true;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#isOpen) throw new VscopeError("DEVICE_NOT_CONNECTED", `${this.#name}: write after end`);
    const sent = bytes.slice();
    this.#later(() => this.#receive(sent));
  }

  destroy(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#close();
  }

  #later(act: () => void): void {
    this.#clock.after(LATENCY_US, () => (this.#isOpen ? act() : undefined));
  }

  #ended(): void {
    this.#isOpen = false;
    this.#listener.ended(new VscopeError("DEVICE_NOT_CONNECTED", `${this.#name}: closed by the device`));
  }
}
