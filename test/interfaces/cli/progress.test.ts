// Progress on a terminal, in a pipe, and not at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { duration, startProgress } from "../../../src/interfaces/cli/progress.ts";
import { FakeTerminal } from "./fake-terminal.ts";

test("a terminal gets one line that redraws itself and never wraps", async () => {
  const terminal = new FakeTerminal({ isErrorTty: true });
  const clock = new VirtualClock();
  const progress = startProgress({ terminal, clock, label: "record", isQuiet: false });
  progress.update(0, 4);
  await clock.advance(3 * SECOND);
  progress.update(1, 4, "light upwelling");
  progress.finish();
  progress.finish();
  const [, first = "", second = ""] = terminal.errors.split("\r");
  assert.equal(first, "record [........................] 0/4  0 s\u001b[K");
  // 59 of the 60 columns: the last one would make some terminals wrap.
  assert.equal(
    second,
    `${"record [######..................] 1/4 light upwelling  3 s, 9 s left".slice(0, 59)}\u001b[K\n`,
  );
});

test("a pipe gets lines as of a log: first, every tenth or half a minute, what is new, last", async () => {
  const terminal = new FakeTerminal();
  const clock = new VirtualClock();
  const progress = startProgress({ terminal, clock, label: "record", isQuiet: false });
  for (let done = 0; done <= 100; done++)
    progress.update(done, 100, done > 50 ? `${done - 50} saturated` : "");
  const lines = terminal.errors.split("\n").map((line) => line.slice("record: ".length, -"/100".length));
  assert.deepEqual(lines.slice(0, 6), ["0", "10", "20", "30", "40", "50"]);
  assert.match(terminal.errors, /50\/100\nrecord: 51\/100 1 saturated\nrecord: 61\/100 11 saturated\n/);
  assert.match(terminal.errors, /record: 91\/100 41 saturated\nrecord: 100\/100 50 saturated\n$/);
  const slow = new FakeTerminal();
  const other = startProgress({ terminal: slow, clock, label: "dark", isQuiet: false });
  for (let done = 0; done < 7; done++) {
    other.update(done, 1000);
    await clock.advance(10 * SECOND);
  }
  assert.equal(slow.errors, "dark: 0/1000\ndark: 3/1000\ndark: 6/1000\n");
});

test("a server that knows how long it takes is believed, and one that is paused knows nothing", () => {
  const terminal = new FakeTerminal();
  const progress = startProgress({ terminal, clock: new VirtualClock(), label: "record", isQuiet: false });
  progress.update(1, 4, "1 saturated", 50 * SECOND);
  progress.update(1, 4, "paused", "unknown");
  progress.update(4, 4, "", 0);
  assert.equal(terminal.errors, "record: 1/4 1 saturated, 50 s left\nrecord: 1/4 paused\nrecord: 4/4\n");
});

test("a bar shows the server's estimate", () => {
  const terminal = new FakeTerminal({ isErrorTty: true });
  const progress = startProgress({ terminal, clock: new VirtualClock(), label: "record", isQuiet: false });
  progress.update(0, 4, "", 50 * SECOND);
  assert.match(terminal.errors, /0\/4 {2}0 s, 50 s left/);
});

test("quiet is quiet", () => {
  const terminal = new FakeTerminal({ isErrorTty: true });
  const progress = startProgress({ terminal, clock: new VirtualClock(), label: "record", isQuiet: true });
  progress.update(1, 2);
  progress.finish();
  assert.equal(terminal.errors + terminal.output, "");
});

for (const [us, text] of [
  [0, "0 s"],
  [119 * SECOND, "119 s"],
  [120 * SECOND, "2 min"],
  [7199 * SECOND, "2 h 0 min"],
  [9000 * SECOND, "2 h 30 min"],
] as const) {
  test(`${us} us are ${text}`, () => assert.equal(duration(us), text));
}
