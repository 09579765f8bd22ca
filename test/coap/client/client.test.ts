// The client against this server over links that lose, double and reorder datagrams, on the virtual clock, and the
// limits of the server seen from there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { NEVER } from "../../../src/base/abort.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient, type CoapReply } from "../../../src/coap/client/client.ts";
import type { CoapLimits } from "../../../src/coap/engine/limits.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { pattern, Sample } from "../support/sample-server.ts";
import { CLEAR, VirtualNetwork, type Weather } from "../support/virtual-network.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly sample: Sample;
  readonly server: CoapServer;
  readonly client: CoapClient;
  readonly another: () => Promise<CoapClient>;
}

interface Conditions {
  readonly weather?: Weather;
  readonly seed?: number;
  readonly limits?: Partial<CoapLimits>;
}

const HOST = "192.0.2.1";

async function withClient(
  { weather = CLEAR, seed = 1, limits = {} }: Conditions,
  run: (bench: Bench) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather, seed });
  const { sample, server } = await Sample.start({ clock, limits, socket: network.socket(HOST, 5683) });
  let port = 40_000;
  const another = () => CoapClient.open({ host: HOST, clock, socket: network.socket("192.0.2.9", port++) });
  const client = await another();
  await run({ clock, network, sample, server, client, another });
  network.weather = CLEAR;
  await client.close();
  await clock.run(server.close());
}

function get(client: CoapClient, ...path: string[]): Promise<CoapReply> {
  return client.request({ method: "GET", path }, NEVER);
}

const STORM: Weather = { lost: 0.1, doubled: 0.1, slowestMs: 60 };

for (let seed = 1; seed <= 8; seed++) {
  test(`every exchange is whole over a link that loses, doubles and reorders a tenth (seed ${seed})`, async () => {
    await withClient({ weather: STORM, seed }, async ({ clock, client, sample, network }) => {
      assert.deepEqual(Buffer.from((await clock.run(get(client, "b32k"))).payload), pattern(32_768));
      const payload = pattern(20_000, seed);
      const put = await clock.run(client.request({ method: "PUT", path: ["put"], payload }, NEVER));
      assert.equal(put.code, "2.04");
      assert.deepEqual(sample.uploaded, payload);
      const runs = sample.runs;
      for (let count = 1; count <= 10; count++) {
        const reply = await clock.run(client.request({ method: "POST", path: ["slow"] }, NEVER));
        assert.equal(`${reply.code} ${Buffer.from(reply.payload).toString()}`, `2.04 ${runs + count}`);
      }
      assert.ok(network.sent.length > 100);
    });
  });

  test(`an observer sees values in order and the last one over such a link (seed ${seed})`, async () => {
    await withClient({ weather: STORM, seed }, async ({ clock, client, sample }) => {
      const seen: number[] = [];
      const watching = (async () => {
        for await (const { payload } of client.observe({ method: "GET", path: ["obs"] }, NEVER)) {
          const { n }: { n: number } = JSON.parse(Buffer.from(payload).toString());
          seen.push(n);
          if (n === 30) break;
        }
      })();
      for (let n = 1; n <= 30; n++) {
        await clock.advance(SECOND / 2);
        sample.value.set(n);
      }
      await clock.run(watching);
      assert.deepEqual(
        seen,
        seen.toSorted((left, right) => left - right),
      );
      assert.equal(seen.at(-1), 30);
      assert.ok(seen.length > 5, `only ${seen.length} values arrived`);
    });
  });
}

test("large observed frames are never mixed, over such a link", async () => {
  await withClient({ weather: STORM, seed: 3 }, async ({ clock, client, sample }) => {
    let seen = 0;
    const watching = (async () => {
      for await (const { payload } of client.observe({ method: "GET", path: ["frame"] }, NEVER)) {
        assert.deepEqual(Buffer.from(payload), pattern(32_768, payload[0]));
        seen += 1;
        if (seen === 4) break;
      }
    })();
    let isDone = false;
    const mark = (): void => void (isDone = true);
    watching.then(mark, mark);
    for (let shift = 1; !isDone && shift < 2000; shift++) {
      await clock.advance(SECOND / 10);
      sample.frame.set(pattern(32_768, shift & 0xff));
    }
    await clock.run(watching);
    assert.equal(seen, 4);
  });
});

