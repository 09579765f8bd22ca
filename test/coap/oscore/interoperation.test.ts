// OSCORE between this project and aiocoap, in both directions, over UDP and TCP. (libcoap has OSCORE from 4.3.2 on;
// Debian 12 has 4.3.1, so its client is not here.)

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND, SystemClock } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { CoapClient, type CoapScheme } from "../../../src/coap/client/client.ts";
import { OscoreContext, type OscoreKey } from "../../../src/coap/oscore/oscore-context.ts";
import { OscoreGuard } from "../../../src/coap/oscore/oscore-guard.ts";
import { CoapServer } from "../../../src/coap/server.ts";
import { aiocoapPython, ROOT, run } from "../support/outside-clients.ts";
import { pattern, Sample, sha256 } from "../support/sample-server.ts";
import { contextsOf, KEY, MemoryStore, mirrored } from "./oscore-pair.ts";

const clock = new SystemClock();
const folder = mkdtempSync(join(tmpdir(), "vscope-oscore-"));
const sample = new Sample(clock);
let stopTicking = (): void => {};
let server: CoapServer;
let ours: OscoreContext;

before(async () => {
  ours = await OscoreContext.open(mirrored(KEY), new MemoryStore());
  server = await CoapServer.listen({
    address: "127.0.0.1",
    port: 0,
    handler: (request) => sample.handle(request),
    clock,
    log: SILENT,
    guard: new OscoreGuard(contextsOf(ours)),
    streams: { tcp: 0 },
  });
  const tick = (): void => {
    sample.value.set(sample.value.value + 1);
    stopTicking = clock.after(SECOND / 20, tick);
  };
  tick();
});

after(async () => {
  stopTicking();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** The key as a folder that aiocoap reads. It keeps its numbers there, so each program gets one of its own. */
function contextFolder(name: string, { masterSecret, masterSalt, senderId, recipientId }: OscoreKey): string {
  const path = join(folder, name);
  mkdirSync(path);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const settings = {
    secret_hex: hex(masterSecret),
    salt_hex: hex(masterSalt ?? new Uint8Array()),
    "sender-id_hex": hex(senderId),
    "recipient-id_hex": hex(recipientId),
  };
  writeFileSync(join(path, "settings.json"), JSON.stringify(settings));
  return path;
}

interface Seen {
  readonly small: unknown;
  readonly large: unknown;
  readonly put: string;
  readonly stored: boolean;
  readonly missing: string;
  readonly observed: readonly { readonly text: string }[];
}

const digest = (bytes: Uint8Array): unknown => ({ bytes: bytes.length, sha256: sha256(bytes) });

const aiocoapContext = new Map<string, string>();

for (const scheme of ["coap", "coap+tcp"] as const) {
  test(`aiocoap by ${scheme}: discovers, GETs, PUTs 5 kB, reads 256 KiB, observes`, {
    timeout: 120_000,
  }, async () => {
    // The second time with the numbers of the first: it is one key.
    const context = aiocoapContext.get("client") ?? contextFolder("client", KEY);
    aiocoapContext.set("client", context);
    sample.requests.length = 0;
    const port = scheme === "coap" ? server.port : server.ports.tcp;
    const base = `${scheme}://127.0.0.1:${port}`;
    const script = "test/interfaces/clients/aiocoap-oscore-exercise.py";
    const names = ["</obs>", "s", "put", "obs", "b256k"];
    const { status, stdout, stderr } = await run(aiocoapPython(), [script, context, base, ...names]);
    assert.equal(status, 0, stderr);
    const seen: Seen = JSON.parse(stdout.toString());
    assert.deepEqual(seen.small, digest(Buffer.from("hello world")));
    assert.deepEqual(seen.large, digest(pattern(262_144)));
    assert.equal(seen.put, "2.04 Changed");
    assert.equal(seen.stored, true);
    assert.equal(seen.missing, "4.04 Not Found");
    const values = seen.observed.map(({ text }) => Number(/\d+/.exec(text)?.[0]));
    assert.equal(values.length, 6);
    assert.deepEqual(
      values,
      values.toSorted((left, right) => left - right),
    );
    assert.ok(sample.requests.length >= 6);
    for (const { identity } of sample.requests)
      assert.deepEqual(identity, { kind: "oscore", name: "field laptop" });
  });
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

test("this client with a server of aiocoap, by UDP and TCP", { timeout: 120_000 }, async () => {
  const port = await freePort();
  const script = join(ROOT, "test", "interfaces", "clients", "aiocoap-oscore-server.py");
  const child = spawn(aiocoapPython(), [script, String(port), contextFolder("server", mirrored(KEY))]);
  const errors: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const ended = once(child, "exit");
  try {
    const ready = await Promise.race([once(child.stdout, "data"), ended]);
    assert.match(String(ready[0]), /^ready/, Buffer.concat(errors).toString());
    const store = new MemoryStore();
    for (const scheme of ["coap", "coap+tcp"] as const) await exercise(scheme, port, store);
  } finally {
    child.stdin.end();
    await ended;
  }
});

async function exercise(scheme: CoapScheme, port: number, store: MemoryStore): Promise<void> {
  const oscore = await OscoreContext.open(KEY, store);
  const client = await CoapClient.open({ scheme, host: "127.0.0.1", port, clock, security: { oscore } });
  try {
    const get = async (path: string): Promise<Buffer> =>
      Buffer.from((await client.request({ method: "GET", path: [path] }, NEVER)).payload);
    assert.equal((await get("s")).toString(), "hello world");
    assert.equal(sha256(await get("b32k")), sha256(pattern(32_768)));
    const payload = pattern(20_000, 4);
    const put = await client.request({ method: "PUT", path: ["put"], payload }, NEVER);
    assert.equal(put.code, "2.04");
    assert.equal(sha256(await get("put")), sha256(payload));
    assert.equal((await client.request({ method: "GET", path: ["nope"] }, NEVER)).code, "4.04");
    const counts: number[] = [];
    for await (const reply of client.observe({ method: "GET", path: ["count"] }, NEVER)) {
      counts.push(Number(Buffer.from(reply.payload).toString()));
      if (counts.length === 5) break;
    }
    assert.deepEqual(
      counts,
      counts.toSorted((left, right) => left - right),
    );
    assert.equal(new Set(counts).size, 5);
  } finally {
    await client.close();
  }
}
