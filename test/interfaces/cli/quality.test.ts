// How commands show quality: `status` as a process against a whole emulated server, colours on a terminal that has them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { verdictsText } from "../../../src/interfaces/cli/status-text.ts";
import { colourText, countsText } from "../../../src/interfaces/cli/quality-text.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { vscope } from "./spawn-vscope.ts";

let server: CoapInstrument;
let url: string;

before(async () => {
  server = await CoapInstrument.start();
  url = `coap://127.0.0.1:${server.port}`;
});

after(() => server.close());

test("status before and after a recording; record says what it is worth", async () => {
  const empty = await vscope(["status"], { url });
  assert.equal(empty.code, 0, empty.errors);
  assert.match(empty.out, /\nrecording  nothing\n[^]*\nno spectrum since the start\n$/);
  const recorded = await vscope(["record", "-r", "plot10"], { url });
  assert.equal(recorded.code, 0, recorded.errors);
  assert.match(recorded.out, /\nquality (green|amber|red): .*simulated 8/);
  assert.doesNotMatch(recorded.out, /\nflags/);
  const { out } = await vscope(["status"], { url });
  assert.match(out, /\n\n {7}newest of +channel +kind +start \(UTC\) +dark age +flags\n/);
  assert.match(
    out,
    /\n(amber|red) +FLMS01859 +downwelling +light +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ s +.*simulated/,
  );
  const { quality } = JSON.parse((await vscope(["status", "--json"], { url })).out);
  assert.equal(quality.length, 8, "a light and a dark of each");
  assert.ok(
    quality.every(({ mask }: { mask: number }) => (mask & 2) === 2),
    "simulated",
  );
});

test("the catalogue is searched by flags; an unknown one is named with those that are known", async () => {
  const total = async (query: string): Promise<number> =>
    JSON.parse((await vscope(["get", `/datadir/spectra?${query}`, "--json"], { url })).out).total;
  assert.equal(await total("flags=simulated&kind=light"), 4);
  assert.equal(await total("flags_none=simulated"), 0);
  assert.equal(await total("flags=simulated,position_stale"), 0);
  const wrong = await vscope(["get", "/datadir/spectra?flags=dusty"], { url });
  assert.match(wrong.errors, /flags: 'dusty', expected names with commas between, of saturated, simulated/);
});

test("words everywhere, colours where the terminal has them", () => {
  assert.equal(colourText("red", { hasColour: false, width: 5 }), "red  ");
  assert.equal(colourText("red", { hasColour: true, width: 5 }), "\u001b[31mred  \u001b[0m");
  assert.equal(countsText({ sun_low: 4, simulated: 8 }, false), "amber: sun_low 4, simulated 8");
  assert.equal(countsText({}, false), "green");
  assert.equal(countsText(undefined, false), undefined);
  const verdict = {
    serial: "A1",
    channel: "up",
    kind: "light",
    exposureStart: "2026-06-21T12:00:00.000000Z",
  };
  assert.equal(
    verdictsText([{ ...verdict, colour: "green", flags: [] }], { hasColour: false, darkAge: () => 90e6 }),
    "       newest of  channel  kind   start (UTC)          dark age  flags\n" +
      "green  A1         up       light  2026-06-21 12:00:00  90 s\n",
  );
});
