// Confirmable messages, timers and the newest-notification slot, on the virtual clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../../src/base/clock.ts";
import { NEVER } from "../../../src/base/abort.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { NO_BYTES } from "../../../src/coap/message/codec.ts";
import { CON } from "../../../src/coap/message/codes.ts";
import { Mailbox } from "../../../src/coap/client/mailbox.ts";
import { OPTION, uintOption } from "../../../src/coap/message/options.ts";
import { Line, type Outcome, Reliability } from "../../../src/coap/udp/reliability.ts";

function bench(random: number) {
  const clock = new VirtualClock();
  const sentMs: number[] = [];
  const reliability = new Reliability<{ readonly line: Line }>({
    clock,
    send: () => sentMs.push(Math.round(clock.nowUs() / MS)),
    random: () => random,
  });
  const recipient = { line: new Line() };
  const outcomes: string[] = [];
  const transmit = (messageId: number): void =>
    reliability.whenFree(recipient, {
      granted: () => {
        const settled = (outcome: Outcome): void => void outcomes.push(`${messageId} ${outcome}`);
        reliability.transmit(recipient, { messageId, bytes: NO_BYTES, settled });
      },
      dropped: () => outcomes.push(`${messageId} dropped`),
    });
  return { clock, sentMs, reliability, recipient, outcomes, transmit };
}

test("retransmissions after 2, 4, 8, 16 s, given up after 32 s more (RFC 7252 section 4.8.2: 62 to 93 s)", async () => {
  const { clock, sentMs, outcomes, transmit } = bench(0);
  transmit(1);
  await clock.advance(61 * SECOND);
  assert.deepEqual(sentMs, [0, 2000, 6000, 14_000, 30_000]);
  assert.deepEqual(outcomes, []);
  await clock.advance(2 * SECOND);
  assert.deepEqual(outcomes, ["1 abandoned"]);
  assert.equal(clock.pending, 0);
});

test("the random factor stretches the first time-out up to 3 s", async () => {
  const { clock, sentMs, outcomes, transmit } = bench(1);
  transmit(1);
  await clock.advance(94 * SECOND);
  assert.deepEqual(sentMs, [0, 3000, 9000, 21_000, 45_000]);
  assert.deepEqual(outcomes, ["1 abandoned"]);
});

test("one outstanding per recipient; the next goes when the first has settled, in order", async () => {
  const { clock, sentMs, reliability, recipient, outcomes, transmit } = bench(0);
  for (const messageId of [1, 2, 3]) transmit(messageId);
  assert.equal(sentMs.length, 1);
  assert.ok(!reliability.settle(recipient, 2, "acknowledged"));
  assert.ok(reliability.settle(recipient, 1, "acknowledged"));
  assert.equal(sentMs.length, 2);
  assert.ok(reliability.settle(recipient, 2, "reset"));
  await clock.advance(100 * SECOND);
  assert.deepEqual(outcomes, ["1 acknowledged", "2 reset", "3 abandoned"]);
  assert.ok(recipient.line.isIdle);
});

test("stopping cancels what is outstanding and leaves no timer", () => {
  const { clock, reliability, outcomes, transmit } = bench(0);
  transmit(1);
  transmit(2);
  reliability.stop();
  assert.deepEqual(outcomes, ["1 cancelled"]);
  assert.equal(clock.pending, 0);
});

function notification(sequence: number) {
  const options = [uintOption(OPTION.OBSERVE, sequence)];
  return {
    type: CON,
    code: 0x45,
    messageId: 1,
    token: NO_BYTES,
    options,
    payload: Buffer.from([sequence & 0xff]),
  } as const;
}

test("a mailbox keeps the newest notification by its 24-bit sequence number", async () => {
  const clock = new VirtualClock();
  const mailbox = new Mailbox(clock);
  const take = async () => (await clock.run(mailbox.take(SECOND, NEVER)))?.payload[0];
  for (const sequence of [5, 7, 6]) mailbox.put(notification(sequence));
  assert.equal(await take(), 7);
  mailbox.put(notification(7));
  assert.equal(await take(), undefined);
  mailbox.put(notification(0x80_0006));
  assert.equal(await take(), 6);
  mailbox.put(notification(0xff_ffff));
  mailbox.put(notification(0));
  assert.equal(await take(), 0);
  mailbox.put(notification(0xff_ffff));
  assert.equal(await take(), undefined);
  await clock.advance(129 * SECOND);
  mailbox.put(notification(0xff_fffe));
  assert.equal(await take(), 0xfe);
});

test("the answer to a registration drops older notifications, and is right when the server counts anew", async () => {
  const clock = new VirtualClock();
  const mailbox = new Mailbox(clock);
  const take = async () => (await clock.run(mailbox.take(SECOND, NEVER)))?.payload[0];
  mailbox.put(notification(4));
  mailbox.begin(notification(5));
  mailbox.put(notification(3));
  assert.equal(await take(), undefined);
  mailbox.put(notification(7));
  mailbox.begin(notification(6));
  assert.equal(await take(), 7);
  mailbox.begin(notification(1));
  mailbox.put(notification(2));
  assert.equal(await take(), 2);
});

test("waiting at a mailbox ends with its signal", async () => {
  const clock = new VirtualClock();
  const mailbox = new Mailbox(clock);
  const controller = new AbortController();
  const waiting = mailbox.take(SECOND, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  assert.equal(clock.pending, 0);
});
