// TLS of a running server: the first key opens its ports, certificates are changed below connections that go on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { NEVER } from "../../src/base/abort.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { logTo } from "../../src/base/log.ts";
import { CoapClient } from "../../src/coap/client/client.ts";
import { addKey } from "../../src/security/key-file.ts";
import { AUTHORITY, OPERATOR, SERVER } from "../coap/stream/certificates.ts";
import { CoapInstrument, type CoapInstrumentOptions } from "../support/coap-instrument.ts";

/** The lines of a log, and those to come. */
class Lines {
  readonly #waiting = new Set<() => void>();
  readonly log = logTo({ write: (line) => this.#add(line) });
  #seen: string[] = [];

  /** The first line with this text after those that have been asked for. */
  async next(text: string): Promise<string> {
    for (;;) {
      const at = this.#seen.findIndex((line) => line.includes(text));
      const found = this.#seen[at];
      this.#seen = this.#seen.slice(at + 1);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #add(line: string): void {
    this.#seen.push(line);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

async function start(t: TestContext, coap: CoapInstrumentOptions["coap"] = {}) {
  const lines = new Lines();
  const instrument = await CoapInstrument.start({ coap, log: lines.log });
  t.after(() => instrument.close());
  return { lines, instrument };
}

async function commonNameAt(port: number | undefined): Promise<unknown> {
  assert.ok(port !== undefined);
  const socket: TLSSocket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

async function certificateFiles(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "vscope-tls-"));
  t.after(() => rm(folder, { recursive: true }));
  const [tlsCertificate, tlsKey] = [join(folder, "box.pem"), join(folder, "box.key")];
  const write = async (certificate: string, key: string): Promise<void> => {
    await writeFile(tlsCertificate, certificate);
    await writeFile(tlsKey, key, { mode: 0o600 });
  };
  await write(SERVER.certificate, SERVER.key);
  return { tlsCertificate, tlsKey, write };
}

test("the first key opens the ports of TLS, and holds there, without a restart", async (t) => {
  const { lines, instrument } = await start(t, { websocketTlsPort: 0 });
  const { server } = instrument;
  assert.match(await lines.next("TLS opens"), /"ports":"tls 0, wss 0","msg":"TLS opens with the first key"/);
  assert.deepEqual(Object.keys(server.ports), ["tcp"]);
  const key = await addKey(instrument.keysFile, { name: "laptop", role: "operate", utcUs: 0 });
  const listens = await lines.next("TLS listens");
  assert.deepEqual(Object.keys(server.ports), ["tcp", "tls", "wss"]);
  assert.match(listens, new RegExp(`"tls":${server.ports.tls},"wss":${server.ports.wss}`));
  const psk = { identity: "laptop", key: Buffer.from(key.secret) };
  for (const scheme of ["coaps+tcp", "coaps+ws"] as const) {
    const port = (scheme === "coaps+tcp" ? server.ports.tls : server.ports.wss) ?? assert.fail();
    const at = { scheme, host: "127.0.0.1", port, clock: new SystemClock(), tls: { psk } };
    const client = await CoapClient.open(at);
    assert.equal((await client.request({ method: "GET", path: ["sysinfo"] }, NEVER)).code, "2.05");
    await client.close();
  }
});

test("a port that is taken when the first key comes is told, and opens with a SIGHUP after it is free", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  assert.ok(address !== null && typeof address === "object");
  const { lines, instrument } = await start(t, { tlsPort: address.port });
  await addKey(instrument.keysFile, { name: "laptop", role: "operate", utcUs: 0 });
  const fault = await lines.next("TLS stays as it was");
  assert.match(fault, /"level":50.*coaps\+tcp 127\.0\.0\.1:\d+: another server has this address and port/);
  assert.deepEqual(Object.keys(instrument.server.ports), ["tcp"]);
  other.close();
  await once(other, "close");
  instrument.server.reload();
  await lines.next("TLS listens");
  assert.equal(instrument.server.ports.tls, address.port);
});

test("certificates are read again below connections that go on", async (t) => {
  const { write, ...files } = await certificateFiles(t);
  const { lines, instrument } = await start(t, { ...files, websocketTlsPort: 0 });
  const { server } = instrument;
  const scheme = "coaps+tcp";
  const port = server.ports.tls ?? assert.fail();
  const clock = new SystemClock();
  const client = await CoapClient.open({ scheme, host: "127.0.0.1", port, clock, tls: { ca: AUTHORITY } });
  const ask = () => client.request({ method: "GET", path: ["sysinfo"] }, NEVER);
  assert.equal((await ask()).code, "2.05");
  assert.deepEqual([await commonNameAt(port), await commonNameAt(server.ports.wss)], ["box", "box"]);
  await write(OPERATOR.certificate, OPERATOR.key);
  server.reload();
  assert.match(await lines.next("certificates read again"), /"level":30.*box\.pem.*box\.key/);
  assert.deepEqual(
    [await commonNameAt(port), await commonNameAt(server.ports.wss)],
    ["operator", "operator"],
  );
  assert.equal((await ask()).code, "2.05");
  await client.close();
});

test("files that are wrong by now are told with the reason, and those of before hold", async (t) => {
  const { write, ...files } = await certificateFiles(t);
  const { lines, instrument } = await start(t, files);
  const { server } = instrument;
  const faults = [
    ["-----BEGIN", SERVER.key, /coap\.tls_certificate: no certificate \(PEM\) in .*box\.pem/],
    [SERVER.certificate, "", /coap\.tls_key: no private key .* in .*box\.key/],
    [SERVER.certificate, OPERATOR.key, /box\.key is not the key of the certificate in .*box\.pem/],
  ] as const;
  for (const [certificate, key, reason] of faults) {
    await write(certificate, key);
    server.reload();
    const line = await lines.next("TLS stays as it was");
    assert.match(line, /"level":50/);
    assert.match(line, reason);
    assert.equal(await commonNameAt(server.ports.tls), "box");
  }
  await write(OPERATOR.certificate, OPERATOR.key);
  server.reload();
  await lines.next("certificates read again");
  assert.equal(await commonNameAt(server.ports.tls), "operator");
});
