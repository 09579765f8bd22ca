// Reflectance of the emulated target, whose truth is known: by white panel, and by dual field of view.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { isoUtc, SECOND } from "../../src/base/clock.ts";
import { spectrumOf } from "../support/instrument.ts";
import { CONFIGURATION, FLAME, LevelsRig, type LevelValue, panelText } from "../support/levels.ts";

/** Over how many pixels, and how far off at most, where a single scan has a signal-to-noise ratio above 100. */
async function errorOf(rig: LevelsRig, level: LevelValue, run: string) {
  const { instrument } = rig;
  const [file = ""] = (await instrument.files(run)).filter((name) => name.endsWith("_light.pico"));
  const darkFile = file.replace("light", "dark");
  const light = spectrumOf(await instrument.read(run, file), FLAME, "upwelling");
  const dark = spectrumOf(await instrument.read(run, darkFile), FLAME, "upwelling");
  const { detector } = instrument.device(FLAME).spectrometer;
  let pixels = 0;
  let largest = 0;
  for (const [pixel, value] of level.values.entries()) {
    const noise = light.statistics?.standardDeviation[pixel] ?? Number.NaN;
    const signal = (light.counts[pixel] ?? 0) - (dark.counts[pixel] ?? 0);
    if (!(signal / noise > 100) || detector.hotPixels.includes(pixel)) continue;
    const truth = instrument.emulated.scene.reflectance("upwelling", detector.wavelengthsNm[pixel] ?? 0);
    pixels += 1;
    largest = Math.max(largest, Math.abs((value ?? Number.NaN) / truth - 1));
    assert.ok(value !== null, `pixel ${pixel} has a value`);
  }
  return { pixels, largest };
}

function setScans({ instrument }: LevelsRig, scans: number): void {
  for (const spectrometer of instrument.model.rack.spectrometers.value) spectrometer.setScans(scans);
}

test("panel, then target: within 1 % of the truth, while the sun goes down", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context) });
  const { clock } = rig.instrument;
  setScans(rig, 64);
  rig.look("white-panel");
  const white = await rig.post("/acquisition/white-reference", {
    panel: "field",
    search: true,
    run: "white",
  });
  assert.equal(white.state, "done", white.error?.message);
  rig.look("canopy");
  // The downwelling light beside both corrects for what has become of the light.
  const lightNow = () => rig.instrument.emulated.scene.irradianceAt("downwelling", 700, clock.nowUs());
  const lightThen = lightNow();
  await clock.advance(6 * 3600 * SECOND);
  assert.ok(lightNow() < 0.7 * lightThen, "the sun has gone down by a third");
  for (const spectrometer of rig.instrument.model.rack.spectrometers.value)
    spectrometer.setIntegrationTimeUs("upwelling", 80_000);
  await rig.instrument.record({ run: "target", order: "interleaved" });
  const level = await rig.level("reflectance");
  assert.equal(level.method, "white panel");
  assert.equal(level.downwelling?.spectra, 2);
  const { pixels, largest } = await errorOf(rig, level, "target");
  context.diagnostic(`${pixels} pixels, at most ${(100 * largest).toFixed(2)} % off`);
  assert.ok(pixels > 500, `${pixels} pixels`);
  assert.ok(largest < 0.01, `${largest}`);
  assert.ok(!level.flags.includes("reference_stale"), "paired references last for a day");

  const dual = await rig.level("reflectance", { way: "dual" });
  assert.equal(dual.method, "dual field of view");
  assert.equal(dual.whiteReference, undefined);
  assert.ok(
    (await errorOf(rig, dual, "target")).largest < 0.01,
    "both channels of the emulator have one response",
  );
});

test("old tools read the file, new ones find the panel in it", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context) });
  rig.look("white-panel");
  await rig.post("/acquisition/white-reference", { panel: "field", run: "white" });
  const text = await readFile(join(rig.instrument.folder, "white", "b000000_s000000_light.pico"), "utf8");
  const { Spectra }: { Spectra: { Metadata: Record<string, unknown> }[] } = JSON.parse(text);
  const told = Spectra.map(
    ({ Metadata: { Type, Direction, Bracket, Target, Panel, PanelSerial, PanelCalibrated } }) => ({
      Type,
      Direction,
      Bracket,
      Target,
      Panel,
      PanelSerial,
      PanelCalibrated,
    }),
  );
  const none = { Target: undefined, Panel: undefined, PanelSerial: undefined, PanelCalibrated: undefined };
  const down = { Type: "light", Direction: "downwelling", ...none };
  const up = {
    Type: "light",
    Direction: "upwelling",
    Bracket: undefined,
    Target: "white panel",
    Panel: "field",
    PanelSerial: "99AA05",
    PanelCalibrated: "2026-01-15",
  };
  const before = { ...down, Bracket: "before" };
  const after = { ...down, Bracket: "after" };
  assert.deepEqual(told, [before, before, up, up, after, after]);
});

