import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { logTo } from "../src/base/log.ts";
import { warnOfOpenKey } from "../src/coap-settings.ts";

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
