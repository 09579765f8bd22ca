// Formats, tags and preconditions over a small tree, as a client meets them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import { VscopeError } from "../../../src/base/errors.ts";
import { unitInName } from "../../../src/interfaces/coap/formats/units.ts";
import { PNG, SmallServer, textOf } from "./small-tree.ts";

const SPECTRUM_START_S = Date.UTC(2026, 5, 21, 12) / 1000 + 0.25;

test("the formats of a resource follow from its declaration, and 4.06 tells them", async (t) => {
  const server = await SmallServer.start(t);
  for (const [path, expected] of [
    ["/level", "50 (JSON), 60 (CBOR), 110 (SenML JSON), 112 (SenML CBOR)"],
    ["/wavelengths", "50 (JSON), 60 (CBOR), 42 (bytes), 110 (SenML JSON), 112 (SenML CBOR)"],
    ["/spectrum", "50 (JSON), 60 (CBOR), 42 (bytes), 62 (multipart), 110 (SenML JSON), 112 (SenML CBOR)"],
    ["/picture", "23 (PNG)"],
    ["/settings", "50 (JSON), 60 (CBOR), 110 (SenML JSON), 112 (SenML CBOR), 40 (links)"],
    ["/.well-known/core", "40 (links)"],
  ] as const) {
    const reply = await server.get(path, { accept: 41 });
    assert.equal(`${reply.code} ${textOf(reply)}`, `4.06 Accept 41: ${path} is available as ${expected}`);
  }
});

test("bytes are served in their own format, without Accept, too", async (t) => {
  const server = await SmallServer.start(t);
  for (const options of [{}, { accept: 23 }]) {
    const reply = await server.get("/picture", options);
    assert.deepEqual([reply.contentFormat, Buffer.from(reply.payload)], [23, PNG]);
  }
  assert.equal((await server.get("/picture", { accept: 22 })).code, "4.06");
});

test("SenML: base name from the path, base units, base time of the exposure, pixels by number", async (t) => {
  const server = await SmallServer.start(t);
  const senml = async (path: string): Promise<unknown> =>
    JSON.parse(textOf(await server.get(path, { accept: 110 })));
  assert.deepEqual(await senml("/level"), [{ bn: "level", u: "Cel", v: 18.5 }]);
  assert.deepEqual(await senml("/open"), [{ bn: "open", vb: false }]);
  assert.deepEqual(await senml("/words"), [{ bn: "words", vs: "idle" }]);
  assert.deepEqual(await senml("/settings/strobe"), [
    { bn: "settings/strobe/", n: "enabled", vb: false },
    { n: "period", u: "s", v: 50e-6 },
  ]);
  assert.deepEqual(await senml("/wavelengths"), [
    { bn: "wavelengths/", bu: "m", n: "0", v: 400e-9 },
    { n: "1", v: 400.5e-9 },
  ]);
  assert.deepEqual(await senml("/spectrum"), [
    { bn: "spectrum/", bt: SPECTRUM_START_S, bu: "count", n: "0", v: 18.5 },
    { n: "1", v: 2 },
    { n: "2", v: 3 },
    { n: "4", v: 5 },
    { n: "5", v: 7 },
    { n: "serial", vs: "S1" },
    { n: "exposureStart", vs: "2026-06-21T12:00:00.250000Z" },
    { n: "integrationTime", u: "s", v: 0.025 },
    { n: "wavelengthCoefficients/0", v: 400 },
    { n: "wavelengthCoefficients/1", v: 10 },
  ]);
  const cbor: unknown = decode((await server.get("/level", { accept: 112 })).payload, { useMaps: true });
  assert.deepEqual(cbor, [
    new Map<number, unknown>([
      [-2, "level"],
      [1, "Cel"],
      [2, 18.5],
    ]),
  ]);
});

