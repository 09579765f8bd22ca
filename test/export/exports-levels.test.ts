// Exports of a server above raw counts are made by the panels and calibrations that its live levels use, those in the memory
// of an instrument included, and say so.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { createEmulatedInstrument } from "../../src/emulator/instrument.ts";
import type { ExportRequest } from "../../src/export/request.ts";
import type { ExportStatus } from "../../src/export/server-export.ts";
import { CONFIGURATION, factorsOf, FLAME, LevelsRig, panelText, radiometricText } from "../support/levels.ts";

const REFLECTANCE: ExportRequest = {
  run: "plot10",
  format: "csv",
  level: "reflectance",
  serial: FLAME,
  uncertainty: true,
};
const RADIANCE: ExportRequest = { ...REFLECTANCE, level: "radiance", channel: "downwelling" };

// The same serial number has the same response everywhere.
const UNIT = createEmulatedInstrument({ clock: new VirtualClock(), log: SILENT });
const DETECTOR = UNIT.devices.get(FLAME)?.spectrometer.detector ?? assert.fail();

function calibrationText(channel: "upwelling" | "downwelling", factor: number, header = ""): string {
  const kind = channel === "upwelling" ? "radiance" : "irradiance";
  const text = radiometricText(
    kind,
    channel,
    factorsOf(DETECTOR, (response) => factor / response),
  );
  return text.replace("# date: 2026-03-01", `# date: 2026-03-01${header}`);
}

const provenanceShape = z.object({
  inputs: z.array(z.object({ id: z.string(), sha256: z.string() })),
  steps: z.array(z.looseObject({ step: z.string(), facts: z.record(z.string(), z.unknown()) })),
});

async function exported({ instrument }: LevelsRig, request: ExportRequest) {
  const { exports } = instrument.model;
  const made = await exports.start(request);
  // Instruments answer on the virtual clock, the export's thread on the real one.
  const hasRead = ({ state, doing, done, of }: ExportStatus): boolean =>
    state !== "running" || (doing === "calibrations read" && done === of);
  if (request.panel === undefined) await instrument.clock.run(until(made.status, hasRead, NEVER));
  await made.finished;
  const status: ExportStatus = made.status.value;
  const read = async (ending: string): Promise<string> => {
    const name = status.files.find((file) => file.name.endsWith(ending))?.name ?? assert.fail(ending);
    const file = await exports.open(made.id, name);
    return Buffer.from(await file.read(0, file.size, NEVER)).toString();
  };
  const table = async (ending: string) => {
    const lines = (await read(ending)).trim().split("\n");
    const [headings = [], ...rows] = lines
      .filter((line) => !line.startsWith("#"))
      .map((line) => line.split(","));
    const first = headings.findIndex((heading) => !Number.isNaN(Number(heading)));
    return rows.map((row) => row.slice(first).map((cell) => (cell === "" ? null : Number(cell))));
  };
  const provenance = async () => {
    const { inputs, steps } = provenanceShape.parse(JSON.parse(await read(".provenance.json")));
    return {
      inputs,
      factsOf: (name: string) => steps.filter(({ step }) => step === name).map((one) => one.facts),
    };
  };
  return { status, read, table, provenance };
}

/** Live values have six digits. */
function assertSame(found: readonly (number | null)[], live: readonly (number | null)[]): void {
  assert.equal(found.length, live.length);
  let compared = 0;
  for (const [pixel, value] of found.entries()) {
    const other = live[pixel];
    if (value === null || other === null || other === undefined) assert.equal(value, other, `pixel ${pixel}`);
    else {
      assert.ok(Math.abs(value / other - 1) < 1e-5, `pixel ${pixel}: ${value}, ${other}`);
      compared += 1;
    }
  }
  assert.ok(compared > 500, `${compared} pixels`);
}

/** Live errors come of the noise of the newest spectra alone. */
function assertNear(found: readonly (number | null)[], live: readonly (number | null)[]): void {
  assert.equal(found.length, live.length);
  const ratios = found.flatMap((error, pixel) =>
    error === null ? [] : [(live[pixel] ?? Number.NaN) / error],
  );
  assert.ok(ratios.length > 500, `${ratios.length} pixels`);
  for (const ratio of ratios) assert.ok(Math.abs(ratio - 1) < 0.2, `${ratio}`);
}

