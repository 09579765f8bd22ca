import assert from "node:assert/strict";
import { test } from "node:test";
import { VscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Transcript } from "../../../src/drivers/usb/transcript.ts";

function setUp() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  return { clock, lines, transcript: new Transcript({ clock, sink: (line) => lines.push(line) }) };
}

test("begins with the moment, then counts microseconds", async () => {
  const { clock, lines, transcript } = setUp();
  await clock.advance(1_234_567);
  transcript.transfer("1-1.4", "> 01", Uint8Array.of(0x05, 0x00));
  await clock.advance(3);
  transcript.event("1-1.4", "halt 82");
  assert.deepEqual(lines, [
    "# USB transcript, begun 2026-06-21T12:00:00.000000Z",
    "   1234567 1-1.4 > 01 0500",
    "   1234570 1-1.4 halt 82",
  ]);
});

test("bytes in groups of four, 32 a line; nothing is an empty line", () => {
  const { lines, transcript } = setUp();
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);
  transcript.transfer("1-2", "< 82", bytes.subarray(30, 65));
  transcript.transfer("1-2", "< 82", bytes.subarray(0, 32));
  transcript.transfer("1-2", "< 82", bytes.subarray(0, 0));
  assert.deepEqual(lines.slice(1), [
    "         0 1-2 < 82 1E1F2021 22232425 26272829 2A2B2C2D 2E2F3031 32333435 36373839 3A3B3C3D",
    "         0 1-2 | 3E3F40",
    "         0 1-2 < 82 00010203 04050607 08090A0B 0C0D0E0F 10111213 14151617 18191A1B 1C1D1E1F",
    "         0 1-2 < 82",
  ]);
});

test("a failure in one line: code and text; an abort is told from a fault", () => {
  const { lines, transcript } = setUp();
  const stalled = new VscopeError("DEVICE_PROTOCOL", "USB 1-2: endpoint\nstalled");
  const late = new VscopeError("DEVICE_TIMEOUT", "no status within 1000 ms");
  transcript.failure("1-2", "<! 82", stalled, new AbortController().signal);
  transcript.failure("1-2", "<! 82", late, AbortSignal.abort(late));
  transcript.failure("1-2", "<! 82", stalled, AbortSignal.abort(late));
  transcript.failure("1-2", ">! 01", new RangeError("odd"));
  assert.deepEqual(lines.slice(1), [
    "         0 1-2 <! 82 DEVICE_PROTOCOL USB 1-2: endpoint stalled",
    "         0 1-2 <! 82 cancelled no status within 1000 ms",
    "         0 1-2 <! 82 DEVICE_PROTOCOL USB 1-2: endpoint stalled",
    "         0 1-2 >! 01 error odd",
  ]);
});

test("a sink that fails ends the transcript, and nobody else learns of it", () => {
  let calls = 0;
  const sink = (): void => {
    calls += 1;
    if (calls === 2) throw new RangeError("disk");
  };
  const transcript = new Transcript({ clock: new VirtualClock(), sink });
  for (let turn = 0; turn < 5; turn++) transcript.event("1-2", "reset");
  assert.equal(calls, 2);
});
