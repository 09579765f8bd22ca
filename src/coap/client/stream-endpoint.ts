// The client's end of a connection: hands every response to whoever waits for its token, and connects again when a
// request finds the connection ended.

import { randomBytes } from "node:crypto";
import { orAborted, withDeadline } from "../../base/abort.ts";
import { type Clock, SECOND } from "../../base/clock.ts";
import { type ErrorCode, VscopeError } from "../../base/errors.ts";
import { type SizeLimits, UDP_SIZES } from "../message/block.ts";
import type { ClientEndpoint } from "./client-endpoint.ts";
import { type Message, NO_BYTES } from "../message/codec.ts";
import { classOf, codeNumber } from "../message/codes.ts";
import { Ticker } from "../../base/ticker.ts";
import {
  CLIENT_MESSAGE_BYTES,
  connectStream,
  foreign,
  type StreamTarget,
  targetName,
} from "../stream/connect.ts";
import { Connection } from "../stream/connection.ts";
import type { MessageStream } from "../stream/message-stream.ts";

const CONNECT_WITHIN_US = 15 * SECOND;
/** As long as on UDP. */
const ANSWER_WITHIN_US = 247 * SECOND;
/** When the server owes something and is silent for this long, it is asked whether it is there. */
const PING_AFTER_US = 30 * SECOND;
const CLOSE_WITHIN_US = SECOND / 2;
const TICK_US = SECOND;

interface Listener {
  readonly message: (message: Message) => void;
  readonly lost: () => void;
}

export class StreamEndpoint implements ClientEndpoint {
  readonly name: string;
  readonly #target: StreamTarget;
  readonly #clock: Clock;
  readonly #listeners = new Map<string, Listener>();
  /** Requests that wait for their answers, by connection. */
  readonly #waiting = new Map<Connection, Set<(error: Error) => void>>();
  readonly #closing = new AbortController();
  readonly #ticker: Ticker;
  /** The connection that requests go to; another one takes its place when it ends. */
  #connected: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  /** One whose server has not yet said what it can take. */
  #opening: Connection | undefined;
  #ended: () => void = () => {};
  #tokens = randomBytes(4).readUInt32BE();

  /** Connects. Throws DEVICE_NOT_CONNECTED, or DEVICE_TIMEOUT when the server says nothing. */
  static async open(target: StreamTarget, clock: Clock): Promise<StreamEndpoint> {
    const endpoint = new StreamEndpoint(target, clock);
    await endpoint.#connect();
    return endpoint;
  }

  private constructor(target: StreamTarget, clock: Clock) {
    this.name = targetName(target);
    this.#target = target;
    this.#clock = clock;
    this.#ticker = new Ticker(clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  get sizes(): SizeLimits {
    return this.#connection?.sizes ?? UDP_SIZES;
  }

