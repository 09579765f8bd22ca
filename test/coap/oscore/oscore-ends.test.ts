// The guard of a server and the endpoint of a client by themselves: which nonces answers use, and which notifications count.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { NEVER } from "../../../src/base/abort.ts";
import { UDP_SIZES } from "../../../src/coap/message/block.ts";
import type { ClientEndpoint } from "../../../src/coap/client/client-endpoint.ts";
import { type Content, type Message, NO_BYTES } from "../../../src/coap/message/codec.ts";
import { codeNumber, codeText } from "../../../src/coap/message/codes.ts";
import { bytesOption, findOption, findUint, OPTION, uintOption } from "../../../src/coap/message/options.ts";
import { OscoreEndpoint } from "../../../src/coap/client/oscore-endpoint.ts";
import { OscoreGuard } from "../../../src/coap/oscore/oscore-guard.ts";
import { decodeOscoreOption, sequenceOf } from "../../../src/coap/oscore/oscore-option.ts";
import {
  openRequest,
  openResponse,
  protectRequest,
  protectResponse,
  type RequestBinding,
} from "../../../src/coap/oscore/protection.ts";
import { contextsOf, KEY, MemoryStore, openPair } from "./oscore-pair.ts";

const TOKEN = Buffer.from("token");
const GET: Content = { code: 1, options: [], payload: NO_BYTES };
const OBSERVE: Content = { ...GET, options: [uintOption(OPTION.OBSERVE, 0)] };
const VALUE: Content = { code: codeNumber("2.05"), options: [], payload: Buffer.from("value") };

/** The number of the sender in an answer; undefined for the nonce of the request. */
function numberIn({ options }: Content): number | undefined {
  const value = findOption(options, OPTION.OSCORE);
  const partialIv = value === undefined ? undefined : decodeOscoreOption(value)?.partialIv;
  return partialIv === undefined ? undefined : sequenceOf(partialIv);
}

test("the nonce of a request serves for one answer; notifications and questions have numbers of their own", async () => {
  const { client, server } = await openPair();
  const guard = new OscoreGuard(contextsOf(server));
  const ask = (content: Content, number: number) => {
    const { outer, binding } = protectRequest(client, content, number);
    const opened = guard.open({ ...outer, token: TOKEN });
    assert.ok(opened.protect);
    return { opened, protect: opened.protect, binding };
  };
  const first = ask(GET, 0);
  assert.equal(first.opened.reply?.code, "4.01");
  assert.equal(numberIn(first.protect(VALUE, false)), 0);
  const echo = bytesOption(OPTION.ECHO, first.opened.reply.echo ?? NO_BYTES);
  const second = ask({ ...GET, options: [echo] }, 1);
  assert.equal(second.opened.reply, undefined);
  const answers = [second.protect(VALUE, false), second.protect(VALUE, false), second.protect(VALUE, true)];
  assert.deepEqual(answers.map(numberIn), [undefined, 1, 2]);
  for (const answer of answers)
    assert.deepEqual(openResponse(second.binding, answer)?.content.payload, VALUE.payload);
  // An error that ends an observation is a notification without Observe.
  const third = ask(OBSERVE, 2);
  const notification = { ...VALUE, options: [uintOption(OPTION.OBSERVE, 1)] };
  assert.deepEqual([third.protect(notification, false), third.protect(VALUE, true)].map(numberIn), [3, 4]);
});

test("without a number at hand a notification is replaced by a plain 5.03", async () => {
  const store = new MemoryStore();
  const { client, server } = await openPair(KEY, { server: store });
  server.replays.beginAt(0);
  store.failure = new Error("read-only file system");
  while (server.sequence.take() !== undefined);
  const { outer } = protectRequest(client, OBSERVE, 1);
  const { protect } = new OscoreGuard(contextsOf(server)).open({ ...outer, token: TOKEN });
  const answer = protect?.(VALUE, true);
  assert.equal(codeText(answer?.code ?? 0), "5.03");
  assert.equal(answer?.payload.length, 0);
});

test("an answer that no ciphertext can hold becomes a protected 5.00", async () => {
  const { client, server } = await openPair();
  server.replays.beginAt(0);
  const { outer, binding } = protectRequest(client, GET, 1);
  const { protect } = new OscoreGuard(contextsOf(server)).open({ ...outer, token: TOKEN });
  const answer = protect?.({ ...VALUE, payload: Buffer.alloc(70_000) }, false);
  assert.ok(answer);
  assert.equal(codeText(openResponse(binding, answer)?.content.code ?? 0), "5.00");
});

