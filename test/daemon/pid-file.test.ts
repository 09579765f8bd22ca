import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isVscopeError } from "../../src/base/errors.ts";
import { PidFile } from "../../src/daemon/pid-file.ts";
import { processIdentity } from "../../src/daemon/process-identity.ts";

const HOLDER = fileURLToPath(import.meta.resolve("./pid-file-holder.js"));

function temporaryPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vscope-pid-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "server.pid");
}

/** Starts a process that claims the file; resolves with its first line. */
async function startHolder(t: TestContext, path: string): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [HOLDER, path], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, line: String(line) };
}

async function end(child: ChildProcess, how: "kill" | "release"): Promise<void> {
  const ended = once(child, "exit");
  if (how === "kill") child.kill("SIGKILL");
  else child.stdin?.end();
  await ended;
}

test("the file holds the PID and which process that is; release removes it", async (t) => {
  const path = temporaryPath(t);
  const file = await PidFile.claim(path);
  assert.equal(readFileSync(path, "utf8"), `${process.pid}\n${processIdentity(process.pid)}\n`);
  assert.deepEqual(readdirSync(join(path, "..")), ["server.pid"]);
  file.release();
  file.release();
  assert.deepEqual(readdirSync(join(path, "..")), []);
});

test("a second server is refused with the PID and the file; after the first has ended it may start", async (t) => {
  const path = temporaryPath(t);
  const { child, line } = await startHolder(t, path);
  assert.equal(line, "claimed");
  await assert.rejects(PidFile.claim(path), (error) => {
    assert.ok(isVscopeError(error, "SERVER_CONFLICT"));
    assert.equal(error.message, `${path}: process ${child.pid} is running with this PID file`);
    assert.equal(error.details["pid"], child.pid);
    return true;
  });
  await end(child, "release");
  (await PidFile.claim(path)).release();
});

test("the file of a killed server is taken over", async (t) => {
  const path = temporaryPath(t);
  const { child } = await startHolder(t, path);
  await end(child, "kill");
  assert.match(readFileSync(path, "utf8"), new RegExp(`^${child.pid}\n`));
  const file = await PidFile.claim(path);
  assert.match(readFileSync(path, "utf8"), new RegExp(`^${process.pid}\n`));
  file.release();
});

test("one process that claims twice is refused, too", async (t) => {
  const path = temporaryPath(t);
  const file = await PidFile.claim(path);
  await assert.rejects(PidFile.claim(path), (error) => isVscopeError(error, "SERVER_CONFLICT"));
  file.release();
});

test("of many that find a stale file exactly one gets it", async (t) => {
  const path = temporaryPath(t);
  writeFileSync(path, "4194305\nno such process\n");
  const holders = await Promise.all(Array.from({ length: 6 }, () => startHolder(t, path)));
  const lines = holders.map(({ line }) => line);
  assert.equal(lines.filter((line) => line === "claimed").length, 1, lines.join("\n"));
  assert.equal(lines.filter((line) => line.startsWith("SERVER_CONFLICT")).length, 5, lines.join("\n"));
  const winner = holders.find(({ line }) => line === "claimed");
  assert.match(readFileSync(path, "utf8"), new RegExp(`^${winner?.child.pid}\n`));
  for (const { child } of holders.filter((holder) => holder !== winner)) child.kill("SIGKILL");
  if (winner !== undefined) await end(winner.child, "release");
  assert.deepEqual(readdirSync(join(path, "..")), []);
});

const STALE = [
  ["a PID used again by another process", `${process.ppid}\nanother-boot/1\n`],
  ["a PID that no process has", "4194305\n"],
  ["our own PID from before", `${process.pid}\nanother-boot/1\n`],
  ["an empty file", ""],
  ["something else", "hello\n"],
] as const;

for (const [name, content] of STALE) {
  test(`taken over: ${name}`, async (t) => {
    const path = temporaryPath(t);
    writeFileSync(path, content);
    const file = await PidFile.claim(path);
    assert.match(readFileSync(path, "utf8"), new RegExp(`^${process.pid}\n`));
    file.release();
  });
}

test("the PID of a living process in an older program's file is believed", async (t) => {
  const path = temporaryPath(t);
  writeFileSync(path, `${process.ppid}\n`);
  await assert.rejects(PidFile.claim(path), (error) => isVscopeError(error, "SERVER_CONFLICT"));
  assert.equal(readFileSync(path, "utf8"), `${process.ppid}\n`);
});

test("a file that somebody else has put in our place stays", async (t) => {
  const path = temporaryPath(t);
  const file = await PidFile.claim(path);
  rmSync(path);
  writeFileSync(path, "1\n");
  file.release();
  assert.equal(readFileSync(path, "utf8"), "1\n");
});

test("a folder that is not there is CONFIG_INVALID", async () => {
  await assert.rejects(PidFile.claim("/nonexistent/server.pid"), (error) => {
    assert.ok(isVscopeError(error, "CONFIG_INVALID"));
    assert.match(error.message, /^\/nonexistent\/server\.pid: PID file not written: ENOENT/);
    return true;
  });
});

test("a process is known by boot and start, a missing one is unknown", (t) => {
  const proc = mkdtempSync(join(tmpdir(), "vscope-proc-"));
  t.after(() => rmSync(proc, { recursive: true }));
  assert.match(processIdentity(process.pid) ?? "", /^[0-9a-f-]{36}\/\d+$/);
  assert.equal(processIdentity(4194305), undefined);
  assert.equal(processIdentity(process.pid, proc), undefined);
});
