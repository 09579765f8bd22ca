// Lamps before the fibres of a server: `vscope calibrate` makes of their spectra the wavelengths that the unit has, and
// a file with which the server measures the sun.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { NEVER } from "../../src/base/abort.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { runVscope } from "../../src/interfaces/cli/program.ts";
import { wavelengthsNm } from "../../src/spectra/spectrum.ts";
import { FakeTerminal } from "../interfaces/cli/fake-terminal.ts";
import { FLAME, LevelsRig } from "../support/levels.ts";
import { sourceRoot } from "../support/sources.ts";

const CERTIFICATE = fileURLToPath(new URL("pdata/example-lamp.csv", sourceRoot));
const LIGHT = "b000000_s000000_light.pico";
const SCANS = 64;

/** Records one sequence in front of a lamp, in a run of its name. */
async function recordLamp({ instrument }: LevelsRig, lamp: string, integrationTimeUs: number): Promise<void> {
  const { emulatedLight, rack } = instrument.model;
  emulatedLight?.setSource(lamp);
  rack.spectrometer(FLAME).setScans(SCANS);
  rack.spectrometer(FLAME).setIntegrationTimeUs("downwelling", integrationTimeUs);
  await instrument.record({ run: lamp });
}

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function calibrate(rig: LevelsRig, args: readonly string[]) {
  const terminal = new FakeTerminal();
  const one = ["--serial", FLAME, "--channel", "downwelling", "--data-dir", rig.instrument.folder];
  const world = { terminal, clock: new VirtualClock(), signal: NEVER };
  const code = await runVscope(["calibrate", ...args, ...one], world);
  return { code, out: terminal.output, errors: terminal.errors };
}

test("mercury and neon give the wavelengths of the unit", async (context) => {
  const rig = await LevelsRig.start(context);
  await recordLamp(rig, "hg-ar", 5000);
  await recordLamp(rig, "ne", 5000);
  const { wavelengthsNm: truth, model } = rig.instrument.device(FLAME).spectrometer.detector;
  const [from, to] = model.opticalPixelRange;
  const files = [`hg-ar/${LIGHT}`, `ne/${LIGHT}`];
  const args = ["wavelength", ...files, "--lamp", "hg-ar,ne"];
  const { out } = await calibrate(rig, [...args, "--json"]);
  const fit = JSON.parse(out);
  const found = wavelengthsNm(fit.coefficients, truth.length);
  const squares = found.slice(from, to).map((nm, index) => (nm - (truth[from + index] ?? 0)) ** 2);
  const rms = Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / squares.length);
  context.diagnostic(`off by ${rms.toFixed(4)} nm RMS`);
  assert.ok(rms < 0.05);
  const off = fit.coefficients.map((value: number, power: number) => 1.004 * value + (power === 0 ? 2 : 0));

  const text = await calibrate(rig, [...args, "--start", off.join(",")]);
  assert.equal(text.errors, "");
  assert.match(text.out, /^lamp +line \/ nm +pixel +error +residual \/ nm\n/);
  assert.match(text.out, /^hg-ar +546\.075 +\d+\.\d{3} +0\.0\d\d +-?0\.0\d{3}$/m);
  assert.match(
    text.out,
    /^FLMS01859 downwelling: \d\d of \d\d lines, degree 3, residuals 0\.00\d\d nm RMS$/m,
  );
  assert.match(
    text.out,
    /^covered by lines: 365\.0\.\.922\.4 nm; the detector sees 340\.\d\.\.10\d\d\.\d nm/m,
  );
  assert.match(text.out, /^ {8}wavelength_coefficients = 3\d\d\.\d+, 0\.3\d+, -\d/m);
  assert.match(
    text.out,
    /^vscope put \/spectrometers\/FLMS01859\/calibration '\{"wavelengthCoefficients":\[/m,
  );
  assert.match(text.out, /residual \/ nm {3}FLMS01859/);
});

test("what cannot be calibrated is told: unknown lamp, wrong lamp, one lamp for two files, no such spectrum", async (context) => {
  const rig = await LevelsRig.start(context);
  await recordLamp(rig, "ne", 5000);
  const file = `ne/${LIGHT}`;
  const failing = async (...args: string[]) => (await calibrate(rig, ["wavelength", ...args])).errors;
  assert.match(await failing(file, "--lamp", "xenon"), /lamp 'xenon': there is none, there are hg-ar, ne/);
  assert.match(await failing(file, file, "--lamp", "ne"), /1 lamps for 2 files, one for each is needed/);
  assert.match(await failing(file, "--lamp", "ne", "--start", "1"), /'1' is not two numbers or more/);
  assert.match(await failing(`${file}/1`, "--lamp", "ne"), /0 such light spectra; --serial and --channel/);
  rig.instrument.model.emulatedLight?.setSource("sun");
  await rig.instrument.record({ run: "sun" });
  assert.match(await failing(`sun/${LIGHT}`, "--lamp", "ne"), /^vscope: lamps: \d+ /);
});

