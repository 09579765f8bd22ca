// The replayer is strict: whatever does not fit shows the line of the transcript and what came instead.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { ReplayTransport } from "./replay-transport.ts";
import { fromHex, hex, parseTranscript } from "./transcript-text.ts";

const SESSION = `
  open 2457:101E high
  > 01 05 00
  < 81 05 00 'FLMS' 00*2
  > 01 09
  +20000 < 82 0102
         |    0369`;

async function opened(transcript: string, clock = new VirtualClock()): Promise<ReplayTransport> {
  const transport = new ReplayTransport(transcript, { clock });
  await transport.device.open(NEVER);
  return transport;
}

test("a session as written passes, at the times that are written", async () => {
  const clock = new VirtualClock();
  const transport = await opened(SESSION, clock);
  const { vendorId, productId } = transport.device;
  assert.deepEqual([vendorId, productId, transport.speed], [0x2457, 0x101e, "high"]);
  await transport.write(0x01, fromHex("0500"));
  assert.equal(hex(await transport.read(0x81, 64, NEVER)), "0500464C4D530000");
  await transport.write(0x01, fromHex("09"));
  assert.equal(hex(await clock.run(transport.read(0x82, 512, NEVER))), "01020369");
  assert.equal(clock.nowUs(), 20_000);
  transport.finish();
});

test("absolute times count from the line before", async () => {
  const clock = new VirtualClock();
  const transport = await opened("500 1-1 open 2457:101E full\n700 1-1 < 81 01\n1700 1-1 < 81 02", clock);
  await clock.run(transport.read(0x81, 64, NEVER));
  assert.equal(clock.nowUs(), 200);
  await clock.run(transport.read(0x81, 64, NEVER));
  assert.equal(clock.nowUs(), 1200);
});

test("an unexpected write", async () => {
  const transport = await opened(SESSION);
  const message = `transcript line 3:  > 01 05 00
           =  05 00
     but got:  > 01 05 01`;
  await assert.rejects(transport.write(0x01, fromHex("0501")), { message });
  assert.throws(() => transport.finish(), { message });
});

test("a write to another endpoint, a longer one, one while an answer is due, one after the end", async () => {
  const first = await opened(SESSION);
  await assert.rejects(first.write(0x02, fromHex("0500")), /line 3: .*\n.*\n\s+but got: {2}> 02 05 00$/);
  const second = await opened(SESSION);
  await assert.rejects(second.write(0x01, fromHex("050000")), /line 3: /);
  const third = await opened(SESSION);
  await third.write(0x01, fromHex("0500"));
  await assert.rejects(third.write(0x01, fromHex("09")), /line 4: {2}< 81 .*\n.*\n\s+but got: {2}> 01 09$/);
  const fourth = await opened("open 2457:101E high");
  await assert.rejects(fourth.write(0x01, fromHex("01")), /^AssertionError.*: the transcript is over\n/);
});

test("a read on an endpoint that the transcript never names", async () => {
  const transport = await opened(SESSION);
  const message = /line 3: .*\n.*\n\s+but got: {2}< 86 \(room for 2048 bytes\)$/;
  await assert.rejects(transport.read(0x86, 2048, NEVER), message);
  assert.throws(() => transport.finish(), message);
});

test("a read that was given up on one endpoint while bytes were due on another", async () => {
  const transport = await opened(SESSION);
  await transport.write(0x01, fromHex("0500"));
  const controller = new AbortController();
  const read = transport.read(0x82, 512, controller.signal);
  controller.abort();
  await assert.rejects(read, /line 4: {2}< 81 .*\n.*\n\s+but got: {2}< 82 given up$/);
});

test("a read that is given up in silence is nothing, unless the transcript tells of such reads", async () => {
  const silent = await opened(SESSION);
  const reason = new RangeError("enough");
  await assert.rejects(silent.read(0x82, 64, AbortSignal.abort(reason)), reason);
  const told = await opened("open 2457:101E high\n> 01 01\n<! 82 cancelled\n<! 81 cancelled");
  await assert.rejects(told.read(0x82, 64, AbortSignal.abort(reason)), /line 2: .*\n.*\n.*given up$/);
  const both = await opened("open 2457:101E high\n> 01 01\n<! 82 cancelled\n<! 81 cancelled");
  await both.write(0x01, fromHex("01"));
  await assert.rejects(both.read(0x81, 64, AbortSignal.abort(reason)), reason);
  assert.equal(both.remaining, 2);
  await assert.rejects(both.read(0x82, 64, AbortSignal.abort(reason)), reason);
  both.finish();
});

