import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import { listenForSignals } from "../../src/daemon/signals.ts";

/** Sends a signal to this process and waits until it has been delivered. */
async function send(signal: "SIGTERM" | "SIGINT" | "SIGHUP"): Promise<void> {
  const delivered = once(process, signal);
  // Waiting for a signal alone does not keep Node.js alive.
  const cancel = new SystemClock().after(60 * SECOND, () => {});
  process.kill(process.pid, signal);
  await delivered;
  cancel();
}

test("the first SIGTERM or SIGINT stops, once; SIGHUP reloads each time", async () => {
  const events: string[] = [];
  const quiet = listenForSignals({
    stop: (signal) => events.push(signal),
    reload: () => events.push("reload"),
  });
  await send("SIGHUP");
  await send("SIGHUP");
  await send("SIGTERM");
  await send("SIGINT");
  await send("SIGTERM");
  assert.deepEqual(events, ["reload", "reload", "SIGTERM"]);
  quiet();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) assert.equal(process.listenerCount(signal), 0);
});
