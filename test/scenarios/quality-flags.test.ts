// Each quality flag: raised in one situation of the emulated instrument, and not in a usual one.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { isoUtc, MS, SECOND } from "../../src/base/clock.ts";
import { logTo } from "../../src/base/log.ts";
import type { Programs } from "../../src/drivers/clock/port.ts";
import type { BatchSettings } from "../../src/acquisition/settings.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { DEFAULT_LIMITS } from "../../src/spectra/quality.ts";
import { TestInstrument, type TestInstrumentOptions } from "../support/instrument.ts";

const SERIAL = "FLMS01859";
const COOLED = "QEP00709";
const SYNCHRONISED = "C37E8A8C,PPS,1,1782043190.0,0.000001,0.0,0.0,0.0,0.0,0.0,0.000010,0.000020,16.0,Normal";
const LOST = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised";

function chrony(tracking: string): Programs {
  return { run: async () => tracking };
}

/** Records a batch; the flags of its lights by sequence. */
async function flagsOf(instrument: TestInstrument, settings: Partial<BatchSettings> = {}) {
  const { run = "flags" } = settings;
  const status = await instrument.record({ ...settings, run });
  assert.equal(status.state, "done", status.error?.message);
  return lightFlags(instrument, run);
}

/** Of all spectrometers and channels together; without that of emulation. */
async function lightFlags(instrument: TestInstrument, run: string): Promise<string[][]> {
  const names = (await instrument.files(run)).filter((name) => name.endsWith("_light.pico"));
  const files = await Promise.all(names.map((name) => instrument.read(run, name)));
  return files.map(({ spectra }) => {
    const all = new Set(spectra.flatMap(({ flags }) => flags));
    return [...all].filter((name) => name !== "simulated");
  });
}

async function started(context: TestContext, options: TestInstrumentOptions = {}) {
  const instrument = await TestInstrument.start(context, options);
  setAll(instrument, 10 * MS, 30 * MS);
  return instrument;
}

function setAll({ model }: TestInstrument, downwellingUs: number, upwellingUs: number): void {
  for (const spectrometer of model.rack.spectrometers.value) {
    spectrometer.setIntegrationTimeUs("downwelling", downwellingUs);
    spectrometer.setIntegrationTimeUs("upwelling", upwellingUs);
  }
}

test("a usual batch at noon under a clear sky has green spectra", async (context) => {
  const instrument = await started(context, { programs: chrony(SYNCHRONISED) });
  assert.deepEqual(await flagsOf(instrument, { sequences: 3, order: "interleaved" }), [[], [], []]);
  const { spectra } = await instrument.read("flags", "b000000_s000000_light.pico");
  for (const { flags, clockSource, clockErrorUs } of spectra)
    assert.deepEqual(
      { flags, clockSource, clockErrorUs },
      { flags: ["simulated"], clockSource: "chrony", clockErrorUs: 26 },
    );
});

test("low light, and too much of it", async (context) => {
  const instrument = await started(context);
  instrument.model.rack.spectrometer(SERIAL).setIntegrationTimeUs("upwelling", MS);
  assert.deepEqual(await flagsOf(instrument, { run: "low" }), [["low_signal"]]);
  setAll(instrument, 400 * MS, 400 * MS);
  assert.deepEqual(await flagsOf(instrument, { run: "high" }), [["saturated"]]);
});

test("a cooler on its way, and one that has settled", async (context) => {
  const instrument = await started(context);
  const { clock, model } = instrument;
  const spectrometer = model.rack.spectrometer(COOLED);
  await flagsOf(instrument, { run: "before" });
  await clock.run(spectrometer.setTec({ enabled: true, setpointC: 4 }, NEVER));
  await clock.advance(12 * SECOND);
  assert.deepEqual(await flagsOf(instrument, { run: "drift", dark: "every" }), [["tec_unstable"]]);
  await clock.run(clock.delay(600 * SECOND, NEVER));
  assert.deepEqual(await flagsOf(instrument, { run: "settled", dark: "every" }), [[]]);
});

test("a dark that is older than a quarter of an hour, and none that is when each light has its own", async (context) => {
  const instrument = await started(context);
  const [first, second, third] = await flagsOf(instrument, { run: "bracket", sequences: 3, delayS: 600 });
  assert.deepEqual([first, second], [[], []]);
  assert.ok(third?.includes("dark_stale"));
  const every = await flagsOf(instrument, { run: "every", sequences: 3, delayS: 600, dark: "every" });
  assert.deepEqual(every, [[], [], []]);
});

test("an integration time that is changed after the dark", async (context) => {
  const instrument = await started(context);
  const { clock, model } = instrument;
  const operation = model.recorder.record({ run: "changed", sequences: 3, delayS: 20 });
  await clock.advance(10 * SECOND);
  model.rack.spectrometer(COOLED).setIntegrationTimeUs("upwelling", 25 * MS);
  await instrument.finish(operation);
  assert.deepEqual(await lightFlags(instrument, "changed"), [[], ["dark_mismatched"], ["dark_mismatched"]]);
});

