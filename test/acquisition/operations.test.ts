import assert from "node:assert/strict";
import { test } from "node:test";
import { isInterruption } from "../../src/acquisition/operation.ts";
import { Operations } from "../../src/acquisition/operations.ts";
import { isVscopeError, VscopeError } from "../../src/base/errors.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";

function setUp() {
  const clock = new VirtualClock();
  return { clock, operations: new Operations({ clock, log: SILENT }) };
}

test("an operation shows its progress and keeps its result", async () => {
  const { clock, operations } = setUp();
  const operation = operations.start("record", 2, async (report, signal) => {
    report.progress(1, 2);
    await clock.delay(1_000_000, signal);
    report.result({ files: 2 });
    report.progress(2, 2);
  });
  const seen: string[] = [];
  operation.status.subscribe(({ state, progress }) => seen.push(`${state} ${progress.done}/${progress.of}`));
  await clock.run(operation.finished);
  assert.deepEqual(seen, ["running 1/2", "running 1/2", "running 2/2", "done 2/2"]);
  const { startedUtc, endedUtc, result } = operation.status.value;
  assert.equal(startedUtc, "2026-06-21T12:00:00.000000Z");
  assert.equal(endedUtc, "2026-06-21T12:00:01.000000Z");
  assert.deepEqual(result, { files: 2 });
});

test("an operation tells when it should end, nothing while it is paused, and nothing afterwards", async () => {
  const { clock, operations } = setUp();
  const operation = operations.start(
    "record",
    2,
    async (report, signal) => {
      report.progress(1, 2, 90_040_000);
      await clock.delay(1_000_000, signal);
      report.result({ files: 1 });
      report.paused(true);
      await clock.delay(1_000_000, signal);
      report.paused(false);
      await clock.delay(1_000_000, signal);
    },
    { by: "schedule", id: "7" },
  );
  const seen: unknown[] = [];
  operation.status.subscribe(({ estimate, paused }) => seen.push(paused ?? estimate?.endsUtc ?? "-"));
  await clock.run(operation.finished);
  const [first, resumed] = ["2026-06-21T12:01:30.040000Z", "2026-06-21T12:01:32.040000Z"];
  assert.deepEqual(seen, [first, first, true, resumed, "-"]);
  assert.deepEqual(operation.status.value.origin, { by: "schedule", id: "7" });
});

test("only an end that nobody asked for is an interruption", async () => {
  const { clock, operations } = setUp();
  const seen: boolean[] = [];
  const job = async (_report: unknown, signal: AbortSignal): Promise<void> => {
    await clock.delay(1e9, signal).catch(() => seen.push(isInterruption(signal)));
  };
  const cancelled = operations.start("record", 1, job);
  await clock.advance(0);
  cancelled.cancel("a client asked for it");
  await clock.run(cancelled.finished);
  operations.start("record", 1, job);
  await clock.advance(0);
  await clock.run(operations.close());
  assert.deepEqual(seen, [false, true]);
});

test("one runs at a time; a second is refused and told which", async () => {
  const { clock, operations } = setUp();
  const first = operations.start("record", 2, (_report, signal) => clock.delay(1_000, signal));
  assert.throws(
    () => operations.start("dark", 2, async () => {}),
    (error) =>
      isVscopeError(error, "STATE_CONFLICT") && error.message === "dark: operation 1 (record) is running",
  );
  await clock.run(first.finished);
  assert.equal(operations.start("dark", 2, async () => {}).id, "2");
});

test("cancel ends the job and tells why; failure keeps the partial result", async () => {
  const { clock, operations } = setUp();
  const cancelled = operations.start("record", 2, (_report, signal) => clock.delay(1e9, signal));
  cancelled.cancel("a client asked for it");
  await clock.run(cancelled.finished);
  assert.equal(cancelled.status.value.state, "cancelled");
  assert.equal(cancelled.status.value.error?.code, "OPERATION_CANCELLED");
  const failed = operations.start("record", 2, async (report) => {
    report.result({ files: 3 });
    throw new VscopeError("DATADIR_FULL", "/data: 0 bytes are free, 1000 are reserved");
  });
  await failed.finished;
  assert.equal(failed.status.value.state, "failed");
  assert.deepEqual(failed.status.value.result, { files: 3 });
  assert.equal(failed.status.value.error?.code, "DATADIR_FULL");
});

test("a hundred are kept, unknown ids are refused", async () => {
  const { operations } = setUp();
  for (let index = 1; index <= 105; index++) {
    const operation = operations.start("dark", 2, async () => {});
    assert.equal(operations.running, operation);
    assert.equal(operations.get(String(index)), operation);
    await operation.finished;
  }
  assert.equal(operations.all.value.length, 100);
  assert.equal(operations.get("105").status.value.state, "done");
  assert.throws(
    () => operations.get("5"),
    (error) => isVscopeError(error, "RESOURCE_NOT_FOUND"),
  );
});

test("close cancels what runs and refuses what comes", async () => {
  const { clock, operations } = setUp();
  const running = operations.start("record", 2, (_report, signal) => clock.delay(1e9, signal));
  await clock.run(operations.close());
  assert.equal(running.status.value.state, "cancelled");
  assert.throws(() => operations.start("dark", 2, async () => {}), /the server is stopping/);
});

test("close does not wait for ever for work that hangs", async () => {
  const { clock, operations } = setUp();
  operations.start("record", 1, () => new Promise(() => {}));
  await clock.run(operations.close());
});
