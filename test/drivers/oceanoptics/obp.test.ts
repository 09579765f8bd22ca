// Conversations in OBP against a scripted far end: refusals, late answers, broken answers, packet borders.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Link } from "../../../src/drivers/oceanoptics/link.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { Obp } from "../../../src/drivers/oceanoptics/obp.ts";
import { decodeObp, encodeObp, type ObpMessage } from "../../../src/drivers/oceanoptics/obp-frame.ts";
import type { UsbTransport } from "../../../src/drivers/usb/port.ts";

type Answerer = (question: ObpMessage, turn: number) => readonly (Uint8Array | number)[];

/** Answers each question with messages, cut into packets; a number is a pause in us before what follows. */
class ScriptedObp implements UsbTransport {
  readonly speed: "full" | "high";
  readonly readSizes: number[] = [];
  readonly questions: ObpMessage[] = [];
  readonly #clock: VirtualClock;
  readonly #answer: Answerer;
  #packets: Uint8Array[] = [];
  #wake = (): void => {};

  constructor(clock: VirtualClock, speed: "full" | "high", answer: Answerer) {
    this.#clock = clock;
    this.speed = speed;
    this.#answer = answer;
  }

  async write(_endpoint: number, bytes: Uint8Array): Promise<void> {
    const question = decodeObp(bytes);
    assert.ok(typeof question !== "string");
    this.questions.push(question);
    let delayUs = 0;
    for (const part of this.#answer(question, this.questions.length)) {
      if (typeof part === "number") delayUs += part;
      else this.#clock.after(delayUs, () => this.#send(part));
    }
  }

  async read(_endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const size = this.speed === "high" ? 512 : 64;
    const parts: Uint8Array[] = [];
    for (let have = 0; have < length; ) {
      while (this.#packets.length === 0) await this.#arrival(signal);
      const packet = this.#packets.shift() ?? new Uint8Array(0);
      assert.ok(have + packet.length <= length, "overflow");
      parts.push(packet);
      have += packet.length;
      if (packet.length < size) break;
    }
    this.readSizes.push(length);
    return Buffer.concat(parts);
  }

  async clearHalt(): Promise<void> {}
  async reset(): Promise<void> {}
  async close(): Promise<void> {}

  #send(bytes: Uint8Array): void {
    const size = this.speed === "high" ? 512 : 64;
    for (let at = 0; at < bytes.length; at += size) this.#packets.push(bytes.slice(at, at + size));
    this.#wake();
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener("abort", onAbort);
      this.#wake = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
    });
  }
}

function setUp(answer: Answerer, speed: "full" | "high" = "full", name: ModelName = "STS") {
  const clock = new VirtualClock();
  const transport = new ScriptedObp(clock, speed, answer);
  const link = new Link({ transport, clock, log: SILENT, subject: "S01234" });
  return { clock, transport, obp: new Obp(link, modelNamed(name)) };
}

function reply(question: ObpMessage, changes: Partial<ObpMessage> = {}): Uint8Array {
  return encodeObp({ ...question, flags: 1, data: new Uint8Array(0), ...changes });
}

const DATA = Uint8Array.from({ length: 2048 }, (_, index) => index % 251);

for (const [speed, data, sizes] of [
  ["full", 2048, [64, 2048]],
  ["high", 2048, [512, 2048]],
  ["full", 4208, [64, 4224]],
  ["high", 4208, [512, 4096]],
  ["high", 448, [512]],
  ["full", 16, [64]],
  ["high", 16, [512]],
] as const) {
  test(`reads ${data} bytes at ${speed} speed in buffers of ${sizes.join(" and ")}`, async () => {
    const bytes = Uint8Array.from({ length: data }, (_, index) => index % 251);
    const { clock, transport, obp } = setUp((question) => [reply(question, { data: bytes })], speed);
    assert.deepEqual(await clock.run(obp.query({ type: 0x00101100 }, NEVER)), bytes);
    assert.deepEqual(transport.readSizes, sizes);
    assert.equal(clock.pending, 0);
  });
}

test("a command asks for its acknowledgement; both forms of it are accepted", async () => {
  for (const flags of [2, 3]) {
    const { clock, transport, obp } = setUp((question) => [reply(question, { flags })]);
    await clock.run(obp.command({ type: 0x00110010, data: Uint8Array.of(1, 2, 3, 4) }, NEVER));
    assert.equal(transport.questions[0]?.flags, 4);
  }
  const { clock, obp } = setUp((question) => [reply(question, { flags: 1 })]);
  await assert.rejects(clock.run(obp.command({ type: 0x00110010 }, NEVER)), {
    message: "S01234: message 0x00110010 was answered, but not acknowledged",
  });
});

test("a refusal carries the device's number and its meaning", async () => {
  const { clock, obp } = setUp((question) => [reply(question, { flags: 9, error: 6 })]);
  await assert.rejects(clock.run(obp.command({ type: 0x00110010 }, NEVER)), {
    code: "DEVICE_PROTOCOL",
    message: "S01234: message 0x00110010 refused with error 6: payload data invalid",
    details: { errorNumber: 6 },
  });
});

test("what the device does not know or does not have is absent", async () => {
  for (const error of [2, 12]) {
    const { clock, obp } = setUp((question) => [reply(question, { flags: 9, error })]);
    assert.equal(await clock.run(obp.queryIfPresent({ type: 0x00181100 }, NEVER)), undefined);
    assert.equal(await clock.run(obp.commandIfPresent({ type: 0x00100000 }, NEVER)), false);
  }
  const { clock, obp } = setUp((question) => [reply(question, { flags: 9, error: 13 })]);
  await assert.rejects(
    clock.run(obp.queryIfPresent({ type: 0x00181100 }, NEVER)),
    /error 13: internal device error/,
  );
});

