// Transfers, and closing, of a bus that does not end them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { GuardedTransport } from "../../../src/drivers/usb/guarded-transport.ts";
import type { UsbTransport } from "../../../src/drivers/usb/port.ts";

const endless = (): Promise<never> => new Promise(() => {});

/** A bus in which everything hangs but what is given. */
function hanging(changes: Partial<UsbTransport> = {}) {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const clearHalt = async (): Promise<void> => void calls.push("clearHalt");
  const inner: UsbTransport = {
    speed: "high",
    read: endless,
    write: endless,
    clearHalt,
    reset: endless,
    close: endless,
    ...changes,
  };
  return { clock, calls, transport: new GuardedTransport(inner, { clock, place: "USB 1-1.4" }) };
}

for (const direction of ["read", "write"] as const) {
  test(`a ${direction} that does not end is given up 2 s after it was cancelled, and the connection with it`, async () => {
    const { clock, calls, transport } = hanging();
    const user = new AbortController();
    const transfer: Promise<unknown> =
      direction === "read"
        ? transport.read(0x81, 64, user.signal)
        : transport.write(0x01, new Uint8Array(1), user.signal);
    transfer.catch(() => {});
    await clock.advance(3600 * SECOND);
    user.abort(new RangeError("too late"));
    const abortedUs = clock.nowUs();
    const failure = {
      code: "DEVICE_TIMEOUT",
      message: `USB 1-1.4: a ${direction} goes on 2 s after it was cancelled (too late)`,
    };
    await assert.rejects(clock.run(transfer), failure);
    assert.equal(clock.nowUs() - abortedUs, 2 * SECOND);
    await assert.rejects(transport.read(0x81, 64, NEVER), failure);
    await assert.rejects(transport.write(0x01, new Uint8Array(1), NEVER), failure);
    await assert.rejects(transport.clearHalt(0x81), failure);
    assert.deepEqual(calls, []);
    assert.equal(clock.pending, 0);
  });
}

test("a transfer that ends a little after it was cancelled is nothing special", async () => {
  const { clock, transport } = hanging({
    read: async (_endpoint, length, signal) => {
      await clock.delay(3 * SECOND, NEVER);
      if (length === 1) throw signal.reason;
      return new Uint8Array(length);
    },
  });
  const user = new AbortController();
  const reads = [1, 2].map((length) => transport.read(0x81, length, user.signal));
  const ended = Promise.allSettled(reads);
  await clock.advance(2 * SECOND);
  user.abort(new RangeError("enough"));
  const [cancelled, complete] = await clock.run(ended);
  assert.ok(cancelled?.status === "rejected" && cancelled.reason instanceof RangeError);
  assert.ok(complete?.status === "fulfilled" && complete.value.length === 2);
  await transport.clearHalt(0x81);
  assert.equal(clock.pending, 0);
});

test("closing ends, whatever the bus does", async () => {
  const { clock, transport } = hanging();
  await clock.run(transport.close());
  assert.equal(clock.nowUs(), 2 * SECOND);
  const failing = hanging({ close: () => Promise.reject(new RangeError("gone")) });
  await failing.clock.run(failing.transport.close());
  assert.equal(failing.clock.nowUs(), 0);
});