test("a spectrometer that was away while the darks were made", async (context) => {
  const instrument = await started(context);
  const { clock, model } = instrument;
  const { connection } = instrument.device(SERIAL);
  connection.setPlugged(false);
  const operation = model.recorder.record({ run: "away", sequences: 3, delayS: 20 });
  await clock.advance(10 * SECOND);
  connection.setPlugged(true);
  await instrument.finish(operation);
  assert.deepEqual(await lightFlags(instrument, "away"), [[], ["dark_missing"], ["dark_missing"]]);
});

test("clouds: the irradiance that changes spoils the whole sequence", async (context) => {
  const cloudy = await started(context, { seed: 3, cloudStrength: 1 });
  const lists = await flagsOf(cloudy, { sequences: 20, order: "interleaved", delayS: 20 });
  assert.ok(lists.some((list) => list.includes("variable_irradiance")));
  assert.ok(
    lists.some((list) => !list.includes("variable_irradiance")),
    "between the clouds",
  );
  for (let sequence = 0; sequence < 20; sequence++) {
    const { spectra } = await cloudy.read(
      "flags",
      `b000000_s${String(sequence).padStart(6, "0")}_light.pico`,
    );
    const own = spectra.filter(({ serial }) => serial === SERIAL);
    const raised = own.filter(({ flags }) => flags.includes("variable_irradiance"));
    assert.ok(raised.length === 0 || raised.length === own.length, "all lights of a spectrometer, or none");
  }
});

test("the sun is low at the configured position, and unknown without one", async (context) => {
  const evening = Date.UTC(2026, 5, 21, 20) * 1000;
  assert.deepEqual(await flagsOf(await started(context, { startUtcUs: evening })), [["sun_low"]]);
  const nowhere = await started(context, { startUtcUs: evening, place: "unknown" });
  assert.deepEqual(await flagsOf(nowhere), [[]]);
});

test("a clock that is not synchronised, and one that nobody knows of", async (context) => {
  const lost = await started(context, { programs: chrony(LOST) });
  assert.deepEqual(await flagsOf(lost), [["clock_unsynchronised"]]);
  assert.deepEqual(lost.model.clockState.value, { isSynchronised: false, source: "chrony" });
  const unknown = await started(context);
  assert.deepEqual(unknown.model.clockState.value, { source: "unknown" });
  assert.deepEqual(await flagsOf(unknown), [[]]);
});

test("the state of the clock is asked again and again", async (context) => {
  let tracking = LOST;
  const instrument = await started(context, { programs: { run: async () => tracking } });
  const { clock, model } = instrument;
  tracking = SYNCHRONISED;
  await clock.advance(31 * SECOND);
  assert.equal(model.clockState.value.isSynchronised, true);
});

test("counts beyond the range of the nonlinearity polynomial", async (context) => {
  const instrument = await started(context);
  const { controls, identity } = instrument.model.rack.spectrometer(SERIAL);
  const turn = 0.2 * identity.maxCounts;
  const nonlinearityCoefficients = [1, 0, 1 / turn ** 2, 0, 0, 0, 0, 0];
  await instrument.clock.run(controls.write("calibration", { nonlinearityCoefficients }, NEVER));
  assert.deepEqual(await flagsOf(instrument), [["nonlinearity_out_of_range"]]);
});

test("a shutter that does not close", async (context) => {
  const instrument = await started(context);
  instrument.emulated.scene.fitShutter("downwelling", true);
  const [first = []] = await flagsOf(instrument, { dark: "every" });
  assert.ok(first.includes("shutter_doubtful"));
});

test("the log has one line for each file with flags, the result counts them", async (context) => {
  const lines: { msg: string; colour?: string; flags?: object; sequence?: number }[] = [];
  const log = logTo({ write: (text: string) => void lines.push(JSON.parse(text)) });
  const instrument = await started(context, { log, programs: chrony(LOST) });
  const { result } = await instrument.record({ run: "logged", sequences: 2 });
  const told = lines.filter(({ msg }) => msg === "spectra have quality flags");
  assert.equal(told.length, (await instrument.files("logged")).length);
  assert.deepEqual(told[0]?.flags, { simulated: 4, clock_unsynchronised: 4 });
  assert.equal(told[0]?.colour, "amber");
  assert.ok(typeof result === "object" && result !== null && "flags" in result);
  assert.deepEqual(result.flags, { simulated: 16, clock_unsynchronised: 16 });
});

test("the newest verdict of each spectrometer and channel is a resource that tells of changes", async (context) => {
  const instrument = await started(context);
  const { model } = instrument;
  const router = new Router(model, TREE);
  const quality = router.match(["quality"]);
  let changes = 0;
  const stop = router.observe(quality)?.(() => {
    changes += 1;
  });
  await instrument.record({ run: "quality" });
  stop?.();
  assert.ok(changes >= 8, `${changes} changes for 8 spectra`);
  const value = await router.get(quality, {}, NEVER);
  const expected = [SERIAL, COOLED].flatMap((serial) =>
    ["downwelling", "upwelling"].map((channel) => {
      const { exposureStartUtcUs = 0 } = model.rack.spectrometer(serial).newest(channel).value ?? {};
      const exposureStart = isoUtc(exposureStartUtcUs);
      const verdict = { colour: "green", mask: 2, flags: ["simulated"] };
      return { serial, channel, kind: "light", exposureStart, ...verdict };
    }),
  );
  assert.deepEqual(value, { newest: expected, limits: DEFAULT_LIMITS });
});
