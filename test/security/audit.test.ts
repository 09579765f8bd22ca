import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { logTo, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { AuditLog, type Command } from "../../src/security/audit.ts";

const COMMAND: Command = {
  peer: "192.0.2.1:40000",
  transport: "udp",
  identity: "oscore laptop",
  role: "operate",
  method: "PUT",
  path: "/shutters/upwelling",
  value: '"open"',
  outcome: "2.04",
  durationMs: 41,
};

function collect() {
  const lines: Record<string, unknown>[] = [];
  const log = logTo({ write: (line) => void lines.push(JSON.parse(line)) });
  return { lines, log };
}

test("a command is a line with all that is known about it", () => {
  const { lines, log } = collect();
  AuditLog.open(undefined, { clock: new VirtualClock(), log }).record(COMMAND);
  const [{ level: _, time: __, ...line } = {}, ...more] = lines;
  assert.deepEqual(line, { audit: true, ...COMMAND, msg: "command" });
  assert.deepEqual(more, []);
});

test("a flood of refusals costs 60 lines a minute and a sum; what was done has its line all the same", async () => {
  const { lines, log } = collect();
  const clock = new VirtualClock();
  const audit = AuditLog.open(undefined, { clock, log });
  const refused = { ...COMMAND, outcome: "4.01" };
  for (let index = 0; index < 100_000; index++) audit.record(refused);
  audit.record(COMMAND);
  assert.equal(lines.length, 61);
  assert.equal(lines.filter(({ msg }) => msg === "command").length, 1);
  await clock.advance(60_000_000);
  audit.record({ ...refused, outcome: "4.03" });
  assert.deepEqual(
    lines.slice(61).map(({ msg, unlisted }) => [msg, unlisted]),
    [
      ["commands refused without a line each", 99_940],
      ["command refused", undefined],
    ],
  );
});

test("the sum of a flood is told at the end, too, and none where nothing was left out", () => {
  const { lines, log } = collect();
  const audit = AuditLog.open(undefined, { clock: new VirtualClock(), log });
  for (let index = 0; index < 61; index++) audit.record({ ...COMMAND, outcome: "4.01" });
  audit.close();
  assert.equal(lines.at(-1)?.["unlisted"], 1);
  audit.close();
  assert.equal(lines.length, 61);
});

test("a file that cannot be written is a mistake in the configuration, with its key", () => {
  assert.throws(() => AuditLog.open("/dev/null/audit.log", { clock: new VirtualClock(), log: SILENT }), {
    code: "CONFIG_INVALID",
    message: /^security\.audit_log: \/dev\/null\/audit\.log: cannot be written, E/,
  });
});

test("the file of its own has the same lines, and a new one after it was renamed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-audit-"));
  const file = join(folder, "deep", "audit.log");
  const audit = AuditLog.open(file, { clock: new VirtualClock(), log: SILENT });
  audit.record(COMMAND);
  renameSync(file, `${file}.1`);
  audit.reopen();
  audit.record({ ...COMMAND, outcome: "4.03" });
  const outcomes = (path: string): unknown[] =>
    readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line): { outcome: string } => JSON.parse(line))
      .map(({ outcome }) => outcome);
  assert.ok(existsSync(`${file}.1`));
  assert.deepEqual([outcomes(`${file}.1`), outcomes(file)], [["2.04"], ["4.03"]]);
  await rm(folder, { recursive: true });
});