test("a standard lamp makes the file with which the server measures the sun within 1 %", async (context) => {
  const rig = await LevelsRig.start(context);
  await recordLamp(rig, "standard", 40_000);
  const file = join(await folderOf(context), "down.csv");
  const facts = ["--lamp-uncertainty", "1.2", "--fwhm", "1.51"];
  const args = ["radiometric", `standard/${LIGHT}`, "--lamp", CERTIFICATE, "-o", file, ...facts];
  const { code, out, errors } = await calibrate(rig, args);
  assert.equal(errors, "");
  assert.equal(code, 0);
  assert.match(out, /down\.csv written: FLMS01859 downwelling, irradiance, \d{4} factors from \d/);
  const text = await readFile(file, "utf8");
  assert.match(text, /^## lines of the instrument: 1\.51 nm wide.*\n## simulated/m);
  assert.match(text, /^# uncertainty_percent: 0\.6\n# coverage_factor: 1$/m);
  const again = await calibrate(rig, args);
  assert.equal(again.code, 2);
  assert.match(again.errors, /down\.csv: there is one already, nothing is replaced/);
  assert.ok(/^wavelength_nm, factor, noise_percent\n[\d.]+, [\d.e-]+, \d\.\d+$/m.test(text));

  const measuring = await LevelsRig.start(context, {
    cloudStrength: 0,
    folder: await LevelsRig.folder(context, { "down.csv": text }),
  });
  const spectrometer = measuring.instrument.model.rack.spectrometer(FLAME);
  spectrometer.setScans(SCANS);
  spectrometer.setIntegrationTimeUs("downwelling", 18_000);
  await measuring.instrument.record({ run: "light" });
  const { values, unit } = await measuring.level("irradiance", {}, "downwelling");
  assert.equal(unit, "W m-2 nm-1");
  const light = sunlight(measuring);
  const underLamp = new Set(clearPixels(rig));
  const pixels = clearPixels(measuring).filter((pixel) => underLamp.has(pixel));
  const off = pixels.map((pixel) => Math.abs((values[pixel] ?? Number.NaN) / (light[pixel] ?? 1) - 1));
  const worst = Math.max(...off);
  context.diagnostic(`${pixels.length} pixels, at most ${(100 * worst).toFixed(2)} % off`);
  assert.ok(pixels.length > 1000);
  assert.ok(worst < 0.01, `${worst}`);
});

function newestOf({ instrument }: LevelsRig) {
  return instrument.model.rack.spectrometer(FLAME).newest("downwelling").value ?? assert.fail();
}

/** Irradiance of the sun as the instrument's line shape has it. */
function sunlight(rig: LevelsRig): Float64Array {
  const { scene } = rig.instrument.emulated;
  const { wavelengthsNm: centres, profile } = rig.instrument.device(FLAME).spectrometer.detector;
  const { exposureStartUs = 0, integrationTimeUs } = newestOf(rig);
  const atUs = exposureStartUs + (SCANS * integrationTimeUs) / 2;
  return centres.map((nm) => {
    let [sum, weights] = [0, 0];
    for (let x = -3; x <= 3; x += 0.05) {
      const weight = Math.exp(-0.5 * x * x);
      const shifted = nm + (x * profile.resolutionNm) / 2.3548;
      sum += weight * scene.irradianceAt("downwelling", shifted, atUs);
      weights += weight;
    }
    return sum / weights;
  });
}

/** Pixels whose single scans have a signal-to-noise ratio above 100. */
function clearPixels(rig: LevelsRig): readonly number[] {
  const { counts, statistics, instrument } = newestOf(rig);
  const [first, end] = instrument.opticalPixelRange;
  // Flame-S: dark pixels come before the optical ones.
  const offset = counts[first - 5] ?? 0;
  return Array.from(counts.keys()).filter((pixel) => {
    const noise = statistics?.standardDeviation[pixel] ?? Number.NaN;
    return pixel >= first && pixel < end && ((counts[pixel] ?? 0) - offset) / noise > 100;
  });
}
