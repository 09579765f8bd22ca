// The loop around poll(), with a poll() of our own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Readiness } from "../../../src/drivers/gpio/readiness.ts";

/** A poll() that answers when the test says which descriptors are ready. */
class Poll {
  #answer: ((ready: readonly number[]) => void) | undefined;
  calls = 0;

  readonly call = (...[bytes]: readonly (number | string | Uint8Array)[]): Promise<number> => {
    this.calls += 1;
    assert.ok(bytes instanceof Buffer);
    return new Promise((resolve) => {
      this.#answer = (ready) => {
        for (let at = 0; at < bytes.length; at += 8)
          if (ready.includes(bytes.readInt32LE(at))) bytes.writeInt16LE(1, at + 6);
        resolve(ready.length);
      };
    });
  };

  async answer(...ready: readonly number[]): Promise<void> {
    this.#answer?.(ready);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("only who is ready is told; nobody waits when nobody wants to know", async () => {
  const poll = new Poll();
  const readiness = new Readiness(poll.call);
  const told: string[] = [];
  const endFirst = readiness.watch(11, () => void told.push("first"));
  const endSecond = readiness.watch(12, () => void told.push("second"));
  await poll.answer();
  await poll.answer(12);
  await poll.answer(11, 12);
  assert.deepEqual(told.splice(0), ["second", "first", "second"]);
  endFirst();
  endSecond();
  await poll.answer(11);
  const { calls } = poll;
  await poll.answer(11);
  assert.deepEqual([told, poll.calls], [[], calls]);
});

test("an event for a descriptor is not told to its next owner", async () => {
  const poll = new Poll();
  const readiness = new Readiness(poll.call);
  const end = readiness.watch(11, assert.fail);
  end();
  const told: string[] = [];
  const endNext = readiness.watch(11, () => void told.push("next"));
  await poll.answer(11);
  assert.deepEqual(told, []);
  await poll.answer(11);
  assert.deepEqual(told, ["next"]);
  endNext();
  await poll.answer();
});

test("a poll that fails is tried again ten times a second; events that waited are told when it works", async () => {
  const clock = new VirtualClock();
  let calls = 0;
  let isBroken = true;
  const poll = async (...[bytes]: readonly (number | string | Uint8Array)[]): Promise<number> => {
    calls += 1;
    if (isBroken) return -1;
    assert.ok(bytes instanceof Buffer);
    bytes.writeInt16LE(1, 6);
    return 1;
  };
  const told: unknown[] = [];
  const end = new Readiness(poll, clock).watch(11, (failure) => {
    told.push(failure);
    end();
  });
  await clock.advance(5 * SECOND);
  assert.deepEqual([calls, told], [51, []]);
  isBroken = false;
  await clock.advance(SECOND);
  assert.deepEqual(told, [undefined]);
});

test("a poll that fails for a minute is given up, and every listener is told once", async () => {
  const clock = new VirtualClock();
  let calls = 0;
  const readiness = new Readiness(async () => {
    calls += 1;
    return -1;
  }, clock);
  const told: string[] = [];
  for (const descriptor of [11, 12])
    readiness.watch(descriptor, (failure) => void told.push(`${descriptor} ${failure?.message ?? ""}`));
  await clock.advance(120 * SECOND);
  const fact = "poll: has failed for 60 s, no event will be seen";
  assert.deepEqual([calls, told], [600, [`11 ${fact}`, `12 ${fact}`]]);
  // Whoever comes later is served by a new attempt.
  readiness.watch(13, () => {});
  assert.equal(calls, 601);
});
