// vscope find, as a process, and the search behind it, against a whole emulated server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { VscopeClient } from "../../../src/client/vscope-client.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { vscope } from "./spawn-vscope.ts";

let server: CoapInstrument;
let url: string;
let client: VscopeClient;

before(async () => {
  server = await CoapInstrument.start();
  url = `coap://127.0.0.1:${server.port}`;
  client = await VscopeClient.connect(url);
  for (const run of ["snow plot", "moor"]) {
    const operation = await client.record({ run, sequences: 3 });
    await operation.result(NEVER);
  }
});

after(async () => {
  await client.close();
  await server.close();
});

test("find lists spectra as a table, as JSON, as ids and as CSV, and says how many there are beside", async () => {
  const table = await vscope(["find", "--run", "moor", "--kind", "light", "--limit", "2"], { url });
  assert.equal(table.code, 0, table.errors);
  const row =
    /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  moor\/b000000_s000002_light\.pico\/\d  FLM\w+ +\w+ +[\d.]+ +\d+ +/;
  assert.match(table.out, row);
  assert.match(table.out, /\nand 10 more, --limit shows them\n$/);
  const json = await vscope(["find", "moor", "--limit", "700", "--json"], { url });
  const { spectra, more } = JSON.parse(json.out);
  assert.equal(more, 0);
  assert.ok(spectra.length > 12, String(spectra.length));
  const ids = await vscope(["find", "moor", "--ids", "--limit", "700"], { url });
  assert.equal(ids.out, spectra.map(({ id }: { id: string }) => `${id}\n`).join(""));
  const csv = await vscope(["find", "snow", "plot", "--csv", "--oldest", "--limit", "1"], { url });
  const [head, first] = csv.out.split("\n");
  assert.match(head ?? "", /^id,run,serial,channel,kind,exposureStart,/);
  assert.match(first ?? "", /^snow plot\/b000000_s000000_dark\.pico\/\d,snow plot,/);
});

test("find narrows by every option; what fits nothing is no failure", async () => {
  const ids = async (...options: string[]): Promise<number> => {
    const { out, errors, code } = await vscope(["find", ...options, "--ids"], { url });
    assert.equal(code, 0, errors);
    return out.split("\n").length - 1;
  };
  assert.equal(await ids("--run", "moor", "--kind", "light", "--channel", "upwelling"), 6);
  assert.equal(await ids("--run", "moor", "--kind", "light", "--serial", "FLMS01859"), 6);
  assert.equal(await ids("--run", "moor", "--to", "2026-01-01"), 0);
  assert.equal(await ids("--run", "moor", "--not-flags", "simulated"), 0);
  assert.equal(await ids("--run", "moor", "--kind", "light", "--flags", "simulated"), 12);
  assert.equal(await ids("--run", "moor", "--kind", "light", "--integration", "..0.001"), 0);
  assert.equal(await ids("--sun", "89..90"), 0);
  assert.equal(await ids("--near", "0,0,10"), 0);
  assert.equal((await vscope(["find", "nothing"], { url })).out, "no spectrum fits\n");
  for (const wrong of [
    ["--sun", "40"],
    ["--near", "1,2"],
    ["--limit", "0"],
  ])
    assert.equal((await vscope(["find", ...wrong], { url })).code, 2, wrong.join(" "));
  const refused = await vscope(["find", "--flags", "dusty"], { url });
  assert.match(refused.errors, /flags: 'dusty', expected names with commas between/);
  assert.equal(await ids("snow plo*", "--kind", "light"), 12);
  assert.equal(await ids("snow pla*"), 0);
});

test("a range that nothing can lie in is refused, and not answered with nothing", async () => {
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [["--sun", "60..40"], /^vscope: sun_min: 60 is above sun_max, 40$/m],
    [["--integration", "250..10"], /^vscope: integration_min: 250000 is above integration_max, 10000$/m],
    [
      ["--from", "2026-06-21", "--to", "2026-06-21"],
      /^vscope: to: 2026-06-21T00:00:00\S*Z is not after from, /m,
    ],
    [
      ["--from", "2026-06-22", "--to", "2026-06-21"],
      /^vscope: to: 2026-06-21T00:00:00\S*Z is not after from, /m,
    ],
  ];
  for (const [range, message] of refusals) {
    const { code, out, errors } = await vscope(["find", ...range], { url });
    assert.match(errors, message);
    assert.deepEqual([code, out], [4, ""]);
  }
  await assert.rejects(client.get("/datadir/spectra?from=2026-06-21T12:00:00Z&to=2026-06-21T11:00:00Z"), {
    code: "VALUE_INVALID",
  });
});

