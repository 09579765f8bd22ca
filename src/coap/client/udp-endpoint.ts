// The client's end of the message layer of UDP: sends requests confirmably, one at a time, and hands every response to
// whoever waits for its token.

import { randomBytes } from "node:crypto";
import { orAborted, withDeadline } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { UDP_SIZES } from "../message/block.ts";
import type { ClientEndpoint } from "./client-endpoint.ts";
import { echoOf, withEcho } from "./client-message.ts";
import {
  type CoapMessage,
  decodeMessage,
  emptyMessage,
  encodeMessage,
  type Message,
} from "../message/codec.ts";
import { ACK, classOf, CON, NON, RST } from "../message/codes.ts";
import { Line, type Outcome, type Recipient, Reliability } from "../udp/reliability.ts";
import { type DatagramSocket, endpointName } from "../network/udp.ts";

/** EXCHANGE_LIFETIME, RFC 7252 section 4.8.2: after that nobody remembers the request. */
const EXCHANGE_US = 247_000_000;

/** Separate responses whose acknowledgement may be lost are acknowledged again; this many are remembered. */
const REMEMBERED = 64;

export class UdpEndpoint implements ClientEndpoint {
  readonly name: string;
  readonly sizes = UDP_SIZES;
  bursts: NonNullable<ClientEndpoint["bursts"]> = "unknown";
  readonly #clock: Clock;
  readonly #socket: DatagramSocket;
  readonly #host: string;
  readonly #port: number;
  readonly #server: Recipient = { line: new Line() };
  readonly #reliability: Reliability<Recipient>;
  readonly #listeners = new Map<string, (message: Message) => void>();
  readonly #acknowledged: number[] = [];
  readonly #failing = new Set<(error: Error) => void>();
  readonly #closing = new AbortController();
  readonly #tokenPrefix = randomBytes(4);
  #tokens = 0;
  #messageId = randomBytes(2).readUInt16BE();

  constructor(
    { host, port }: { readonly host: string; readonly port: number },
    socket: DatagramSocket,
    clock: Clock,
  ) {
    this.name = endpointName(host, port);
    this.#clock = clock;
    this.#socket = socket;
    this.#host = host;
    this.#port = port;
    this.#reliability = new Reliability({ clock, send: (_server, bytes) => this.#send(bytes) });
    socket.attach({
      message: (bytes) => this.#receive(bytes),
      failed: (error) => this.#fail(error),
    });
  }

  nextToken(): Buffer {
    this.#tokens = (this.#tokens + 1) >>> 0;
    const token = Buffer.allocUnsafe(8);
    this.#tokenPrefix.copy(token);
    token.writeUInt32BE(this.#tokens, 4);
    return token;
  }

  listen(token: Buffer, listener: (message: Message) => void): () => void {
    const key = token.toString("latin1");
    this.#listeners.set(key, listener);
    return () => this.#listeners.delete(key);
  }

  /**
   * Sends a request and resolves with its response. Throws DEVICE_TIMEOUT without an acknowledgement within 93 s or a
   * response within 247 s, DEVICE_NOT_CONNECTED when nothing listens there, DEVICE_PROTOCOL when the server resets it.
   */
  exchange(message: Message, signal: AbortSignal): Promise<Message> {
    const late = (): Error => this.#timeout("answered");
    return withDeadline({ clock: this.#clock, us: EXCHANGE_US, late }, signal, async (limited) => {
      const joined = AbortSignal.any([limited, this.#closing.signal]);
      joined.throwIfAborted();
      const answer = await this.#exchange(message, joined);
      // The server wants to see that its answers arrive here.
      const echo = echoOf(answer);
      return echo === undefined ? answer : await this.#exchange(withEcho(message, echo), joined);
    });
  }

  tell(message: Message): void {
    this.#send(encodeMessage({ ...message, type: NON, messageId: this.#nextMessageId() }));
  }

  async close(): Promise<void> {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", `${this.name}: the client is closed`));
    this.#reliability.stop();
    this.#listeners.clear();
    await this.#socket.close();
  }

  async #exchange(message: Message, signal: AbortSignal): Promise<Message> {
    const messageId = this.#nextMessageId();
    const bytes = encodeMessage({ ...message, type: CON, messageId });
    const key = message.token.toString("latin1");
    const outer = this.#listeners.get(key);
    let fail: (error: Error) => void = () => {};
    const response = new Promise<Message>((resolve, reject) => {
      fail = reject;
      this.#listeners.set(key, resolve);
      this.#failing.add(reject);
      const settled = (outcome: Outcome): void => this.#settled(outcome, reject);
      this.#reliability.whenFree(this.#server, {
        granted: () => {
          if (signal.aborted) this.#reliability.release(this.#server);
          else this.#reliability.transmit(this.#server, { messageId, bytes, settled });
        },
      });
    });
    try {
      return await orAborted(response, signal);
    } finally {
      this.#failing.delete(fail);
      if (outer === undefined) this.#listeners.delete(key);
      else this.#listeners.set(key, outer);
      this.#reliability.settle(this.#server, messageId, "cancelled");
    }
  }

  #settled(outcome: Outcome, reject: (error: Error) => void): void {
    if (outcome === "abandoned") reject(this.#timeout("acknowledged"));
    if (outcome === "reset")
      reject(new VscopeError("DEVICE_PROTOCOL", `${this.name}: the server has reset the request`));
  }

  #timeout(what: string): VscopeError {
    return new VscopeError("DEVICE_TIMEOUT", `${this.name}: the request was not ${what} in time`);
  }

  #receive(bytes: Buffer): void {
    const message = decodeMessage(bytes);
    if (message === undefined) return;
    const { type, code, messageId } = message;
    // An answer inside an acknowledgement of something older is a copy, and its token may be in use again.
    if (type === ACK && !this.#reliability.settle(this.#server, messageId, "acknowledged")) return;
    if (type === RST) this.#reliability.settle(this.#server, messageId, "reset");
    else if (classOf(code) >= 2) this.#respond(message);
    else if (type === CON) this.#send(emptyMessage(RST, messageId));
  }

  #respond(message: CoapMessage): void {
    const { type, messageId, token } = message;
    if (type === CON && this.#acknowledged.includes(messageId))
      return this.#send(emptyMessage(ACK, messageId));
    const listener = this.#listeners.get(token.toString("latin1"));
    if (listener === undefined) {
      // An observation that nobody follows any more ends by a reset (RFC 7641 section 3.6).
      if (type !== ACK) this.#send(emptyMessage(RST, messageId));
      return;
    }
    if (type === CON) this.#acknowledge(messageId);
    listener(message);
  }

  #acknowledge(messageId: number): void {
    this.#send(emptyMessage(ACK, messageId));
    this.#acknowledged.push(messageId);
    if (this.#acknowledged.length > REMEMBERED) this.#acknowledged.shift();
  }

  // The system reports that nothing listens at the port.
  #fail(cause: Error): void {
    const error = new VscopeError(
      "DEVICE_NOT_CONNECTED",
      `${this.name}: no server there, ${messageOf(cause)}`,
      { cause },
    );
    for (const reject of this.#failing) reject(error);
  }

  #send(bytes: Buffer): void {
    this.#socket.send(bytes, this.#port, this.#host);
  }

  #nextMessageId(): number {
    this.#messageId = (this.#messageId + 1) & 0xffff;
    return this.#messageId;
  }
}
