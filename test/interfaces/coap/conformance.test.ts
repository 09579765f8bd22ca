// Generated from the resource tree: whatever is declared keeps the same promises over CoAP.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decode, encode } from "cborg";
import { NEVER } from "../../../src/base/abort.ts";
import { decodeLinks } from "../../../src/coap/message/link-format.ts";
import type { CoapReply } from "../../../src/coap/client/client.ts";
import type { Resource } from "../../../src/resources/define.ts";
import { methodsOf } from "../../../src/resources/methods.ts";
import type { ServerModel } from "../../../src/resources/model.ts";
import { Router } from "../../../src/resources/router.ts";
import { TREE } from "../../../src/resources/tree.ts";
import { CoapInstrument, textOf } from "../../support/coap-instrument.ts";

const JSON_FORMAT = 50;
const CBOR_FORMAT = 60;
const METHODS = ["GET", "PUT", "POST", "DELETE", "FETCH", "iPATCH"] as const;

/** Texts that are valid JSON and never a valid value of any resource, besides payloads that are not JSON at all. */
const WRONG_VALUES = ["{", "n/an", '{"nonsense":true}', "[[[]]]", "\u0000", "-1e400", '{"run":5}'];

/** Whether bytes are what their Content-Format says; by the number, in the way of a client. */
const CHECKS: Readonly<Record<number, (payload: Uint8Array) => boolean>> = {
  0: (payload) => !payload.includes(0),
  40: (payload) => decodeLinks(String(payload)).length >= 0,
  42: (payload) => payload.length > 0 && payload.length % 4 === 0,
  50: (payload) => JSON.parse(textOf({ payload })) !== undefined,
  60: (payload) => decode(payload) !== undefined,
  62: (payload) => isMultipart(decode(payload)),
  110: (payload) => isSenml(JSON.parse(textOf({ payload })), "bn"),
  112: (payload) => isSenml(decode(payload, { useMaps: true }), -2),
};

function isMultipart(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length % 2 === 0 &&
    value.every((part, index) => typeof part === (index % 2 === 0 ? "number" : "object"))
  );
}

function isSenml(value: unknown, baseName: string | number): boolean {
  if (!Array.isArray(value)) return false;
  const [first]: unknown[] = value;
  const entries = first instanceof Map ? [...first] : Object.entries(first ?? {});
  return value.length === 0 || entries.some(([label]) => label === baseName);
}

