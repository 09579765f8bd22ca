// Who may do what, over CoAP: every method of every resource for every role, roles by address, and the audit log.

import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { encode } from "cborg";
import { NEVER } from "../../../src/base/abort.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { logTo } from "../../../src/base/log.ts";
import { protectedBy } from "../../../src/client/client-key.ts";
import {
  type ClientTls,
  CoapClient,
  type CoapClientRequest,
  type CoapReply,
} from "../../../src/coap/client/client.ts";
import type { CoapMessage } from "../../../src/coap/message/codec.ts";
import { codeText } from "../../../src/coap/message/codes.ts";
import { OPTION } from "../../../src/coap/message/options.ts";
import { type Role, ROLES } from "../../../src/config/access.ts";
import type { ServerConfig } from "../../../src/config/server-config.ts";
import { Router } from "../../../src/resources/router.ts";
import { TREE } from "../../../src/resources/tree.ts";
import { KEY_ROLES, type Key, newKey, printKeys, SERVER_ID } from "../../../src/security/key.ts";
import { revokeKey } from "../../../src/security/key-file.ts";
import { CODE, RawPeer, textOf as textOfMessage } from "../../coap/support/raw-peer.ts";
import { AUTHORITY, OPERATOR, SERVER, STRANGER } from "../../coap/stream/certificates.ts";
import {
  CoapInstrument,
  type CoapInstrumentOptions,
  segments,
  textOf,
} from "../../support/coap-instrument.ts";

const METHODS = ["GET", "FETCH", "PUT", "PATCH", "iPATCH", "POST", "DELETE"] as const;
const READING: readonly string[] = ["GET", "FETCH"];

/** What the clock, the file system and the memory of instruments need; written down here a second time on purpose. */
const FOR_ADMIN = [
  "/sysinfo/clock",
  "/sysinfo/clock/forced",
  "/datadir/mount",
  "/datadir/configuration",
  "/spectrometers/{serial}/calibration",
  "/spectrometers/{serial}/irradiance-calibration",
  "/spectrometers/{serial}/eeprom/{slot}",
];

function expectedNeed(path: string, method: string): Role {
  if (READING.includes(method)) return "read";
  if (path === "/datadir/runs/{run}") return "admin";
  return FOR_ADMIN.includes(path) && /P[UA]T/.test(method) ? "admin" : "operate";
}

const rank = (role: Role): number => ROLES.indexOf(role);

async function withInstrument(
  options: CoapInstrumentOptions,
  use: (instrument: CoapInstrument) => Promise<void>,
): Promise<void> {
  const instrument = await CoapInstrument.start(options);
  try {
    await use(instrument);
  } finally {
    await instrument.close();
  }
}

type Ask = (request: CoapClientRequest) => Promise<CoapReply>;

/** Every method of every resource, with what no resource takes, so that nothing happens. */
async function tryAll(
  { server }: CoapInstrument,
  ask: Ask,
  judge: (outcome: Outcome) => void,
): Promise<void> {
  const existing = [...new Router(server.model, TREE).instances()];
  const slot = { path: segments("/spectrometers/FLMS01859/eeprom/5"), template: FOR_ADMIN.at(-1) ?? "" };
  const all = [...existing.map(({ path, resource }) => ({ path, template: resource.path })), slot];
  assert.ok(all.length > 60);
  for (const { path, template } of all) {
    for (const method of METHODS) {
      const payload = method === "GET" || method === "DELETE" ? {} : { payload: Buffer.from("{") };
      const reply = await ask({ method, path, ...payload });
      judge({ what: `${method} /${path.join("/")}`, need: expectedNeed(template, method), reply });
    }
  }
}

interface Outcome {
  readonly what: string;
  readonly need: Role;
  readonly reply: CoapReply;
}

/** A client of its own with a key that the server knows. */
async function clientOf({ port, folder }: CoapInstrument, key: Key): Promise<CoapClient> {
  const sequencePath = join(folder, `.${key.name}`);
  const wrap = await protectedBy({ ...key, serverId: SERVER_ID, sequencePath });
  return await CoapClient.open({ host: "127.0.0.1", port, clock: new SystemClock(), wrap });
}

