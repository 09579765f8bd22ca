// The data directory of a whole server brought home over every transport, and as which copy it can be used.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { NEVER } from "../../src/base/abort.ts";
import { printClientKey } from "../../src/client/client-key.ts";
import { VscopeClient } from "../../src/client/vscope-client.ts";
import { newKey, printKeys } from "../../src/security/key.ts";
import { sync, type SyncReport } from "../../src/sync/sync.ts";
import { openDirectory, temporaryFolder } from "../datadir/folder.ts";
import { CoapInstrument } from "../support/coap-instrument.ts";
import { hashesOf } from "./far-box.ts";

const KEY = newKey("laptop", "read", 0);

async function recorded(t: TestContext): Promise<{ readonly box: CoapInstrument; readonly keyFile: string }> {
  const coap = { websocketPort: 0, websocketTlsPort: 0 };
  const box = await CoapInstrument.start({ coap, keys: printKeys([KEY]) });
  t.after(() => box.close());
  const settings = { run: "plot", autointegrate: 0, sequences: 2 };
  assert.equal((await box.perform("/acquisition/record", settings)).state, "done");
  const keyFile = join(await temporaryFolder(t), "laptop.key");
  await writeFile(keyFile, printClientKey({ ...KEY, serverId: "s" }), { mode: 0o600 });
  return { box, keyFile };
}

async function bringHome(url: string, home: string, keyFile?: string): Promise<SyncReport> {
  const client = await VscopeClient.connect(url, keyFile === undefined ? {} : { keyFile });
  try {
    return await sync(client, home, {}, NEVER);
  } finally {
    await client.close();
  }
}

test("over UDP, TCP, TLS, WebSockets and OSCORE", { timeout: 120_000 }, async (t) => {
  const { box, keyFile } = await recorded(t);
  const { tcp, tls, ws, wss } = box.server.ports;
  const ways: readonly (readonly [url: string, hasKey: boolean])[] = [
    [`coap://127.0.0.1:${box.port}`, false],
    [`coap://127.0.0.1:${box.port}`, true],
    [`coap+tcp://127.0.0.1:${tcp}`, false],
    [`coap+tcp://127.0.0.1:${tcp}`, true],
    [`coaps+tcp://127.0.0.1:${tls}`, true],
    [`coap+ws://127.0.0.1:${ws}`, false],
    [`coaps+ws://127.0.0.1:${wss}`, true],
  ];
  const there = await hashesOf(join(box.folder));
  const ofRun = [...there].filter(([name]) => name.startsWith("plot/"));
  assert.ok(ofRun.length > 3);
  for (const [url, hasKey] of ways) {
    const home = await temporaryFolder(t);
    const key = hasKey ? keyFile : undefined;
    const report = await bringHome(url, home, key);
    assert.deepEqual(report.problems, [], url);
    assert.deepEqual([...(await hashesOf(home))], ofRun, url);
    assert.equal((await bringHome(url, home, key)).isUnchanged, true, url);
  }
});

test("the copy is a data directory; that of another server is refused", async (t) => {
  const { box } = await recorded(t);
  const home = await temporaryFolder(t);
  const url = `coap://127.0.0.1:${box.port}`;
  assert.ok((await bringHome(url, home)).files > 2);
  await promisify(execFile)("sh", ["-c", "sha256sum --quiet -c *.sha256"], { cwd: join(home, "plot") });
  const directory = await openDirectory(t, home);
  await directory.indexed();
  assert.equal((await directory.shelf.runs({})).runs[0]?.name, "plot");
  // While a server has it, nobody brings anything there.
  await assert.rejects(bringHome(url, home), { code: "SERVER_CONFLICT" });
  await directory.close();
  assert.equal((await bringHome(url, home)).isUnchanged, true);

  const { box: other } = await recorded(t);
  const refused = bringHome(`coap://127.0.0.1:${other.port}`, home);
  await assert.rejects(refused, { code: "DATADIR_WRONG", message: /is the copy of data directory/ });
  // Two sticks of two boxes: what was recorded by one of them is no copy of the other.
  await rm(join(home, ".sync.json"));
  const mixed = bringHome(`coap://127.0.0.1:${other.port}`, home);
  await assert.rejects(mixed, {
    code: "DATADIR_WRONG",
    message: /is data directory [-0-9a-f]+ itself, no copy of /,
  });
});
