import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

const COOLED = "QEP00709";

async function kinds(instrument: TestInstrument, run: string): Promise<string> {
  const names = await instrument.files(run);
  return names.map((name) => name.replace(/^b0*(\d+)_s0*(\d+)_(\w+)\.pico$/, "$1.$2 $3")).join(", ");
}

test("every: each light has a dark before it, and tells its age", async (context) => {
  const instrument = await TestInstrument.start(context);
  const status = await instrument.record({ run: "every", sequences: 3, dark: "every", delayS: 20 });
  assert.equal(status.state, "done", status.error?.message);
  const expected = "0.0 dark, 0.0 light, 0.1 dark, 0.1 light, 0.2 dark, 0.2 light";
  assert.equal(await kinds(instrument, "every"), expected);
  const { spectra } = await instrument.read("every", "b000000_s000002_light.pico");
  for (const { darkAgeS } of spectra) assert.ok(darkAgeS !== null && darkAgeS > 0 && darkAgeS < 2);
  const dark = await instrument.read("every", "b000000_s000002_dark.pico");
  assert.deepEqual([...new Set(dark.spectra.map(({ darkAgeS }) => darkAgeS))], [null]);
});

test("bracket: the age grows from light to light", async (context) => {
  const instrument = await TestInstrument.start(context);
  await instrument.record({ run: "bracket", sequences: 3, delayS: 20 });
  const ages = await Promise.all(
    [0, 1, 2].map(async (sequence) => {
      const { spectra } = await instrument.read("bracket", `b000000_s00000${sequence}_light.pico`);
      const [first] = spectra;
      return Math.floor(first?.darkAgeS ?? -1);
    }),
  );
  assert.deepEqual(ages, [0, 20, 40]);
});

test("age: a dark is made when the newest is too old, of another integration time, or of another temperature", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const { rack, recorder } = model;
  const policy = { run: "age", dark: "age", darkMaxAgeS: 50, delayS: 20 } as const;
  await instrument.record({ ...policy, sequences: 6 });
  const everyThird = "0.0 dark, 0.0 light, 0.1 light, 0.2 light, 0.3 dark, 0.3 light, 0.4 light, 0.5 light";
  assert.equal(await kinds(instrument, "age"), everyThird);

  // The darks of the batch before still serve; the status tells how old they are.
  const operation = recorder.record({ ...policy, run: "again", delayS: 0 });
  const status = await clock.run(until(recorder.status, ({ phase }) => phase === "light", NEVER));
  assert.ok(status.darkAgeS !== undefined && status.darkAgeS > 40 && status.darkAgeS < 50);
  await instrument.finish(operation);
  assert.equal(await kinds(instrument, "again"), "0.0 light");

  rack.spectrometer(COOLED).setIntegrationTimeUs("upwelling", 77 * MS);
  await instrument.record({ ...policy, run: "time", delayS: 0 });
  assert.equal(await kinds(instrument, "time"), "0.0 dark, 0.0 light");

  const { setpointC } = await clock.run(rack.spectrometer(COOLED).readTec(NEVER));
  await clock.run(rack.spectrometer(COOLED).setTec({ setpointC: setpointC + 6 }, NEVER));
  await instrument.record({ ...policy, run: "temperature", delayS: 20, sequences: 2, darkMaxAgeS: 3600 });
  const made = await kinds(instrument, "temperature");
  assert.equal(made, "0.0 light, 0.1 dark, 0.1 light", "the detector is warmer now");
});
