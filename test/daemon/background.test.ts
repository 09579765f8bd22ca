import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import { NEVER } from "../../src/base/abort.ts";
import { processIdentity } from "../../src/daemon/process-identity.ts";

const SERVER = fileURLToPath(import.meta.resolve("./background-server.js"));
const LONG = { timeout: 60_000 };

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly log: string;
}

function start(t: TestContext, behaviour: string): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "vscope-daemon-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const logFile = join(folder, "daemon.log");
  return new Promise((resolve) => {
    execFile(process.execPath, [SERVER, behaviour, logFile], (error, output) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, output: output.trim(), log: readFileSync(logFile, "utf8") });
    });
  });
}

test(
  "the start returns when the copy is ready; the copy lives on in a session of its own",
  LONG,
  async (t) => {
    const { code, output, log } = await start(t, "ready");
    assert.equal(code, 0);
    assert.equal(log, "in the background: ready\n");
    const pid = Number(/^started (\d+)$/.exec(output)?.[1]);
    t.after(() => process.kill(pid, "SIGKILL"));
    assert.notEqual(processIdentity(pid), undefined);
    // Field 6 of stat is the session; it is the copy's own PID.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3], String(pid));
  },
);

test("a failure of the copy is the failure of the start, with its text and code", LONG, async (t) => {
  const { code, output } = await start(t, "fail");
  assert.equal(output, "::: port 5683 is taken");
  assert.equal(code, 3);
});

test("a copy that dies without a word is reported", LONG, async (t) => {
  const { code, output } = await start(t, "crash");
  assert.match(output, /^background process ended with 7 before it was ready, see .*daemon\.log$/);
  assert.equal(code, 1);
});

test("a copy that is never ready is ended", LONG, async (t) => {
  const { code, output } = await start(t, "silent");
  assert.equal(code, 1);
  const pid = Number(/^process (\d+): not ready after 0\.5 s$/.exec(output)?.[1]);
  assert.ok(pid > 0, output);
  const clock = new SystemClock();
  for (let turn = 0; turn < 200 && processIdentity(pid) !== undefined; turn++)
    await clock.delay(SECOND / 20, NEVER);
  assert.equal(processIdentity(pid), undefined);
});

test("a log file that cannot be opened is refused before anything starts", LONG, async () => {
  const outcome = await new Promise<{ code: number; output: string }>((resolve) => {
    execFile(process.execPath, [SERVER, "ready", "/nonexistent/daemon.log"], (error, output) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: output.trim() });
    });
  });
  assert.match(outcome.output, /^\/nonexistent\/daemon\.log: log file not opened: ENOENT/);
  assert.equal(outcome.code, 2);
});
