// shutter: one for each channel.

import { until } from "../../base/cell.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Shutter } from "../../instruments/shutter.ts";
import type { At } from "../../resources/define.ts";
import { Float } from "./json-text.ts";
import type { Legacy } from "./legacy.ts";
import type { Row, Subject } from "./row.ts";
import { truthOf } from "./values.ts";

const EXPOSING: readonly string[] = ["light", "dark", "autointegrate"];

const OF_CHANNEL: Pick<Row, "instances" | "exists"> = {
  instances: ({ model }) => model.shutters.list().map(({ channel }) => ({ channel })),
  exists: ({ model }, { channel }) => model.shutters.list().some((one) => one.channel === channel),
};

export const SHUTTER_ROWS: readonly Row[] = [
  { path: "shutter/shutters", get: ({ model }) => model.shutters.list().map(({ channel }) => channel) },
  {
    path: "shutter/{channel}/status",
    ...OF_CHANNEL,
    get: (legacy, { at }) => stateOf(shutterOf(legacy, at)),
  },
  {
    path: "shutter/{channel}/reverse",
    ...OF_CHANNEL,
    get: (legacy, { at }) => shutterOf(legacy, at).config.reverse,
  },
  {
    path: "shutter/{channel}/fibre_diameter",
    ...OF_CHANNEL,
    get: (legacy, { at }) => new Float(shutterOf(legacy, at).config.fibreDiameterUm),
  },
  {
    path: "shutter/{channel}/open_shutter",
    ...OF_CHANNEL,
    put: {
      parameters: { sopen: true },
      call: (legacy, { sopen }, subject) => move(legacy, truthOf(sopen) ? "open" : "closed", subject),
    },
  },
  {
    path: "shutter/{channel}/close_shutter",
    ...OF_CHANNEL,
    put: {
      parameters: { sclose: true },
      call: (legacy, { sclose }, subject) => move(legacy, truthOf(sclose) ? "closed" : "open", subject),
    },
  },
];

function shutterOf({ model }: Legacy, { channel = "" }: At): Shutter {
  return model.shutters.shutter(channel);
}

function stateOf({ channel, state }: Shutter): string {
  if (state.value !== "unknown") return state.value;
  throw new VscopeError("DEVICE_FAULT", `shutter ${channel}: its last move failed`);
}

function move(legacy: Legacy, wanted: "open" | "closed", { at, signal }: Subject): Promise<void> | undefined {
  const shutter = shutterOf(legacy, at);
  if (shutter.state.value === wanted) throw new VscopeError("STATE_CONFLICT", `shutter already ${wanted}`);
  const { status } = legacy.model.recorder;
  if (!EXPOSING.includes(status.value.phase)) return drive(shutter, wanted, signal);
  // Accepted as piccolo3 does, and done when it spoils no exposure.
  const task = until(status, ({ phase }) => !EXPOSING.includes(phase), legacy.signal).then(() =>
    drive(shutter, wanted, legacy.signal),
  );
  task.catch((error: unknown) => {
    if (!legacy.signal.aborted)
      legacy.log.warn({ reason: messageOf(error) }, `shutter ${shutter.channel}: not ${wanted}`);
  });
  return undefined;
}

function drive(shutter: Shutter, wanted: "open" | "closed", signal: AbortSignal): Promise<void> {
  return wanted === "open" ? shutter.open(signal) : shutter.close(signal);
}