test("nothing that arrives makes the guard throw, and nothing that was not protected is opened", async () => {
  const { client, server } = await openPair();
  const guard = new OscoreGuard(contextsOf(server));
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((value) => Buffer.from(value));
  const valid = protectRequest(client, GET, 7).outer;
  const value = findOption(valid.options, OPTION.OSCORE) ?? NO_BYTES;
  // Near the truth, too: the right parameters with another ciphertext, the right ciphertext with other parameters.
  const values = fc.oneof(
    bytes(30),
    fc.constant(value),
    bytes(6).map((tail) => Buffer.concat([value, tail])),
  );
  const payloads = fc.oneof(
    bytes(60),
    bytes(20).map((head) => Buffer.concat([head, Buffer.from(valid.payload)])),
  );
  const code = fc.integer({ min: 1, max: 31 });
  fc.assert(
    fc.property(values, payloads, code, (oscore, payload, outerCode) => {
      fc.pre(!(oscore.equals(value) && payload.equals(valid.payload)));
      const options = [{ number: OPTION.OSCORE, value: oscore }];
      const opened = guard.open({ code: outerCode, options, payload, token: TOKEN });
      assert.equal(opened.identity, undefined);
      assert.match(opened.reply?.code ?? "", /^4\.0[012]$/);
    }),
    { numRuns: 2000 },
  );
  assert.ok(guard.open({ ...valid, token: TOKEN }).identity);
});

/** The other end of an endpoint, without a network. */
class FarEnd implements ClientEndpoint {
  readonly name = "far";
  readonly sizes = UDP_SIZES;
  readonly told: Message[] = [];
  /** Answers requests. */
  answer: (message: Message) => Content = () => VALUE;
  notify: (message: Message) => void = () => {};

  nextToken(): Buffer {
    return TOKEN;
  }

  listen(_token: Buffer, listener: (message: Message) => void): () => void {
    this.notify = listener;
    return () => {};
  }

  exchange(message: Message): Promise<Message> {
    return Promise.resolve({ ...this.answer(message), token: message.token });
  }

  tell(message: Message): void {
    this.told.push(message);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

test("a replay that the server sees again ends with its code", async () => {
  const { client } = await openPair();
  const far = new FarEnd();
  far.answer = () => ({ code: codeNumber("4.01"), options: [], payload: Buffer.from("Replay detected") });
  const request = { ...GET, token: TOKEN };
  await assert.rejects(new OscoreEndpoint(far, client).exchange(request, NEVER), {
    message: /4\.01 without protection: Replay detected$/,
    details: { coap: "4.01", unprotected: "Replay detected" },
  });
});

test("notifications count in the order of their numbers, also those of an earlier registration", async () => {
  const { client, server } = await openPair();
  const far = new FarEnd();
  const bindings: RequestBinding[] = [];
  const notification = (
    number: number,
    binding = bindings.at(-1),
    option = uintOption(OPTION.OBSERVE, 9),
  ) => {
    assert.ok(binding);
    return protectResponse(
      binding,
      { ...VALUE, options: [option], payload: Buffer.from(`${number}`) },
      number,
    );
  };
  far.answer = (message) => {
    const value = decodeOscoreOption(findOption(message.options, OPTION.OSCORE) ?? NO_BYTES);
    const { kid = NO_BYTES, partialIv = NO_BYTES } = value ?? {};
    bindings.push({ context: server, kid, partialIv, isFetch: true });
    return notification(10);
  };
  const endpoint = new OscoreEndpoint(far, client);
  const seen: string[] = [];
  endpoint.listen(
    TOKEN,
    ({ payload }) => seen.push(Buffer.from(payload).toString()),
    () => {},
  );
  const answer = await endpoint.exchange({ ...OBSERVE, token: TOKEN }, NEVER);
  assert.equal(findUint(answer.options, OPTION.OBSERVE), 10);
  const send = (content: Content): void => far.notify({ ...content, token: TOKEN });
  for (const number of [10, 12, 12, 11, 9, 13]) send(notification(number));
  assert.deepEqual(seen, ["12", "13"]);
  const [binding] = bindings;
  assert.ok(binding);
  send(protectResponse(binding, VALUE, undefined));
  send({ ...VALUE, options: [uintOption(OPTION.OBSERVE, 20)] });
  far.answer = (message) => {
    const value = decodeOscoreOption(findOption(message.options, OPTION.OSCORE) ?? NO_BYTES);
    const { kid = NO_BYTES, partialIv = NO_BYTES } = value ?? {};
    bindings.push({ context: server, kid, partialIv, isFetch: true });
    return notification(14, bindings[0]);
  };
  // The answer to the second registration is overtaken by a notification of the first.
  await endpoint.exchange({ ...OBSERVE, token: TOKEN }, NEVER);
  send(notification(16, bindings[0]));
  send(notification(15));
  send(notification(17));
  assert.deepEqual(seen, ["12", "13", "16", "17"]);
});

test("what is told is protected, and left out when there is no number", async () => {
  const { client, server } = await openPair(KEY, { client: new MemoryStore(2 ** 40 - 1) });
  const far = new FarEnd();
  const endpoint = new OscoreEndpoint(far, client);
  endpoint.tell({ ...OBSERVE, token: TOKEN });
  endpoint.tell({ ...OBSERVE, token: TOKEN });
  assert.equal(far.told.length, 1);
  const [told] = far.told;
  assert.ok(told);
  const { kid = NO_BYTES, partialIv = NO_BYTES } =
    decodeOscoreOption(findOption(told.options, OPTION.OSCORE) ?? NO_BYTES) ?? {};
  const opened = openRequest({ context: server, kid, partialIv, isFetch: true }, told);
  assert.equal(typeof opened === "object" ? opened.code : opened, 1);
  await assert.rejects(endpoint.exchange({ ...GET, token: TOKEN }, NEVER), /all 1099511627775 messages/);
});