test("a unit is taken off a name only where it stands behind a word", () => {
  for (const [member, name, unit] of [
    ["integrationTimeUs", "integrationTime", "s"],
    ["setpointC", "setpoint", "Cel"],
    ["usedPercent", "used", "/"],
    ["freeBytes", "free", "B"],
    ["C", "C", undefined],
    ["hasTec", "hasTec", undefined],
    ["USB", "USB", undefined],
    ["FPGAS", "FPGAS", undefined],
  ] as const) {
    assert.deepEqual([unitInName(member).name, unitInName(member).unit?.name], [name, unit]);
  }
});

const FLOATS = [18.5, 2, 3, Number.NaN, 5, 7];

function floatsOf(bytes: Uint8Array): number[] {
  const buffer = Buffer.from(bytes);
  return Array.from({ length: bytes.length / 4 }, (_, index) => buffer.readFloatLE(index * 4));
}

test("bytes are 32-bit floats; multipart has all the rest as CBOR beside them", async (t) => {
  const server = await SmallServer.start(t);
  const bytes = await server.get("/spectrum", { accept: 42 });
  assert.deepEqual(floatsOf(bytes.payload), FLOATS);
  const parts: unknown = decode((await server.get("/spectrum", { accept: 62 })).payload);
  assert.ok(Array.isArray(parts));
  const [first, meta, second, counts]: unknown[] = parts;
  assert.ok(meta instanceof Uint8Array && counts instanceof Uint8Array);
  assert.deepEqual([first, second, parts.length], [60, 42, 4]);
  const { counts: _, ...rest } = JSON.parse(textOf(await server.get("/spectrum")));
  assert.deepEqual(decode(meta), rest);
  assert.deepEqual(floatsOf(counts), FLOATS);
});

test("FETCH selects pixels or wavelengths, bins them, and names fields; every format has the selection", async (t) => {
  const server = await SmallServer.start(t);
  const fetch = async (selection: unknown, accept?: number) =>
    server.send("FETCH", "/spectrum", selection, accept === undefined ? {} : { accept });
  const json = async (selection: unknown): Promise<unknown> => JSON.parse(textOf(await fetch(selection)));
  const fields = ["counts"];
  assert.deepEqual(await json({ pixels: [1, 4], fields }), {
    pixels: [1, 4],
    pixelsPerBin: 1,
    counts: [2, 3, null],
  });
  assert.deepEqual(await json({ wavelengthsNm: [409, 431], fields }), {
    pixels: [1, 4],
    pixelsPerBin: 1,
    counts: [2, 3, null],
  });
  assert.deepEqual(await json({ pixelsPerBin: 4, fields: ["counts", "wavelengthsNm"] }), {
    pixels: [0, 6],
    pixelsPerBin: 4,
    counts: [23.5 / 3, 6],
    wavelengthsNm: [415, 445],
  });
  assert.deepEqual(await json({ pixels: [2, 6], wavelengthsNm: [0, 425], fields: ["counts"] }), {
    pixels: [2, 3],
    pixelsPerBin: 1,
    counts: [3],
  });
  assert.deepEqual(floatsOf((await fetch({ pixels: [1, 3] }, 42)).payload), [2, 3]);
  const senml: unknown = JSON.parse(
    textOf(await fetch({ pixels: [2, 6], pixelsPerBin: 2, fields: ["counts"] }, 110)),
  );
  assert.deepEqual(senml, [
    { bn: "spectrum/", bu: "count", n: "2", v: 3 },
    { n: "4", v: 6 },
    { n: "pixels/0", v: 2 },
    { n: "pixels/1", v: 6 },
    { n: "pixelsPerBin", v: 2 },
  ]);
  for (const [selection, expected] of [
    [{ pixels: [4, 7] }, /^4\.22 S1: pixels 4\.\.7 are no range within 0\.\.6$/],
    [{ pixels: [3, 3] }, /^4\.22 /],
    [{ pixels: [-1, 3] }, /^4\.00 .*pixels/],
    [
      { wavelengthsNm: [500, 600] },
      /^4\.22 S1: no pixel sees 500\.\.600 nm, those selected see 400\.0\.\.450\.0 nm$/,
    ],
    [{ pixelsPerBin: 0 }, /^4\.00 .*pixelsPerBin/],
    [{ fields: ["colour"] }, /^4\.00 .*fields/],
  ] as const) {
    const reply = await fetch(selection);
    assert.match(`${reply.code} ${textOf(reply)}`, expected);
  }
  assert.equal((await fetch({ fields: ["serial"] }, 42)).code, "4.06");
  assert.equal((await server.send("FETCH", "/level", {})).code, "4.05");
});