test("a reference survives a restart; it is not used when its panel is another one by then", async (context) => {
  const folder = await LevelsRig.folder(context);
  const first = await LevelsRig.start(context, { folder });
  first.look("white-panel");
  await first.post("/acquisition/white-reference", { panel: "field", run: "white" });
  const white = await first.get("/acquisition/white-reference");
  assert.equal(references(white).length, 2);
  await first.instrument.clock.run(first.instrument.server.close());

  const second = await LevelsRig.start(context, { folder });
  const again = await second.get("/acquisition/white-reference");
  const facts = (value: unknown) => references(value).map(({ ageS: _, ...rest }) => rest);
  assert.deepEqual(facts(again), facts(white));
  await second.instrument.record({ run: "target" });
  assert.equal((await second.level("reflectance")).method, "white panel");
  await second.instrument.clock.run(second.instrument.server.close());

  await writeFile(join(folder, "panel.csv"), panelText().replace("99AA05", "99AA06"));
  const configuration = CONFIGURATION.replace("99AA05", "99AA06");
  const third = await LevelsRig.start(context, { folder, configuration });
  assert.deepEqual(references(await third.get("/acquisition/white-reference")), []);
});

test("a reference that cannot be used is not forgotten when another one is recorded", async (context) => {
  const folder = await LevelsRig.folder(context);
  const first = await LevelsRig.start(context, { folder });
  first.look("white-panel");
  await first.post("/acquisition/white-reference", { panel: "field", run: "white" });
  await first.instrument.clock.run(first.instrument.server.close());

  await writeFile(join(folder, "panel.csv"), panelText().replace("99AA05", "99AA06"));
  const configuration = CONFIGURATION.replace("99AA05", "99AA06");
  const second = await LevelsRig.start(context, { folder, configuration });
  second.look("white-panel");
  const { emulated } = second.instrument;
  emulated.bus.detach(second.instrument.device(FLAME).spectrometer);
  await second.instrument.clock.advance(2 * SECOND);
  await second.post("/acquisition/white-reference", { panel: "field", run: "white" });
  await second.instrument.clock.run(second.instrument.server.close());

  await writeFile(join(folder, "panel.csv"), panelText());
  const third = await LevelsRig.start(context, { folder });
  const found = references(await third.get("/acquisition/white-reference"));
  assert.deepEqual(
    found.map(({ serial }) => serial),
    [FLAME],
  );
});

interface ReferenceValue {
  readonly ageS: number;
  readonly serial: string;
  readonly run: string;
}

function references(value: unknown): readonly ReferenceValue[] {
  const { references: found }: { references: readonly ReferenceValue[] } = JSON.parse(JSON.stringify(value));
  return found;
}

test("a saturated panel is refused with the reason, and the reference of before stays", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context) });
  rig.look("white-panel");
  await rig.post("/acquisition/white-reference", { panel: "field", run: "white" });
  rig.instrument.model.rack.spectrometer(FLAME).setIntegrationTimeUs("upwelling", 200_000);
  const refused = await rig.post("/acquisition/white-reference", { panel: "field", run: "bright" });
  assert.equal(refused.state, "failed");
  assert.deepEqual(refused.error, {
    code: "VALUE_OUT_OF_RANGE",
    message: `white reference not taken: ${FLAME} upwelling: saturated with 200000 us`,
  });
  const runs = references(await rig.get("/acquisition/white-reference")).map(
    ({ serial, run }) => `${serial} ${run}`,
  );
  assert.deepEqual(
    runs.sort(),
    [`${FLAME} white`, "QEP00709 bright"],
    "the other spectrometer has its new one",
  );
  await assert.rejects(rig.post("/acquisition/white-reference", { panel: "lost" }), {
    message: "panel lost: not configured, there are field",
  });
  await assert.rejects(rig.post("/acquisition/white-reference", { panel: "field", channels: ["north"] }), {
    message: "channel north: there is none, there are downwelling, upwelling",
  });
});

const ONE_CHANNEL = CONFIGURATION.replace("[[shutter_1]]\ndirection = downwelling\n", "").replace(
  "[[[[downwelling]]]]\nradiometric_file = down.csv\n",
  "",
);

