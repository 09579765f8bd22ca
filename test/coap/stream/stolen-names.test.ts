// Who says a name without having its key is nobody, whatever the handshake: the server has a certificate, too, so that a
// connection can come about without the key.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type ConnectionOptions } from "node:tls";
import { test } from "node:test";
import { SystemClock } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { type CoapIdentity } from "../../../src/coap/engine/request.ts";
import { CoapServer } from "../../../src/coap/server.ts";
import { serverTls } from "./certificates.ts";

const KEY = Buffer.from("0123456789abcdef");
// An empty CSM, and a GET with a token.
const REQUEST = Buffer.from([0x00, 0xe1, 0x01, 0x01, 0x42]);

interface Seen {
  readonly outcome: "answered" | "refused";
  readonly identity: CoapIdentity | undefined;
}

/** What becomes of a request over a connection with these options, and whom the handler sees. */
async function seen(options: ConnectionOptions): Promise<Seen> {
  let identity: CoapIdentity | undefined;
  const server = await CoapServer.listen({
    address: "127.0.0.1",
    port: 0,
    clock: new SystemClock(),
    log: SILENT,
    handler: (request) => {
      identity = request.identity;
      return { code: "2.05" };
    },
    streams: { tls: 0 },
    tls: serverTls({ field: KEY }),
  });
  const port = server.ports.tls ?? assert.fail("no port");
  const socket = connect({
    host: "127.0.0.1",
    port,
    ALPNProtocols: ["coap"],
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...options,
  });
  try {
    await once(socket, "secureConnect");
    socket.write(REQUEST);
    let received = Buffer.alloc(0);
    // The end of the answer: 2.05 with the token.
    while (!received.subarray(-3).equals(Buffer.from([0x01, 0x45, 0x42]))) {
      const [chunk]: unknown[] = await once(socket, "data", { signal: AbortSignal.timeout(30_000) });
      assert.ok(Buffer.isBuffer(chunk));
      received = Buffer.concat([received, chunk]);
    }
    return { outcome: "answered", identity };
  } catch {
    return { outcome: "refused", identity };
  } finally {
    socket.destroy();
    await server.close();
  }
}

const saying = (identity: string, psk: Buffer) => ({ pskCallback: () => ({ identity, psk }) });
const WRONG = randomBytes(16);
const SUITES_13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const SUITES_12 = ["PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"];

test("the key proves the name, with TLS 1.3 and 1.2", async () => {
  for (const ciphers of ["TLS_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"]) {
    const maxVersion = ciphers.startsWith("TLS_") ? "TLSv1.3" : "TLSv1.2";
    const { outcome, identity } = await seen({ ciphers, maxVersion, ...saying("field", KEY) });
    assert.deepEqual(
      { outcome, identity },
      { outcome: "answered", identity: { kind: "psk", name: "field" } },
      ciphers,
    );
  }
});

for (const name of ["field", "nobody"]) {
  test(`the name ${name} without its key proves nothing, with any suite`, async () => {
    for (const ciphers of [...SUITES_13, SUITES_13.join(":"), SUITES_13.toReversed().join(":")]) {
      const { identity } = await seen({ ciphers, minVersion: "TLSv1.3", ...saying(name, WRONG) });
      assert.equal(identity, undefined, ciphers);
    }
    for (const ciphers of [...SUITES_12, SUITES_12.join(":")]) {
      const { identity } = await seen({ ciphers, maxVersion: "TLSv1.2", ...saying(name, WRONG) });
      assert.equal(identity, undefined, ciphers);
    }
  });
}

test("with suites that do not fit the key, a known name is answered as an unknown one: as nobody", async () => {
  const ciphers = "TLS_AES_256_GCM_SHA384";
  const nobody = { outcome: "answered", identity: undefined };
  assert.deepEqual(await seen({ ciphers, ...saying("field", WRONG) }), nobody);
  assert.deepEqual(await seen({ ciphers, ...saying("nobody", WRONG) }), nobody);
});