test("FETCH on a list takes its query as an object, with the query proper behind it", async (t) => {
  const server = await SmallServer.start(t);
  assert.equal(textOf(await server.send("FETCH", "/paged", { limit: 3 })), '"3  18.5"');
  const both = await server.send("FETCH", "/paged", { limit: 3 }, { query: ["lt=x", "limit=8"] });
  assert.equal(textOf(both), '"3 x 18.5"');
  assert.equal((await server.send("FETCH", "/paged", { offset: 3 })).code, "4.00");
});

test("iPATCH reads, merges, checks the whole and writes once", async (t) => {
  const server = await SmallServer.start(t);
  const { model } = server;
  const patch = (value: unknown, contentFormat = 52) =>
    server.send("iPATCH", "/settings", value, { contentFormat });
  assert.equal((await patch({ gain: 3, offset: 1 })).code, "2.04");
  assert.deepEqual(model.settings, { name: "a", gain: 3, offset: 1 });
  assert.equal((await patch({ offset: null }, 50)).code, "2.04");
  assert.deepEqual(model.settings, { name: "a", gain: 3 });
  const cbor = {
    method: "PATCH",
    path: ["settings"],
    payload: encode({ name: "b" }),
    contentFormat: 60,
  } as const;
  assert.equal((await server.request(cbor)).code, "2.04");
  assert.equal(model.written.length, 3);
  for (const wrong of [{ gain: 11 }, { name: null }, { volume: 1 }, "text", 5])
    assert.equal((await patch(wrong)).code, "4.00");
  assert.equal(model.written.length, 3);
  assert.deepEqual(model.settings, { name: "b", gain: 3 });
  assert.equal((await server.send("iPATCH", "/level", {})).code, "4.05");
});

test("where PUT takes what is to change, a patch hands on just that", async (t) => {
  const server = await SmallServer.start(t);
  const patch = (value: unknown) => server.send("iPATCH", "/settings/strobe", value);
  assert.equal((await patch({ enabled: true })).code, "2.04");
  assert.equal((await patch({})).code, "2.04");
  assert.deepEqual(server.model.written, [{ enabled: true }]);
  assert.match(textOf(await patch({ periodUs: null })), /^\/settings\/strobe: periodUs cannot be removed$/);
});

test("of two who write under the same tag at once, one is told", async (t) => {
  const server = await SmallServer.start(t);
  for (const accept of [50, 60, 112]) {
    const { etag } = await server.get("/settings", { accept });
    assert.ok(etag);
    const write = (method: "PUT" | "iPATCH", gain: number) =>
      server.send(method, "/settings", { name: "c", gain }, { ifMatch: [etag] });
    const replies = await Promise.all([write("PUT", accept / 20), write("iPATCH", accept / 30)]);
    assert.deepEqual(
      replies.map(({ code }) => code),
      ["2.04", "4.12"],
    );
    assert.match(
      textOf(replies[1] ?? { payload: Buffer.alloc(0) }),
      /^\/settings: has changed since it was read$/,
    );
  }
});

test("If-Match without a tag asks whether it is there, If-None-Match whether it is not", async (t) => {
  const server = await SmallServer.start(t);
  const send = async (method: "PUT" | "DELETE", options: object) =>
    (await server.send(method, "/thing", 1, options)).code;
  const anything = { ifMatch: [Buffer.alloc(0)] };
  assert.equal(await send("PUT", { ifNoneMatch: true }), "4.12");
  assert.equal(await send("DELETE", anything), "2.02");
  assert.equal(await send("DELETE", anything), "4.12");
  assert.equal(await send("PUT", { ifNoneMatch: true }), "2.04");
  assert.equal(await send("PUT", anything), "2.04");
});

