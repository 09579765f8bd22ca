import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { logTo } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient } from "../../../src/coap/client/client.ts";
import { FailureLog } from "../../../src/coap/engine/failure-log.ts";
import { protectRequest } from "../../../src/coap/oscore/protection.ts";
import { OscoreGuard } from "../../../src/coap/oscore/oscore-guard.ts";
import { CoapServer } from "../../../src/coap/server.ts";
import { contextsOf, openPair } from "../oscore/oscore-pair.ts";

function collect() {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: logTo({ write: (line) => void lines.push(JSON.parse(line)) }) };
}

test("60 a minute have lines, of the rest the number is told", async () => {
  const { lines, log } = collect();
  const clock = new VirtualClock();
  const failures = new FailureLog(clock, log);
  for (let index = 0; index < 1000; index++) failures.record({ peer: "p", reason: "r" });
  assert.equal(lines.length, 60);
  await clock.advance(60_000_000);
  failures.record({ peer: "p", reason: "r" });
  assert.deepEqual(
    lines.slice(60).map(({ unlisted }) => unlisted),
    [940, undefined],
  );
});

test("unknown, forged and repeated messages say why, and whose key it is", async () => {
  const { client, server } = await openPair();
  server.replays.beginAt(0);
  const { outer } = protectRequest(client, { code: 1, options: [], payload: Buffer.alloc(0) }, 1);
  const message = { ...outer, token: Buffer.from("t") };
  const forged = { ...message, payload: Buffer.alloc(outer.payload.length) };
  const guard = new OscoreGuard(contextsOf(server));
  const of = (one: typeof message, by = guard) => by.open(one).failure;
  const key = server.name;
  assert.deepEqual(of(forged), { reason: "Decryption failed", key });
  assert.equal(of(message), undefined);
  assert.deepEqual(of(message), { reason: "Replay detected", key });
  const kid = Buffer.from(server.recipientId).toString("hex");
  assert.deepEqual(of(message, new OscoreGuard({ find: () => undefined })), {
    reason: "Security context not found",
    kid,
  });
});

test("a refused handshake of TLS has a line with the name that was said", { timeout: 30_000 }, async () => {
  const { lines, log } = collect();
  const clock = new SystemClock();
  const tls = { psk: () => Buffer.from("0123456789abcdef") };
  const handler = () => ({ code: "2.05" });
  const at = { address: "127.0.0.1", port: 0, streams: { tls: 0 } };
  const server = await CoapServer.listen({ ...at, tls, handler, clock, log });
  const psk = { identity: "laptop", key: Buffer.from("fedcba9876543210") };
  const port = server.ports.tls ?? 0;
  const attempt = async (): Promise<void> => {
    const client = await CoapClient.open({
      host: "127.0.0.1",
      port,
      clock,
      scheme: "coaps+tcp",
      tls: { psk },
    });
    await client.request({ method: "GET", path: [] }, NEVER).finally(() => void client.close());
  };
  await assert.rejects(attempt());
  await server.close();
  const [line] = lines.filter(({ key }) => key === "laptop");
  assert.match(String(line?.["reason"]), /^TLS: /);
  assert.match(String(line?.["peer"]), /^127\.0\.0\.1:\d+$/);
});
