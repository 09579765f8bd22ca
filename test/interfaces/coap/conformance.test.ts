// Generated from the resource tree: whatever is declared keeps the same promises over CoAP.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decode } from "cborg";
import { NEVER } from "../../../src/base/abort.ts";
import { methodsOf } from "../../../src/resources/methods.ts";
import { Router } from "../../../src/resources/router.ts";
import { TREE } from "../../../src/resources/tree.ts";
import { CoapInstrument, textOf } from "../../support/coap-instrument.ts";

const JSON_FORMAT = 50;
const CBOR_FORMAT = 60;
const METHODS = ["GET", "PUT", "POST", "DELETE"] as const;

/** Texts that are valid JSON and never a valid value of any resource, besides payloads that are not JSON at all. */
const WRONG_VALUES = ["{", "nan", '{"nonsense":true}', "[[[]]]", "\u0000", "-1e400", '{"run":5}'];

describe("every resource of the tree over CoAP", () => {
  let server: CoapInstrument;
  before(async () => {
    server = await CoapInstrument.start();
    // So that operations, spectra and files exist.
    assert.equal(
      (await server.perform("/acquisition/record", { run: "conformance", autointegrate: 0 })).state,
      "done",
    );
  });
  after(() => server.close());

  const instances = () => [...new Router(server.server.model, TREE).instances()];

  test("is listed in /.well-known/core with title, type, formats and whether it can be observed", async () => {
    const text = textOf(await server.get("/.well-known/core"));
    for (const { path, resource } of instances()) {
      const href = `</${path.map(encodeURIComponent).join("/")}>`;
      const link = text.split(/,(?=<)/).find((one) => one.startsWith(href));
      assert.ok(link, `${href} is not listed`);
      assert.match(link, /;title="[^"]+"/);
      assert.match(link, /;rt="vscope\.[a-z.-]+"/);
      assert.match(link, /;ct=("50 60"|50|0)/);
      assert.equal(/;obs\b/.test(link), resource.watch !== undefined, href);
    }
  });

  test("GET gives JSON by default and CBOR on request, both fit the schema, and nothing else is served", async () => {
    for (const { path, resource } of instances()) {
      if (resource.get === undefined) continue;
      const where = `/${path.join("/")}`;
      const json = await server.request({ method: "GET", path });
      assert.equal(json.code, "2.05", `${where}: ${textOf(json)}`);
      assert.equal(json.contentFormat, resource.contentFormat ?? JSON_FORMAT, where);
      const refused = await server.request({ method: "GET", path, accept: 41 });
      assert.equal(refused.code, "4.06", where);
      if (resource.contentFormat !== undefined) continue;
      const value: unknown = JSON.parse(textOf(json));
      assert.equal(resource.value?.safeParse(value).success, true, `${where}: ${textOf(json).slice(0, 200)}`);
      const cbor = await server.request({ method: "GET", path, accept: CBOR_FORMAT });
      assert.equal(cbor.contentFormat, CBOR_FORMAT, where);
      assert.equal(resource.value?.safeParse(decode(cbor.payload)).success, true, where);
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
