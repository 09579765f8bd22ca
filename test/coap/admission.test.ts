// Who loses his role while an answer is read in blocks, or while he observes together with others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { Cell } from "../../src/base/cell.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { CoapClient, type CoapClientOptions } from "../../src/coap/client/client.ts";
import { ACK, CON } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { OscoreContext } from "../../src/coap/oscore/oscore-context.ts";
import { OscoreGuard } from "../../src/coap/oscore/oscore-guard.ts";
import { type CoapHandler, type CoapRequest, type CoapResponse, CoapServer } from "../../src/coap/server.ts";
import { contextsOf, KEY, MemoryStore, mirrored } from "./oscore/oscore-pair.ts";
import { brief, RawPeer, textOf } from "./support/raw-peer.ts";

const clock = new SystemClock();
const SECRET = Buffer.from("0123456789abcdef");
const REFUSAL: CoapResponse = { code: "4.01" };
/** More than goes into one message of any transport. */
const SIZE = 20 * 1024 * 1024;

/** A server that asks `isRefused` wherever it can, as the instrument's does. */
async function serverWith(
  isRefused: (request: CoapRequest) => boolean,
  handler: CoapHandler,
): Promise<CoapServer> {
  return CoapServer.listen({
    address: "0.0.0.0",
    port: 0,
    clock,
    log: SILENT,
    amplification: "none",
    handler: (request) => (isRefused(request) ? REFUSAL : handler(request)),
    admit: (request) => (isRefused(request) ? REFUSAL : undefined),
    guard: new OscoreGuard(contextsOf(await OscoreContext.open(mirrored(KEY), new MemoryStore()))),
    streams: { tcp: 0, tls: 0 },
    tls: { psk: (identity) => (identity === "field laptop" ? SECRET : undefined) },
  });
}

const PSK = { identity: "field laptop", key: SECRET };
const CASES = [
  { scheme: "coaps+tcp", port: "tls", kind: "psk" },
  { scheme: "coap+tcp", port: "tcp", kind: "oscore" },
  { scheme: "coap", port: "udp", kind: "oscore" },
] as const;

for (const { scheme, port, kind } of CASES) {
  test(`${scheme}, ${kind}: later blocks are not for a key that is revoked`, {
    timeout: 60_000,
  }, async () => {
    const revoked = new Set<string | undefined>();
    let reads = 0;
    const read = (_: number, length: number): Uint8Array => {
      reads += 1;
      revoked.add("field laptop");
      return Buffer.alloc(length);
    };
    const server = await serverWith(
      ({ identity }) => revoked.has(identity?.name),
      ({ identity }) => {
        assert.deepEqual(identity, { kind, name: "field laptop" });
        return { code: "2.05", etag: Buffer.from("v1"), body: { size: SIZE, read } };
      },
    );
    const own: Partial<CoapClientOptions> =
      kind === "psk"
        ? { tls: { psk: PSK } }
        : { security: { oscore: await OscoreContext.open(KEY, new MemoryStore()) } };
    const number = port === "udp" ? server.port : (server.ports[port] ?? 0);
    const client = await CoapClient.open({ scheme, host: "127.0.0.1", port: number, clock, ...own });
    try {
      const { code } = await client.request({ method: "GET", path: ["file"] }, NEVER);
      assert.deepEqual([code, reads], ["4.01", 1]);
    } finally {
      await client.close();
      await server.close();
    }
  });
}

test("who loses his role ends his own observation, and sees no value that others do", async () => {
  const value = new Cell<number>(0);
  const refused = new Set<string>();
  const server = await serverWith(
    ({ peerAddress }) => refused.has(peerAddress),
    () => ({
      code: "2.05",
      payload: Buffer.from(String(value.value)),
      observe: (changed) => value.subscribe(changed),
    }),
  );
  const addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const peers = await Promise.all(addresses.map((from) => RawPeer.open(server.port, { from })));
  /** What each gets of a change. */
  const change = async (to: number): Promise<readonly (readonly string[])[]> => {
    value.set(to);
    const all: string[][] = [];
    for (const peer of peers) {
      const messages = await peer.settled();
      for (const { type, messageId } of messages) if (type === CON) peer.empty(ACK, messageId);
      await peer.settled();
      all.push(messages.map((message) => `${brief(message)} ${textOf(message)}`));
    }
    return all;
  };
  try {
    for (const peer of peers) await peer.ask({ path: "obs", options: [[OPTION.OBSERVE, 0]] });
    assert.deepEqual(await change(1), [["CON 2.05 1"], ["CON 2.05 1"], ["CON 2.05 1"]]);
    refused.add("127.0.0.1").add("127.0.0.3");
    assert.deepEqual(await change(2), [["CON 4.01 "], ["CON 2.05 2"], ["CON 4.01 "]]);
    assert.deepEqual(await change(3), [[], ["CON 2.05 3"], []]);
    assert.equal(server.stats.observers, 1);
  } finally {
    for (const peer of peers) peer.close();
    await server.close();
  }
});
