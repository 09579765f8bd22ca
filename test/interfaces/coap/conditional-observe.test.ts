// Observation with conditions (draft-ietf-core-conditional-attributes), over a virtual network and clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { CON, NON } from "../../../src/coap/message/codes.ts";
import { decodeMessage } from "../../../src/coap/message/codec.ts";
import { OPTION, textOption, uintOption } from "../../../src/coap/message/options.ts";
import { encodeMessage, NO_BYTES } from "../../../src/coap/message/codec.ts";
import { SmallServer, textOf } from "./small-tree.ts";

/** Sets the level to each value, one a second, and returns what the observer saw of them. */
async function levels(
  server: SmallServer,
  values: readonly number[],
  query: readonly string[],
  path = "/level",
): Promise<readonly string[]> {
  const observed = server.observe(path, query);
  await server.clock.advance(SECOND);
  for (const value of values) {
    server.model.level.set(value);
    await server.clock.advance(SECOND);
  }
  observed.stop();
  await observed.ended;
  return observed.seen.slice(1).map((line) => line.split(" ")[2] ?? "");
}

const RISE = [19, 24, 26, 27, 24, 23, 26];

test("without conditions each change is told", async (t) => {
  assert.deepEqual(await levels(await SmallServer.start(t), RISE, []), RISE.map(String));
});

test("gt and lt tell crossings in both directions, once", async (t) => {
  const server = await SmallServer.start(t);
  assert.deepEqual(await levels(server, RISE, ["c.gt=25"]), ["26", "24", "26"]);
  server.model.level.set(18);
  assert.deepEqual(await levels(server, RISE, ["lt=25"]), ["26", "24", "26"]);
  server.model.level.set(18);
  // Equal is neither above nor below.
  assert.deepEqual(await levels(server, [25, 26, 25, 24], ["gt=25"]), ["26", "25"]);
  server.model.level.set(18);
  assert.deepEqual(await levels(server, [25, 26, 25, 24], ["c.lt=25"]), ["25", "24"]);
});

test("the same for a value that has to be waited for", async (t) => {
  assert.deepEqual(await levels(await SmallServer.start(t), RISE, ["c.gt=25"], "/slow-level"), [
    "26",
    "24",
    "26",
  ]);
});

test("st tells changes of that size against what was told last", async (t) => {
  const server = await SmallServer.start(t);
  server.model.level.set(10);
  assert.deepEqual(await levels(server, [11, 14.9, 15, 19, 20.5, 16, 15.4], ["c.st=5"]), [
    "15",
    "20.5",
    "15.4",
  ]);
});

test("band tells every value within it, or outside it", async (t) => {
  const server = await SmallServer.start(t);
  const values = [9, 10, 15, 20, 21, 15.5];
  for (const [query, expected] of [
    [
      ["gt=10", "lt=20", "band"],
      ["10", "15", "20", "15.5"],
    ],
    [
      ["c.gt=20", "c.lt=10", "c.band"],
      ["9", "21"],
    ],
    [
      ["c.lt=15", "c.band"],
      ["15", "20", "21", "15.5"],
    ],
    [
      ["c.gt=15", "c.band"],
      ["9", "10", "15"],
    ],
  ] as const) {
    server.model.level.set(0);
    assert.deepEqual(await levels(server, values, query), expected, query.join(" "));
  }
});

test("edge tells a truth that becomes true, or false", async (t) => {
  const server = await SmallServer.start(t);
  const rising = server.observe("/open", ["c.edge=1"]);
  const falling = server.observe("/open", ["edge=false"]);
  await server.clock.advance(SECOND);
  for (const isOpen of [true, false, true, false]) {
    server.model.isOpen.set(isOpen);
    await server.clock.advance(SECOND);
  }
  const values = (seen: readonly string[]) => seen.slice(1).map((line) => line.split(" ")[2]);
  assert.deepEqual(values(rising.seen), ["true", "true"]);
  assert.deepEqual(values(falling.seen), ["false", "false"]);
});

