import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NEVER } from "../../src/base/abort.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { Queue } from "../../src/base/queue.ts";

/** A job whose end the test decides. */
function controlledJob(log: string[], name: string) {
  let finish = (): void => {};
  let fail = (_reason: Error): void => {};
  const end = new Promise<string>((resolve, reject) => {
    finish = () => resolve(name);
    fail = reject;
  });
  end.catch(() => {});
  const job = async (signal: AbortSignal): Promise<string> => {
    log.push(`start ${name}`);
    signal.addEventListener("abort", () => fail(new Error(`aborted ${name}`)));
    try {
      return await end;
    } finally {
      log.push(`end ${name}`);
    }
  };
  return { job, finish, fail };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("jobs run one at a time, in order", async () => {
  const queue = new Queue({ name: "device" });
  const log: string[] = [];
  const [first, second] = [controlledJob(log, "1"), controlledJob(log, "2")];
  const results = [queue.run(first.job, NEVER), queue.run(second.job, NEVER)];
  await turn();
  assert.deepEqual(log, ["start 1"]);
  assert.equal(queue.waiting, 1);
  second.finish();
  first.finish();
  assert.deepEqual(await Promise.all(results), ["1", "2"]);
  assert.deepEqual(log, ["start 1", "end 1", "start 2", "end 2"]);
  assert.equal(queue.isBusy, false);
});

test("a cancelled waiter rejects at once and never runs", async () => {
  const queue = new Queue({ name: "device" });
  const log: string[] = [];
  const [first, second] = [controlledJob(log, "1"), controlledJob(log, "2")];
  const running = queue.run(first.job, NEVER);
  const controller = new AbortController();
  const waiting = queue.run(second.job, controller.signal);
  controller.abort(new Error("changed my mind"));
  await assert.rejects(waiting, /changed my mind/);
  first.finish();
  await running;
  assert.deepEqual(log, ["start 1", "end 1"]);
});

test("a full queue refuses with DEVICE_BUSY and names the limit", async () => {
  const queue = new Queue({ name: "FLMT01859", capacity: 1 });
  const first = controlledJob([], "1");
  const kept = [queue.run(first.job, NEVER), queue.run(async () => "2", NEVER)];
  await turn();
  await assert.rejects(
    queue.run(async () => "3", NEVER),
    (error) =>
      isVscopeError(error, "DEVICE_BUSY") &&
      /FLMT01859: 1 jobs are waiting, 1 are allowed/.test(error.message),
  );
  first.finish();
  assert.deepEqual(await Promise.all(kept), ["1", "2"]);
});

test("recover runs before the job that follows a failure, and its failure fails that job", async () => {
  const log: string[] = [];
  let recoveries = 0;
  const queue = new Queue({
    name: "device",
    recover: async (reason) => {
      log.push(`recover ${String(reason)}`);
      recoveries += 1;
      if (recoveries === 1) throw new Error("still broken");
    },
  });
  await assert.rejects(
    queue.run(async () => {
      throw new Error("stall");
    }, NEVER),
    /stall/,
  );
  await assert.rejects(
    queue.run(async () => "never reached", NEVER),
    /still broken/,
  );
  assert.equal(await queue.run(async () => "works", NEVER), "works");
  assert.equal(await queue.run(async () => "no recovery", NEVER), "no recovery");
  assert.deepEqual(log, ["recover Error: stall", "recover Error: still broken"]);
});

test("close rejects the waiters, aborts the running job and awaits it", async () => {
  const queue = new Queue({ name: "device" });
  const log: string[] = [];
  const first = controlledJob(log, "1");
  const running = queue.run(first.job, NEVER);
  const waiting = queue.run(async () => "2", NEVER);
  const outcomes = Promise.allSettled([running, waiting]);
  await turn();
  await queue.close();
  assert.deepEqual(log, ["start 1", "end 1"]);
  assert.deepEqual(
    (await outcomes).map(({ status }) => status),
    ["rejected", "rejected"],
  );
  await assert.rejects(
    queue.run(async () => "3", NEVER),
    /device: closed/,
  );
});

test("the owner's own job goes before those that wait, though the queue is full", async () => {
  const queue = new Queue({ name: "device", capacity: 2 });
  const log: string[] = [];
  const first = controlledJob(log, "1");
  const note = (name: string) => async (): Promise<void> => void log.push(name);
  const waiting = [first.job, note("2"), note("3")].map((job) => queue.run<unknown>(job, NEVER));
  await turn();
  const own = queue.runNext(note("own"), NEVER);
  assert.equal(queue.waiting, 2);
  first.finish();
  await Promise.all([...waiting, own]);
  assert.deepEqual(log, ["start 1", "end 1", "own", "2", "3"]);
});

test("those that wait are turned away; what runs and the owner's own go on", async () => {
  const queue = new Queue({ name: "device" });
  const first = controlledJob([], "1");
  const running = queue.run(first.job, NEVER);
  const waiting = queue.run(async () => "2", NEVER);
  const own = queue.runNext(async () => "own", NEVER);
  await turn();
  queue.turnAway(new Error("come back tomorrow"));
  await assert.rejects(waiting, /come back tomorrow/);
  first.finish();
  assert.deepEqual(await Promise.all([running, own]), ["1", "own"]);
  assert.equal(await queue.run(async () => "3", NEVER), "3");
});

/** Random histories against a model: every promise settles, at most one runs, order is kept. */
test("laws hold for random histories", async () => {
  const action = fc.oneof(
    fc.record({ do: fc.constant("run" as const), fails: fc.boolean() }),
    fc.record({ do: fc.constant("cancel" as const), which: fc.nat(20) }),
    fc.record({ do: fc.constant("turn" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), fc.boolean(), async (actions, closes) => {
      const queue = new Queue({ name: "model", capacity: 4 });
      const controllers: AbortController[] = [];
      const promises: Promise<unknown>[] = [];
      const started: number[] = [];
      let running = 0;
      let most = 0;
      for (const one of actions) {
        if (one.do === "turn") await turn();
        else if (one.do === "cancel")
          controllers[one.which % Math.max(1, controllers.length)]?.abort(new Error("cancelled"));
        else {
          const index = promises.length;
          const controller = new AbortController();
          controllers.push(controller);
          promises.push(
            queue.run(async () => {
              started.push(index);
              most = Math.max(most, ++running);
              await turn();
              running -= 1;
              if (one.fails) throw new Error("failed");
            }, controller.signal),
          );
          promises.at(-1)?.catch(() => {});
        }
      }
      if (closes) await queue.close();
      await Promise.allSettled(promises);
      assert.ok(most <= 1, "two jobs ran at once");
      assert.deepEqual(
        started,
        [...started].sort((a, b) => a - b),
        "order was not kept",
      );
      await turn();
      assert.equal(queue.isBusy, false);
    }),
    { numRuns: 200, seed: 20260621 },
  );
});
