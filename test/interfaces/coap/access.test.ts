// Who may do what, over CoAP: every method of every resource for every role, roles by address, and the audit log.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "cborg";
import { logTo } from "../../../src/base/log.ts";
import { codeText } from "../../../src/coap/codes.ts";
import { type Role, ROLES } from "../../../src/config/access.ts";
import { Router } from "../../../src/resources/router.ts";
import { TREE } from "../../../src/resources/tree.ts";
import { CODE, RawPeer, textOf as textOfMessage } from "../../coap/raw-peer.ts";
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
  "/datadir/mount",
  "/datadir/configuration",
  "/spectrometers/{serial}/calibration",
  "/spectrometers/{serial}/irradiance-calibration",
  "/spectrometers/{serial}/eeprom/{slot}",
];

function expectedNeed(path: string, method: string): Role {
  if (READING.includes(method)) return "read";
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

describe("roles over CoAP", () => {
  for (const role of ROLES) {
    test(`${role}: every method of every resource is refused or let through as its access says`, async () => {
      await withInstrument({ security: { policy: "closed", loopback: role } }, async (instrument) => {
        const { client, server } = instrument;
        const existing = [...new Router(server.model, TREE).instances()];
        const slot = {
          path: segments("/spectrometers/FLMS01859/eeprom/5"),
          template: FOR_ADMIN.at(-1) ?? "",
        };
        const all = [...existing.map(({ path, resource }) => ({ path, template: resource.path })), slot];
        for (const { path, template } of all) {
          for (const method of METHODS) {
            // What nobody may send for nothing: a payload that no resource takes.
            const payload = method === "GET" || method === "DELETE" ? {} : { payload: Buffer.from("{") };
            const reply = await instrument.request({ method, path, ...payload });
            const need = expectedNeed(template, method);
            const what = `${role}: ${method} /${path.join("/")} needs ${need}: ${reply.code} ${textOf(reply)}`;
            assert.equal(reply.code === "4.01", rank(role) < rank(need), what);
            assert.notEqual(reply.code, "4.03", what);
            if (reply.code === "4.01")
              assert.match(textOf(reply), new RegExp(`needs a key with role ${need}, `));
          }
        }
        const discovery = await client.request(
          { method: "GET", path: [".well-known", "core"] },
          AbortSignal.timeout(60_000),
        );
        assert.equal(discovery.code, "2.05", "whoever comes may see what there is");
        const unknown = await instrument.get("/nothing/here");
        assert.equal(
          unknown.code,
          role === "none" ? "4.01" : "4.04",
          "what is not there is no secret to readers only",
        );
      });
    });
  }

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
