import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { logTo } from "../../src/base/log.ts";
import { DEFAULT_LIMITS } from "../../src/coap/engine/limits.ts";
import { limitsOf, warnOfOpenKey } from "../../src/composition/coap-settings.ts";
import { DEFAULT_SERVER_CONFIG, parseServerConfig } from "../../src/config/server-config.ts";

test("a private key of TLS that others can read gets a warning", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-tls-"));
  t.after(() => rm(folder, { recursive: true }));
  const tlsKey = join(folder, "box.key");
  await writeFile(tlsKey, "");
  const lines: string[] = [];
  const log = logTo({ write: (line) => void lines.push(line) });
  for (const mode of [0o600, 0o640, 0o644]) {
    await chmod(tlsKey, mode);
    assert.equal(lines.length, 0);
    await warnOfOpenKey({ tlsKey }, log);
  }
  assert.match(lines.join(""), /coap\.tls_key: others can read .*box\.key: chmod o= /);
});

test("limits that a file does not name are those of the library, but for the body of a request", () => {
  assert.deepEqual(limitsOf(DEFAULT_SERVER_CONFIG), { ...DEFAULT_LIMITS, bodyBytes: 1024 * 1024 });
});

test("limits of a file reach the library in bytes and seconds", () => {
  const keys = ["answers_per_client_mb", "answers_mb", "sending_mb", "transfer_idle_s", "replies_mb"];
  const more = ["replies_per_client_kb", "connections", "connections_per_computer", "connection_idle_s"];
  const text = [...keys, ...more].map((key, index) => `${key} = ${index + 11}`).join("\n");
  const limits = limitsOf(parseServerConfig(`[limits]\n${text}`, "x.cfg").config);
  const mib = 1024 * 1024;
  assert.deepEqual(
    [limits.pinnedBytesPerPeer, limits.pinnedBytes, limits.sendingBytes, limits.transferIdleS],
    [11 * mib, 12 * mib, 13 * mib, 14],
  );
  assert.deepEqual([limits.replyBytes, limits.replyBytesPerPeer], [15 * mib, 16 * 1024]);
  assert.deepEqual([limits.connections, limits.connectionsPerAddress, limits.connectionIdleS], [17, 18, 19]);
});
