// Observation over a link that loses, doubles and reorders: values come in order, the newest always arrives, an
// observation that ends is forgotten by the server, and nothing is left behind (lossy-bench.ts).

import assert from "node:assert/strict";
import { SECOND } from "../../src/base/clock.ts";
import { NEVER } from "../../src/base/abort.ts";
import type { CoapClient } from "../../src/coap/client/client.ts";
import type { CoapMessage } from "../../src/coap/message/codec.ts";
import { CON, NON } from "../../src/coap/message/codes.ts";
import { findUint, OPTION } from "../../src/coap/message/options.ts";
import { lossy, type LossyBench, orTimeout, SILENCE, STORM } from "./support/lossy-bench.ts";
import { textOf } from "./support/raw-peer.ts";
import { pattern } from "./support/sample-server.ts";

const REGISTER = [[OPTION.OBSERVE, 0]] as const;
const DEREGISTER = [[OPTION.OBSERVE, 1]] as const;

function numberIn(payload: Uint8Array): number {
  const { n }: { n: number } = JSON.parse(Buffer.from(payload).toString());
  return n;
}

/** Follows a resource until a payload is the last one; begins again when the link was dead for too long. */
async function follow(
  client: CoapClient,
  name: string,
  isLast: (payload: Uint8Array) => boolean,
): Promise<readonly Uint8Array[]> {
  const seen: Uint8Array[] = [];
  const watch = async (): Promise<true> => {
    for await (const { code, payload } of client.observe({ method: "GET", path: [name] }, NEVER)) {
      assert.equal(code, "2.05");
      seen.push(payload);
      if (isLast(payload)) break;
    }
    return true;
  };
  while ((await orTimeout(watch())) === undefined);
  return seen;
}

function assertOrdered(values: readonly number[]): void {
  assert.deepEqual(
    values,
    values.toSorted((left, right) => left - right),
  );
}

/** Changes the value until nobody observes it: what the server still sends is refused by a client that has left. */
async function untilForgotten({ clock, sample, server }: LossyBench): Promise<void> {
  for (let count = 0; server.stats.observers > 0 && count < 20; count++) {
    sample.value.set(sample.value.value + 1);
    sample.frame.set(pattern(32_768, count));
    await clock.advance(15 * SECOND);
  }
  assert.equal(server.stats.observers, 0);
}

lossy("CON: values in order, the newest arrives, the end is noticed", async (bench) => {
  const { clock, client, sample } = bench;
  const watching = follow(client, "obs", (payload) => numberIn(payload) === 40);
  for (let n = 1; n <= 40; n++) {
    await clock.advance(SECOND / 2);
    sample.value.set(n);
  }
  const values = (await clock.run(watching, 300 * SECOND)).map(numberIn);
  assertOrdered(values);
  assert.ok(values.length > 5, `only ${values.length} values`);
  await untilForgotten(bench);
});

lossy("CON: the newest value arrives after a silence of 40 s", async (bench) => {
  const { clock, client, sample, network } = bench;
  const watching = follow(client, "obs", (payload) => numberIn(payload) === 99);
  await clock.advance(20 * SECOND);
  network.weather = SILENCE;
  for (let n = 1; n <= 40; n++) {
    await clock.advance(SECOND);
    sample.value.set(n === 40 ? 99 : n);
  }
  network.weather = STORM;
  assertOrdered((await clock.run(watching, 600 * SECOND)).map(numberIn));
  await untilForgotten(bench);
});

function sequenceOf({ options }: CoapMessage): number {
  return findUint(options, OPTION.OBSERVE) ?? -1;
}

lossy("NON: the newest value arrives, by the keep-alive at the latest", async (bench) => {
  const { clock, sample, server } = bench;
  const peer = bench.peer();
  while (peer.to("o").length === 0) {
    peer.tell({ type: NON, path: "obs", token: "o", options: REGISTER });
    await clock.advance(5 * SECOND);
  }
  for (let n = 1; n <= 100; n++) {
    sample.value.set(n);
    await clock.advance(SECOND / 4);
  }
  const duringChanges = peer.to("o").length;
  assert.ok(duringChanges > 40, `only ${duringChanges} notifications`);
  assert.ok(peer.to("o").some(({ type }) => type === CON));
  await clock.advance(200 * SECOND);
  const [newest] = peer.to("o").toSorted((left, right) => sequenceOf(right) - sequenceOf(left));
  assert.equal(newest && textOf(newest), '{"n":100}');
  assert.ok(peer.to("o").length > duringChanges, "no keep-alive");
  while (server.stats.observers > 0) {
    peer.tell({ type: NON, path: "obs", token: "o", options: DEREGISTER });
    await clock.advance(5 * SECOND);
  }
  // A confirmable one that is on its way is still sent again: its acknowledgement may be lost.
  await clock.advance(300 * SECOND);
  const afterwards = peer.received.length;
  sample.value.set(101);
  await clock.advance(100 * SECOND);
  assert.equal(peer.received.length, afterwards);
});