test("reference_stale: a panel alone after a quarter of an hour, and one whose calibration has run out", async (context) => {
  const folder = await LevelsRig.folder(context);
  const rig = await LevelsRig.start(context, { folder, configuration: ONE_CHANNEL });
  const { instrument } = rig;
  rig.look("white-panel");
  await rig.post("/acquisition/white-reference", { panel: "field", run: "white" });
  rig.look("canopy");
  const flagsOf = async (run: string) => {
    await instrument.record({ run });
    const file = await instrument.read(run, "b000000_s000000_light.pico");
    return {
      recorded: spectrumOf(file, FLAME, "upwelling").flags,
      live: (await rig.level("reflectance")).flags,
    };
  };
  const fresh = await flagsOf("fresh");
  assert.deepEqual(fresh, { recorded: ["simulated"], live: ["simulated"] });
  assert.equal((await rig.level("reflectance")).notCorrected, "no downwelling light beside the reference");
  await instrument.clock.advance(1000 * SECOND);
  const old = await flagsOf("old");
  assert.ok(old.recorded.includes("reference_stale"));
  assert.ok(old.live.includes("reference_stale"));
  await rig.post("/acquisition/white-reference", { panel: "field", run: "white again" });
  const panels = await instrument.read("white again", "b000000_s000000_light.pico");
  assert.ok(
    !spectrumOf(panels, FLAME, "upwelling").flags.includes("reference_stale"),
    "it is the new one itself",
  );
  assert.ok(!(await flagsOf("new")).recorded.includes("reference_stale"));

  const due = await LevelsRig.folder(context, {}, panelText("2020-01-15"));
  const late = await LevelsRig.start(context, { folder: due });
  late.look("white-panel");
  await late.post("/acquisition/white-reference", { panel: "field", run: "white" });
  await late.instrument.record({ run: "target" });
  assert.ok((await late.level("reflectance")).flags.includes("reference_stale"));
});

test("why there is no reflectance", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context) });
  const refusal = (query = {}, channel = "upwelling") =>
    rig.level("reflectance", query, channel).then(
      () => "",
      ({ message }: Error) => message,
    );
  assert.equal(await refusal(), `${FLAME} upwelling: no light spectrum since the start`);
  assert.equal(
    await refusal({}, "downwelling"),
    `${FLAME} downwelling: sees the sky, reflectance is of the other channels`,
  );
  await rig.instrument.record({ run: "target" });
  assert.equal(await refusal({ way: "panel" }), `${FLAME} upwelling: no white reference is recorded`);
  assert.equal(await refusal({ way: "dual" }), "");
});

test("a light whose dark comes last waits for it; two in a row without one are an error", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context) });
  await rig.instrument.record({ run: "target" });
  const before = await rig.level("reflectance");
  assert.equal(before.pending, undefined);
  const spectrometer = rig.instrument.model.rack.spectrometer(FLAME);
  spectrometer.setIntegrationTimeUs("upwelling", 25_000);
  const acquire = (kind: "light" | "dark") =>
    rig.instrument.clock.run(spectrometer.acquire({ channel: "upwelling", kind, notBeforeUs: 0 }, NEVER));
  await acquire("light");
  const waiting = await rig.level("reflectance");
  const fact = "upwelling: no dark of 25000 us since the start";
  assert.deepEqual(waiting, { ...before, pending: fact });
  const newest = await acquire("light");
  await assert.rejects(rig.level("reflectance"), {
    code: "RESOURCE_NOT_FOUND",
    message: `${FLAME} ${fact}`,
  });
  await acquire("dark");
  const after = await rig.level("reflectance");
  assert.equal(after.exposureStart, isoUtc(newest.exposureStartUtcUs));
  assert.equal(after.pending, undefined);
  assert.ok(after.darkAgeS < 0, "the dark came later");
});

test("the target of the emulated scene can be changed, to one that it knows", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context) });
  rig.look("soil");
  assert.equal(await rig.get("/emulator/targets/upwelling"), "soil");
  assert.equal(rig.instrument.emulated.scene.targetOf("upwelling"), "soil");
  assert.throws(() => rig.look("snow"), {
    code: "VALUE_INVALID",
    message: "target 'snow': there is none, there are sky, canopy, soil, white-panel",
  });
});

test("it is observed, and computed once for the same spectra", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context) });
  await rig.instrument.record({ run: "target" });
  let changes = 0;
  const stop = rig.observe(`/spectrometers/${FLAME}/reflectance/upwelling`, () => changes++);
  const first = await rig.instrument.model.levels.reflectance(
    "auto",
    { serial: FLAME, channel: "upwelling" },
    NEVER,
  );
  assert.equal(
    await rig.instrument.model.levels.reflectance("auto", { serial: FLAME, channel: "upwelling" }, NEVER),
    first,
  );
  await rig.instrument.record({ run: "target" });
  assert.ok(changes >= 2);
  const second = await rig.instrument.model.levels.reflectance(
    "auto",
    { serial: FLAME, channel: "upwelling" },
    NEVER,
  );
  assert.notEqual(second, first);
  stop();
});