  // Four bytes, as nobody else can send on the connection.
  nextToken(): Buffer {
    this.#tokens = (this.#tokens + 1) >>> 0;
    const token = Buffer.allocUnsafe(4);
    token.writeUInt32BE(this.#tokens);
    return token;
  }

  listen(token: Buffer, message: (message: Message) => void, lost: () => void): () => void {
    const key = token.toString("latin1");
    this.#listeners.set(key, { message, lost });
    return () => this.#listeners.delete(key);
  }

  exchange(message: Message, signal: AbortSignal): Promise<Message> {
    const late = (): Error => this.#error("DEVICE_TIMEOUT", "the request was not answered in time");
    return withDeadline({ clock: this.#clock, us: ANSWER_WITHIN_US, late }, signal, async (limited) => {
      const joined = AbortSignal.any([limited, this.#closing.signal]);
      joined.throwIfAborted();
      const connection = await orAborted(this.#connect(), joined);
      return await this.#exchange(connection, message, joined);
    });
  }

  tell(message: Message): void {
    this.#connection?.send(message);
  }

  async close(): Promise<void> {
    this.#closing.abort(this.#error("OPERATION_CANCELLED", "the client is closed"));
    this.#ticker.stop();
    const connection = this.#connection;
    if (connection === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(CLOSE_WITHIN_US, () => connection.destroy());
      this.#ended = () => {
        cancel();
        resolve();
      };
      connection.release();
    });
  }

  #connect(): Promise<Connection> {
    if (this.#connection?.isEnding === true) this.#retire(this.#connection);
    this.#connected ??= this.#open();
    return this.#connected;
  }

  async #open(): Promise<Connection> {
    const late = (): Error => this.#error("DEVICE_TIMEOUT", "no connection in time");
    const deadline = { clock: this.#clock, us: CONNECT_WITHIN_US, late };
    try {
      return await withDeadline(deadline, this.#closing.signal, async (signal) => {
        const stream = await connectStream(this.#target, signal);
        return await this.#introduce(stream, signal);
      });
    } catch (error) {
      this.#connected = undefined;
      throw error;
    }
  }

  /** Resolves when the server has said what it can take. */
  async #introduce(stream: MessageStream, signal: AbortSignal): Promise<Connection> {
    let isCoap = false;
    const opened = new Promise<Connection>((resolve, reject) => {
      const connection = new Connection(
        stream,
        {
          message: (message) => this.#receive(connection, message),
          signalled: () => true,
          opened: () => {
            isCoap = true;
            resolve(connection);
          },
          drained: () => {},
          released: () => this.#retire(connection),
          afterAnswers: (pong) => pong(true),
          closed: (fact) => {
            const lost = this.#lose(connection, fact);
            reject(isCoap ? lost : foreign(this.#target, fact ?? "it has ended the connection"));
            this.#ended();
          },
        },
        { clock: this.#clock, maxMessageBytes: CLIENT_MESSAGE_BYTES },
      );
      this.#opening = connection;
      this.#ticker.wake();
    });
    try {
      const connection = await orAborted(opened, signal);
      this.#connection = connection;
      return connection;
    } catch (error) {
      stream.destroy();
      throw error;
    } finally {
      this.#opening = undefined;
      if (!this.#isAwaited) this.#ticker.stop();
    }
  }

  async #exchange(connection: Connection, message: Message, signal: AbortSignal): Promise<Message> {
    const key = message.token.toString("latin1");
    const outer = this.#listeners.get(key);
    // At once with the response: a notification can follow it in the same bytes.
    const restore = (): void => {
      if (outer === undefined) this.#listeners.delete(key);
      else this.#listeners.set(key, outer);
    };
    const waiting = this.#waiting.get(connection) ?? new Set();
    this.#waiting.set(connection, waiting);
    let fail: (error: Error) => void = () => {};
    const response = new Promise<Message>((resolve, reject) => {
      fail = reject;
      waiting.add(reject);
      const take = (taken: Message): void => {
        restore();
        resolve(taken);
      };
      this.#listeners.set(key, { message: take, lost: () => {} });
    });
    this.#ticker.wake();
    connection.send(message);
    try {
      return await orAborted(response, signal);
    } catch (error) {
      restore();
      throw error;
    } finally {
      waiting.delete(fail);
      if (waiting.size === 0) this.#waiting.delete(connection);
      if (waiting.size === 0 && this.#connection !== connection) connection.release();
    }
  }

  #receive(connection: Connection, message: Message): void {
    if (classOf(message.code) >= 2) this.#listeners.get(message.token.toString("latin1"))?.message(message);
    // A request: this end is no server.
    else connection.send({ ...message, code: codeNumber("5.01"), options: [], payload: NO_BYTES });
  }

  /** No new requests go to the connection; it ends when those on it are answered. */
  #retire(connection: Connection): void {
    if (this.#connection === connection) {
      this.#connection = undefined;
      this.#connected = undefined;
      for (const { lost } of this.#listeners.values()) lost();
    }
    if (!this.#waiting.has(connection)) connection.release();
  }

  /** Fails what waits for the connection; returns why. */
  #lose(connection: Connection, fact: string | undefined): VscopeError {
    const error = this.#error("DEVICE_NOT_CONNECTED", fact ?? "the server has ended the connection");
    for (const reject of this.#waiting.get(connection) ?? []) reject(error);
    this.#retire(connection);
    return error;
  }

  get #isAwaited(): boolean {
    return this.#waiting.size > 0 || this.#listeners.size > 0;
  }

  #tick(nowUs: number): boolean {
    const connections = new Set(this.#waiting.keys());
    if (this.#connection !== undefined) connections.add(this.#connection);
    const isWaiting = this.#isAwaited;
    for (const connection of connections) {
      connection.check(nowUs);
      if (isWaiting && nowUs - connection.heardUs >= PING_AFTER_US) connection.ping();
    }
    // What speaks another protocol need not end the connection by itself.
    if (this.#opening?.isEnding === true) this.#opening.check(nowUs);
    return isWaiting || this.#opening !== undefined;
  }

  #error(code: ErrorCode, fact: string): VscopeError {
    return new VscopeError(code, `${this.name}: ${fact}`);
  }
}