describe("roles over CoAP", { timeout: 240_000 }, () => {
  for (const role of ROLES) {
    test(`address of role ${role}: every method of every resource as its access says`, async () => {
      await withInstrument({ security: { policy: "closed", loopback: role } }, async (instrument) => {
        const ask: Ask = (request) => instrument.request(request);
        await tryAll(instrument, ask, ({ what, need, reply }) => {
          const text = `${role}: ${what} needs ${need}: ${reply.code} ${textOf(reply)}`;
          assert.equal(reply.code === "4.01", rank(role) < rank(need), text);
          assert.notEqual(reply.code, "4.03", text);
          if (reply.code === "4.01")
            assert.match(textOf(reply), new RegExp(`needs a key with role ${need}, `));
        });
        const discovery = await instrument.get("/.well-known/core");
        assert.equal(discovery.code, "2.05", "whoever comes may see what there is");
        const unknown = await instrument.get("/nothing/here");
        assert.equal(
          unknown.code,
          role === "none" ? "4.01" : "4.04",
          "what is not there is told to readers only",
        );
      });
    });
  }

  for (const role of KEY_ROLES) {
    test(`key of role ${role}: every method of every resource as its access says`, async () => {
      const key = newKey("laptop", role, 0);
      const security = { policy: "closed", loopback: "none" } as const;
      await withInstrument({ security, keys: printKeys([key]) }, async (instrument) => {
        const client = await clientOf(instrument, key);
        const ask: Ask = (request) => client.request(request, NEVER);
        await tryAll(instrument, ask, ({ what, need, reply }) => {
          const text = `${role}: ${what} needs ${need}: ${reply.code} ${textOf(reply)}`;
          assert.equal(reply.code === "4.03", rank(role) < rank(need), text);
          assert.notEqual(reply.code, "4.01", text);
          if (reply.code === "4.03")
            assert.match(textOf(reply), new RegExp(`needs role ${need}, key laptop has ${role}$`));
        });
        await client.close();
      });
    });
  }

  test("an upload that would be refused is refused at its first part, and holds no memory", async () => {
    await withInstrument({ security: { policy: "closed", loopback: "operate" } }, async ({ port }) => {
      const peer = await RawPeer.open(port);
      const upload = (number: number, path: string): Promise<CoapMessage> =>
        peer.ask({
          code: CODE.PUT,
          path,
          token: `t${number}`,
          options: [[OPTION.BLOCK1, (number << 4) | 0x08 | 6]],
          payload: Buffer.alloc(1024, "a"),
        });
      assert.equal(codeText((await upload(0, "datadir/configuration")).code), "4.01");
      assert.equal(codeText((await upload(1, "datadir/configuration")).code), "4.01");
      assert.equal(codeText((await upload(0, "datadir/run")).code), "2.31", "an operator may go on");
      peer.close();
    });
  });

  test("a key that is revoked while the server runs: requests and observations end, the other key goes on", async () => {
    const laptop = newKey("laptop", "operate", 0);
    const office = newKey("office", "operate", 0);
    const security = { policy: "closed", loopback: "none" } as const;
    await withInstrument({ security, keys: printKeys([laptop, office]) }, async (instrument) => {
      const [ours, theirs] = [await clientOf(instrument, laptop), await clientOf(instrument, office)];
      const path = segments("/shutters/upwelling");
      const move = (client: CoapClient, to: string): Promise<CoapReply> =>
        client.request({ method: "PUT", path, payload: Buffer.from(`"${to}"`) }, NEVER);
      const codes = async (client: CoapClient, seen: string[]): Promise<void> => {
        for await (const { code } of client.observe({ method: "GET", path }, AbortSignal.timeout(60_000))) {
          seen.push(code);
          if (code !== "2.05") return;
        }
      };
      const seen: string[] = [];
      const observing = codes(ours, seen);
      assert.equal((await move(ours, "open")).code, "2.04");
      await revokeKey(instrument.keysFile, "laptop", 0);
      await assert.rejects(async () => {
        for (let turn = 0; ; turn++) {
          await new SystemClock().delay(100_000, NEVER);
          await move(ours, turn % 2 === 0 ? "closed" : "open");
        }
      }, /Security context not found/);
      assert.equal((await move(theirs, "open")).code, "2.04");
      assert.equal((await move(theirs, "closed")).code, "2.04");
      await observing;
      assert.equal(seen.at(-1), "4.01");
      await ours.close();
      await theirs.close();
    });
  });

  test("a certificate has the role that the configuration gives its name; that of a stranger is refused", async () => {
    const certificates = [{ name: "operator", role: "operate" }] as const;
    const folder = await mkdtemp(join(tmpdir(), "vscope-tls-"));
    const files = { tlsCertificate: SERVER.certificate, tlsKey: SERVER.key, tlsClientCa: AUTHORITY };
    const paths = await Promise.all(
      Object.entries(files).map(async ([name, text]) => {
        await writeFile(join(folder, name), text);
        return [name, join(folder, name)];
      }),
    );
    const coap: Partial<ServerConfig["coap"]> = { tlsPort: 0, ...Object.fromEntries(paths) };
    await withInstrument(
      { security: { policy: "closed", loopback: "none", certificates }, coap },
      async ({ server }) => {
        const ask = async (tls: ClientTls): Promise<readonly string[]> => {
          const port = server.ports.tls ?? assert.fail("no port");
          const scheme = "coaps+tcp";
          const client = await CoapClient.open({
            scheme,
            host: "127.0.0.1",
            port,
            clock: new SystemClock(),
            tls,
          });
          try {
            const body = { payload: Buffer.from("{") };
            const get = await client.request({ method: "GET", path: ["shutters"] }, NEVER);
            const put = await client.request(
              { method: "PUT", path: ["shutters", "upwelling"], ...body },
              NEVER,
            );
            const clock = await client.request({ method: "PUT", path: ["sysinfo", "clock"], ...body }, NEVER);
            return [get.code, put.code, clock.code];
          } finally {
            await client.close();
          }
        };
        const ca = AUTHORITY;
        const own = { ca, ...OPERATOR };
        assert.deepEqual(await ask(own), ["2.05", "4.00", "4.03"]);
        assert.deepEqual(await ask({ ca }), ["4.01", "4.01", "4.01"]);
        await assert.rejects(ask({ ca, ...STRANGER }));
      },
    );
    await rm(folder, { recursive: true });
  });

  test("a TLS connection whose key is revoked has the role of its address from then on", async () => {
    const key = newKey("laptop", "operate", 0);
    const security = { policy: "closed", loopback: "read" } as const;
    await withInstrument({ security, coap: { tlsPort: 0 }, keys: printKeys([key]) }, async (instrument) => {
      const client = await CoapClient.open({
        scheme: "coaps+tcp",
        host: "127.0.0.1",
        port: instrument.server.ports.tls ?? assert.fail("no port"),
        clock: new SystemClock(),
        tls: { psk: { identity: "laptop", key: Buffer.from(key.secret) } },
      });
      const wrong = { method: "PUT", path: ["shutters", "upwelling"], payload: Buffer.from("{") } as const;
      assert.equal((await client.request(wrong, NEVER)).code, "4.00");
      await revokeKey(instrument.keysFile, "laptop", 0);
      let reply = await client.request(wrong, NEVER);
      while (reply.code === "4.00") {
        await new SystemClock().delay(100_000, NEVER);
        reply = await client.request(wrong, NEVER);
      }
      assert.match(`${reply.code} ${textOf(reply)}`, /^4\.01 .*key laptop is unknown or revoked/);
      assert.equal((await client.request({ method: "GET", path: ["shutters"] }, NEVER)).code, "2.05");
      await client.close();
    });
  });

  test("a refused request changes nothing", async () => {
    await withInstrument({ security: { policy: "closed", loopback: "read" } }, async (instrument) => {
      const before = textOf(await instrument.get("/shutters"));
      assert.equal((await instrument.put("/shutters/upwelling", "open")).code, "4.01");
      assert.equal((await instrument.post("/acquisition/record", { run: "stolen" })).code, "4.01");
      assert.equal(textOf(await instrument.get("/shutters")), before);
      assert.equal(textOf(await instrument.get("/acquisition/operations")), "[]");
    });
  });

  test("addresses have the roles that the configuration gives them", async () => {
    const allow = [
      { address: "127.0.0.0", prefix: 8, role: "none" },
      { address: "127.0.0.4", prefix: 30, role: "read" },
      { address: "127.0.0.5", prefix: 32, role: "operate" },
    ] as const;
    await withInstrument({ security: { policy: "closed", allow } }, async ({ port }) => {
      const outcomes = async (from: string): Promise<string> => {
        const peer = await RawPeer.open(port, { from });
        const get = await peer.ask({ path: "shutters/upwelling", token: "a" });
        const put = await peer.ask({
          code: CODE.PUT,
          path: "shutters/upwelling",
          token: "b",
          payload: Buffer.from('"ajar"'),
        });
        peer.close();
        if (codeText(put.code) === "4.01") assert.match(textOfMessage(put), new RegExp(`${from} has `));
        return `${codeText(get.code)} ${codeText(put.code)}`;
      };
      assert.equal(await outcomes("127.0.0.9"), "4.01 4.01");
      assert.equal(await outcomes("127.0.0.6"), "2.05 4.01");
      assert.equal(await outcomes("127.0.0.5"), "2.05 4.00");
    });
  });

  test("reading is not the same as observing without end: who may not read may not observe", async () => {
    await withInstrument({ security: { policy: "closed", loopback: "none" } }, async ({ client }) => {
      const codes: string[] = [];
      const request = { method: "GET", path: ["acquisition", "status"] } as const;
      for await (const { code } of client.observe(request, AbortSignal.timeout(60_000))) codes.push(code);
      assert.deepEqual(codes, ["4.01"]);
    });
  });
});

