// Many clients that each ask for a large file over connections of their own: one budget for all of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cell } from "../../../src/base/cell.ts";
import { MS, SECOND } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Engine } from "../../../src/coap/engine/engine.ts";
import { DEFAULT_LIMITS } from "../../../src/coap/engine/limits.ts";
import { codeText } from "../../../src/coap/message/codes.ts";
import { findOption, findUint, OPTION } from "../../../src/coap/message/options.ts";
import { capabilitiesMessage } from "../../../src/coap/stream/signals.ts";
import { StreamPeer } from "../../../src/coap/stream/stream-peer.ts";
import { CODE, textOf } from "../support/raw-peer.ts";
import { messageOf } from "../stream/raw-connection.ts";
import { ScriptedStream } from "../stream/scripted-stream.ts";

const MIB = 1024 * 1024;

/** A server of a file of 3 MiB, of which parts of 10 MiB may be on their way. `readUs` is how long the disk takes. */
function bench(readUs = 0) {
  const clock = new VirtualClock();
  const version = new Cell(1);
  let mostRead = 0;
  let reading = 0;
  const read = async (_offset: number, length: number): Promise<Buffer> => {
    reading += length;
    mostRead = Math.max(mostRead, reading);
    await clock.delay(readUs, engine.signal);
    reading -= length;
    return Buffer.alloc(length);
  };
  const engine: Engine = new Engine({
    handler: () => ({
      code: "2.05",
      etag: Buffer.from(`v${version.value}`),
      body: { size: 3 * MIB, read },
      observe: (changed) => version.subscribe(changed),
    }),
    admit: undefined,
    clock,
    log: SILENT,
    guard: undefined,
    limits: { ...DEFAULT_LIMITS, sendingBytes: 10 * MIB },
  });
  let number = 0;
  const connect = (address: string): ScriptedStream => {
    const stream = new ScriptedStream(address);
    const closed = (peer: StreamPeer): void => engine.forget(peer);
    new StreamPeer(stream, { engine, number: ++number, maxMessageBytes: MIB, closed });
    stream.receive(capabilitiesMessage(16 * MIB));
    return stream;
  };
  /** Asks for the file by each of the streams, and returns their answers. */
  const ask = async (...streams: readonly ScriptedStream[]): Promise<readonly string[]> => {
    for (const stream of streams) stream.receive(messageOf({ code: CODE.GET, path: "file" }));
    await clock.advance(MS);
    return streams.map(({ sent }) => {
      const last = sent.at(-1);
      return last === undefined ? "nothing yet" : `${codeText(last.code)} ${last.payload.length}`;
    });
  };
  return { clock, engine, version, connect, ask, mostRead: () => mostRead };
}

const FILE = `2.05 ${3 * MIB}`;

test("clients that do not read large answers: the next is 5.03 with Max-Age and the limit, until one has read", async () => {
  const { engine, connect, ask } = bench();
  const streams = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(connect);
  assert.deepEqual(await ask(...streams), [FILE, FILE, FILE]);
  assert.equal(engine.stats.sendingBytes, 9 * MIB);
  const fourth = connect("192.0.2.4");
  await ask(fourth);
  const refusal = fourth.sent.at(-1);
  assert.ok(refusal !== undefined);
  assert.equal(codeText(refusal.code), "5.03");
  assert.equal(findUint(refusal.options, OPTION.MAX_AGE), 5);
  assert.equal(
    textOf(refusal),
    `answers over connections: ${9 * MIB} bytes wait for clients, limit ${10 * MIB} bytes`,
  );
  streams[0]?.read();
  assert.deepEqual(await ask(fourth), [FILE]);
  streams[1]?.destroy();
  assert.equal(engine.stats.sendingBytes, 6 * MIB);
});

test("what is read from the disk counts as long as it is", async () => {
  const { clock, engine, connect, ask, mostRead } = bench(100 * MS);
  const streams = Array.from({ length: 8 }, (_, index) => connect(`192.0.2.${index}`));
  const answers = await ask(...streams);
  assert.deepEqual(answers.map((answer) => answer.slice(0, 4)).toSorted(), [
    ...Array.from({ length: 5 }, () => "5.03"),
    ...Array.from({ length: 3 }, () => "noth"),
  ]);
  assert.equal(mostRead(), 9 * MIB);
  await clock.advance(100 * MS);
  for (const stream of streams) stream.read();
  assert.equal(engine.stats.sendingBytes, 0);
});

test("the connections of one computer have a quarter, but one answer in any case; others are served", async () => {
  const { connect, ask } = bench();
  const own = [connect("192.0.2.1"), connect("192.0.2.1")];
  assert.deepEqual(
    (await ask(...own)).map((answer) => answer.slice(0, 4)),
    ["2.05", "5.03"],
  );
  const text =
    "answers over connections: 3145728 bytes wait for this computer, limit a quarter of 10485760 bytes";
  assert.equal(Buffer.from(own[1]?.sent.at(-1)?.payload ?? []).toString(), text);
  assert.deepEqual(await ask(connect("192.0.2.2")), [FILE]);
});

test("a notification for which there is no room waits; the observer then gets the newest value", async () => {
  const { clock, engine, version, connect, ask } = bench();
  const observer = connect("192.0.2.1");
  observer.receive(messageOf({ code: CODE.GET, path: "file", options: [[OPTION.OBSERVE, 0]] }));
  await clock.advance(MS);
  observer.read();
  const others = ["192.0.2.2", "192.0.2.3", "192.0.2.4"].map(connect);
  assert.deepEqual(await ask(...others), [FILE, FILE, FILE]);
  for (const value of [2, 3, 4]) {
    version.set(value);
    await clock.advance(10 * SECOND);
  }
  assert.equal(observer.sent.length, 1);
  assert.equal(engine.stats.observers, 1);
  for (const other of others) other.read();
  await clock.advance(2 * SECOND);
  assert.deepEqual(
    observer.sent.map(({ options }) => findOption(options, OPTION.ETAG)?.toString()),
    ["v1", "v4"],
  );
});
