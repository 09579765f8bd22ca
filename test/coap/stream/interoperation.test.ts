// This server over connections with the clients of others: libcoap (TCP, TLS with pre-shared key and with certificate) and
// aiocoap (TCP, TLS). The value of `/obs` counts up in time; nothing here waits for a certain one.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SystemClock } from "../../../src/base/clock.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { aiocoapPython, coapClient, coapClientWithTls, ROOT, run } from "../support/outside-clients.ts";
import { pattern, Sample, sha256 } from "../support/sample-server.ts";
import { AUTHORITY, OPERATOR, serverTls } from "./certificates.ts";

const KEY = "0123456789abcdef";
const TWO_MIB = pattern(2 * 1024 * 1024, 3);

const clock = new SystemClock();
const folder = mkdtempSync(join(tmpdir(), "vscope-streams-"));
const authority = join(folder, "authority.pem");
const certificate = join(folder, "client.pem");
let stopCounting: () => void;
let sample: Sample;
let server: CoapServer;

before(async () => {
  writeFileSync(authority, AUTHORITY);
  writeFileSync(certificate, OPERATOR.certificate + OPERATOR.key);
  ({ sample, server } = await Sample.start({
    clock,
    streams: { tcp: 0, tls: 0 },
    tls: serverTls({ field: Buffer.from(KEY) }),
  }));
  sample.bodies.set("b2m", TWO_MIB);
  stopCounting = sample.often(() => sample.value.set(sample.value.value + 1));
});

after(async () => {
  stopCounting();
  await server.close();
  rmSync(folder, { recursive: true });
});

const LIBCOAP = [
  { name: "TCP", scheme: "coap+tcp", args: [], identity: undefined },
  {
    name: "TLS with a pre-shared key",
    scheme: "coaps+tcp",
    args: ["-u", "field", "-k", KEY],
    identity: "psk field",
  },
  {
    name: "TLS with certificates of both",
    scheme: "coaps+tcp",
    args: ["-C", authority, "-c", certificate],
    identity: "certificate operator",
  },
  {
    name: "TLS with the server's certificate",
    scheme: "coaps+tcp",
    args: ["-R", authority],
    identity: undefined,
  },
] as const;

for (const { name, scheme, args, identity } of LIBCOAP) {
  test(`libcoap over ${name}: GET, 2 MiB down, 256 KiB up, observation, 4.04`, {
    timeout: 60_000,
  }, async () => {
    const isTls = scheme === "coaps+tcp";
    const base = `${scheme}://127.0.0.1:${isTls ? server.ports.tls : server.ports.tcp}`;
    const client = (...more: string[]) => run(isTls ? coapClientWithTls() : coapClient(), [...args, ...more]);
    assert.equal((await client("-m", "get", `${base}/s`)).stdout.toString().trim(), "hello world");
    const seen = sample.requests.at(-1)?.identity;
    assert.equal(seen === undefined ? undefined : `${seen.kind} ${seen.name}`, identity);

    const target = join(folder, "down.bin");
    await client("-m", "get", "-o", target, `${base}/b2m`);
    assert.equal(sha256(readFileSync(target)), sha256(TWO_MIB));

    const source = join(folder, "up.bin");
    const body = pattern(262_144, 7);
    writeFileSync(source, body);
    await client("-m", "put", "-f", source, `${base}/put`);
    assert.equal(sha256(sample.uploaded), sha256(body));

    const enough = (out: Buffer): boolean => out.toString().split('{"n":').length > 4;
    const program = isTls ? coapClientWithTls() : coapClient();
    const { stdout } = await run(program, [...args, "-s", "20", "-m", "get", `${base}/obs`], { enough });
    const values = [...stdout.toString().matchAll(/\{"n":(\d+)\}/g)].map(([, value]) => Number(value));
    assert.ok(values.length >= 4);
    assert.deepEqual(
      values,
      values.toSorted((left, right) => left - right),
    );
    assert.match((await client("-m", "get", `${base}/nothing`)).stderr, /4\.04/);
  });
}

test("libcoap with a wrong key is refused, and the server goes on", { timeout: 60_000 }, async () => {
  const url = `coaps+tcp://127.0.0.1:${server.ports.tls}/s`;
  const asked = sample.requests.length;
  const wrong = await run(coapClientWithTls(), ["-u", "field", "-k", "fedcba9876543210", "-m", "get", url]);
  assert.doesNotMatch(wrong.stdout.toString(), /hello/);
  assert.equal(sample.requests.slice(asked).filter(({ path }) => path[0] === "s").length, 0);
  const right = await run(coapClientWithTls(), ["-u", "field", "-k", KEY, "-m", "get", url]);
  assert.match(right.stdout.toString(), /hello world/);
});

for (const { name, scheme, args } of [
  { name: "TCP", scheme: "coap+tcp", args: [] },
  { name: "TLS", scheme: "coaps+tcp", args: [authority] },
] as const) {
  test(`aiocoap over ${name}: GET, 2 MiB down, 300,000 bytes up, observation`, {
    timeout: 60_000,
  }, async () => {
    const base = `${scheme}://localhost:${name === "TLS" ? server.ports.tls : server.ports.tcp}`;
    const script = join(ROOT, "test", "interfaces", "clients", "aiocoap-streams.py");
    const { stdout, stderr } = await run(aiocoapPython(), [script, base, ...args]);
    assert.notEqual(stdout.length, 0, stderr);
    const { small, large, put, values } = JSON.parse(stdout.toString());
    assert.deepEqual([small, large, put], ["hello world", sha256(TWO_MIB), "2.04 Changed"]);
    assert.equal(sample.uploaded.length, 300_000);
    assert.deepEqual(
      values,
      values.toSorted((left: number, right: number) => left - right),
    );
  });
}
