// What clients get wrong: a clear 4.xx that says what, where and the limit; nothing outside the data directory changes.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { CoapInstrument, textOf } from "../../support/coap-instrument.ts";

describe("bad input", () => {
  let server: CoapInstrument;
  before(async () => {
    server = await CoapInstrument.start();
  });
  after(() => server.close());

  const put = async (path: string, value: unknown): Promise<string> => {
    const reply = await server.put(path, value);
    return `${reply.code} ${textOf(reply)}`;
  };
  const post = async (path: string, value: unknown): Promise<string> => {
    const reply = await server.post(path, value);
    return `${reply.code} ${textOf(reply)}`;
  };

  test("integration times outside the limits, of the wrong type, of unknown instruments and channels", async () => {
    const time = "/spectrometers/FLMS01859/integration-time/upwelling";
    assert.equal(await put(time, 10), "4.22 FLMS01859: 10 us is outside 1000..655350000 us");
    assert.equal(await put(time, 655_350_001), "4.22 FLMS01859: 655350001 us is outside 1000..655350000 us");
    assert.equal(await put(time, 0), "4.22 FLMS01859: 0 us is outside 1000..655350000 us");
    for (const value of ["25000", 25.5, null, true, [25_000], { us: 25_000 }]) {
      assert.match(await put(time, value), /^4\.00 .*integration-time/, JSON.stringify(value));
    }
    assert.equal(await put(time, 655_350_000), "2.04 ");
    assert.equal(await put(time, 25_000), "2.04 ");
    assert.match(
      await put("/spectrometers/NOBODY/integration-time/upwelling", 25_000),
      /^4\.04 NOBODY: no such spectrometer/,
    );
    assert.match(
      await put("/spectrometers/FLMS01859/integration-time/sideways", 25_000),
      /^4\.04 .*no channel sideways/,
    );
  });

  test("a value of another kind is told what is wanted", async () => {
    assert.equal(await put("/shutters/upwelling", true), "4.00 /shutters/upwelling: true is not string");
    assert.equal(
      await put("/spectrometers/FLMS01859/integration-time/upwelling", "25ms"),
      "4.00 /spectrometers/FLMS01859/integration-time/upwelling: '25ms' is not integer in us",
    );
    assert.equal(
      await put("/sysinfo/clok", 1),
      "4.04 /sysinfo/clok: no such resource, /.well-known/core lists what there is",
    );
    assert.match(
      await put("/spectrometers/FLMS01859/trigger", "hardware"),
      /^4\.00 \/spectrometers\/FLMS01859\/trigger: 'hardware' is not \{ mode: /,
    );
  });

  test("methods, formats and parameters that a resource does not have are told with its own path and what it has", async () => {
    const says = async (request: Parameters<CoapInstrument["request"]>[0], expected: string) => {
      const reply = await server.request(request);
      assert.equal(`${reply.code} ${textOf(reply)}`, expected);
    };
    const shutter = ["shutters", "upwelling"];
    const payload = Buffer.from("open");
    await says({ method: "DELETE", path: shutter }, "4.05 /shutters/upwelling: has no DELETE, only GET, PUT");
    await says(
      { method: "PATCH", path: shutter, payload, contentFormat: 42 },
      "4.05 /shutters/upwelling: has no PATCH, only GET, PUT",
    );
    await says(
      { method: "GET", path: shutter, accept: 41 },
      "4.06 Accept 41: /shutters/upwelling is available as 50 (JSON), 60 (CBOR), 110 (SenML JSON), 112 (SenML CBOR)",
    );
    await says(
      { method: "PUT", path: ["datadir", "configuration"], payload, contentFormat: 50 },
      "4.15 Content-Format 50: understood is 0 (text)",
    );
    const { rack } = server.server.model;
    const time = ["spectrometers", "FLMS01859", "integration-time", "upwelling"];
    await says({ method: "PUT", path: time, payload: Buffer.from("300000"), contentFormat: 0 }, "2.04 ");
    assert.equal(rack.spectrometer("FLMS01859").integrationTimeUs("upwelling").value, 300_000);
    await says({ method: "PUT", path: shutter, payload }, "2.04 ");
    await says({ method: "PUT", path: shutter, payload: Buffer.from("closed"), contentFormat: 0 }, "2.04 ");
    await says(
      { method: "PUT", path: time, payload, contentFormat: 42 },
      "4.15 Content-Format 42: understood are 50 (JSON), 60 (CBOR), such as 25000",
    );
    await says(
      { method: "PUT", path: time, payload },
      `4.00 payload: not JSON, such as 25000, Unexpected token 'o', "open" is not valid JSON`,
    );
    await says(
      { method: "GET", path: ["datadir", "runs"], query: ["limit=1", "limit=2"] },
      "4.00 limit: given twice",
    );
    await says(
      { method: "GET", path: ["datadir", "spectra"], query: ["kind=grey", "batch=x"] },
      `4.00 /datadir/spectra: batch: 'x', expected a whole number; kind: 'grey', expected one of "light"|"dark"`,
    );
    await says(
      { method: "POST", path: ["acquisition", "record"], payload: Buffer.from('{"sequences":"a","seq":1}') },
      "4.00 /acquisition/record: sequences: 'a', expected number; unknown: seq; known are run, sequences, autointegrate, delayS, targetPercent, order, dark, darkMaxAgeS, onFailure, retries, warmUp, channels",
    );
  });

  test("shutters take open and closed only", async () => {
    assert.match(
      await put("/shutters/upwelling", "ajar"),
      /^4\.00 .*upwelling: "ajar" is not one of open, closed/,
    );
    assert.match(await put("/shutters/upwelling", true), /^4\.00 /);
    assert.match(await put("/shutters/sideways", "open"), /^4\.04 sideways: no such channel/);
    assert.equal(await put("/shutters/upwelling", "open"), "2.04 ");
    assert.equal(textOf(await server.get("/shutters/upwelling")), '"open"');
    assert.equal(await put("/shutters/upwelling", "closed"), "2.04 ");
  });

  test("a cooler's set point has limits, and only an instrument with a cooler has one", async () => {
    assert.match(await put("/spectrometers/QEP00709/tec", { setpointC: -300 }), /^4\.22 QEP00709: -300/);
    assert.match(await put("/spectrometers/QEP00709/tec", { setpoint: -10 }), /^4\.00 /);
    assert.match(await put("/spectrometers/FLMS01859/tec", { setpointC: -10 }), /^4\.04 FLMS01859: has no/);
  });

  test("numbers of a batch have limits, and unknown names are refused", async () => {
    for (const [asked, expected] of [
      [{ sequences: 0 }, /^4\.22 sequences: 0 is outside 1\.\.100000/],
      [{ sequences: 1.5 }, /^4\.00 /],
      [{ autointegrate: -2 }, /^4\.22 autointegrate: -2 is outside -1\.\./],
      [{ delayS: -0.1 }, /^4\.22 delayS: -0.1 is outside 0\.\.86400/],
      [{ targetPercent: 95 }, /^4\.22 targetPercent: 95 is outside 10\.\.90/],
      [{ sequence: 3 }, /^4\.00 .*sequence/],
      ["run", /^4\.00 /],
    ] as const) {
      assert.match(await post("/acquisition/record", asked), expected, JSON.stringify(asked));
    }
    assert.match(await post("/acquisition/abort", undefined), /^4\.09 abort: no operation is running/);
    assert.match(await post("/acquisition/autointegrate", { targetPercent: 0 }), /^4\.22 /);
  });

  const RUN_NAMES = [
    "../x",
    "/x",
    "",
    "x".repeat(300),
    ".",
    "..",
    "a/b",
    "a\\b",
    "nul\u0000",
    ".hidden",
    "x.part",
    "line\nbreak",
    5,
    null,
  ];

  test("names of runs that could leave the data directory or confuse it are refused; nothing is written", async () => {
    // Other tests have folders of their own there.
    const names = async (): Promise<readonly string[]> =>
      (await readdir(dirname(server.folder))).filter((name) => !name.startsWith("vscope-"));
    const outside = await names();
    const inside = await readdir(server.folder);
    for (const name of RUN_NAMES) {
      const shown = JSON.stringify(name).slice(0, 30);
      assert.match(await put("/datadir/run", name), /^4\.00 /, shown);
      assert.match(await post("/acquisition/record", { run: name }), /^4\.00 /, shown);
      assert.match(await post("/acquisition/dark", { run: name }), /^4\.00 /, shown);
      if (typeof name !== "string") continue;
      for (const path of [
        ["datadir", "runs", name],
        ["datadir", "runs", name, "b000000_s000000_light.pico"],
        ["datadir", "runs", "spectra", name],
      ]) {
        const { code } = await server.request({ method: "GET", path });
        // 4.02: a path segment over 255 bytes is no valid Uri-Path option (RFC 7252 section 5.10).
        assert.match(code, /^4\.0[024]$/, `${shown} in ${path.join(" / ").slice(0, 60)}`);
      }
    }
    assert.deepEqual(await names(), outside);
    assert.deepEqual(await readdir(server.folder), inside);
  });

  test("files that are no spectra are not served", async () => {
    for (const file of ["vscope.config", "../vscope.config", "catalogue.sqlite", "/etc/hostname"]) {
      const { code } = await server.request({ method: "GET", path: ["datadir", "runs", "spectra", file] });
      assert.equal(code, "4.04", file);
    }
  });

  test("unknown runs, operations, queries", async () => {
    assert.equal((await server.get("/datadir/runs/nowhere")).code, "4.04");
    assert.equal((await server.get("/acquisition/operations/999")).code, "4.04");
    for (const query of [["limit=-1"], ["limit=many"], ["ofset=3"], ["limit"]]) {
      assert.equal((await server.get("/datadir/runs", { query })).code, "4.00", query[0]);
    }
    assert.equal((await server.get("/datadir/runs", { query: ["limit=1", "match=x"] })).code, "2.05");
  });

  test("an instrument configuration with mistakes is refused with file, line and expectation, and the old one stays", async () => {
    const before = textOf(await server.get("/datadir/configuration"));
    const send = async (text: string): Promise<string> => {
      const reply = await server.request({
        method: "PUT",
        path: ["datadir", "configuration"],
        payload: Buffer.from(text),
        contentFormat: 0,
      });
      return `${reply.code} ${textOf(reply)}`;
    };
    assert.match(
      await send("[channels]\n  [[shutter_1]]\n  directoin = upwelling\n"),
      /^4\.00 [^]*vscope\.config:3: .*directoin.*did you mean direction/,
    );
    assert.match(
      await send("[channels]\n  [[shutter_1]]\n  direction = up\n  settle_ms = soon\n"),
      /^4\.00 vscope\.config:4: .*'soon' is not/,
    );
    assert.match(await send("x".repeat(300_000)), /^4\.13 /);
    assert.equal(textOf(await server.get("/datadir/configuration")), before);
    const longer = `${before}\n${"# a remark of the operator, long enough to need several blocks\n".repeat(60)}`;
    assert.ok(longer.length > 5_000);
    assert.equal(await send(longer), "2.04 ");
    assert.equal(textOf(await server.get("/datadir/configuration")), longer);
  });

  test("two operators do not overwrite each other's settings unseen", async () => {
    const path = ["spectrometers", "FLMS01859", "integration-time", "upwelling"];
    const { etag } = await server.request({ method: "GET", path });
    assert.ok(etag);
    const change = (us: number, ifMatch: readonly Uint8Array[]) =>
      server.request({ method: "PUT", path, payload: Buffer.from(String(us)), ifMatch });
    assert.equal((await change(31_000, [etag])).code, "2.04");
    assert.equal((await change(32_000, [etag])).code, "4.12");
    assert.equal(textOf(await server.request({ method: "GET", path })), "31000");
    const create = await server.request({
      method: "PUT",
      path,
      payload: Buffer.from("33000"),
      ifNoneMatch: true,
    });
    assert.equal(create.code, "4.12");
  });
});
