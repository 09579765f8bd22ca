// /datadir/runs/{run}/events: the newest events in pages, newest last; a torn line is told.

import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CoapInstrument, textOf } from "../support/coap-instrument.ts";

let server: CoapInstrument;
before(async () => {
  server = await CoapInstrument.start();
});
after(() => server.close());

test("events of a run come in pages counted from the newest; a run without any has none, one that is not there is 4.04", async () => {
  const { dataDirectory } = server.server.model;
  const read = async (query: string[] = [], run = "plot10") => {
    const reply = await server.get(`/datadir/runs/${run}/events`, { query });
    return reply.code === "2.05" ? JSON.parse(textOf(reply)) : reply.code;
  };
  await dataDirectory.setCurrentRun("plot10");
  assert.deepEqual(await read(), { total: 0, events: [] });
  for (let n = 1; n <= 4; n++) await dataDirectory.notes.addEvent("plot10", { event: "e", n });
  assert.deepEqual(await read(["limit=2", "offset=1"]), {
    total: 4,
    events: [2, 3].map((n) => ({ event: "e", n })),
  });
  assert.deepEqual((await read(["offset=9"])).events, []);
  await appendFile(join(dataDirectory.path, "plot10", "events.jsonl"), '{"eve');
  assert.deepEqual((await read(["limit=1"])).events, [{ torn: '{"eve' }]);
  assert.equal(await read([], "nowhere"), "4.04");
  assert.equal(await read(["limit=0"]), "4.00");
});