lossy("NON: a client that resets what it gets is forgotten", async (bench) => {
  const peer = bench.peer();
  while (bench.server.stats.observers === 0) {
    peer.tell({ type: NON, path: "obs", token: "o", options: REGISTER });
    await bench.clock.advance(5 * SECOND);
  }
  peer.manner = "resets";
  await untilForgotten(bench);
});

lossy("a client that ignores everything is forgotten, CON and NON", async (bench) => {
  const { clock, server } = bench;
  for (const type of [CON, NON] as const) {
    const peer = bench.peer();
    while (server.stats.observers === 0) {
      peer.tell({ type, path: "obs", token: "o", options: REGISTER });
      await clock.advance(5 * SECOND);
    }
    peer.manner = "ignores";
    // Without a change: the confirmable keep-alive finds out. 48 s, twice for NON, and 93 s of retransmissions.
    await clock.advance(200 * SECOND);
    assert.equal(server.stats.observers, 0);
  }
});

lossy("nothing changes: notifications renew the value before Max-Age ends", async (bench) => {
  const { clock, client, sample } = bench;
  sample.handle = () => ({
    code: "2.05",
    payload: Buffer.from(JSON.stringify({ n: sample.value.value })),
    maxAgeS: 20,
    observe: (changed) => sample.value.subscribe(changed),
  });
  const renewedUs: number[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { maxAgeS } of client.observe({ method: "GET", path: ["obs"] }, stop.signal)) {
      assert.equal(maxAgeS, 20);
      renewedUs.push(clock.nowUs());
    }
  })().catch(() => {});
  await clock.advance(600 * SECOND);
  stop.abort();
  await clock.run(watching);
  // One each 16 s on a clear link.
  assert.ok(renewedUs.length > 20, `only ${renewedUs.length} renewals in 600 s`);
  const gapsS = renewedUs.slice(1).map((us, index) => (us - (renewedUs[index] ?? 0)) / SECOND);
  // Retransmissions take up to 62 s in the worst of cases; then the client registers again.
  assert.ok(Math.max(...gapsS) < 100, `${Math.max(...gapsS)} s without a value`);
  await untilForgotten(bench);
});

lossy("large values: never mixed, in order, the newest arrives", async (bench) => {
  const { clock, client, sample } = bench;
  const LAST = 60;
  const watching = follow(client, "frame", (payload) => payload[0] === LAST);
  for (let shift = 1; shift <= LAST; shift++) {
    await clock.advance(2 * SECOND);
    sample.frame.set(pattern(32_768, shift));
  }
  const frames = await clock.run(watching, 1200 * SECOND);
  for (const frame of frames) assert.deepEqual(Buffer.from(frame), pattern(32_768, frame[0]));
  assertOrdered(frames.map(([first = -1]) => first));
  assert.ok(frames.length >= 2, `only ${frames.length} frames`);
  await untilForgotten(bench);
});

lossy("closing the server: observers end, what runs is aborted", async (bench) => {
  const { clock, client, server, another } = bench;
  const other = await another();
  const observation = client.observe({ method: "GET", path: ["obs"] }, NEVER);
  await clock.run(observation.next());
  const slow = other.request({ method: "POST", path: ["slow"] }, NEVER).then(
    ({ code }) => code,
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : "?"),
  );
  await clock.advance(SECOND / 5);
  const next = observation.next().then(
    ({ value }) => value?.code,
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : "?"),
  );
  await bench.closeServer();
  assert.equal(server.stats.observers, 0);
  // The last messages may be lost; then the client notices by itself.
  assert.ok(["5.03", "2.04", "DEVICE_TIMEOUT"].includes(await clock.run(slow)));
  assert.ok(["5.03", "DEVICE_TIMEOUT"].includes((await clock.run(next)) ?? ""));
  await clock.run(observation.return().catch(() => {}));
});