test("the answer to an earlier question is dropped", async () => {
  const { clock, obp } = setUp((question) => [
    reply(question, { regarding: question.regarding - 1, data: Uint8Array.of(1) }),
    reply(question, { type: 0x00000100, data: Uint8Array.of(2) }),
    reply(question, { data: Uint8Array.of(3) }),
  ]);
  assert.deepEqual(await clock.run(obp.query({ type: 0x00000101 }, NEVER)), Uint8Array.of(3));
});

test("firmware that does not repeat `regarding` works; once it has, 0 is a stranger's answer", async () => {
  const { clock, obp } = setUp((question, turn) => [
    ...(turn === 3 ? [reply(question, { regarding: 0, data: Uint8Array.of(99) })] : []),
    reply(question, { regarding: turn === 1 ? 0 : question.regarding, data: Uint8Array.of(turn) }),
  ]);
  for (const turn of [1, 2, 3]) {
    assert.deepEqual(await clock.run(obp.query({ type: 0x00000101 }, NEVER)), Uint8Array.of(turn));
  }
});

test("every question has its own number", async () => {
  const { clock, transport, obp } = setUp((question) => [reply(question)]);
  for (let turn = 0; turn < 3; turn++) await clock.run(obp.query({ type: 0x00000101 }, NEVER));
  assert.equal(new Set(transport.questions.map(({ regarding }) => regarding)).size, 3);
  assert.ok(transport.questions.every(({ regarding }) => regarding !== 0));
});

test("the tail of an aborted message is skipped", async () => {
  const { clock, obp } = setUp((question) => [new Uint8Array(128).fill(7), reply(question, { data: DATA })]);
  assert.deepEqual(await clock.run(obp.query({ type: 0x00101100 }, NEVER)), DATA);
});

test("deferred: the answer comes later; not ready: asked again", async () => {
  const deferred = setUp((question) => [
    reply(question, { flags: 1, error: 255 }),
    300_000,
    reply(question, { data: Uint8Array.of(5) }),
  ]);
  assert.deepEqual(await deferred.clock.run(deferred.obp.query({ type: 0x101 }, NEVER)), Uint8Array.of(5));
  const busy = setUp((question, turn) => [
    turn < 4 ? reply(question, { flags: 9, error: 7 }) : reply(question, { data: Uint8Array.of(6) }),
  ]);
  assert.deepEqual(await busy.clock.run(busy.obp.query({ type: 0x101 }, NEVER)), Uint8Array.of(6));
  assert.equal(busy.transport.questions.length, 4);
});

test("a device that is never ready, or silent, ends at the deadline", async () => {
  for (const answer of [() => [], (question: ObpMessage) => [reply(question, { flags: 9, error: 7 })]]) {
    const { clock, obp } = setUp(answer);
    await assert.rejects(clock.run(obp.query({ type: 0x00000101, us: 250_000 }, NEVER)), {
      code: "DEVICE_TIMEOUT",
      message: "S01234: no answer to message 0x00000101 within 250 ms",
    });
    assert.ok(clock.nowUs() <= 250_000);
    assert.equal(clock.pending, 0);
  }
});

test("a wrong checksum is asked again once, then an error", async () => {
  const broken = (question: ObpMessage): Uint8Array => {
    const bytes = encodeObp({ ...question, flags: 1, data: Uint8Array.of(1, 2, 3) }, "md5");
    bytes[25] = 9;
    return bytes;
  };
  const once = setUp((question, turn) => [
    turn === 1 ? broken(question) : reply(question, { data: Uint8Array.of(4) }),
  ]);
  assert.deepEqual(await once.clock.run(once.obp.query({ type: 0x101 }, NEVER)), Uint8Array.of(4));
  const always = setUp((question) => [broken(question)]);
  await assert.rejects(always.clock.run(always.obp.query({ type: 0x101 }, NEVER)), {
    code: "DEVICE_PROTOCOL",
    message: "S01234: wrong checksum",
  });
  assert.equal(always.transport.questions.length, 2);
});

test("a spectrum is never asked for twice", async () => {
  const { clock, transport, obp } = setUp((question) => {
    const bytes = reply(question, { data: DATA });
    bytes[bytes.length - 1] = 0;
    return [bytes];
  });
  await assert.rejects(clock.run(obp.query({ type: 0x00101100 }, NEVER)), {
    message: "S01234: message does not end in C5 C4 C3 C2",
  });
  assert.equal(transport.questions.length, 1);
});

test("a header in pieces, an impossible length, a message cut off", async () => {
  const pieces = setUp((question) => {
    const bytes = reply(question, { data: Uint8Array.of(8) });
    return [bytes.subarray(0, 20), bytes.subarray(20)];
  }, "high");
  assert.deepEqual(await pieces.clock.run(pieces.obp.query({ type: 0x101 }, NEVER)), Uint8Array.of(8));
  const impossible = setUp((question) => [reply(question).fill(0xff, 40, 44)]);
  await assert.rejects(
    impossible.clock.run(impossible.obp.query({ type: 0x00101100 }, NEVER)),
    /an impossible length/,
  );
  const cut = setUp((question) => [reply(question, { data: DATA }).subarray(0, 1000)]);
  await assert.rejects(cut.clock.run(cut.obp.query({ type: 0x00101100 }, NEVER)), { code: "DEVICE_TIMEOUT" });
});

test("the second dialect has its own version; another one is tolerated", async () => {
  const { clock, transport, obp } = setUp(
    (question) => [reply(question, { version: 0x1000 })],
    "high",
    "SR4",
  );
  await clock.run(obp.query({ type: 0x00000100 }, NEVER));
  assert.equal(transport.questions[0]?.version, 0x2000);
});
