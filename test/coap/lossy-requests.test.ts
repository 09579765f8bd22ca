// Every kind of request over a link that loses, doubles and reorders: what must hold is that no action runs twice, that an
// exchange ends with the right answer or with a clear error, and that nothing is left behind (lossy-bench.ts).

import assert from "node:assert/strict";
import { SECOND } from "../../src/base/clock.ts";
import { NEVER } from "../../src/base/abort.ts";
import type { CoapClient, CoapClientRequest, CoapReply } from "../../src/coap/client/client.ts";
import { NON } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { lossy, type LossyBench, orTimeout } from "./support/lossy-bench.ts";
import { briefs, CODE, textOf } from "./support/raw-peer.ts";
import { pattern, sha256 } from "./support/sample-server.ts";

const MIB = 2 ** 20;

type Method = CoapClientRequest["method"];

interface Asked {
  readonly method: Method;
  readonly name: string;
  readonly payload?: Uint8Array;
}

function ask({ clock }: LossyBench, client: CoapClient, asked: Asked): Promise<CoapReply | undefined> {
  const { method, name, payload } = asked;
  const request = { method, path: [name], ...(payload === undefined ? {} : { payload }) };
  return clock.run(orTimeout(client.request(request, NEVER)));
}

function bodyOf(reply: CoapReply | undefined): string {
  return Buffer.from(reply?.payload ?? []).toString();
}

lossy("GET, answered in the acknowledgement", async (bench) => {
  let answered = 0;
  for (let count = 0; count < 100; count++) {
    const reply = await ask(bench, bench.client, { method: "GET", name: "s" });
    if (reply === undefined) continue;
    assert.equal(`${reply.code} ${bodyOf(reply)}`, "2.05 hello world");
    answered += 1;
  }
  assert.ok(answered >= 98, `only ${answered} of 100`);
});

for (const [name, resource] of [
  ["POST, answered in the acknowledgement", "inc"],
  ["POST, answered in a message of its own", "slow"],
] as const) {
  lossy(`${name}: carried out once`, async (bench) => {
    for (let count = 0; count < 30; count++) {
      const before = bench.sample.runs;
      const reply = await ask(bench, bench.client, { method: "POST", name: resource });
      if (reply === undefined) assert.ok(bench.sample.runs <= before + 1);
      else assert.equal(`${reply.code} ${bodyOf(reply)}`, `2.04 ${before + 1}`);
      await bench.clock.advance(SECOND);
      assert.ok(bench.sample.runs <= before + 1, "a late copy ran");
    }
    assert.ok(bench.sample.runs >= 29);
  });
}

lossy(
  "POSTs of several clients at once: each carried out once, each answered with its own",
  async (bench) => {
    const clients = [bench.client, await bench.another(), await bench.another(), await bench.another()];
    const post = (client: CoapClient) => orTimeout(client.request({ method: "POST", path: ["slow"] }, NEVER));
    for (let count = 1; count <= 5; count++) {
      const replies = await bench.clock.run(
        Promise.all(clients.flatMap((client) => [post(client), post(client)])),
      );
      const answers = replies.filter((reply) => reply !== undefined).map(bodyOf);
      assert.equal(new Set(answers).size, answers.length);
      assert.ok(bench.sample.runs <= count * 8);
      assert.ok(bench.sample.runs >= answers.length);
    }
  },
);

lossy("GET, answered in a message of its own", async (bench) => {
  for (let count = 0; count < 30; count++) {
    const reply = await ask(bench, bench.client, { method: "GET", name: "slow" });
    if (reply !== undefined) assert.match(`${reply.code} ${bodyOf(reply)}`, /^2\.05 \d+$/);
  }
});

lossy("NON GET and NON POST: at most one answer is made, and no copy runs", async (bench) => {
  const peer = bench.peer();
  for (let count = 0; count < 100; count++) {
    const before = bench.sample.runs;
    peer.tell({ type: NON, path: "s", token: `g${count}` });
    peer.tell({ type: NON, code: CODE.POST, path: "inc", token: `p${count}` });
    await bench.clock.advance(SECOND);
    assert.ok(bench.sample.runs <= before + 1);
    for (const answer of peer.to(`p${count}`)) assert.equal(textOf(answer), String(before + 1));
    for (const answer of peer.to(`g${count}`)) assert.equal(textOf(answer), "hello world");
  }
  assert.ok(bench.sample.runs > 60 && bench.sample.runs <= 100, `${bench.sample.runs} ran`);
  assert.ok(peer.received.every(({ type }) => type === NON));
  assert.ok(peer.received.length > 120);
});

lossy("PUT of one block: carried out once", async (bench) => {
  for (let count = 1; count <= 20; count++) {
    const before = bench.sample.runs;
    const payload = pattern(900, count);
    const reply = await ask(bench, bench.client, { method: "PUT", name: "put", payload });
    assert.ok(bench.sample.runs <= before + 1);
    if (reply === undefined) continue;
    assert.equal(reply.code, "2.04");
    assert.equal(sha256(bench.sample.uploaded), sha256(payload));
  }
});