test("breaking out of an observation ends it at the server", async () => {
  await withClient({}, async ({ clock, client, server }) => {
    const first = async (): Promise<void> => {
      for await (const reply of client.observe({ method: "GET", path: ["obs"] }, NEVER)) {
        assert.equal(reply.code, "2.05");
        break;
      }
    };
    await clock.run(first());
    await clock.advance(SECOND);
    assert.equal(server.stats.observers, 0);
  });
});

test("an observation that the server has forgotten is registered again after Max-Age", async () => {
  await withClient({}, async ({ clock, client, server, sample, network }) => {
    const replies = client.observe({ method: "GET", path: ["obs"] }, NEVER);
    await clock.run(replies.next());
    network.weather = { lost: 1, doubled: 0, slowestMs: 1 };
    const next = replies.next();
    // Nothing gets through for so long that the server drops the observer, and the client's registration is retried.
    await clock.advance(45 * SECOND);
    sample.value.set(5);
    await clock.advance(40 * SECOND);
    network.weather = CLEAR;
    const { value } = await clock.run(next);
    assert.equal(value && Buffer.from(value.payload).toString(), '{"n":5}');
    assert.ok(server.stats.observers > 0);
    await clock.run(replies.return());
  });
});

test("an observation ends after an error, and after one reply of what cannot be observed", async () => {
  await withClient({}, async ({ clock, client }) => {
    for (const [path, code] of [
      ["nope", "4.04"],
      ["s", "2.05"],
    ] as const) {
      const codes: string[] = [];
      const all = async (): Promise<void> => {
        for await (const reply of client.observe({ method: "GET", path: [path] }, NEVER))
          codes.push(reply.code);
      };
      await clock.run(all());
      assert.deepEqual(codes, [code]);
    }
  });
});

test("a request to a dead server fails with DEVICE_TIMEOUT within 93 s and leaves no timer", async () => {
  await withClient({ weather: { lost: 1, doubled: 0, slowestMs: 1 } }, async ({ clock, client }) => {
    await assert.rejects(clock.run(get(client, "s")), {
      code: "DEVICE_TIMEOUT",
      message: "192.0.2.1:5683: the request was not acknowledged in time",
    });
    assert.ok(clock.nowUs() <= 94 * SECOND);
    assert.equal(clock.pending, 0);
  });
});

test("an aborted request rejects at once with the reason, and the next one works", async () => {
  await withClient({}, async ({ clock, client, network }) => {
    network.weather = { lost: 1, doubled: 0, slowestMs: 1 };
    const controller = new AbortController();
    const waiting = client.request({ method: "GET", path: ["s"] }, controller.signal);
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, { message: "enough" });
    network.weather = CLEAR;
    assert.equal((await clock.run(get(client, "s"))).code, "2.05");
  });
});

test("closing the client fails what is under way", async () => {
  await withClient({}, async ({ client, another }) => {
    const other = await another();
    const waiting = get(other, "slow");
    await other.close();
    await assert.rejects(waiting, { code: "OPERATION_CANCELLED" });
    await client.close();
  });
});

test("closing the server aborts running handlers and answers 5.03", async () => {
  await withClient({}, async ({ clock, client, server, sample }) => {
    const waiting = client.request({ method: "POST", path: ["slow"] }, NEVER);
    await clock.advance(SECOND / 10);
    await clock.run(server.close());
    assert.equal((await clock.run(waiting)).code, "5.03");
    assert.equal(sample.requests[0]?.signal.aborted, true);
  });
});

test("a handler that ignores its signal does not hold up the end, and its answer goes nowhere", async () => {
  await withClient({}, async ({ clock, client, server, sample, network }) => {
    let answer = (): void => {};
    sample.handle = () => new Promise((resolve) => (answer = () => resolve({ code: "2.04" })));
    const controller = new AbortController();
    const waiting = client.request({ method: "POST", path: ["inc"] }, controller.signal);
    await clock.advance(SECOND);
    await clock.run(server.close(), SECOND);
    const sent = network.sent.length;
    answer();
    await clock.advance(SECOND);
    assert.equal(network.sent.length, sent);
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, { message: "enough" });
    assert.equal(clock.pending, 0);
  });
});