test("an action whose answer could not be accepted does not begin", async (t) => {
  const server = await SmallServer.start(t);
  const refused = await server.send("POST", "/act", {}, { accept: 41 });
  assert.equal(
    `${refused.code} ${textOf(refused)}`,
    "4.06 Accept 41: /act is available as 50 (JSON), 60 (CBOR)",
  );
  assert.deepEqual(server.model.written, []);
  const created = await server.send("POST", "/act", {}, { accept: 60 });
  assert.deepEqual(
    [created.code, decode(created.payload), created.locationPath],
    ["2.01", { state: "running" }, ["act", "1"]],
  );
  assert.equal((await server.send("POST", "/act", {}, { ifNoneMatch: true })).code, "4.12");
});

test("the list of all links has a tag, too, and takes filters", async (t) => {
  const server = await SmallServer.start(t);
  const { etag } = await server.get("/.well-known/core");
  assert.ok(etag);
  assert.equal((await server.get("/.well-known/core", { etag })).code, "2.03");
  assert.equal((await server.get("/.well-known/core", { ifMatch: [etag] })).code, "2.05");
  assert.equal((await server.get("/.well-known/core", { ifMatch: [Buffer.from("old")] })).code, "4.12");
  for (const [query, expected] of [
    ["unit=Cel", /^<\/level>;[^,]*$/],
    ["ct=62", /^<\/spectrum>;[^,]*$/],
    ["if=core.ll", /^<\/settings>;[^<]*$/],
    ["if=core.a", /^<\/act>;[^,]*$/],
    ["obs=", /^<\/level>;/],
    ["rt=vscope.settings*", /^<\/settings>;.*<\/settings\/strobe>;/],
  ] as const)
    assert.match(textOf(await server.get("/.well-known/core", { query: [query] })), expected, query);
});

test("links of what is below a resource", async (t) => {
  const server = await SmallServer.start(t);
  const links = textOf(await server.get("/settings", { accept: 40 }));
  assert.match(
    links,
    /^<\/settings\/strobe>;title="settings, of which some are written";rt="vscope\.settings\.strobe";if="core\.p";ct="50 60 110 112"$/,
  );
  assert.equal((await server.get("/level", { accept: 40 })).code, "4.06");
});

test("problem details: what in general, what here, where; never more than one message", async (t) => {
  const server = await SmallServer.start(t);
  const problem = async (error: VscopeError | undefined, accept: number): Promise<Map<number, string>> => {
    server.model.problem = error;
    const reply = await server.get("/problem", { accept });
    assert.equal(reply.contentFormat, 257);
    return decode(reply.payload, { useMaps: true });
  };
  const details = await problem(
    new VscopeError("DEVICE_BUSY", "S1: 16 jobs are waiting, 16 are allowed"),
    60,
  );
  assert.deepEqual(
    [...details],
    [
      [-1, "Held by another program, or its queue is full."],
      [-2, "S1: 16 jobs are waiting, 16 are allowed"],
      [-3, "/problem"],
    ],
  );
  assert.equal((await problem(undefined, 60)).get(-2), "internal error, see the server's log");
  const long = await problem(new VscopeError("VALUE_INVALID", "\u20ac".repeat(2000)), 60);
  assert.match(long.get(-2) ?? "", /^\u20ac{200}\.\.\.$/);
});

test("who is to come again is told when", async (t) => {
  const server = await SmallServer.start(t);
  server.model.problem = new VscopeError("DEVICE_BUSY", "S1: busy");
  const busy = await server.get("/problem");
  assert.deepEqual([busy.code, busy.maxAgeS, textOf(busy)], ["5.03", 1, "S1: busy"]);
  server.model.problem = new VscopeError("DEVICE_NOT_CONNECTED", "S1: is not there");
  assert.equal((await server.get("/problem")).maxAgeS, 10);
});
