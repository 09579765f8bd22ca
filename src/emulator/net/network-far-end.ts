// A spectrometer's side of a network: the device core behind one TCP connection, and its answer to a search.

import type { EmulatedSpectrometer } from "../device/spectrometer.ts";
import { u16, viewOf } from "../device/bytes.ts";
import { answerBytes, FLAG, MessageReader } from "../device/obp-framing.ts";
import { NetworkFaults } from "./network-faults.ts";

const VERSION = 0x1100;
const PRODUCT_ID = 0x0000_0e01;
const RUBBISH = Uint8Array.of(0xc1, 0x00, 0x69, 0xc0, 0xc1);

/** The connection, as the device sees it. */
export interface Peer {
  send(bytes: Uint8Array): void;
  cut(): void;
}

export interface Connection {
  receive(bytes: Uint8Array): void;
  closed(): void;
}

export class NetworkFarEnd {
  readonly device: EmulatedSpectrometer;
  readonly faults = new NetworkFaults();
  #peer: Peer | undefined;
  /** An answer that waits for the next one. */
  #held: Uint8Array | undefined;

  constructor(device: EmulatedSpectrometer) {
    this.device = device;
  }

  get isConnected(): boolean {
    return this.#peer !== undefined;
  }

  /** A host connects; another one that is still there is cut off. Undefined: refused. */
  accept(peer: Peer): Connection | undefined {
    const { device } = this;
    const { endpoints } = device.model;
    if (this.faults.current?.kind === "refused") return undefined;
    this.cut();
    this.#peer = peer;
    this.#held = undefined;
    this.#answer();
    device.onReady(() => this.#send(peer, this.#answer()));
    const isOurs = (): boolean => this.#peer === peer;
    if (this.faults.current?.kind === "dropped") queueMicrotask(() => (isOurs() ? this.cut() : undefined));
    return {
      receive: (bytes) => (isOurs() ? device.receive(endpoints.out, bytes) : undefined),
      closed: () => (isOurs() ? this.#hangUp() : undefined),
    };
  }

  /** The device closes the connection, or loses its power. */
  cut(): void {
    const peer = this.#peer;
    this.#hangUp();
    peer?.cut();
  }

  /** What the device answers to a datagram, if it does. */
  answerTo(datagram: Uint8Array): Uint8Array | undefined {
    const [message] = new MessageReader(VERSION).push(datagram);
    const fault = this.faults.current;
    if (message?.type !== PRODUCT_ID || fault?.kind === "refused") return undefined;
    const productId = fault?.kind === "wrong-product" ? fault.productId : this.device.productId;
    return answerBytes(message, { version: VERSION, flags: FLAG.response, data: u16(productId) });
  }

  #hangUp(): void {
    this.#peer = undefined;
    this.device.onReady(undefined);
  }

  // All packets that the device has ready: one answer, because it tells of each.
  #answer(): Uint8Array {
    const packets: Uint8Array[] = [];
    const { endpoints } = this.device.model;
    for (let one = this.device.take(endpoints.answer); one !== undefined; ) {
      packets.push(one);
      one = this.device.take(endpoints.answer);
    }
    return new Uint8Array(Buffer.concat(packets));
  }

  #send(peer: Peer, answer: Uint8Array): void {
    const fault = this.faults.next();
    if (fault?.kind === "silent") return;
    const bytes = new Uint8Array(Buffer.concat([this.#held ?? new Uint8Array(0), answer]));
    this.#held = undefined;
    if (fault?.kind === "joined") this.#held = bytes;
    else if (fault?.kind === "cut") {
      peer.send(bytes.subarray(0, bytes.length >> 1));
      this.cut();
    } else if (fault?.kind === "pieces") for (const byte of bytes) peer.send(Uint8Array.of(byte));
    else if (fault?.kind === "rubbish") peer.send(new Uint8Array(Buffer.concat([RUBBISH, bytes])));
    else if (fault?.kind === "wrong-product") peer.send(withProduct(bytes, fault.productId));
    else peer.send(bytes);
  }
}

function withProduct(answer: Uint8Array, productId: number): Uint8Array {
  const bytes = answer.slice();
  if (viewOf(bytes).getUint32(8, true) === PRODUCT_ID) viewOf(bytes).setUint16(24, productId, true);
  return bytes;
}