lossy("PUT of 256 KiB in blocks: whole or not at all, once", async (bench) => {
  const payload = pattern(256 * 1024, bench.seed);
  let put: CoapReply | undefined;
  for (let tries = 1; put === undefined && tries <= 4; tries++) {
    put = await ask(bench, bench.client, { method: "PUT", name: "put", payload });
    assert.ok(bench.sample.runs <= tries);
    if (bench.sample.runs > 0) assert.equal(sha256(bench.sample.uploaded), sha256(payload));
  }
  assert.equal(put?.code, "2.04");
});

lossy("GET of 2 MiB in blocks: whole, or a time-out", async (bench) => {
  const body = pattern(2 * MIB, bench.seed);
  bench.sample.bodies.set("b2m", body);
  let got: CoapReply | undefined;
  for (let tries = 1; got === undefined && tries <= 8; tries++)
    got = await ask(bench, bench.client, { method: "GET", name: "b2m" });
  assert.equal(got?.code, "2.05");
  assert.equal(sha256(got?.payload ?? Buffer.alloc(0)), sha256(body));
});

lossy("GET of what changes with every reading: never of two readings", async (bench) => {
  for (let count = 0; count < 10; count++) {
    const reply = await ask(bench, bench.client, { method: "GET", name: "fresh" });
    const payload = Buffer.from(reply?.payload ?? []);
    if (reply !== undefined) assert.deepEqual(payload, pattern(4096, payload[0]));
  }
});

lossy("FETCH, with a large selection and a large answer", async (bench) => {
  let runs = 0;
  bench.sample.handle = ({ method, payload }) => {
    runs += 1;
    return { code: method === "FETCH" ? "2.05" : "4.05", payload: Buffer.concat([pattern(3000), payload]) };
  };
  let answered = 0;
  for (let count = 1; count <= 10; count++) {
    const payload = pattern(count * 300, count);
    const reply = await ask(bench, bench.client, { method: "FETCH", name: "pick", payload });
    if (reply === undefined) continue;
    assert.equal(reply.code, "2.05");
    assert.deepEqual(Buffer.from(reply.payload), Buffer.concat([pattern(3000), payload]));
    answered += 1;
  }
  assert.ok(answered >= 8 && runs >= answered, `only ${answered} of 10`);
});

lossy("No-Response: carried out once, acknowledged without an answer", async (bench) => {
  const peer = bench.peer();
  for (let count = 1; count <= 30; count++) {
    const before = bench.sample.runs;
    const options = [[OPTION.NO_RESPONSE, 2 | 8 | 16]] as const;
    const isDone = await bench.clock.run(peer.confirm({ code: CODE.POST, path: "inc", token: "n", options }));
    assert.ok(bench.sample.runs <= before + 1);
    if (isDone) assert.equal(bench.sample.runs, before + 1);
    peer.tell({ type: NON, code: CODE.POST, path: "inc", token: "n", options });
    await bench.clock.advance(SECOND);
    assert.ok(bench.sample.runs <= before + 2);
  }
  assert.deepEqual(briefs(peer.received), []);
});

lossy("an error is an answer like any other", async (bench) => {
  for (const [method, name, code] of [
    ["GET", "nope", "4.04"],
    ["DELETE", "s", "4.05"],
    ["PATCH", "s", "4.05"],
  ] as const) {
    for (let count = 0; count < 10; count++) {
      const reply = await ask(bench, bench.client, { method, name });
      assert.ok(reply === undefined || reply.code === code);
    }
  }
});

lossy(
  "closing the client amid all kinds of requests: each ends with a clear error or its answer",
  async (bench) => {
    const clients = [bench.client, await bench.another(), await bench.another()];
    const asked: readonly Asked[] = [
      { method: "GET", name: "b256k" },
      { method: "PUT", name: "put", payload: pattern(100_000) },
      { method: "POST", name: "slow" },
    ];
    const outcomes = clients.flatMap((client) =>
      asked.map(async ({ method, name, payload = Buffer.alloc(0) }) => {
        try {
          return (await client.request({ method, path: [name], payload }, NEVER)).code;
        } catch (error) {
          return error instanceof Error && "code" in error ? error.code : error;
        }
      }),
    );
    await bench.clock.advance(((bench.seed % 7) + 1) * SECOND);
    await Promise.all(clients.map((client) => client.close()));
    const expected = ["2.05", "2.04", "OPERATION_CANCELLED", "DEVICE_TIMEOUT"];
    for (const outcome of await bench.clock.run(Promise.all(outcomes)))
      assert.ok(expected.includes(String(outcome)), String(outcome));
  },
);
