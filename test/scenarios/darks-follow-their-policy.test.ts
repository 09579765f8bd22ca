import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS } from "../../src/base/clock.ts";
import { FailingDisk } from "../datadir/disk/failing-disk.ts";
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
  const operation = recorder.record({ ...policy, delayS: 0 });
  const status = await clock.run(until(recorder.status, ({ phase }) => phase === "light", NEVER));
  assert.ok(status.darkAgeS !== undefined && status.darkAgeS > 40 && status.darkAgeS < 50);
  await instrument.finish(operation);
  assert.equal(await kinds(instrument, "age"), `${everyThird}, 1.0 light`);
  const { spectra } = await instrument.read("age", "b000001_s000000_light.pico");
  assert.deepEqual([...new Set(spectra.map(({ darkFile }) => darkFile))], ["b000000_s000003_dark.pico"]);

  rack.spectrometer(COOLED).setIntegrationTimeUs("upwelling", 77 * MS);
  await instrument.record({ ...policy, delayS: 0 });
  assert.equal(await kinds(instrument, "age"), `${everyThird}, 1.0 light, 2.0 dark, 2.0 light`);

  const { setpointC } = await clock.run(rack.spectrometer(COOLED).readTec(NEVER));
  await clock.run(rack.spectrometer(COOLED).setTec({ setpointC: setpointC + 6 }, NEVER));
  const slowly = { ...policy, run: "temperature", delayS: 20, sequences: 2, darkMaxAgeS: 3600 };
  await instrument.record(slowly);
  const made = await kinds(instrument, "temperature");
  assert.equal(made, "0.0 dark, 0.0 light, 0.1 dark, 0.1 light", "the detector is warmer now");
});

test("age: the dark of another run does not serve", async (context) => {
  const instrument = await TestInstrument.start(context);
  for (const run of ["one", "other", "one"]) await instrument.record({ run, dark: "age" });
  assert.equal(await kinds(instrument, "one"), "0.0 dark, 0.0 light, 1.0 light");
  assert.equal(await kinds(instrument, "other"), "0.0 dark, 0.0 light");
});

test("age: a light of more scans needs a dark of as many, one of fewer takes what there is", async (context) => {
  const instrument = await TestInstrument.start(context);
  const spectrometer = instrument.model.rack.spectrometer(COOLED);
  await instrument.record({ run: "scans", dark: "age" });
  spectrometer.setScans(3);
  await instrument.record({ run: "scans", dark: "age" });
  spectrometer.setScans(2);
  await instrument.record({ run: "scans", dark: "age" });
  assert.equal(await kinds(instrument, "scans"), "0.0 dark, 0.0 light, 1.0 dark, 1.0 light, 2.0 light");
});

test("age: a dark that is saturated, or as bright as its light, does not serve", async (context) => {
  for (const [integrationTimeUs, flag] of [
    [400 * MS, "dark_missing"],
    [10 * MS, "shutter_doubtful"],
  ] as const) {
    const instrument = await TestInstrument.start(context);
    instrument.emulated.scene.fitShutter("downwelling", true);
    for (const spectrometer of instrument.model.rack.spectrometers.value)
      spectrometer.setIntegrationTimeUs("downwelling", integrationTimeUs);
    await instrument.record({ run: "stuck", dark: "age", sequences: 2 });
    assert.equal(await kinds(instrument, "stuck"), "0.0 dark, 0.0 light, 0.1 dark, 0.1 light");
    const { spectra } = await instrument.read("stuck", "b000000_s000001_light.pico");
    for (const { flags, darkFile } of spectra.filter(({ channel }) => channel === "downwelling")) {
      assert.ok(flags.includes(flag), flags.join(" "));
      assert.equal(darkFile, null);
    }
  }
});

test("age: a long dark with some hot pixels, saturated, serves", async (context) => {
  const instrument = await TestInstrument.start(context);
  for (const spectrometer of instrument.model.rack.spectrometers.value)
    for (const channel of ["downwelling", "upwelling"])
      spectrometer.setIntegrationTimeUs(channel, 60_000 * MS);
  for (const _ of [0, 1]) await instrument.record({ run: "long", dark: "age", darkMaxAgeS: 3600 });
  const { spectra } = await instrument.read("long", "b000000_s000000_dark.pico");
  assert.ok(spectra.every(({ flags }) => flags.includes("saturated")));
  assert.equal(await kinds(instrument, "long"), "0.0 dark, 0.0 light, 1.0 light");
});

test("each light names a dark among the files of its run, whichever call of the disk fails", async (context) => {
  const failing = new FailingDisk();
  const instrument = await TestInstrument.start(context, { disk: failing.disk });
  let lost = 0;
  // The calls before are those of the run's folder.
  let failAt = 15;
  do {
    const run = `run ${failAt}`;
    failing.arm(failAt, "EIO");
    await instrument.record({ run, dark: "age" });
    failing.disarm();
    await instrument.record({ run, dark: "age" });
    const files = await instrument.files(run);
    const lights = files.filter((name) => name.endsWith("_light.pico"));
    for (const name of lights) {
      const { spectra } = await instrument.read(run, name);
      for (const { darkFile } of spectra)
        assert.ok(
          darkFile !== null && files.includes(darkFile),
          `${failAt} ${name} ${darkFile} ${files.join()}`,
        );
    }
    assert.ok(lights.length > 0, files.join(" "));
    if (files.includes("b000001_s000000_dark.pico")) lost += 1;
    failAt += 1;
  } while (failing.failed !== undefined);
  assert.ok(lost > 5, `${lost} darks were lost`);
});

test("age: after the medium was away a new dark is made: another one can have a run of the same name", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, folder, model } = instrument;
  const { status } = model.dataDirectory;
  await instrument.record({ run: "away", dark: "age", darkMaxAgeS: 3600 });
  await rename(folder, `${folder}-away`);
  await clock.run(until(status, ({ mounted }) => !mounted, NEVER));
  await rename(`${folder}-away`, folder);
  await clock.run(until(status, ({ mounted }) => mounted, NEVER));
  await instrument.record({ run: "away", dark: "age", darkMaxAgeS: 3600 });
  assert.equal(await kinds(instrument, "away"), "0.0 dark, 0.0 light, 1.0 dark, 1.0 light");
});
