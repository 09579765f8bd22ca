// control: recording and its settings.

import { REQUIRED } from "./arguments.ts";
import { Float } from "./json-text.ts";
import { autointegrate, recordDark, recordSequence, switchPower } from "./recording.ts";
import type { Row } from "./row.ts";
import { autointegrateOf, delayOf, sequencesOf, targetOf } from "./settings.ts";
import { statusText } from "./status-text.ts";
import { requireBusy, togglePause } from "./pausing.ts";

const SEQUENCE = {
  run: null,
  nsequence: null,
  auto: null,
  delay: null,
  target: null,
  at_time: null,
  interval: null,
  end_time: null,
};

export const CONTROL_ROWS: readonly Row[] = [
  {
    path: "control/status",
    get: ({ model }) => statusText(model.recorder.status.value),
    watch: ({ model }) => [model.recorder.status],
  },
  { path: "control/current_sequence", get: ({ sequence }) => sequence.value },
  {
    path: "control/numSequences",
    get: ({ settings }) => settings.sequences.value,
    put: {
      parameters: { n: REQUIRED },
      call: ({ settings }, { n }) => settings.sequences.set(sequencesOf("numSequences", n)),
    },
    watch: ({ settings }) => [settings.sequences],
  },
  {
    path: "control/autointegration",
    get: ({ settings }) => settings.autointegrate.value,
    put: {
      parameters: { n: REQUIRED },
      call: ({ settings }, { n }) => settings.autointegrate.set(autointegrateOf("autointegration", n)),
    },
    watch: ({ settings }) => [settings.autointegrate],
  },
  {
    path: "control/delay",
    get: ({ settings }) => new Float(settings.delayS.value),
    put: {
      parameters: { d: REQUIRED },
      call: ({ settings }, { d }) => settings.delayS.set(delayOf("delay", d)),
    },
    watch: ({ settings }) => [settings.delayS],
  },
  {
    path: "control/target",
    get: ({ settings }) => new Float(settings.targetPercent.value),
    put: {
      parameters: { t: REQUIRED },
      call: ({ settings }, { t }) => settings.targetPercent.set(targetOf("target", t)),
    },
    watch: ({ settings }) => [settings.targetPercent],
  },
  {
    path: "control/record_sequence",
    put: { parameters: SEQUENCE, call: (legacy, given) => recordSequence(legacy, given) },
  },
  {
    path: "control/record_dark",
    put: { parameters: { run: null }, call: (legacy, given) => recordDark(legacy, given) },
  },
  {
    path: "control/auto",
    put: { parameters: { target: null }, call: (legacy, given) => autointegrate(legacy, given) },
  },
  { path: "control/pause", acts: true, get: (legacy) => togglePause(legacy) },
  {
    path: "control/abort",
    acts: true,
    get: (legacy) => {
      requireBusy(legacy);
      return legacy.model.recorder.abort().finished.then(() => null);
    },
  },
  {
    path: "control/power_off",
    put: { parameters: { at_time: null }, call: (legacy, given) => switchPower(legacy, "power_off", given) },
  },
  {
    path: "control/power_on",
    put: { parameters: { at_time: null }, call: (legacy, given) => switchPower(legacy, "power_on", given) },
  },
];
