// Each quality flag: raised in one situation of the emulated instrument, and not in a usual one.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { isoUtc, MS, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { logTo, SILENT } from "../../src/base/log.ts";
import type { Programs } from "../../src/drivers/clock/port.ts";
import type { SpectrometerDriver } from "../../src/drivers/oceanoptics/driver.ts";
import { openDriver } from "../../src/drivers/oceanoptics/open.ts";
import { EmulatedGpsd } from "../../src/emulator/gpsd/far-end.ts";
import type { BatchSettings } from "../../src/acquisition/settings.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import { DEFAULT_LIMITS } from "../../src/spectra/quality.ts";
import { TestInstrument, type TestInstrumentOptions } from "../support/instrument.ts";

const SERIAL = "FLMS01859";
const FLAME_PRODUCT = 0x101e;
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

/** An instrument, and what its log says of flags. */
async function startedWithLog(context: TestContext, options: TestInstrumentOptions = {}) {
  const told: { run: string; kind: string; flags: Readonly<Record<string, number>> }[] = [];
  const write = (text: string): void => {
    const line = JSON.parse(text);
    if (line.msg === "spectra have quality flags") told.push(line);
  };
  return { instrument: await started(context, { ...options, log: logTo({ write }) }), told };
}

/** How many lights of the run have the flag: in the files, in the catalogue, among the newest verdicts, in the log. */
async function placesOf(
  flag: string,
  run: string,
  { instrument, told }: Awaited<ReturnType<typeof startedWithLog>>,
) {
  const router = new Router(instrument.model, TREE);
  // No time of the clock passes meanwhile: a thread answers.
  const ask = (path: string, query = {}): Promise<unknown> =>
    router.get(router.match(path.split("/")), query, NEVER);
  const names = (await instrument.files(run)).filter((name) => name.endsWith("_light.pico"));
  const files = await Promise.all(names.map((name) => instrument.read(run, name)));
  const { total } = TOTAL.parse(await ask("datadir/spectra", { run, kind: "light", flags: flag }));
  const { newest } = VERDICTS.parse(await ask("quality"));
  return {
    file: files.flatMap(({ spectra }) => spectra).filter(({ flags }) => flags.includes(flag)).length,
    catalogue: total,
    resource: newest.filter(({ kind, flags }) => kind === "light" && flags.includes(flag)).length,
    log: told
      .filter((line) => line.run === run && line.kind === "light")
      .reduce((sum, { flags }) => sum + (flags[flag] ?? 0), 0),
  };
}

const TOTAL = z.looseObject({ total: z.number() });
const VERDICTS = z.looseObject({
  newest: z.array(z.looseObject({ kind: z.string(), flags: z.array(z.string()) })),
});