async function withLights(
  context: TestContext,
  files: Readonly<Record<string, string>>,
  configuration = CONFIGURATION,
): Promise<LevelsRig> {
  const folder = await LevelsRig.folder(context, files);
  const rig = await LevelsRig.start(context, { folder, configuration });
  for (const spectrometer of rig.instrument.model.rack.spectrometers.value) spectrometer.setScans(16);
  return rig;
}

async function record({ instrument }: LevelsRig): Promise<void> {
  const { state, error } = await instrument.record({ run: "plot10" });
  assert.equal(state, "done", error?.message);
}

test("by a panel of the configuration, with its name and hash; one that is not there is refused", async (context) => {
  const panel = `# uncertainty_percent: 1\n# coverage_factor: 2\n${panelText()}`;
  const rig = await withLights(context, { "panel.csv": panel });
  rig.look("white-panel");
  const white = await rig.post("/acquisition/white-reference", { panel: "field", run: "plot10" });
  assert.equal(white.state, "done", white.error?.message);
  rig.look("canopy");
  await record(rig);
  const { status, table, provenance, read } = await exported(rig, { ...REFLECTANCE, panel: "field" });
  assert.equal(status.state, "done", status.error?.message);
  const live = await rig.level("reflectance", { way: "panel" });
  const [values = []] = await table("reflectance.csv");
  assertSame(values, live.values);
  assert.match(await read("reflectance.csv"), /^# method: white panel$/m);
  const { inputs, factsOf } = await provenance();
  const sha256 = createHash("sha256").update(panel).digest("hex");
  assert.deepEqual(inputs.at(-1), { id: "panel.csv", sha256 });
  assert.deepEqual(factsOf("white-panel"), [
    { serial: "99AA05", calibrated: "2026-01-15", source: "panel.csv", systematicUncertainty: 0.005, k: 1 },
  ]);
  const [errors = []] = await table("_systematic_error.csv");
  assertSame(
    errors,
    values.map((value) => value && Math.abs(value) * 0.005),
  );
  const uncertain = await rig.level("reflectance", { way: "panel", uncertainty: "true" });
  assertSame(errors, uncertain.systematicErrors ?? []);
  assertNear((await table("_standard_error.csv"))[0] ?? [], uncertain.standardErrors ?? []);
  const { exports } = rig.instrument.model;
  await assert.rejects(exports.start({ ...REFLECTANCE, panel: "lost" }), { code: "RESOURCE_NOT_FOUND" });
  await assert.rejects(exports.start({ ...RADIANCE, panel: "field" }), { code: "VALUE_INVALID" });
});

test("by both calibrations where they serve, as pi L / E with the uncertainty of both; else a ratio that says why", async (context) => {
  // A foreoptic that lets half of the light through.
  const up = calibrationText("upwelling", 2 / Math.PI, "\n# uncertainty_percent: 0.6\n# coverage_factor: 1");
  const down = calibrationText("downwelling", 1, "\n# uncertainty_percent: 0.8\n# coverage_factor: 1");
  const rig = await withLights(context, { "up.csv": up, "down.csv": down });
  await record(rig);
  const { status, table, provenance, read } = await exported(rig, REFLECTANCE);
  assert.equal(status.state, "done", status.error?.message);
  const live = await rig.level("reflectance", { way: "dual" });
  assert.equal(live.method, "radiance over irradiance");
  const [values = []] = await table("reflectance.csv");
  assertSame(values, live.values);
  const truth = rig.instrument.emulated.scene.reflectance("upwelling", DETECTOR.wavelengthsNm[1000] ?? 0);
  assert.ok(Math.abs((values[1000] ?? 0) / truth / 2 - 1) < 0.05, `${values[1000]}, ${truth}`);
  assert.match(await read("reflectance.csv"), /^# method: radiance over irradiance$/m);
  const { inputs, factsOf } = await provenance();
  assert.deepEqual(
    inputs.slice(-2).map(({ id }) => id),
    ["up.csv", "down.csv"],
  );
  assert.deepEqual(
    factsOf("radiometric-calibration").map((facts) => [facts["quantity"], facts["systematicUncertainty"]]),
    [
      ["radiance", 0.006],
      ["irradiance", 0.008],
    ],
  );
  assert.match(String(factsOf("reflectance")[0]?.["method"]), /^pi times radiance over irradiance/);
  const [errors = []] = await table("_systematic_error.csv");
  assertSame(
    errors,
    values.map((value) => value && Math.abs(value) * 0.01),
  );
  const uncertain = await rig.level("reflectance", { way: "dual", uncertainty: "true" });
  assertSame(errors, uncertain.systematicErrors ?? []);
  assertNear((await table("_standard_error.csv"))[0] ?? [], uncertain.standardErrors ?? []);
  assert.equal(live.standardErrors, undefined, "nobody asked for them");

  const expired = up.replace("# date: 2026-03-01", "# date: 2024-03-01\n# valid_until: 2025-03-01");
  const old = await withLights(context, { "up.csv": expired, "down.csv": down });
  await record(old);
  const ratio = await exported(old, REFLECTANCE);
  const oldLive = await old.level("reflectance", { way: "dual" });
  assert.equal(oldLive.method, "dual field of view");
  const [ratios = []] = await ratio.table("reflectance.csv");
  assertSame(ratios, oldLive.values);
  const oldErrors = await old.level("reflectance", { way: "dual", uncertainty: "true" });
  assert.match(oldErrors.noSystematicErrors ?? "", /^a ratio of counts/);
  assertNear((await ratio.table("_standard_error.csv"))[0] ?? [], oldErrors.standardErrors ?? []);
  const facts = (await ratio.provenance()).factsOf("reflectance")[0] ?? {};
  assert.match(
    String(facts["notCalibrated"]),
    /^the calibration of FLMS01859 upwelling was valid until 2025-03-01$/,
  );
  assert.match(String(facts["method"]), /^upwelling over downwelling/);
});

test("by the memory of the instrument, also when that is unplugged since; its numbers stand in the product", async (context) => {
  const area = 0.2;
  const configuration = CONFIGURATION.replace("radiometric_file = down.csv", `collection_area_cm2 = ${area}`);
  const rig = await withLights(context, { "up.csv": calibrationText("upwelling", 1) }, configuration);
  const spectrometer = rig.instrument.model.rack.spectrometer(FLAME);
  await record(rig);
  const none = await exported(rig, RADIANCE);
  assert.equal(none.status.state, "failed");
  assert.match(none.status.error?.message ?? "", /no irradiance calibration in the instrument/);

  const microjoules = Array.from(DETECTOR.response, (response) => (response > 0 ? 1 / response : 0));
  await rig.instrument.clock.run(spectrometer.controls.write("irradiance", microjoules, NEVER));
  const { status, table, provenance } = await exported(rig, RADIANCE);
  assert.equal(status.state, "done", status.error?.message);
  const live = await rig.level("irradiance", {}, "downwelling");
  assert.deepEqual(live["calibration"], { source: "instrument" });
  const [values = []] = await table("radiance.csv");
  assertSame(values, live.values);
  const { standardErrors, noSystematicErrors } = await rig.level(
    "irradiance",
    { uncertainty: "true" },
    "downwelling",
  );
  assertNear((await table("_standard_error.csv"))[0] ?? [], standardErrors ?? []);
  assert.equal(noSystematicErrors, "not every calibration tells its uncertainty");
  const { inputs, factsOf } = await provenance();
  assert.ok(inputs.every(({ id }) => id.endsWith(".pico")));
  const [facts = {}] = factsOf("radiometric-calibration");
  assert.deepEqual([facts["source"], facts["collectionAreaCm2"]], ["instrument", area]);
  const stored = await rig.instrument.clock.run(spectrometer.controls.read("irradiance", NEVER));
  assert.deepEqual(facts["microjoules"], [...stored]);

  await unplug(rig);
  const later = await exported(rig, RADIANCE);
  assert.equal(later.status.state, "done", later.status.error?.message);
  assert.deepEqual(await later.table("radiance.csv"), [values]);

  const unread = await withLights(context, { "up.csv": calibrationText("upwelling", 1) }, configuration);
  await record(unread);
  await unplug(unread);
  const never = await exported(unread, RADIANCE);
  assert.match(never.status.error?.message ?? "", /no spectrum could be processed, FLMS01859: .*unplugged/);
  const ratio = await exported(unread, REFLECTANCE);
  assert.equal(ratio.status.state, "done", ratio.status.error?.message);
  const [reflectance = {}] = (await ratio.provenance()).factsOf("reflectance");
  assert.match(String(reflectance["notCalibrated"]), /^FLMS01859: .*unplugged/);
});

async function unplug({ instrument }: LevelsRig): Promise<void> {
  const { clock, emulated, model } = instrument;
  emulated.bus.detach(instrument.device(FLAME).spectrometer);
  const { status } = model.rack.spectrometer(FLAME);
  await clock.run(until(status, ({ state }) => state === "disconnected", NEVER));
}
