// Bursts (Q-Block, RFC 9177) where they are not to be had: a server that does not know them (Debian's libcoap 4.3.1), connections,
// and protected messages. The client asks for them all the same and gets its bodies in blocks.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { CoapClient } from "../../src/coap/client/client.ts";
import { blockValue } from "../../src/coap/message/block.ts";
import { codeText } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { withSecured } from "./oscore/secured-sample.ts";
import { coapServer } from "./support/outside-clients.ts";
import { CODE } from "./support/raw-peer.ts";
import { pattern, Sample } from "./support/sample-server.ts";
import { RawConnection } from "./stream/raw-connection.ts";

const BODY = pattern(40_000, 4);

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** libcoap's server, which keeps what it is sent. */
async function startLibcoap(port: number): Promise<() => Promise<void>> {
  const args = ["-A", "127.0.0.1", "-p", String(port), "-d", "10", "-v", "7"];
  const child = spawn(coapServer(), args, { stdio: ["ignore", "pipe", "pipe"] });
  const lines = createInterface({ input: child.stdout });
  child.stderr.on("data", (bytes: Buffer) => lines.emit("line", bytes.toString()));
  await new Promise<void>((resolve) => {
    lines.on("line", (line: string) => {
      if (line.includes("created UDP")) resolve();
    });
  });
  return async () => {
    const exit = once(child, "exit");
    child.kill();
    await exit;
  };
}

test("libcoap 4.3.1, which refuses the options: blocks, and no further question", {
  timeout: 60_000,
}, async () => {
  const port = await freePort();
  const stop = await startLibcoap(port);
  const client = await CoapClient.open({ host: "127.0.0.1", port });
  try {
    const path = ["new"];
    const put = await client.request({ method: "PUT", path, payload: BODY, qBlock: true }, NEVER);
    assert.match(put.code, /^2\./);
    for (let count = 0; count < 2; count++) {
      const got = await client.request({ method: "GET", path, qBlock: true }, NEVER);
      assert.deepEqual(Buffer.from(got.payload), BODY);
    }
  } finally {
    await client.close();
    await stop();
  }
});

test("with OSCORE the client does not ask for it", async () => {
  await withSecured({}, async ({ clock, client, network, sample }) => {
    const put = { method: "PUT", path: ["put"], payload: BODY, qBlock: true } as const;
    assert.equal((await clock.run(client.request(put, NEVER))).code, "2.04");
    const get = { method: "GET", path: ["put"], qBlock: true } as const;
    assert.deepEqual(Buffer.from((await clock.run(client.request(get, NEVER))).payload), sample.uploaded);
    assert.ok(network.sent.length > 2 * 80);
  });
});

test("over TCP the server refuses it, and the client does not ask for it", { timeout: 60_000 }, async () => {
  const { sample, server } = await Sample.start({ clock: new SystemClock(), streams: { tcp: 0 } });
  const port = server.ports.tcp ?? 0;
  const client = await CoapClient.open({ scheme: "coap+tcp", host: "127.0.0.1", port });
  const path = ["put"];
  const put = await client.request({ method: "PUT", path, payload: BODY, qBlock: true }, NEVER);
  assert.equal(put.code, "2.04");
  const got = await client.request({ method: "GET", path, qBlock: true }, NEVER);
  assert.deepEqual(Buffer.from(got.payload), sample.uploaded);
  await client.close();
  const raw = await RawConnection.introduced(port);
  const block = blockValue({ number: 0, more: true, sizeExponent: 6 });
  raw.ask({ code: CODE.GET, path: "b8k", options: [[OPTION.Q_BLOCK2, block]] });
  assert.equal(codeText((await raw.next())?.code ?? 0), "4.02");
  raw.close();
  await server.close();
});
