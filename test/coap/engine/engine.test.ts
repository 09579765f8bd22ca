// What is between a message and its handler: parts of the program around the library that fail, and limits that hold for
// whatever takes time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import type { MessageGuard } from "../../../src/coap/engine/guard.ts";
import { OPTION, textOption, uintOption } from "../../../src/coap/message/options.ts";
import { type CoapHandler, CoapServer } from "../../../src/coap/server.ts";
import { brief, CODE } from "../support/raw-peer.ts";
import { Sample, type SampleOptions } from "../support/sample-server.ts";
import { VirtualNetwork } from "../support/virtual-network.ts";
import { VirtualPeer } from "../support/virtual-peer.ts";

const SERVER = { address: "10.0.0.7", port: 5683 } as const;

function network() {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const shared = { clock, network: network.host(SERVER.address), address: "::", port: SERVER.port } as const;
  const peer = (address = "10.0.0.20") => new VirtualPeer({ clock, network, address, server: SERVER });
  return { clock, shared, peer };
}

async function bench(options: Partial<SampleOptions>) {
  const { clock, shared, peer } = network();
  return { clock, peer, ...(await Sample.start({ ...shared, ...options })) };
}

const REGISTER = [[OPTION.OBSERVE, 0]] as const;

test("an admission that throws is 5.00: for uploads, later blocks and observers, and the server goes on", async () => {
  let isFailing = false;
  const admit = (): undefined => {
    if (isFailing) throw new Error("secret detail");
  };
  const { clock, peer, sample, server } = await bench({ admit });
  const client = peer();
  await client.ask({ path: "obs", options: REGISTER });
  await client.ask({ path: "b8k", token: "b", messageId: 2 });
  isFailing = true;
  const first = {
    code: CODE.PUT,
    path: "put",
    options: [[OPTION.BLOCK1, 0x0e]],
    payload: Buffer.alloc(1024),
  } as const;
  assert.deepEqual(await client.ask({ ...first, messageId: 3 }), ["ACK 5.00"]);
  const later = { path: "b8k", token: "c", options: [[OPTION.BLOCK2, 0x16]] } as const;
  assert.deepEqual(await client.ask({ ...later, messageId: 4 }), ["ACK 5.00"]);
  sample.value.set(1);
  await clock.advance(SECOND);
  assert.equal(brief(client.received.at(-1) ?? assert.fail()), "CON 5.00");
  assert.equal(server.stats.observers, 0);
});

// In place of OSCORE: `/late`, of which only the first answer or none can be protected.
function guardFailingAfter(answers: number): MessageGuard {
  return {
    open: () => ({
      code: CODE.GET,
      options: [uintOption(OPTION.OBSERVE, 0), textOption(OPTION.URI_PATH, "late")],
      payload: Buffer.alloc(0),
      identity: { kind: "oscore", name: "laptop" },
      protect: (answer) => {
        if (answers-- > 0) return answer;
        throw new Error("cannot be protected");
      },
    }),
  };
}

const PROTECTED = { code: CODE.POST, options: [[OPTION.OSCORE, Buffer.from([1])]] } as const;

test("an answer that cannot be protected is counted, and the server goes on", async () => {
  const { peer, server } = await bench({ guard: guardFailingAfter(0) });
  assert.deepEqual(await peer().ask(PROTECTED), []);
  assert.equal(server.stats.failures, 1);
  assert.deepEqual(await peer("10.0.0.21").ask({ path: "s" }), ["ACK 2.05"]);
});

test("a notification that cannot be protected ends the observation, and the server goes on", async () => {
  const { clock, peer, sample, server } = await bench({ guard: guardFailingAfter(1) });
  const client = peer();
  assert.deepEqual(await client.ask(PROTECTED), ["ACK 2.05"]);
  assert.equal(server.stats.observers, 1);
  sample.value.set(1);
  // The rest of the first answer is not fetched.
  await clock.advance(12 * SECOND);
  assert.deepEqual([server.stats.observers, server.stats.failures], [0, 1]);
  assert.deepEqual(await client.ask({ path: "s", token: "s", messageId: 2 }), ["ACK 2.05"]);
});

test("a hundred requests at work are no leak to Node.js", async () => {
  const { clock, peer, server } = await bench({ limits: { requestsPerPeer: 100 } });
  const warnings: string[] = [];
  const note = ({ message }: Error): void => void warnings.push(message);
  process.on("warning", note);
  const client = peer();
  for (let messageId = 1; messageId <= 100; messageId++)
    client.send({ path: "slow", messageId, token: `t${messageId}` });
  await clock.advance(SECOND);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  assert.deepEqual(warnings, []);
  await clock.run(server.close());
});

test("later blocks of a body that takes its time count as requests at work", async () => {
  const { clock, shared, peer } = network();
  let reads = 0;
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    reads += 1;
    if (offset > 0) await new Promise<void>((resolve) => clock.after(300 * MS, resolve));
    return Buffer.alloc(length);
  };
  const handler: CoapHandler = () => ({
    code: "2.05",
    etag: Buffer.from("v1"),
    body: { size: 100_000, read },
  });
  const server = await CoapServer.listen({ ...shared, handler, limits: { requestsPerPeer: 4 } });
  const client = peer();
  assert.deepEqual(await client.ask({ path: "file" }), ["ACK 2.05"]);
  for (let number = 1; number <= 10; number++)
    client.send({
      path: "file",
      messageId: 1 + number,
      token: `t${number}`,
      options: [[OPTION.BLOCK2, (number << 4) | 6]],
    });
  await clock.advance(SECOND);
  const answers = client.received.slice(1).map(brief).toSorted();
  assert.deepEqual(answers, [...Array(4).fill("ACK 2.05"), ...Array(6).fill("ACK 4.29")]);
  assert.equal(reads, 5);
  await clock.run(server.close());
});