describe("the audit log over CoAP", () => {
  interface Line {
    readonly audit?: true;
    readonly method: string;
    readonly path: string;
    readonly outcome: string;
    readonly role: string;
    readonly peer: string;
    readonly value?: string;
    readonly durationMs: number;
  }

  async function linesOf(
    security: CoapInstrumentOptions["security"],
    use: (instrument: CoapInstrument) => Promise<void>,
  ): Promise<readonly Line[]> {
    const lines: Line[] = [];
    const log = logTo({ write: (line) => void lines.push(JSON.parse(line)) });
    await withInstrument({ log, ...(security === undefined ? {} : { security }) }, use);
    return lines.filter(({ audit }) => audit === true);
  }

  test("every command has a line with its outcome, reading has none", async () => {
    const lines = await linesOf({ policy: "network" }, async (instrument) => {
      await instrument.get("/shutters/upwelling");
      await instrument.put("/shutters/upwelling", "open");
      await instrument.put("/shutters/upwelling", "ajar");
      await instrument.put("/sysinfo/clock", "2026-06-21T12:00:00Z");
      await instrument.perform("/acquisition/record", { run: "audited", autointegrate: 0 });
    });
    assert.deepEqual(
      lines.map(({ method, path, outcome, role, value }) => [method, path, outcome, role, value]),
      [
        ["PUT", "/shutters/upwelling", "2.04", "operate", '"open"'],
        ["PUT", "/shutters/upwelling", "4.00", "operate", '"ajar"'],
        ["PUT", "/sysinfo/clock", "4.01", "operate", undefined],
        ["POST", "/acquisition/record", "2.01", "operate", '{"run":"audited","autointegrate":0}'],
      ],
    );
    for (const { peer, durationMs } of lines) {
      assert.match(peer, /^127\.0\.0\.1:\d+$/);
      assert.ok(durationMs >= 0);
    }
  });

  test("values are shown in short: text, CBOR as JSON, other bytes by their number", async () => {
    const path = segments("/shutters/upwelling");
    const long = "x".repeat(5000);
    const lines = await linesOf({}, async (instrument) => {
      await instrument.put("/shutters/upwelling", long);
      await instrument.request({ method: "PUT", path, payload: encode("ajar"), contentFormat: 60 });
      await instrument.request({ method: "PUT", path, payload: encode(long), contentFormat: 60 });
      await instrument.request({ method: "PUT", path, payload: Buffer.from([1, 2, 3]), contentFormat: 42 });
      await instrument.request({ method: "PUT", path, payload: Buffer.from([0xff, 0x0a, 0x80]) });
    });
    assert.deepEqual(
      lines.map(({ value }) => value),
      [
        `"${"x".repeat(199)}...`,
        '"ajar"',
        "5003 bytes of CBOR",
        "3 bytes, Content-Format 42",
        "\ufffd\n\ufffd",
      ],
    );
  });

  test("thousands of refused commands leave a minute's worth of lines, and a sum at the end", async () => {
    const lines = await linesOf({ policy: "closed", loopback: "none" }, async (instrument) => {
      for (let index = 0; index < 2000; index++) await instrument.post("/acquisition/abort");
    });
    assert.ok(lines.length <= 2 * 61 + 1, `${lines.length} lines`);
    assert.match(JSON.stringify(lines.at(-1)), /"unlisted":\d+/);
  });
});