test("GET with a query and FETCH with a selection are one search; pages lead from one to the next", async () => {
  const page = await client.search({ run: ["moor"], kind: "light", limit: 5, counts: true, order: "oldest" });
  assert.deepEqual(page.total, { count: 12, isAtLeast: false });
  const got = await client.get("/datadir/search?run=moor&kind=light&limit=5&counts=true&order=oldest");
  assert.deepEqual(got, page);
  const all = [];
  for await (const { id } of client.spectra({
    run: ["moor", "none"],
    kind: "light",
    limit: 5,
    order: "oldest",
  }))
    all.push(id);
  assert.equal(new Set(all).size, 12);
  assert.deepEqual(
    all.slice(0, 5),
    page.spectra.map(({ id }) => id),
  );
  const few = await client.get("/datadir/search?limit=1&fields=id,run,flags");
  assert.match(
    JSON.stringify(few),
    /^\{"spectra":\[\{"id":"moor[^{}]+","flags":\[[^{}]+\],"run":"moor"\}\],"next":/,
  );
});

test("a time has its microseconds", async () => {
  const [first] = (await client.search({ run: ["moor"], limit: 1, order: "oldest" })).spectra;
  const start = first?.exposureStart ?? "";
  const later = start.replace(/(\d{6})Z$/, (_, us: string) => `${String(Number(us) + 1).padStart(6, "0")}Z`);
  const ids = async (query: string) => {
    const answer = await client.get(`/datadir/search?run=moor&order=oldest&limit=1&${query}`);
    return JSON.stringify(answer);
  };
  assert.ok((await ids(`from=${start}`)).includes(first?.id ?? "none"));
  assert.ok(!(await ids(`from=${later}`)).includes(first?.id ?? ""));
  assert.ok(!(await ids(`to=${start}`)).includes(first?.id ?? ""));
  assert.ok((await ids(`to=${later}`)).includes(first?.id ?? "none"));
});

test("runs lists as many files and events as are asked for, and says how many more there are", async () => {
  const files = await vscope(["runs", "moor", "--limit", "2"], { url });
  assert.match(files.out, /^file +size\nb0\S+ .*\nb0\S+ .*\nand 3 more, --limit shows them\n$/);
  const { notes } = server.server.model.dataDirectory;
  for (let n = 1; n <= 510; n++)
    await notes.addEvent("moor", { utc: "2026-06-21T12:00:00Z", event: "wind", n });
  const numbers = async (limit: readonly string[]) => {
    const { out } = await vscope(["runs", "moor", "--events", ...limit], { url });
    return {
      of: [...out.matchAll(/wind  n=(\d+)$/gm)].map(([, n]) => Number(n)),
      more: /and .*/.exec(out)?.[0],
    };
  };
  const all = Array.from({ length: 510 }, (_, index) => index + 1);
  assert.deepEqual(await numbers(["--limit", "505"]), {
    of: all.slice(-505),
    more: "and 5 more, --limit shows them",
  });
  assert.deepEqual(await numbers(["--limit", "600"]), { of: all, more: undefined });
  assert.equal((await numbers([])).of.length, 50);
});

test("a search that makes no sense is refused, with the members that make some", async () => {
  const refused = async (query: string, expected: RegExp): Promise<void> =>
    assert.rejects(client.get(`/datadir/search?${query}`), (error: Error) => expected.test(error.message));
  await refused("colour=blue", /colour: 'blue', expected one of/);
  await refused("near=91,0,1", /expected latitude, longitude \(degrees\) and distance/);
  await refused("sun_min=high", /sun_min: 'high', expected a number/);
  await refused("fields=id,counts", /fields/);
  await refused("after=x", /after: "x" is not the next of a page/);
  await refused("text=*", /text: holds no word/);
  await refused("serials=a", /serials.*run|run.*serials/s);
  await refused("limit=501", /limit: 501, expected a whole number from 1 to 500/);
});
