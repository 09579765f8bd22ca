// The loop around poll(), with a poll() of our own.

import assert from "node:assert/strict";
import { test } from "node:test";
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