test("several requests at once are answered each with its own", async () => {
  await withClient({}, async ({ clock, client }) => {
    const replies = await clock.run(
      Promise.all([get(client, "slow"), get(client, "s"), get(client, "b8k"), get(client, "nope")]),
    );
    assert.deepEqual(
      replies.map(({ code }) => code),
      ["2.05", "2.05", "2.05", "4.04"],
    );
    assert.equal(replies[2]?.payload.length, 8000);
  });
});

test("the reply names what was created, and a known ETag gives 2.03", async () => {
  await withClient({}, async ({ clock, client }) => {
    const created = await clock.run(client.request({ method: "POST", path: ["make"] }, NEVER));
    assert.deepEqual(created.locationPath, ["operations", "a/b ü"]);
    const { etag } = await clock.run(get(client, "b8k"));
    assert.ok(etag !== undefined);
    assert.equal(
      (await clock.run(client.request({ method: "GET", path: ["b8k"], etag }, NEVER))).code,
      "2.03",
    );
  });
});

test("a body above the limit: 4.13, and the server keeps nothing of it", async () => {
  await withClient({ limits: { bodyBytes: 5000 } }, async ({ clock, client, sample }) => {
    const put = (length: number) =>
      clock.run(client.request({ method: "PUT", path: ["put"], payload: pattern(length) }, NEVER));
    assert.equal((await put(5001)).code, "4.13");
    assert.equal((await put(5000)).code, "2.04");
    assert.equal(sample.runs, 1);
  });
});

test("uploads of all peers together have a budget: 5.03", async () => {
  await withClient({ limits: { uploadBytes: 3000 } }, async ({ clock, client }) => {
    const put = client.request({ method: "PUT", path: ["put"], payload: pattern(5000) }, NEVER);
    assert.equal((await clock.run(put)).code, "5.03");
    const small = client.request({ method: "PUT", path: ["put"], payload: pattern(2000) }, NEVER);
    assert.equal((await clock.run(small)).code, "2.04");
  });
});

test("pinned answers have a budget; one that does not fit is still readable", async () => {
  await withClient({ limits: { pinnedBytesPerPeer: 40_000 } }, async ({ clock, client, server }) => {
    for (const path of ["b32k", "b8k", "b256k"]) {
      const { payload } = await clock.run(get(client, path));
      assert.ok(payload.length >= 8000);
      assert.ok(server.stats.pinnedBytes <= 40_000);
    }
  });
});

test("observers above the limit are answered without Observe", async () => {
  await withClient({ limits: { observersPerPeer: 2 } }, async ({ clock, client, server }) => {
    const observations = Array.from({ length: 3 }, () =>
      client.observe({ method: "GET", path: ["obs"] }, NEVER),
    );
    for (const one of observations) assert.equal((await clock.run(one.next())).value?.code, "2.05");
    assert.equal(server.stats.observers, 2);
    assert.equal(
      (await clock.run(observations[2]?.next() ?? Promise.reject(new Error("missing")))).done,
      true,
    );
    for (const one of observations) one.return().catch(() => {});
    await clock.advance(SECOND);
  });
});

test("running requests above the limit: 5.03", async () => {
  await withClient({ limits: { requests: 1 } }, async ({ clock, client, another }) => {
    const other = await another();
    const [first, second] = await clock.run(Promise.all([get(client, "slow"), get(other, "slow")]));
    assert.deepEqual([first.code, second.code].toSorted(), ["2.05", "5.03"]);
    await other.close();
  });
});

test("the table of peers is bounded: idle ones make room", async () => {
  await withClient({ limits: { peers: 4 } }, async ({ clock, server, another }) => {
    for (let count = 0; count < 20; count++) {
      const one = await another();
      const reply = await clock.run(one.request({ method: "POST", path: ["inc"] }, NEVER));
      assert.equal(Buffer.from(reply.payload).toString(), String(count + 1));
      assert.ok(server.stats.peers <= 4);
      await one.close();
    }
  });
});

test("idle peers, replies and pins are forgotten in the end", async () => {
  await withClient({}, async ({ clock, client, server }) => {
    await clock.run(get(client, "b8k"));
    await clock.run(client.request({ method: "POST", path: ["inc"] }, NEVER));
    await clock.advance(700 * SECOND);
    assert.deepEqual([server.stats.peers, server.stats.pinnedBytes, server.stats.observers], [0, 0, 0]);
    assert.equal(clock.pending, 0);
  });
});
