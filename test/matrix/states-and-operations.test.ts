// Every operation in every state, with the outcome that clients can rely on.

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { TestInstrument } from "../support/instrument.ts";

const STATES = [
  "idle",
  "recording",
  "waiting",
  "autointegrating",
  "unplugged",
  "closed",
  "paused",
  "warming up",
] as const;
type State = (typeof STATES)[number];

const TIME = "/spectrometers/FLMS01859/integration-time/upwelling";

/** Method, path, value, and the outcome in each state, in the order of STATES. */
const MATRIX: readonly (readonly [string, string, unknown, string])[] = [
  [
    "post",
    "/acquisition/record",
    {},
    "ok STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT DEVICE_NOT_CONNECTED DEVICE_NOT_CONNECTED STATE_CONFLICT STATE_CONFLICT",
  ],
  [
    "post",
    "/acquisition/dark",
    {},
    "ok STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT DEVICE_NOT_CONNECTED DEVICE_NOT_CONNECTED STATE_CONFLICT STATE_CONFLICT",
  ],
  [
    "post",
    "/acquisition/autointegrate",
    {},
    "ok STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT DEVICE_NOT_CONNECTED DEVICE_NOT_CONNECTED STATE_CONFLICT STATE_CONFLICT",
  ],
  ["post", "/acquisition/abort", undefined, "STATE_CONFLICT ok ok ok STATE_CONFLICT STATE_CONFLICT ok ok"],
  [
    "post",
    "/acquisition/pause",
    undefined,
    "STATE_CONFLICT ok ok ok STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT ok",
  ],
  [
    "post",
    "/acquisition/resume",
    undefined,
    "STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT ok STATE_CONFLICT",
  ],
  [
    "put",
    TIME,
    30_000,
    "ok STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT ok ok STATE_CONFLICT STATE_CONFLICT",
  ],
  [
    "put",
    "/shutters/upwelling",
    "open",
    "ok STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT ok OPERATION_CANCELLED STATE_CONFLICT STATE_CONFLICT",
  ],
  [
    "put",
    "/shutters/upwelling",
    "closed",
    "ok STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT ok OPERATION_CANCELLED STATE_CONFLICT STATE_CONFLICT",
  ],
  ["put", "/datadir/run", "other", "ok ok ok ok ok DATADIR_NOT_MOUNTED ok ok"],
  [
    "put",
    "/datadir/mount",
    false,
    "STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT STATE_CONFLICT",
  ],
  [
    "put",
    "/spectrometers/QEP00709/tec",
    { enabled: true },
    "ok ok ok ok DEVICE_NOT_CONNECTED DEVICE_NOT_CONNECTED ok ok",
  ],
  [
    "get",
    "/spectrometers/QEP00709/tec",
    undefined,
    "ok ok ok ok DEVICE_NOT_CONNECTED DEVICE_NOT_CONNECTED ok ok",
  ],
  ["get", "/acquisition/status", undefined, "ok ok ok ok ok ok ok ok"],
  ["get", "/spectrometers", undefined, "ok ok ok ok ok ok ok ok"],
  ["get", "/datadir/runs", undefined, "ok ok ok ok ok DATADIR_NOT_MOUNTED ok ok"],
];

describe("states and operations", () => {
  for (const [method, path, value, outcomes] of MATRIX) {
    for (const [index, expected] of outcomes.split(" ").entries()) {
      const state = STATES[index] ?? "idle";
      const shown = value === undefined ? "" : ` ${JSON.stringify(value)}`;
      test(`${state}: ${method.toUpperCase()} ${path}${shown}: ${expected}`, async (context) => {
        const instrument = await TestInstrument.start(context);
        await bring(instrument, state, context);
        const outcome = await instrument.clock.run(perform(instrument, { method, path, value }));
        assert.equal(outcome, expected);
      });
    }
  }
});

async function bring(
  { model, clock, emulated, server }: TestInstrument,
  state: State,
  context: TestContext,
): Promise<void> {
  const { recorder, rack } = model;
  if (state === "unplugged") {
    for (const { spectrometer } of emulated.devices.values()) emulated.bus.detach(spectrometer);
    for (const { status } of rack.spectrometers.value) {
      await clock.run(until(status, (value) => value.state === "disconnected", NEVER));
    }
  }
  if (state === "closed") await clock.run(server.close());
  const starts = {
    recording: () => recorder.record({ run: "matrix", sequences: 1000 }),
    waiting: () => recorder.record({ run: "matrix", sequences: 1000, delayS: 3600 }),
    autointegrating: () => recorder.autointegrate({}),
    paused: () => recorder.record({ run: "matrix", sequences: 1000 }),
    "warming up": () => recorder.record({ run: "matrix", warmUp: true }),
  };
  const phases = {
    recording: "light",
    waiting: "waiting",
    autointegrating: "autointegrate",
    paused: "light",
    "warming up": "warm-up",
  } as const;
  if (state === "idle" || state === "unplugged" || state === "closed") return;
  if (state === "warming up") {
    await clock.run(rack.spectrometer("QEP00709").setTec({ enabled: true, setpointC: -40 }, NEVER));
  }
  const operation = starts[state]();
  context.after(async () => {
    operation.cancel("the test is over");
    await clock.run(operation.finished);
  });
  await clock.run(until(recorder.status, ({ phase }) => phase === phases[state], NEVER));
  if (state !== "paused") return;
  recorder.pause();
  await clock.run(until(recorder.status, ({ phase }) => phase === "paused", NEVER));
}

async function perform(
  { model }: TestInstrument,
  { method, path, value }: { readonly method: string; readonly path: string; readonly value: unknown },
): Promise<string> {
  const router = new Router(model, TREE);
  const match = router.match(path.split("/").slice(1));
  try {
    if (method === "get") await router.get(match, {}, NEVER);
    else if (method === "put") await router.put(match, value, AbortSignal.timeout(60 * (SECOND / 1000)));
    else await router.post(match, value, NEVER);
    return "ok";
  } catch (error) {
    return isVscopeError(error) ? error.code : String(error);
  }
}
