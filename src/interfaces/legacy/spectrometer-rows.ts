// spectrometer: all of them, and each by its name.

import { VscopeError } from "../../base/errors.ts";
import type { ReadableCell } from "../../base/cell.ts";
import type { At } from "../../resources/define.ts";
import { REQUIRED } from "./arguments.ts";
import { CONNECTION_ACTIONS } from "./connection.ts";
import { Float } from "./json-text.ts";
import type { Legacy } from "./legacy.ts";
import type { Row, Subject } from "./row.ts";
import type { Unit } from "./unit.ts";
import { plainNumber, truthOf, wholeNumber } from "./values.ts";

const OF_UNIT: Pick<Row, "instances" | "exists"> = {
  instances: ({ units }) => units.map(({ name }) => ({ spectrometer: name })),
  exists: (legacy, { spectrometer = "" }) => legacy.findUnit(spectrometer) !== undefined,
};

const UNIT_AND_CHANNEL: Pick<Row, "instances" | "exists" | "isUnlisted"> = {
  ...OF_UNIT,
  instances: () => [],
  isUnlisted: true,
};

const UNIT_ROWS: readonly Row[] = [
  {
    path: "status",
    get: (legacy, { at }) => legacy.stateOf(unitOf(legacy, at)),
    watch: (legacy, at) => [...cells(legacy, at), legacy.model.recorder.status],
  },
  {
    path: "min_time",
    get: (legacy, { at }) => unitOf(legacy, at).minMs,
    put: {
      parameters: { t: REQUIRED },
      call: (legacy, { t }, { at }) => idleUnit(legacy, at).setMinMs(wholeNumber("min_time", t)),
    },
    watch: cells,
  },
  {
    path: "max_time",
    get: (legacy, { at }) => unitOf(legacy, at).maxMs,
    put: {
      parameters: { t: REQUIRED },
      call: (legacy, { t }, { at }) => idleUnit(legacy, at).setMaxMs(wholeNumber("max_time", t)),
    },
    watch: cells,
  },
  { path: "haveTEC", get: (legacy, { at }) => unitOf(legacy, at).spectrometer?.identity.hasTec ?? null },
  {
    path: "TECenabled",
    get: (legacy, { at }) => unitOf(legacy, at).cooler.enabled.value,
    put: {
      parameters: { state: REQUIRED },
      call: (legacy, { state }, { at }) => unitOf(legacy, at).cooler.setEnabled(truthOf(state)),
    },
    watch: (legacy, at) => [unitOf(legacy, at).cooler.enabled],
  },
  {
    path: "target_temperature",
    get: (legacy, { at }) => unitOf(legacy, at).cooler.shownTarget,
    put: {
      parameters: { t: REQUIRED },
      call: (legacy, { t }, { at }) =>
        unitOf(legacy, at).cooler.setTargetC(plainNumber("target_temperature", t)),
    },
    watch: (legacy, at) => [unitOf(legacy, at).cooler.targetC],
  },
  { path: "current_temperature", get: temperature },
  ...CONNECTION_ACTIONS.map(
    (action): Row => ({
      path: action,
      acts: true,
      get: (legacy, { at }) => legacy.connections.act(action, unitOf(legacy, at)),
    }),
  ),
];

export const SPECTROMETER_ROWS: readonly Row[] = [
  { path: "spectrometer/spectrometers", get: ({ units }) => units.map(({ name }) => name) },
  { path: "spectrometer/channels", get: ({ model }) => model.recorder.channels },
  ...CONNECTION_ACTIONS.map(
    (action): Row => ({
      path: `spectrometer/${action}`,
      acts: true,
      get: ({ connections, units }) => connections.actOnAll(action, units),
    }),
  ),
  ...UNIT_ROWS.map((row): Row => ({ ...row, ...OF_UNIT, path: `spectrometer/{spectrometer}/${row.path}` })),
  {
    path: "spectrometer/{spectrometer}/current_time/{channel}",
    ...UNIT_AND_CHANNEL,
    get: (legacy, { at }) => unitOf(legacy, at).timeMs(at["channel"] ?? ""),
    put: {
      parameters: { t: REQUIRED },
      call: (legacy, { t }, { at }) =>
        idleUnit(legacy, at).setTimeMs(at["channel"] ?? "", wholeNumber("current_time", t)),
    },
    repeat: (legacy, at) => unitOf(legacy, at).timeCells(),
  },
  {
    path: "spectrometer/{spectrometer}/autointegration/{channel}",
    ...UNIT_AND_CHANNEL,
    get: autointegration,
    repeat: (legacy, at) => [
      legacy.model.recorder.autointegration.results,
      ...unitOf(legacy, at).timeCells(),
    ],
  },
];

function unitOf(legacy: Legacy, { spectrometer = "" }: At): Unit {
  return legacy.unit(spectrometer);
}

// Whether a time can be set comes before whether it makes sense.
function idleUnit(legacy: Legacy, at: At): Unit {
  const unit = unitOf(legacy, at);
  unit.requireIdle();
  return unit;
}

function cells(legacy: Legacy, at: At): readonly ReadableCell<unknown>[] {
  return unitOf(legacy, at).cells();
}

async function temperature(legacy: Legacy, { at, signal }: Subject): Promise<Float> {
  const unit = unitOf(legacy, at);
  if (unit.spectrometer?.identity.hasTec !== true)
    throw new VscopeError("RESOURCE_NOT_FOUND", `${unit.name}: no TEC`);
  return new Float((await unit.spectrometer.readTec(signal)).temperatureC);
}

// A time that somebody has set since is nobody's success.
function autointegration(legacy: Legacy, { at }: Subject): string {
  const { channel = "" } = at;
  const { serial, spectrometer } = unitOf(legacy, at);
  unitOf(legacy, at).timeMs(channel);
  const { results } = legacy.model.recorder.autointegration;
  const found = results.value.find((one) => one.serial === serial && one.channel === channel);
  if (found === undefined || spectrometer?.integrationTimeUs(channel).value !== found.integrationTimeUs)
    return "n";
  return found.outcome === "reached" ? "s" : "f";
}
