// The whole server over every transport that its configuration can open: a client with a key and one without.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { printClientKey } from "../../../src/client/client-key.ts";
import { VscopeClient } from "../../../src/client/vscope-client.ts";
import { newKey, printKeys } from "../../../src/security/key.ts";
import { SERVER } from "../../coap/stream/certificates.ts";
import { CoapInstrument, type CoapInstrumentOptions } from "../../support/coap-instrument.ts";

const KEY = newKey("laptop", "operate", 0);
const CLOSED = { policy: "closed", loopback: "none" } as const;

async function withInstrument(
  options: CoapInstrumentOptions,
  run: (instrument: CoapInstrument) => Promise<void>,
): Promise<void> {
  const instrument = await CoapInstrument.start(options);
  try {
    await run(instrument);
  } finally {
    await instrument.close();
  }
}

async function keyFileOf({ folder }: CoapInstrument): Promise<string> {
  const path = join(folder, "laptop.key");
  await writeFile(path, printClientKey({ ...KEY, serverId: "s" }), { mode: 0o600 });
  return path;
}

for (const scheme of ["coap+tcp", "coaps+tcp", "coap+ws", "coaps+ws"] as const) {
  test(`${scheme}: with the key a shutter moves, without it nothing is told`, {
    timeout: 60_000,
  }, async () => {
    const coap = { websocketPort: 0, websocketTlsPort: 0 };
    await withInstrument({ coap, security: CLOSED, keys: printKeys([KEY]) }, async (instrument) => {
      const { tcp, tls, ws, wss } = instrument.server.ports;
      const ports = { "coap+tcp": tcp, "coaps+tcp": tls, "coap+ws": ws, "coaps+ws": wss };
      const url = `${scheme}://127.0.0.1:${ports[scheme]}`;
      const client = await VscopeClient.connect(url, { keyFile: await keyFileOf(instrument) });
      await client.put(["shutters", "upwelling"], "open");
      assert.match(JSON.stringify(await client.get(["shutters", "upwelling"])), /open/);
      await client.close();
      // With TLS there is no way in without the key: this server has no certificate.
      const asStranger = async (): Promise<void> => {
        const stranger = await VscopeClient.connect(url);
        await stranger.get(["sysinfo"]).finally(() => void stranger.close());
      };
      await assert.rejects(asStranger(), (error: Error) =>
        /needs a key|TLS refused, is it the right key/.test(error.message),
      );
    });
  });
}

test("without certificate and keys there is no TLS; TCP can be switched off", async () => {
  await withInstrument({}, async ({ server }) => assert.deepEqual(Object.keys(server.ports), ["tcp"]));
  await withInstrument({ coap: { tcp: false } }, async ({ server }) => assert.deepEqual(server.ports, {}));
});

test("a certificate is read from its files", async () => {
  await withInstrument({}, async ({ folder }) => {
    const [tlsCertificate, tlsKey] = [join(folder, "box.pem"), join(folder, "box.key")];
    await writeFile(tlsCertificate, SERVER.certificate);
    await writeFile(tlsKey, SERVER.key);
    const foreignKey = join(folder, "foreign.key");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    await writeFile(foreignKey, privateKey.export({ type: "pkcs8", format: "pem" }));
    await withInstrument({ coap: { tlsCertificate, tlsKey } }, async ({ server }) =>
      assert.deepEqual(Object.keys(server.ports), ["tcp", "tls"]),
    );
    const faults: readonly [CoapInstrumentOptions["coap"], RegExp][] = [
      [{ tlsCertificate }, /tls_key: one of them is missing/],
      [{ tlsCertificate, tlsKey: join(folder, "none.key") }, /none\.key: cannot be read/],
      [{ tlsCertificate, tlsKey: tlsCertificate }, /^coap\.tls_key: no private key .* in .*box\.pem$/],
      [{ tlsCertificate: tlsKey, tlsKey }, /^coap\.tls_certificate: no certificate \(PEM\) in .*box\.key$/],
      [{ tlsCertificate, tlsKey: foreignKey }, /^coap\.tls_key: .*foreign\.key is not the key .*box\.pem$/],
      [{ tlsClientCa: tlsKey }, /^coap\.tls_client_ca: no certificate \(PEM\) in .*box\.key$/],
      [
        { tlsCertificate, tlsKey, tlsPort: 5783, websocketPort: 5783 },
        /^coap\.websocket_port: 5783 is coap\.tls_port already$/,
      ],
    ];
    for (const [coap, message] of faults) {
      await assert.rejects(CoapInstrument.start({ coap: coap ?? {} }), { code: "CONFIG_INVALID", message });
    }
  });
});

test("a port that another program has is named with its transport", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  assert.ok(address !== null && typeof address === "object");
  const { port } = address;
  await assert.rejects(CoapInstrument.start({ coap: { websocketPort: port } }), {
    code: "SERVER_CONFLICT",
    message: `coap+ws 127.0.0.1:${port}: another server has this address and port`,
  });
  other.close();
});