/** So many in each place. */
function everywhere(count: number) {
  return { file: count, catalogue: count, resource: count, log: count };
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

test("the verdicts on the newest light and dark of each spectrometer and channel are a resource that tells of changes", async (context) => {
  const instrument = await started(context);
  const { model } = instrument;
  const router = new Router(model, TREE);
  const quality = router.match(["quality"]);
  let changes = 0;
  const stop = router.observe(quality)?.(() => {
    changes += 1;
  });
  // With a dark before the first light and one after the last.
  await instrument.record({ run: "quality", sequences: 2 });
  stop?.();
  assert.ok(changes >= 16, `${changes} changes for 16 spectra`);
  const value = await router.get(quality, {}, NEVER);
  const expected = [SERIAL, COOLED].flatMap((serial) =>
    ["downwelling", "upwelling"].flatMap((channel) => {
      const { value: dark, lights } = model.rack.spectrometer(serial).newest(channel);
      return [lights[0], dark].map((one, index) => ({
        serial,
        channel,
        kind: ["light", "dark"][index],
        exposureStart: isoUtc(one?.exposureStartUtcUs ?? 0),
        colour: "green",
        mask: 2,
        flags: ["simulated"],
      }));
    }),
  );
  assert.deepEqual(value, { newest: expected, limits: DEFAULT_LIMITS });
});

test("a device without a wavelength calibration, and one with", async (context) => {
  const parts = await startedWithLog(context);
  const { clock, model } = parts.instrument;
  const { controls } = model.rack.spectrometer(SERIAL);
  await flagsOf(parts.instrument, { run: "calibrated" });
  assert.deepEqual(await placesOf("uncalibrated", "calibrated", parts), everywhere(0));
  await clock.run(controls.write("calibration", { wavelengthCoefficients: [0, 1, 0, 0] }, NEVER));
  assert.deepEqual(await flagsOf(parts.instrument, { run: "bare" }), [["uncalibrated"]]);
  assert.deepEqual(await placesOf("uncalibrated", "bare", parts), everywhere(2));
});

test("exposures that last from signal to signal, and such that a signal only starts", async (context) => {
  const parts = await startedWithLog(context);
  const { clock, model } = parts.instrument;
  const flame = model.rack.spectrometer(SERIAL);
  const unit = model.emulatedUnits.get(SERIAL) ?? assert.fail();
  const places = new Map<string, object>();
  for (const mode of ["hardware", "synchronization"] as const) {
    await clock.run(flame.controls.write("trigger", { mode }, NEVER));
    const operation = model.recorder.record({ run: mode });
    for (let edge = 0; edge < 1000 && operation.status.value.state === "running"; edge++) {
      await clock.advance(40 * MS);
      unit.setTriggerInput(true);
      await clock.advance(MS);
      unit.setTriggerInput(false);
    }
    assert.equal(operation.status.value.state, "done", operation.status.value.error?.message);
    places.set(mode, await placesOf("external_timing", mode, parts));
  }
  assert.deepEqual(Object.fromEntries(places), { hardware: everywhere(0), synchronization: everywhere(2) });
});

test("a position that gpsd has lost for long, and one that it has just told", async (context) => {
  let far: EmulatedGpsd | undefined;
  const gpsd: TestInstrumentOptions["gpsd"] = (clock) =>
    (far = new EmulatedGpsd(clock, { lat: 55.92, lon: -3.17, alt: 80 }));
  const parts = await startedWithLog(context, { place: "unknown", gpsd });
  const { clock, model } = parts.instrument;
  await clock.run(until(model.position, (known) => known !== undefined, NEVER));
  assert.deepEqual(await flagsOf(parts.instrument, { run: "fresh" }), [[]]);
  assert.deepEqual(await placesOf("position_stale", "fresh", parts), everywhere(0));
  assert.ok(far);
  far.fix = undefined;
  await clock.advance(620 * SECOND);
  assert.deepEqual(await flagsOf(parts.instrument, { run: "lost" }), [["position_stale"]]);
  assert.deepEqual(await placesOf("position_stale", "lost", parts), everywhere(4));
});

test("a driver that cannot prove how fresh its spectra are, and those that can", async (context) => {
  const parts = await startedWithLog(context);
  const { clock, model } = parts.instrument;
  await flagsOf(parts.instrument, { run: "proven" });
  assert.deepEqual(await placesOf("stale_risk", "proven", parts), everywhere(0));
  const flame = model.rack.spectrometer(SERIAL);
  await clock.run(flame.detach(new VscopeError("DEVICE_NOT_CONNECTED", "another driver comes")));
  flame.attach(await clock.run(driverWithoutProof(parts.instrument)));
  assert.deepEqual(await flagsOf(parts.instrument, { run: "doubtful" }), [
    // Nor can its dark be proven fresh, so none serves.
    ["stale_risk", "dark_missing"],
  ]);
  assert.deepEqual(await placesOf("stale_risk", "doubtful", parts), everywhere(2));
});

// None of the present drivers: each refuses a spectrum that it cannot prove. The port allows for one that cannot.
async function driverWithoutProof({ clock, emulated }: TestInstrument): Promise<SpectrometerDriver> {
  const usb = await emulated.bus.list();
  const device = usb.find(({ productId }) => productId === FLAME_PRODUCT) ?? assert.fail();
  const driver = await openDriver({ device, clock, log: SILENT, isSimulated: true }, NEVER);
  const { identity, controls, awaitedTrigger, recovery } = driver;
  return {
    identity,
    controls,
    awaitedTrigger,
    recovery,
    acquire: async (exposure, signal) => ({ ...(await driver.acquire(exposure, signal)), freshness: "none" }),
    resynchronize: (signal) => driver.resynchronize(signal),
    close: () => driver.close(),
  };
}

test("clouds: both lights of a bracket have the flag live, too, and so has the reflectance", async (context) => {
  const cloudy = await started(context, { seed: 3, cloudStrength: 1 });
  const { levels, rack } = cloudy.model;
  const isFlagged = ({ flags }: { flags: readonly string[] }): boolean =>
    flags.includes("variable_irradiance");
  const told: boolean[][] = [];
  for (let batch = 0; batch < 5; batch++) {
    await cloudy.record({ run: "live", order: "interleaved" });
    const { lights } = rack.spectrometer(SERIAL).newest("downwelling");
    const level = await levels.reflectance("dual", { serial: SERIAL, channel: "upwelling" }, NEVER);
    told.push([...lights, level].map(isFlagged));
    await cloudy.clock.advance(20 * SECOND);
  }
  const none = [false, false, false];
  const all = [true, true, true];
  assert.deepEqual(told, [none, none, none, all, all]);
});
