// The time of one spectrum over its integration time, for a model of each family: the physical limit (integration and
// read-out), our driver, and python-seabreeze; on the same emulated device, over real libusb, in the guest of test/vm.
// An emulated processor runs both, several times slower than a Raspberry Pi: compare the columns, not with other computers.

import { MS } from "../../src/base/clock.ts";
import { type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { hasSeabreeze, type Plan, timeByThem, timeByUs, type Timing } from "../../test/vm/rig/readings.ts";
import { Rig } from "../../test/vm/rig/rig.ts";

const MODELS: readonly ModelName[] = ["USB2000", "Flame-S", "HR4000", "STS", "QE Pro", "HR6"];
const PLANS: readonly Plan[] = [
  { integrationTimeUs: 10 * MS, spectra: 20 },
  { integrationTimeUs: 100 * MS, spectra: 10 },
  { integrationTimeUs: 1000 * MS, spectra: 3 },
];
const WAYS = ["vscope", "set, read", "set, discard, read"] as const;
const LABEL_WIDTH = 18;
const WIDTH = 24;

const serialOf = (model: ModelName): string => `BENCH${MODELS.indexOf(model)}`;

const rig = await Rig.boot("bench", {
  spectrometers: MODELS.map((model) => ({ model, serial: serialOf(model) })),
});
if (!hasSeabreeze()) console.log("python-seabreeze is not installed: see what scripts/setup-rig.mjs printed");
console.log(
  "median over the integration time, and what it is longer than the limit (integration + read-out)\n",
);
console.log(
  ["model, time".padEnd(LABEL_WIDTH), ...["limit", ...WAYS].map((way) => way.padEnd(WIDTH))].join(""),
);
for (const plan of PLANS) await measure(plan);
await rig.end();
console.log(
  "\nvscope: begun after it was asked for, with proof. set, read: python-seabreeze as its documentation",
);
console.log(
  "shows it; where a device exposes all the time (USB2000, Flame-S, HR4000), this is an exposure that had begun",
);
console.log(
  "before, so it can be shorter than the limit. set, discard, read: what a careful user does about it.",
);

async function measure(plan: Plan): Promise<void> {
  const ours = await timeByUs(rig.machine, plan);
  const theirs = hasSeabreeze() ? await timeByThem(rig.machine, plan) : [];
  for (const model of MODELS) {
    const serial = serialOf(model);
    const own = <T extends { readonly serial: string }>(all: readonly T[]): readonly T[] =>
      all.filter((one) => one.serial === serial);
    for (const one of own(theirs)) if ("failed" in one) console.log(`${model}: ${one.failed}`);
    const timings = own([...ours, ...theirs.filter((one): one is Timing => !("failed" in one))]);
    const tookUs = Object.assign({}, ...timings.map((one) => one.tookUs));
    console.log(row(model, plan, tookUs));
  }
}

function row(
  model: ModelName,
  { integrationTimeUs }: Plan,
  tookUs: Readonly<Partial<Record<string, readonly number[]>>>,
): string {
  const limitUs = integrationTimeUs + modelNamed(model).readoutUs;
  const cells = WAYS.map((way) => cell(median(tookUs[way] ?? []), { integrationTimeUs, limitUs }));
  const label = `${model}, ${integrationTimeUs / MS} ms`.padEnd(LABEL_WIDTH);
  return [label, (limitUs / integrationTimeUs).toFixed(3).padEnd(WIDTH), ...cells].join("");
}

function cell(us: number, limits: { readonly integrationTimeUs: number; readonly limitUs: number }): string {
  if (Number.isNaN(us)) return "-".padEnd(WIDTH);
  const overMs = (us - limits.limitUs) / MS;
  const sign = overMs < 0 ? "" : "+";
  return `${(us / limits.integrationTimeUs).toFixed(3)}  ${sign}${overMs.toFixed(1)} ms`.padEnd(WIDTH);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
