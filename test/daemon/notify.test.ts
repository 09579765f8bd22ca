// Real datagrams: a socket made by Python receives what the notifier sends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { logTo, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { openNotifier, socketAddress, watchdogPeriodUs } from "../../src/daemon/notify.ts";

const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1))
print("bound", flush=True)
while True:
    text = s.recv(4096).decode()
    print(text, flush=True)
    if text == "STOPPING=1":
        break
`;

/** Binds the address; `received` resolves with all datagrams up to STOPPING=1. */
async function receive(t: TestContext, address: string): Promise<{ received: Promise<string[]> }> {
  const child = spawn("python3", ["-c", RECEIVER, address], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const received = once(reader, "close").then(() => lines.slice(1));
  reader.on("line", (line) => lines.push(line));
  await once(reader, "line");
  return { received };
}

for (const kind of ["path", "abstract"] as const) {
  test(`readiness, status, watchdog and end reach a socket by ${kind} name`, {
    timeout: 60_000,
  }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "vscope-notify-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const address = kind === "path" ? join(folder, "notify") : `@vscope-test-${process.pid}`;
    const { received } = await receive(t, address);
    const clock = new VirtualClock();
    const env = {
      NOTIFY_SOCKET: address,
      WATCHDOG_USEC: String(10 * SECOND),
      WATCHDOG_PID: String(process.pid),
    };
    const notifier = await openNotifier({ env, clock, log: SILENT });
    await clock.advance(60 * SECOND);
    notifier.ready();
    notifier.status("recording\nrun 1");
    await clock.advance(11 * SECOND);
    notifier.stopping();
    notifier.close();
    assert.equal(clock.pending, 0);
    assert.deepEqual(await received, [
      "READY=1",
      "WATCHDOG=1",
      "STATUS=recording run 1",
      "WATCHDOG=1",
      "WATCHDOG=1",
      "STOPPING=1",
    ]);
  });
}

test("without a socket nothing happens", async () => {
  const clock = new VirtualClock();
  const notifier = await openNotifier({ env: { WATCHDOG_USEC: "1000000" }, clock, log: SILENT });
  notifier.ready();
  notifier.status("x");
  notifier.stopping();
  notifier.close();
  assert.equal(clock.pending, 0);
});

test("a socket that nobody reads is a warning, not an error", async () => {
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) });
  const notifier = await openNotifier({
    env: { NOTIFY_SOCKET: "/nonexistent/notify" },
    clock: new VirtualClock(),
    log,
  });
  notifier.ready();
  notifier.close();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /"text":"READY=1","reason":"ENOENT"/);
});

test("the watchdog's period is half the time allowed, for this process only", () => {
  assert.equal(watchdogPeriodUs({ WATCHDOG_USEC: "30000000" }), 15_000_000);
  assert.equal(
    watchdogPeriodUs({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.pid) }),
    15_000_000,
  );
  assert.equal(watchdogPeriodUs({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }), undefined);
  for (const text of [undefined, "", "0", "-5", "soon"]) {
    assert.equal(watchdogPeriodUs({ WATCHDOG_USEC: text }), undefined);
  }
});

test("socket addresses: family, then path with NUL, or NUL and the abstract name", () => {
  assert.deepEqual(socketAddress("/a"), Buffer.from([1, 0, 0x2f, 0x61, 0]));
  assert.deepEqual(socketAddress("@a"), Buffer.from([1, 0, 0, 0x61]));
});
