// Two clients at one recording: the first begins it, either of them holds it and goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { VscopeClient } from "../../../src/client/vscope-client.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";

let instrument: CoapInstrument;
let first: VscopeClient;
let second: VscopeClient;

before(async () => {
  instrument = await CoapInstrument.start();
  const url = `coap://127.0.0.1:${instrument.port}`;
  first = await VscopeClient.connect(url);
  second = await VscopeClient.connect(url);
});

after(async () => {
  await Promise.all([first.close(), second.close()]);
  await instrument.close();
});

async function statusUntil(client: VscopeClient, phase: string): Promise<void> {
  for await (const status of client.observe("/acquisition/status")) {
    if (typeof status === "object" && status !== null && "phase" in status && status.phase === phase) return;
  }
}

test("another client resumes what the first one has paused, and sees its estimate", async () => {
  const operation = await first.record({ run: "two", sequences: 2, delayS: 1 });
  await statusUntil(first, "light");
  await first.pause();
  await statusUntil(second, "paused");
  await assert.rejects(second.pause(), /pause: operation 1 is paused already/);
  const held = await second.operation(operation.id).status(AbortSignal.timeout(5000));
  assert.equal(held.paused, true);
  assert.equal(held.estimate, undefined);
  await second.resume();
  const running = await second.operation(operation.id).status(AbortSignal.timeout(5000));
  assert.equal(running.paused, undefined);
  assert.ok(running.estimate !== undefined && running.estimate.remainingS > 0);
  const { state, origin } = await operation.result(AbortSignal.timeout(30_000));
  assert.deepEqual({ state, origin }, { state: "done", origin: { by: "client" } });
  await assert.rejects(second.resume(), /resume: no operation is running/);
});

test("what is recorded is chosen over the tree, and what does not exist is refused", async () => {
  const options = { run: "all", order: "interleaved", dark: "every", retries: 1, onFailure: "stop" } as const;
  const operation = await first.record({ ...options, sequences: 2, warmUp: false, darkMaxAgeS: 60 });
  const { result } = await operation.result(AbortSignal.timeout(30_000));
  assert.ok(typeof result === "object" && result !== null && "files" in result);
  assert.equal(result.files, 4);
  const post = (value: object): Promise<unknown> => first.post("/acquisition/record", value);
  await assert.rejects(post({ order: "random" }), /order/);
  await assert.rejects(post({ retries: 11 }), /retries: 11 is outside 0..10/);
  await assert.rejects(post({ darkMaxAgeS: 0 }), /darkMaxAgeS: 0 is outside 1..86400/);
});
