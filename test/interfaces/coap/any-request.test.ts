// Whatever is asked for, in whatever form: an answer, and never a fault of the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import fc from "fast-check";
import { VscopeError } from "../../../src/base/errors.ts";
import { SmallServer, textOf } from "./small-tree.ts";

const METHODS = ["GET", "PUT", "POST", "DELETE", "FETCH", "PATCH", "iPATCH"] as const;
const PATHS =
  "level slow-level open words unwatched settings paged spectrum wavelengths picture act thing settings/strobe .well-known/core nowhere".split(
    " ",
  );
const FORMATS = [undefined, 0, 22, 23, 40, 41, 42, 50, 52, 60, 62, 110, 112, 257, 65_535];
const NAMES = [
  "c.pmin",
  "pmax",
  "c.gt",
  "lt",
  "st",
  "band",
  "c.edge",
  "con",
  "limit",
  "offset",
  "rt",
  "__proto__",
];

const members = fc.dictionary(
  fc.constantFrom(
    "name",
    "gain",
    "offset",
    "enabled",
    "periodUs",
    "pixels",
    "wavelengthsNm",
    "pixelsPerBin",
    "fields",
    "limit",
    "lt",
  ),
  fc.oneof(fc.jsonValue(), fc.tuple(fc.integer(), fc.integer()), fc.constant(["counts"])),
);
const value = fc.oneof(members, fc.jsonValue());
const payload = fc.oneof(
  value.map((one): Uint8Array => Buffer.from(JSON.stringify(one))),
  value.map((one) => encode(JSON.parse(JSON.stringify(one)))),
  fc.uint8Array({ maxLength: 64 }),
);
const number = fc.oneof(fc.double().map(String), fc.integer().map(String), fc.string({ maxLength: 5 }));
const query = fc.array(
  fc.tuple(fc.constantFrom(...NAMES), number).map(([name, text]) => `${name}=${text}`),
  { maxLength: 3 },
);

test("never 5.00, always in time", { timeout: 120_000 }, async (t) => {
  const server = await SmallServer.start(t);
  server.model.problem = new VscopeError("STATE_CONFLICT", "problem: told");
  const request = fc.record({
    method: fc.constantFrom(...METHODS),
    path: fc.constantFrom(...PATHS).map((one) => one.split("/")),
    accept: fc.constantFrom(...FORMATS),
    contentFormat: fc.constantFrom(...FORMATS),
    payload,
    query,
    ifMatch: fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 2 }),
    ifNoneMatch: fc.boolean(),
    etag: fc.option(fc.uint8Array({ minLength: 1, maxLength: 8 }), { nil: undefined }),
  });
  const codes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(request, async ({ accept, contentFormat, etag, ifMatch, ifNoneMatch, ...rest }) => {
      const reply = await server.request({
        ...rest,
        // Most requests have no condition, and so reach what is behind.
        ...(ifMatch.length === 2 ? { ifMatch, ifNoneMatch } : {}),
        ...(accept === undefined ? {} : { accept }),
        ...(contentFormat === undefined ? {} : { contentFormat }),
        ...(etag === undefined ? {} : { etag }),
      });
      codes.set(reply.code, (codes.get(reply.code) ?? 0) + 1);
      assert.match(reply.code, /^[24]\./, `${reply.code} ${textOf(reply)}`);
    }),
    { numRuns: 3000, seed: 5 },
  );
  for (const code of ["2.02", "2.04", "2.05", "4.00", "4.04", "4.05", "4.06", "4.12", "4.15"])
    assert.ok(codes.has(code), `no request met ${code}`);
  assert.equal(server.server.stats.failures, 0);
});

test("a body that nests without end is refused", async (t) => {
  const server = await SmallServer.start(t);
  const deep = Buffer.from(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`);
  const list = Buffer.from("[".repeat(50_000) + "]".repeat(50_000));
  const cbor = Buffer.alloc(50_000, 0x81);
  for (const [body, contentFormat] of [
    [deep, 50],
    [list, 50],
    [cbor, 60],
  ] as const) {
    for (const [method, path] of [
      ["PUT", "settings"],
      ["iPATCH", "settings"],
      ["FETCH", "paged"],
      ["FETCH", "spectrum"],
    ] as const) {
      const reply = await server.request({ method, path: [path], payload: body, contentFormat });
      assert.equal(reply.code, "4.00", `${method} ${path}`);
    }
  }
});
