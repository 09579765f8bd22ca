// The client and the server over every transport, through the same API: bodies of 2 MiB both ways, observation, slow
// handlers, errors, and who the server says has asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { CoapClient, type CoapClientOptions, type CoapReply } from "../../../src/coap/client/client.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { Sample, pattern, sha256 } from "../support/sample-server.ts";
import { AUTHORITY, OPERATOR, STRANGER, serverTls } from "./certificates.ts";

const clock = new SystemClock();
const KEY = Buffer.from("0123456789abcdef");
const TWO_MIB = pattern(2 * 1024 * 1024, 5);

const PSK = { psk: { identity: "field", key: KEY } } as const;
const TRUST = { ca: AUTHORITY } as const;
const CERTIFIED = { ...TRUST, ...OPERATOR } as const;

interface Bench {
  readonly sample: Sample;
  readonly server: CoapServer;
  readonly open: (options: Partial<CoapClientOptions>) => Promise<CoapClient>;
}

/** A server on all transports, and clients of it. */
async function withServer(run: (bench: Bench) => Promise<void>): Promise<void> {
  const { sample, server } = await Sample.start({
    clock,
    streams: { tcp: 0, tls: 0, ws: 0, wss: 0 },
    tls: serverTls({ field: KEY }),
  });
  const { tcp, tls, ws, wss } = server.ports;
  const ports = { coap: server.port, "coap+tcp": tcp, "coaps+tcp": tls, "coap+ws": ws, "coaps+ws": wss };
  const clients: CoapClient[] = [];
  const open = async (options: Partial<CoapClientOptions>): Promise<CoapClient> => {
    const port = ports[options.scheme ?? "coap"] ?? 0;
    const client = await CoapClient.open({ host: "127.0.0.1", port, clock, ...options });
    clients.push(client);
    return client;
  };
  try {
    await run({ sample, server, open });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await server.close();
  }
}

function get(client: CoapClient, ...path: string[]): Promise<CoapReply> {
  return client.request({ method: "GET", path }, NEVER);
}

const CASES = [
  { scheme: "coap+tcp", tls: {}, transport: "tcp", identity: undefined },
  { scheme: "coaps+tcp", tls: PSK, transport: "tls", identity: { kind: "psk", name: "field" } },
  { scheme: "coaps+tcp", tls: TRUST, transport: "tls", identity: undefined },
  {
    scheme: "coaps+tcp",
    tls: CERTIFIED,
    transport: "tls",
    identity: { kind: "certificate", name: "operator" },
  },
  { scheme: "coap+ws", tls: {}, transport: "ws", identity: undefined },
  {
    scheme: "coaps+ws",
    tls: CERTIFIED,
    transport: "wss",
    identity: { kind: "certificate", name: "operator" },
  },
  { scheme: "coaps+ws", tls: PSK, transport: "wss", identity: { kind: "psk", name: "field" } },
] as const;

for (const { scheme, tls, transport, identity } of CASES) {
  test(`${scheme}, ${Object.keys(tls).join(" and ") || "plain"}`, { timeout: 60_000 }, async () => {
    await withServer(async ({ sample, server, open }) => {
      const client = await open({ scheme, tls });
      assert.equal(Buffer.from((await get(client, "s")).payload).toString(), "hello world");
      const [seen] = sample.requests;
      assert.deepEqual(
        [seen?.transport, seen?.identity, seen?.peerAddress, seen?.isMulticast],
        [transport, identity, "127.0.0.1", false],
      );

      const put = await client.request({ method: "PUT", path: ["put"], payload: TWO_MIB }, NEVER);
      assert.equal(put.code, "2.04");
      assert.equal(sha256(sample.uploaded), sha256(TWO_MIB));
      const got = await get(client, "put");
      assert.equal(sha256(got.payload), sha256(TWO_MIB));

      const answers = await Promise.all([get(client, "slow"), get(client, "throw"), get(client, "nothing")]);
      assert.deepEqual(
        answers.map(({ code }) => code),
        ["2.05", "5.00", "4.04"],
      );

      const values: string[] = [];
      for await (const { payload } of client.observe({ method: "GET", path: ["obs"] }, NEVER)) {
        values.push(Buffer.from(payload).toString());
        if (values.length === 4) break;
        sample.value.set(values.length);
      }
      assert.deepEqual(
        values,
        [0, 1, 2, 3].map((n) => JSON.stringify({ n })),
      );
      await get(client, "s");
      assert.equal(server.stats.observers, 0, "leaving the loop ends the observation");
    });
  });
}

const REFUSED = [
  {
    name: "a wrong pre-shared key",
    tls: { psk: { identity: "field", key: Buffer.from("fedcba9876543210") } },
  },
  { name: "an unknown identity", tls: { psk: { identity: "nobody", key: KEY } } },
  { name: "a certificate that the client does not trust", tls: {} },
  {
    name: "a client's certificate that another authority has signed",
    tls: { ...TRUST, ...STRANGER },
  },
] as const;

for (const { name, tls } of REFUSED) {
  for (const scheme of ["coaps+tcp", "coaps+ws"] as const) {
    test(`${scheme} refuses ${name}`, { timeout: 30_000 }, async () => {
      await withServer(async ({ sample, open }) => {
        await assert.rejects(open({ scheme, tls }), { code: "DEVICE_NOT_CONNECTED" });
        assert.equal(sample.requests.length, 0);
        // And goes on serving others.
        assert.equal((await get(await open({ scheme, tls: PSK }), "s")).code, "2.05");
      });
    });
  }
}

test("an observation goes on after the connection was lost", { timeout: 30_000 }, async () => {
  const { sample, server } = await Sample.start({ clock, streams: { tcp: 0 } });
  const port = server.ports.tcp ?? 0;
  const client = await CoapClient.open({ scheme: "coap+tcp", host: "127.0.0.1", port, clock });
  const values = client.observe({ method: "GET", path: ["obs"] }, NEVER);
  assert.equal((await values.next()).done, false);
  await server.close();
  const again = await Sample.start({ clock, streams: { tcp: port } });
  again.sample.value.set(7);
  let text = "";
  // The first may be the end of the observation by the server, 5.03.
  while (text !== '{"n":7}') {
    const { value, done } = await values.next();
    if (done === true) break;
    text = Buffer.from(value.payload).toString();
  }
  sample.value.set(1);
  await values.return();
  await client.close();
  await again.server.close();
});