test("a transcript that was not played to its end", async () => {
  const transport = await opened(SESSION);
  await transport.write(0x01, fromHex("0500"));
  assert.throws(() => transport.finish(), {
    message: `transcript line 4:  < 81 05 00 'FLMS' 00*2
           =  05 00 46 4C 4D 53 00 00
 was never reached; the last call was  > 01 05 00`,
  });
});

test("a buffer that overflows, and one that no short packet ends", async () => {
  const frame = "open 2457:101E high\n< 86 00*1024";
  await assert.rejects(
    (await opened(frame)).read(0x86, 512, NEVER),
    /room for 512 bytes only: it overflows$/,
  );
  const message = /room for 2048 bytes: no short packet ends it$/;
  await assert.rejects((await opened(frame)).read(0x86, 2048, NEVER), message);
  assert.equal((await (await opened(frame)).read(0x86, 1024, NEVER)).length, 1024);
});

test("faults of the transcript come as they were", async () => {
  const clock = new VirtualClock();
  const transport = await opened(
    `open 2457:101E high
     halt 82
     > 01 09
     +5 >! 01 DEVICE_TIMEOUT not taken
     +7 <! 82 DEVICE_PROTOCOL endpoint stalled
     reset! DEVICE_NOT_CONNECTED gone
     close`,
    clock,
  );
  await assert.rejects(transport.clearHalt(0x81), /line 2: .*\n\s+but got: {2}halt 81$/);
  await transport.clearHalt(0x82);
  const late = { code: "DEVICE_TIMEOUT", message: "not taken" };
  await assert.rejects(clock.run(transport.write(0x01, fromHex("09"))), late);
  const stalled = { code: "DEVICE_PROTOCOL", message: "endpoint stalled" };
  await assert.rejects(clock.run(transport.read(0x82, 512, NEVER)), stalled);
  assert.equal(clock.nowUs(), 12);
  await assert.rejects(transport.reset(), { code: "DEVICE_NOT_CONNECTED", message: "gone" });
  await transport.close();
  assert.equal(transport.remaining, 0);
});

test("one byte changed in a recording is found", async () => {
  const transport = await opened("0 1-1.4 open 2457:101E high\n9 1-1.4 > 01 02A08601 00");
  await assert.rejects(transport.write(0x01, fromHex("02A0860101")), /line 2: /);
});

test("any byte, and the same byte answered", async () => {
  const transport = await opened("open 2457:4000 full\n> 01 C1 .. 02\n< 81 C1 .. 03");
  await transport.write(0x01, fromHex("C17702"));
  assert.equal(hex(await transport.read(0x81, 64, NEVER)), "C17703");
});

test("several devices in one recording", () => {
  const text = "1 1-1.4 > 01 0102\n2 1-1.5 > 01 FF\n3 1-1.5 | FE\n4 1-1.4 < 81 03";
  const bytes = (portPath: string) => parseTranscript(text, { portPath }).map((line) => line.bytes);
  assert.deepEqual(bytes("1-1.4"), [[1, 2], [3]]);
  assert.deepEqual(bytes("1-1.5"), [[255, 254]]);
});

test("a text that is no transcript", () => {
  for (const [text, message] of [
    ["> 01 0G", "has bytes that are not hex: 0"],
    ["> 1 00", "names no endpoint"],
    ["| 00", "continues nothing"],
    ["sleep 5", "names no event"],
    ["09", "is not a line of a transcript"],
    ["> 01 {ramp}", "nothing is known to put for {ramp}"],
  ] as const) {
    assert.throws(() => parseTranscript(`# one\n${text}`), {
      message: `transcript line 2: ${text}\n ${message}`,
    });
  }
});
