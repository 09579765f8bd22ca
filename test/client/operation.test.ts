// Following an operation when notifications come, when they stop, and when the server is gone for a while.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { z } from "zod";
import { NEVER, orAborted } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { Operation, type OperationSource } from "../../src/client/operation.ts";
import { replyError, serverUnreachable } from "../../src/client/reply-error.ts";
import type { OperationStatus } from "../../src/client/shapes.ts";

/** A server whose operation does one step a second for ten seconds. */
class SteppingServer implements OperationSource {
  readonly clock = new VirtualClock();
  asked = 0;
  startedUtc = "2026-06-21T12:00:00Z";
  /** Notifications sent before they stop without a word. */
  notifications = 0;
  interruptions: readonly object[] = [];
  failure: (nowS: number) => Error | undefined = () => undefined;

  get now(): OperationStatus {
    const done = Math.min(10, Math.floor(this.clock.nowUs() / SECOND));
    const state = done === 10 ? "done" : "running";
    return { id: "1", kind: "record", state, progress: { done, of: 10 }, startedUtc: this.startedUtc };
  }

  async getAs<T>(path: readonly string[], shape: z.ZodType<T>): Promise<T> {
    return shape.parse(await this.#answer(path));
  }

  async #answer(path: readonly string[]): Promise<unknown> {
    this.asked += 1;
    // A round trip, so that time goes on while somebody asks.
    await this.clock.delay(MS, NEVER);
    const failure = this.failure(this.clock.nowUs() / SECOND);
    if (failure !== undefined) throw failure;
    return path.length === 1 ? { interruptions: this.interruptions } : this.now;
  }

  async *observe(_path: readonly string[], signal: AbortSignal): AsyncGenerator<unknown> {
    for (let sent = 0; sent < this.notifications; sent++) {
      yield this.now;
      await this.clock.delay(SECOND, signal);
    }
    await orAborted(new Promise(() => {}), signal);
  }

  async delete(): Promise<void> {}
}

async function follow(server: SteppingServer): Promise<number[]> {
  const seen: number[] = [];
  const operation = new Operation(server, ["acquisition", "operations", "1"]);
  await server.clock.run(
    (async () => {
      for await (const { progress } of operation.progress(NEVER)) seen.push(progress.done);
    })(),
  );
  assert.equal(server.clock.pending, 0, "no timer is left behind");
  return seen;
}

test("with notifications every step is seen and nothing is asked", async () => {
  const server = new SteppingServer();
  server.notifications = 100;
  assert.deepEqual(await follow(server), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(server.asked, 0);
});

test("when notifications stop without a word, asking every 5 s finds the end", async () => {
  const server = new SteppingServer();
  server.notifications = 3;
  assert.deepEqual(await follow(server), [0, 1, 2, 7, 10]);
  assert.equal(server.asked, 2);
});

test("without any notification the first status still comes", async () => {
  const server = new SteppingServer();
  assert.deepEqual(await follow(server), [5, 10]);
});

test("an unreachable server is asked again until it is back", async () => {
  const server = new SteppingServer();
  server.failure = (nowS) => (nowS < 40 ? serverUnreachable("no answer") : undefined);
  assert.deepEqual(await follow(server), [10]);
  assert.ok(server.asked < 50, `asked ${server.asked} times: not in a busy loop`);
});

test("a server that stays away is given up after a minute", async () => {
  const server = new SteppingServer();
  server.failure = () => serverUnreachable("no answer");
  await assert.rejects(follow(server), { message: "no answer" });
  assert.ok(server.clock.nowUs() >= 65 * SECOND && server.clock.nowUs() < 80 * SECOND);
});

test("an error answer ends following at once", async () => {
  const server = new SteppingServer();
  server.failure = () => replyError("5.00", "internal error");
  await assert.rejects(follow(server), { message: "internal error" });
});

test("an operation that is not known any more tells that the server was restarted", async () => {
  const server = new SteppingServer();
  server.failure = () => replyError("4.04", "operation 1: unknown");
  await assert.rejects(follow(server), {
    message: "operation 1: the server was restarted, the recording has ended",
  });
});

test("another operation with the same id tells that the server was restarted", async () => {
  const server = new SteppingServer();
  server.notifications = 2;
  server.clock.after(3 * SECOND, () => {
    server.startedUtc = "2026-06-21T12:00:03Z";
  });
  await assert.rejects(follow(server), {
    message: "operation 1: the server was restarted, the recording has ended",
  });
});

test("an abort ends following with its reason", async () => {
  const server = new SteppingServer();
  server.notifications = 100;
  const controller = new AbortController();
  const reason = new VscopeError("OPERATION_CANCELLED", "Ctrl-C");
  server.clock.after(2500 * MS, () => controller.abort(reason));
  const result = new Operation(server, ["1"]).result(controller.signal);
  await assert.rejects(server.clock.run(result), (error) => error === reason);
  assert.equal(server.clock.pending, 0);
});

const LAST = {
  id: "1",
  kind: "record",
  state: "running",
  progress: { done: 3, of: 10 },
  result: { run: "season", batch: 4 },
} as const;
const INTERRUPTION = { run: "season", batch: 4, recorded: 2, sequences: 5, cause: "computer-restarted" };

async function successor(server: SteppingServer, last: OperationStatus = LAST) {
  const operation = new Operation(server, ["acquisition", "operations", "1"]);
  const found = await server.clock.run(operation.successor(last, NEVER));
  return found && { ...found, operation: found.operation.id };
}

test("after a restart the operation that goes on is found, when the server is back and it has begun", async () => {
  const server = new SteppingServer();
  server.failure = (nowS) => (nowS < 90 ? serverUnreachable("no answer") : undefined);
  server.interruptions = [
    { ...INTERRUPTION, batch: 3, outcome: "closed" },
    { ...INTERRUPTION, outcome: "waiting" },
  ];
  server.clock.after(300 * SECOND, () => {
    server.interruptions = [{ ...INTERRUPTION, outcome: "resumed", operation: "2" }];
  });
  const { run: _, batch: __, ...facts } = INTERRUPTION;
  assert.deepEqual(await successor(server), { ...facts, operation: "2" });
});

test("a batch that was taken up again is followed once more", async () => {
  const server = new SteppingServer();
  server.interruptions = [
    { ...INTERRUPTION, batch: 5, goesOnWith: { batch: 4 }, outcome: "resumed", operation: "1" },
  ];
  assert.equal((await successor(server))?.operation, "1");
});

test("a batch that is closed tells why; nothing known is no successor", async () => {
  const server = new SteppingServer();
  server.interruptions = [{ ...INTERRUPTION, outcome: "closed", reason: "too old" }];
  await assert.rejects(successor(server), {
    message:
      "operation 1: the server was restarted (computer-restarted) and its batch is closed, 2 of 5 sequences are recorded: too old",
  });
  server.interruptions = [];
  assert.equal(await successor(server), undefined);
  assert.equal(await successor(server, { ...LAST, interrupted: true }), undefined, "given up after a while");
});