test("pmin holds changes back and tells the newest; what has come back meanwhile is not told", async (t) => {
  const server = await SmallServer.start(t);
  const plain = server.observe("/level", ["c.pmin=10"]);
  const crossing = server.observe("/level", ["pmin=10", "gt=25"]);
  await server.clock.advance(SECOND);
  for (const value of [26, 30, 20]) {
    server.model.level.set(value);
    await server.clock.advance(SECOND);
  }
  await server.clock.advance(20 * SECOND);
  assert.deepEqual(plain.seen, ["0 2.05 18.5", "10 2.05 20"]);
  assert.deepEqual(crossing.seen, ["0 2.05 18.5"]);
  server.model.level.set(26);
  await server.clock.advance(SECOND);
  assert.deepEqual(crossing.seen.slice(1), ["24 2.05 26"]);
});

test("pmax tells a value again that has not changed, counted from the last notification", async (t) => {
  const server = await SmallServer.start(t);
  const observed = server.observe("/level", ["c.pmax=20", "c.gt=25"]);
  await server.clock.advance(30 * SECOND);
  server.model.level.set(26);
  await server.clock.advance(25 * SECOND);
  assert.deepEqual(observed.seen, ["0 2.05 18.5", "20 2.05 18.5", "30 2.05 26", "50 2.05 26"]);
});

test("a period longer than Max-Age keeps the value fresh for as long", async (t) => {
  const server = await SmallServer.start(t);
  const { maxAgeS } = await server.get("/level", { query: ["c.pmax=300"] });
  assert.ok(maxAgeS >= 300 / 0.8, `${maxAgeS} s`);
  const observed = server.observe("/level", ["pmin=300", "pmax=300"]);
  await server.clock.advance(SECOND);
  server.model.level.set(1);
  await server.clock.advance(598 * SECOND);
  assert.deepEqual(observed.seen, ["0 2.05 18.5", "300 2.05 1"]);
});

test("two who observe with the same conditions are each told by what they know", async (t) => {
  const server = await SmallServer.start(t);
  server.model.level.set(0);
  const first = server.observe("/level", ["st=10"]);
  await server.clock.advance(SECOND);
  server.model.level.set(6);
  const second = server.observe("/level", ["st=10"]);
  await server.clock.advance(SECOND);
  for (const value of [10, 16]) {
    server.model.level.set(value);
    await server.clock.advance(SECOND);
  }
  assert.deepEqual(
    first.seen.map((line) => line.split(" ")[2]),
    ["0", "10"],
  );
  assert.deepEqual(
    second.seen.map((line) => line.split(" ")[2]),
    ["6", "16"],
  );
});

test("a FETCH can be observed, with conditions, too", async (t) => {
  const server = await SmallServer.start(t);
  const payload = Buffer.from('{"pixels":[0,2],"fields":["counts"]}');
  const observed = server.observe("/spectrum", ["pmin=5"], { method: "FETCH", payload, contentFormat: 50 });
  await server.clock.advance(SECOND);
  server.model.level.set(3);
  await server.clock.advance(10 * SECOND);
  assert.deepEqual(observed.seen, [
    '0 2.05 {"counts":[18.5,2],"pixels":[0,2],"pixelsPerBin":1}',
    '5 2.05 {"counts":[3,2],"pixels":[0,2],"pixelsPerBin":1}',
  ]);
});

test("an end of the observation leaves no timer", async (t) => {
  const server = await SmallServer.start(t);
  const observed = server.observe("/level", ["pmin=1000", "pmax=2000"]);
  await server.clock.advance(SECOND);
  server.model.level.set(5);
  observed.stop();
  await server.clock.run(observed.ended);
  await server.clock.advance(400 * SECOND);
  assert.equal(server.server.stats.observers, 0);
  assert.equal(server.clock.pending, 0);
});

