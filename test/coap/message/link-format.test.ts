import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type CoapLink,
  decodeLinks,
  encodeLinks,
  filterLinks,
} from "../../../src/coap/message/link-format.ts";

const LINKS: readonly CoapLink[] = [
  {
    path: ["spectrometers", "FLMT01859", "spectrum", "up, down"],
    attributes: { rt: "vscope.spectrum core.s", ct: "50 60", obs: true },
  },
  {
    path: ["shutters"],
    attributes: { rt: "vscope.shutters", if: "core.ll", ct: "50", title: 'The "shutters"' },
  },
  { path: ["datadir", "run"], attributes: { rt: "vscope.run", ct: "50", obs: true, sz: "12" } },
];

test("links are written as RFC 6690 wants them", () => {
  assert.equal(
    encodeLinks(LINKS),
    '</spectrometers/FLMT01859/spectrum/up%2C%20down>;rt="vscope.spectrum core.s";ct="50 60";obs,' +
      '</shutters>;rt="vscope.shutters";if="core.ll";ct=50;title="The \\"shutters\\"",' +
      '</datadir/run>;rt="vscope.run";ct=50;obs;sz=12',
  );
  assert.equal(encodeLinks([]), "");
});

const matching = (...query: string[]) => filterLinks(LINKS, query).map(({ path }) => path[0]);

test("filters match words, prefixes, paths and flags", () => {
  assert.deepEqual(matching(), ["spectrometers", "shutters", "datadir"]);
  assert.deepEqual(matching("rt=core.s"), ["spectrometers"]);
  assert.deepEqual(matching("rt=vscope.s*"), ["spectrometers", "shutters"]);
  assert.deepEqual(matching("rt=vscope.spectrum core.s"), ["spectrometers"]);
  assert.deepEqual(matching("ct=60"), ["spectrometers"]);
  assert.deepEqual(matching("ct=5"), []);
  assert.deepEqual(matching("if=core.ll"), ["shutters"]);
  assert.deepEqual(matching("obs="), ["spectrometers", "datadir"]);
  assert.deepEqual(matching("obs=*"), ["spectrometers", "datadir"]);
  assert.deepEqual(matching("title=The*"), ["shutters"]);
  assert.deepEqual(matching("href=/datadir/run"), ["datadir"]);
  assert.deepEqual(matching("href=/s*"), ["spectrometers", "shutters"]);
  assert.deepEqual(matching("href=/spectrometers/FLMT01859/spectrum/up, down"), ["spectrometers"]);
  assert.deepEqual(matching("rt=vscope.*", "obs=*"), ["spectrometers", "datadir"]);
  assert.deepEqual(matching("constructor=*"), []);
  assert.deepEqual(matching("rt"), ["spectrometers", "shutters", "datadir"]);
});

const name = fc.constantFrom("rt", "if", "ct", "title", "sz", "obs", "x-own");
const text = fc.string({ maxLength: 20, unit: "grapheme" });
const link: fc.Arbitrary<CoapLink> = fc.record(
  {
    path: fc.array(fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" }), {
      minLength: 1,
      maxLength: 4,
    }),
    attributes: fc.dictionary(name, fc.oneof(text, fc.constant(true as const)), { noNullPrototype: true }),
  },
  { noNullPrototype: true },
);

test("reading undoes writing", () => {
  fc.assert(
    fc.property(fc.array(link, { maxLength: 6 }), (links) =>
      assert.deepEqual(decodeLinks(encodeLinks(links)), links),
    ),
    {
      numRuns: 500,
    },
  );
});

test("links of other servers are read", () => {
  assert.deepEqual(decodeLinks('</a>;ct="40 64";rt=x , <coap://h:1/b/c>;anchor="/d",</%zz>,</>'), [
    { path: ["a"], attributes: { ct: "40 64", rt: "x " } },
    { path: ["b", "c"], attributes: { anchor: "/d" } },
    { path: [], attributes: {} },
  ]);
});