describe("every resource of the tree over CoAP", () => {
  let server: CoapInstrument;
  before(async () => {
    server = await CoapInstrument.start();
    // So that operations, spectra and files exist.
    assert.equal(
      (await server.perform("/acquisition/record", { run: "conformance", autointegrate: 0 })).state,
      "done",
    );
    const job = { action: { do: "record" }, start: "2090-01-01T00:00:00Z", sun: { event: "noon" } };
    assert.equal((await server.post("/scheduler/jobs", job)).code, "2.01");
  });
  after(() => server.close());

  const instances = () => [...new Router(server.server.model, TREE).instances()];
  const get = (path: readonly string[], options: { accept?: number; etag?: Uint8Array } = {}) =>
    server.request({ method: "GET", path, ...options });

  const formatsOf = async (): Promise<ReadonlyMap<string, readonly number[]>> => {
    const links = decodeLinks(textOf(await server.get("/.well-known/core")));
    return new Map(
      links.map(({ path, attributes }) => [path.join("/"), String(attributes["ct"]).split(" ").map(Number)]),
    );
  };

  test("is listed in /.well-known/core with title, type, unit, formats and whether it can be observed", async () => {
    const text = textOf(await server.get("/.well-known/core"));
    for (const { path, resource } of instances()) {
      const href = `</${path.map(encodeURIComponent).join("/")}>`;
      const link = text.split(/,(?=<)/).find((one) => one.startsWith(href));
      assert.ok(link, `${href} is not listed`);
      assert.match(link, /;title="[^"]+"/);
      assert.match(link, /;rt="vscope\.[a-z.-]+"/);
      assert.match(link, /;if="core\.(s|p|rp|a|ll)( core\.ll)?"/);
      assert.match(link, /;ct=("50 60[ \d]*"|50|0)/);
      assert.equal(/;unit="/.test(link), resource.unit !== undefined, href);
      assert.equal(/;obs\b/.test(link), resource.watch !== undefined, href);
    }
  });

  test("GET gives JSON by default, every listed format on request, and nothing else", async () => {
    const listed = await formatsOf();
    for (const { path, resource } of instances()) {
      if (resource.get === undefined) continue;
      const where = `/${path.join("/")}`;
      const formats = listed.get(path.join("/")) ?? [];
      const plain = await get(path);
      assert.equal(plain.code, "2.05", `${where}: ${textOf(plain)}`);
      assert.equal(plain.contentFormat, resource.contentFormat ?? JSON_FORMAT, where);
      for (const accept of formats) {
        const reply = await get(path, { accept });
        assert.deepEqual([reply.code, reply.contentFormat], ["2.05", accept], `${where} as ${accept}`);
        assert.equal(CHECKS[accept]?.(reply.payload), true, `${where} as ${accept}`);
        if (accept === CBOR_FORMAT) checkValue(resource, decode(reply.payload), where);
        if (accept === JSON_FORMAT) checkValue(resource, JSON.parse(textOf(reply)), where);
      }
      const refused = await get(path, { accept: 41 });
      assert.equal(refused.code, "4.06", where);
      for (const format of formats) assert.match(textOf(refused), new RegExp(`\\b${format} \\(`), where);
    }
  });

  function checkValue(resource: Resource<ServerModel>, value: unknown, where: string): void {
    if (resource.contentFormat !== undefined) return;
    assert.equal(
      resource.value?.safeParse(value).success,
      true,
      `${where}: ${JSON.stringify(value).slice(0, 200)}`,
    );
  }

  test("GET has a tag in every format, and 2.03 for whoever holds it", async () => {
    const listed = await formatsOf();
    for (const { path, resource } of instances()) {
      if (resource.get === undefined) continue;
      for (const accept of listed.get(path.join("/")) ?? []) {
        const where = `/${path.join("/")} as ${accept}`;
        const { etag } = await get(path, { accept });
        assert.ok(etag !== undefined && etag.length > 0 && etag.length <= 8, where);
        const again = await get(path, { accept, etag });
        // Times and loads are never the same again.
        if (IS_VOLATILE.test(where)) continue;
        assert.deepEqual([again.code, again.payload.length], ["2.03", 0], where);
        assert.equal((await get(path, { accept, etag: Buffer.from("old") })).code, "2.05", where);
      }
    }
  });

  test("If-Match with another tag and If-None-Match are 4.12 for every method, before anything happens", async () => {
    for (const { path, resource } of instances()) {
      const where = `/${path.join("/")}`;
      for (const method of METHODS.filter((one) => methodsOf(resource).includes(one))) {
        const conditions = [{ ifMatch: [Buffer.from("other")] }, { ifNoneMatch: true }];
        for (const condition of conditions) {
          const reply = await server.request({ method, path, payload: Buffer.from("{}"), ...condition });
          assert.equal(reply.code, "4.12", `${method} ${where}: ${textOf(reply)}`);
        }
      }
    }
  });

  test("what is read can be written back under its tag, once it has changed it cannot", async () => {
    for (const { path, resource } of instances()) {
      if (!methodsOf(resource).includes("PUT") || resource.get === undefined) continue;
      const where = `/${path.join("/")}`;
      if (IS_VOLATILE.test(where) || NEEDS_MORE.test(where)) continue;
      for (const accept of [undefined, CBOR_FORMAT]) {
        if (accept !== undefined && resource.contentFormat !== undefined) continue;
        const { payload, contentFormat, etag } = await get(path, accept === undefined ? {} : { accept });
        assert.ok(etag, where);
        const body = { payload, ...(contentFormat === undefined ? {} : { contentFormat }) };
        const reply = await server.request({ method: "PUT", path, ...body, ifMatch: [etag] });
        assert.equal(reply.code, "2.04", `${where}: ${textOf(reply)}`);
      }
    }
  });

  test("iPATCH without a change is taken, one with a wrong member refused, one with an unknown format 4.15", async () => {
    for (const { path, resource } of instances()) {
      if (!methodsOf(resource).includes("iPATCH")) continue;
      const where = `/${path.join("/")}`;
      const before = textOf(await get(path));
      const patch = (
        payload: Uint8Array,
        contentFormat: number,
        method: "iPATCH" | "PATCH" = "iPATCH",
      ): Promise<CoapReply> => server.request({ method, path, payload, contentFormat });
      const nothing = await patch(Buffer.from("{}"), 52);
      if (!NEEDS_MORE.test(where)) assert.equal(nothing.code, "2.04", `${where}: ${textOf(nothing)}`);
      assert.match((await patch(Buffer.from('{"nonsense":5}'), 52)).code, /^4\.00$/, where);
      assert.match((await patch(encode({ nonsense: 5 }), 60, "PATCH")).code, /^4\.00$/, where);
      assert.match((await patch(Buffer.from("[1]"), 50)).code, /^4\.00$/, where);
      assert.equal((await patch(Buffer.from("{}"), 41)).code, "4.15", where);
      if (!IS_VOLATILE.test(where)) assert.equal(textOf(await get(path)), before, where);
    }
  });

  test("FETCH of everything gives what GET gives; a wrong selection is refused", async () => {
    for (const { path, resource } of instances()) {
      if (!methodsOf(resource).includes("FETCH")) continue;
      const where = `/${path.join("/")}`;
      const fetch = (payload: Uint8Array, contentFormat: number): Promise<CoapReply> =>
        server.request({ method: "FETCH", path, payload, contentFormat });
      const whole: object = JSON.parse(textOf(await get(path)));
      for (const [bytes, format] of [
        [Buffer.from("{}"), 50],
        [encode({}), 60],
      ] as const) {
        const reply = await fetch(bytes, format);
        assert.equal(reply.code, "2.05", `${where}: ${textOf(reply)}`);
        const { pixels: _, pixelsPerBin: __, ...fetched } = JSON.parse(textOf(reply));
        assert.deepEqual(fetched, whole, where);
      }
      for (const wrong of ['{"nonsense":1}', "5", "", "{"])
        assert.equal((await fetch(Buffer.from(wrong), 50)).code, "4.00", `${where} ${wrong}`);
      assert.equal((await fetch(Buffer.from("{}"), 41)).code, "4.15", where);
    }
  });

  test("errors are problem details for whoever accepts or sends CBOR, a text otherwise", async () => {
    for (const { path, resource } of instances()) {
      const where = `/${path.join("/")}`;
      const method = METHODS.find((one) => !methodsOf(resource).includes(one));
      assert.ok(method);
      const text = await server.request({ method, path, payload: Buffer.from("{}") });
      assert.equal(text.contentFormat, undefined, where);
      const options = [{ accept: 257 }, { accept: 60 }, { contentFormat: 60, payload: encode({}) }];
      for (const option of method === "GET" ? [] : options) {
        const reply = await server.request({ method, path, ...option });
        assert.equal(reply.contentFormat, 257, `${method} ${where}`);
        const problem: unknown = decode(reply.payload, { useMaps: true });
        assert.ok(problem instanceof Map);
        assert.deepEqual([...problem.keys()], [-1, -2, -3]);
        assert.equal(problem.get(-3), `/${path.map(encodeURIComponent).join("/")}`);
      }
    }
  });

  test("a method that is not declared is 4.05", async () => {
    for (const { path, resource } of instances()) {
      const declared = methodsOf(resource);
      for (const method of METHODS.filter((one) => !declared.includes(one))) {
        const { code } = await server.request({ method, path, payload: Buffer.from("1") });
        assert.equal(code, "4.05", `${method} /${path.join("/")}`);
      }
    }
  });

  test("a wrong value is refused with a text, and changes nothing", async () => {
    for (const { path, resource } of instances()) {
      if (resource.put === undefined && resource.post === undefined) continue;
      const where = `/${path.join("/")}`;
      const before =
        resource.get === undefined ? undefined : textOf(await server.request({ method: "GET", path }));
      for (const text of WRONG_VALUES) {
        const method = resource.put === undefined ? "POST" : "PUT";
        const reply = await server.request({ method, path, payload: Buffer.from(text) });
        assert.match(
          reply.code,
          /^4\.(00|04|22)$/,
          `${method} ${where} ${text}: ${reply.code} ${textOf(reply)}`,
        );
        assert.notEqual(textOf(reply), "", `${where} ${text}`);
      }
      const unknownFormat = { payload: Buffer.from("1"), contentFormat: 41 };
      if (resource.contentFormat === undefined) {
        const method = resource.put === undefined ? "POST" : "PUT";
        assert.equal((await server.request({ method, path, ...unknownFormat })).code, "4.15", where);
      }
      if (before === undefined || where === "/sysinfo/clock") continue;
      assert.equal(textOf(await server.request({ method: "GET", path })), before, where);
    }
  });

  test("an observable resource registers and answers at once; others answer plainly", async () => {
    for (const { path, resource } of instances()) {
      if (resource.get === undefined) continue;
      const stop = new AbortController();
      let answers = 0;
      for await (const reply of server.client.observe(
        { method: "GET", path },
        AbortSignal.any([stop.signal, NEVER]),
      )) {
        assert.equal(reply.code, "2.05", `/${path.join("/")}`);
        answers += 1;
        if (resource.watch !== undefined) break;
      }
      assert.equal(answers, 1, `/${path.join("/")}`);
      stop.abort();
    }
  });

  test("a path that is not declared is 4.04, below every resource and beside it", async () => {
    for (const { path } of instances()) {
      for (const wrong of [
        [...path, "x"],
        [...path.slice(0, -1), `${path.at(-1)}x`],
        [...path, "", ""],
      ]) {
        const { code } = await server.request({ method: "GET", path: wrong });
        assert.match(code, /^4\.0[04]$/, `/${wrong.join("/")}`);
      }
    }
    assert.equal((await server.request({ method: "GET", path: [] })).code, "4.04");
  });
});

/** Its value changes between two looks at it. */
const IS_VOLATILE = /^\/(sysinfo|stats|sun|datadir( |$)|spectrometers\/[^/]*\/(tec|temperature|status))/;
/** Writing it back as it is read needs something besides: a confirmation, a period that was never set. */
const NEEDS_MORE = /calibration|eeprom|configuration|strobe/;