test("con=1 makes every notification confirmable, whatever the registration was", async (t) => {
  const server = await SmallServer.start(t);
  const types = async (port: number, query: string): Promise<readonly number[]> => {
    const seen: number[] = [];
    const socket = server.network.socket("10.0.0.3", port);
    const options = [
      uintOption(OPTION.OBSERVE, 0),
      textOption(OPTION.URI_PATH, "level"),
      textOption(OPTION.URI_QUERY, query),
    ];
    socket.attach({ message: (bytes) => void seen.push(decodeMessage(bytes)?.type ?? -1), failed: () => {} });
    const head = { type: NON, code: 1, messageId: 1, token: Buffer.from("t") } as const;
    socket.send(encodeMessage({ ...head, options, payload: NO_BYTES }), 5683, "10.0.0.1");
    await server.clock.advance(SECOND);
    server.model.level.set(server.model.level.value + 1);
    await server.clock.advance(SECOND);
    return seen;
  };
  assert.deepEqual(await types(1, "c.con=0"), [NON, NON]);
  assert.deepEqual(await types(2, "c.con=1"), [NON, CON]);
});

test("conditions that make no sense are 4.00 and name the parameter", async (t) => {
  const server = await SmallServer.start(t);
  for (const [path, query, expected] of [
    ["/level", "c.pmin=0", /^c\.pmin: 0 s is outside 0\.001\.\.86400 s$/],
    ["/level", "pmax=0.05", /^pmax: 0\.05 s is outside 0\.1\.\./],
    ["/level", "pmin=1e9", /^pmin: "1e9" is not a decimal number$/],
    ["/level", "pmin=90000", /^pmin: 90000 s is outside/],
    ["/level", "st=0", /^st: 0 is not above 0$/],
    ["/level", "c.st=-1", /^c\.st: -1 is not above 0$/],
    ["/level", "gt=many", /^gt: "many" is not a decimal number$/],
    ["/level", "gt", /^gt: "" is not a decimal number$/],
    ["/level", "band", /^band: needs gt, lt or both$/],
    ["/level", "con=maybe", /^con: "maybe" is not 0 or 1$/],
    ["/level", "edge=1", /^edge: \/level is not true or false$/],
    ["/open", "edge=10", /^edge: "10" is not 0 or 1$/],
    ["/open", "c.gt=1", /^gt: \/open is not a number$/],
    ["/words", "lt=1", /^lt: \/words is not a number$/],
    ["/spectrum", "st=1", /^st: \/spectrum is not a number$/],
    ["/unwatched", "pmin=1", /^\/unwatched: cannot be observed/],
  ] as const) {
    const reply = await server.get(path, { query: [query] });
    assert.equal(reply.code, "4.00", `${path}?${query}: ${textOf(reply)}`);
    assert.match(textOf(reply), expected);
  }
  const reversed = await server.get("/level", { query: ["pmin=5", "c.pmax=4"] });
  assert.match(textOf(reversed), /^pmax: 4 s is shorter than pmin, 5 s$/);
});

test("a condition that is mistyped or comes twice is 4.00, not ignored", async (t) => {
  const server = await SmallServer.start(t);
  for (const [query, expected] of [
    [["c.pmni=1"], /^c\.pmni: no such condition, did you mean c\.pmin\?$/],
    [["c.epmin=1"], /^c\.epmin: no such condition, did you mean c\.pmin\?$/],
    [["c.nothing"], /^c\.nothing: no such condition, known are c\.pmin, .*, c\.con$/],
    [["c.gt=1", "c.gt=2"], /^c\.gt: given twice$/],
    [["gt=1", "c.gt=1"], /^c\.gt: given twice$/],
  ] as const) {
    const reply = await server.get("/level", { query });
    assert.equal(reply.code, "4.00", textOf(reply));
    assert.match(textOf(reply), expected);
  }
});

test("a resource's own parameters stay its own; others are conditions", async (t) => {
  const server = await SmallServer.start(t);
  assert.equal(textOf(await server.get("/paged", { query: ["lt=many", "c.pmin=1"] })), '"9 many 18.5"');
  assert.match(textOf(await server.get("/paged", { query: ["c.lt=many"] })), /^c\.lt: "many"/);
  assert.match(textOf(await server.get("/paged", { query: ["nonsense=1"] })), /nonsense/);
});
