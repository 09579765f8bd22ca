// A client that talks as piccolo3's does, written from its interface as observed: confirmable, two-byte tokens, JSON without
// a Content-Format, later blocks of a PUT asked for by empty PUTs with new tokens.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { RawPeer } from "../../coap/support/raw-peer.ts";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { type CoapMessage } from "../../../src/coap/message/codec.ts";
import { ACK, CON, codeText, EMPTY, type MessageType } from "../../../src/coap/message/codes.ts";
import { findOption, findUint, OPTION } from "../../../src/coap/message/options.ts";
import { CoapInstrument, type CoapInstrumentOptions } from "../../support/coap-instrument.ts";

const CODES = { GET: 1, POST: 2, PUT: 3, DELETE: 4, FETCH: 5, PATCH: 6, iPATCH: 7 } as const;
export type Method = keyof typeof CODES;

const BLOCK_BYTES = 1024;
const POLL_US = 10_000;

export interface Answer {
  readonly code: string;
  readonly text: string;
  /** Numbers of the options of the first message. */
  readonly options: readonly number[];
  readonly observe?: number | undefined;
}

export interface Asked {
  readonly payload?: string;
  readonly options?: readonly (readonly [number: number, value: number | string | Buffer])[];
  readonly messageId?: number;
}

export class LegacyClient {
  readonly #peer: RawPeer;
  #tokens = 0;

  constructor(peer: RawPeer) {
    this.#peer = peer;
  }

  static async open(test: TestContext, port: number): Promise<LegacyClient> {
    const peer = await RawPeer.open(port);
    test.after(() => peer.close());
    return new LegacyClient(peer);
  }

  /** Asks, and fetches all blocks of the answer. */
  async ask(method: Method, path: string, asked: Asked = {}): Promise<Answer> {
    const first = await this.#exchange(method, path, asked);
    const chunks = [first.payload];
    let block = findUint(first.options, OPTION.BLOCK2);
    while (block !== undefined && (block & 8) !== 0) {
      const next = (((block >> 4) + 1) << 4) | (block & 7);
      const reply = await this.#exchange(method, path, { options: [[OPTION.BLOCK2, next]] });
      assert.equal(codeText(reply.code), codeText(first.code), path);
      const etags = [first, reply].map(({ options }) => findOption(options, OPTION.ETAG)?.toString("hex"));
      assert.equal(etags[0], etags[1], "the blocks are of one answer");
      assert.ok(reply.payload.length <= BLOCK_BYTES);
      chunks.push(reply.payload);
      block = findUint(reply.options, OPTION.BLOCK2);
    }
    return {
      code: codeText(first.code),
      text: Buffer.concat(chunks).toString("utf8"),
      options: first.options.map(({ number }) => number),
      observe: findUint(first.options, OPTION.OBSERVE),
    };
  }

  get(path: string): Promise<Answer> {
    return this.ask("GET", path);
  }

  /** The value of a GET that is answered. */
  async value(path: string): Promise<unknown> {
    const { code, text } = await this.get(path);
    assert.equal(code, "2.05", `${path}: ${text}`);
    return JSON.parse(text);
  }

  /** A PUT with a payload as it is. */
  put(path: string, payload: string): Promise<Answer> {
    return this.ask("PUT", path, { payload });
  }

  /** A PUT as piccolo3's client makes it. */
  call(
    path: string,
    args: readonly unknown[],
    named: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    return this.put(path, JSON.stringify([args, named]));
  }

  /** A call that is accepted: what its payload holds. */
  async done(
    path: string,
    args: readonly unknown[],
    named: Readonly<Record<string, unknown>> = {},
  ): Promise<unknown> {
    const { code, text } = await this.call(path, args, named);
    assert.equal(code, "2.04", `${path}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** Waits until a GET gives a value. */
  async until(path: string, wanted: (value: unknown) => boolean): Promise<unknown> {
    for (;;) {
      const value = await this.value(path);
      if (wanted(value)) return value;
      await new SystemClock().delay(POLL_US, NEVER);
    }
  }

  async #exchange(method: Method, path: string, { payload = "", ...asked }: Asked): Promise<CoapMessage> {
    const token = this.#token();
    this.#peer.send({
      type: CON,
      code: CODES[method],
      path,
      token,
      payload: Buffer.from(payload),
      ...asked,
    });
    for (;;) {
      const message = await this.#peer.next();
      const isOurs = message.token.toString("latin1") === token && message.code !== EMPTY;
      if (message.type === CON) this.#peer.empty(ACK, message.messageId);
      if (isOurs) return message;
    }
  }

  #token(): string {
    this.#tokens = (this.#tokens + 1) % 0x4000;
    return String.fromCharCode(0x20 + (this.#tokens >> 7), this.#tokens & 0x7f);
  }
}

/** One observation, on a socket of its own. */
export class Watch {
  readonly #peer: RawPeer;
  readonly values: unknown[] = [];
  readonly types: MessageType[] = [];
  readonly numbers: number[] = [];

  private constructor(peer: RawPeer) {
    this.#peer = peer;
  }

  static async open(
    test: TestContext,
    port: number,
    { path, type = CON }: { readonly path: string; readonly type?: MessageType },
  ): Promise<Watch> {
    const peer = await RawPeer.open(port);
    test.after(() => peer.close());
    const watch = new Watch(peer);
    peer.send({ type, code: CODES.GET, path, token: "ob", options: [[OPTION.OBSERVE, 0]] });
    await watch.next();
    return watch;
  }

  /** The next value that the server sends; it is acknowledged. */
  async next(): Promise<unknown> {
    for (;;) {
      const message = await this.#peer.next();
      if (message.type === CON) this.#peer.empty(ACK, message.messageId);
      if (message.code === EMPTY) continue;
      return this.#keep(message);
    }
  }

  /** Values until one that is wanted, it included. */
  async upTo(wanted: (value: unknown) => boolean): Promise<readonly unknown[]> {
    const seen: unknown[] = [];
    for (;;) {
      const value = await this.next();
      seen.push(value);
      if (wanted(value)) return seen;
    }
  }

  /** All that has come meanwhile. */
  async settled(): Promise<readonly unknown[]> {
    const messages = await this.#peer.settled();
    for (const { type, messageId } of messages) if (type === CON) this.#peer.empty(ACK, messageId);
    return messages.filter(({ code }) => code !== EMPTY).map((message) => this.#keep(message));
  }

  #keep(message: CoapMessage): unknown {
    assert.equal(codeText(message.code), "2.05", message.payload.toString());
    const value: unknown = JSON.parse(message.payload.toString());
    this.values.push(value);
    this.types.push(message.type);
    this.numbers.push(findUint(message.options, OPTION.OBSERVE) ?? -1);
    return value;
  }
}

/** A server with the emulated instrument (two spectrometers, two channels), and a client of piccolo3's kind. */
export async function legacyInstrument(
  test: TestContext,
  options: CoapInstrumentOptions = {},
): Promise<{ readonly instrument: CoapInstrument; readonly client: LegacyClient }> {
  const instrument = await CoapInstrument.start(options);
  test.after(() => instrument.close());
  return { instrument, client: await LegacyClient.open(test, instrument.port) };
}
