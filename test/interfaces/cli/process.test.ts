// vscope process on a run that an emulated instrument has recorded, whose truth is known.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { runVscope } from "../../../src/interfaces/cli/program.ts";
import { QUANTITIES } from "../../../src/spectra/radiometric.ts";
import { TestInstrument } from "../../support/instrument.ts";
import { FakeTerminal } from "./fake-terminal.ts";

const SERIALS = ["FLMS01859", "QEP00709"] as const;
const SEQUENCES = 6;

let folder: string;
/** By serial. */
const truth = new Map<string, (nm: number) => number>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vscope-"));
});

after(() => rm(folder, { recursive: true }));

// Recorded by the first test that needs it.
async function recorded(context: TestContext): Promise<string> {
  if (truth.size === 0) {
    const instrument = await TestInstrument.start(context, { folder });
    const settings = { run: "plot10", sequences: SEQUENCES, autointegrate: 0, order: "interleaved" } as const;
    const { state, error } = await instrument.record(settings);
    assert.equal(state, "done", error?.message);
    for (const serial of SERIALS)
      truth.set(serial, (nm) => instrument.emulated.scene.reflectance("upwelling", nm));
  }
  return join(folder, "plot10");
}

async function processed(...args: readonly string[]) {
  const output = await mkdtemp(join(folder, "out-"));
  const terminal = new FakeTerminal();
  const world = { terminal, clock: new VirtualClock(), signal: NEVER };
  const code = await runVscope(["process", ...args, "-o", output], world);
  const names = (await readdir(output)).sort();
  return { code, output, names, text: terminal.output, errors: terminal.errors };
}

/** Headings and rows of a table without commas in its cells. */
async function readTable(path: string) {
  const lines = (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("#"));
  const [headings = [], ...rows] = lines.map((line) => line.split(","));
  return { headings, rows };
}

async function readProvenance(path: string) {
  const { inputs, steps }: { inputs: { id: string; sha256: string }[]; steps: Step[] } = JSON.parse(
    await readFile(path, "utf8"),
  );
  return { inputs, steps, step: (name: string) => steps.find(({ step }) => step === name)?.facts };
}

interface Step {
  readonly step: string;
  readonly facts: Record<string, unknown>;
}

test("reflectance of both spectrometers is within 1 % of the truth where it is above 100 standard errors", async (context) => {
  const run = await recorded(context);
  const made = await processed(
    run,
    ..."--level reflectance --uncertainty --index NDVI,a=R800/R670w4".split(" "),
  );
  assert.equal(made.code, 0, made.errors);
  assert.match(made.text, /^12 spectra in 2 products, 8 files, 0 left out\n$/);
  const isFact = (heading: string): boolean => Number.isNaN(Number(heading));
  for (const serial of SERIALS) {
    const name = `plot10_${serial}_upwelling_reflectance`;
    const values = await readTable(join(made.output, `${name}.csv`));
    const errors = await readTable(join(made.output, `${name}_standard_error.csv`));
    assert.equal(values.rows.length, SEQUENCES);
    const columns = [...values.headings.keys()].filter((column) => !isFact(values.headings[column] ?? ""));
    const squares = values.rows.flatMap((row, index) =>
      columns.flatMap((column) => {
        const [value, error] = [row[column], errors.rows[index]?.[column]].map((cell) =>
          Number(cell || "NaN"),
        );
        if (value === undefined || error === undefined || !(value / error > 100)) return [];
        const expected = truth.get(serial)?.(Number(values.headings[column])) ?? Number.NaN;
        return [(value / expected - 1) ** 2];
      }),
    );
    const rms = Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / squares.length);
    context.diagnostic(`${serial}: ${squares.length} values, ${(100 * rms).toFixed(2)} % RMS`);
    assert.ok(squares.length > 200 * SEQUENCES, `${squares.length}`);
    assert.ok(rms < 0.01, `${serial}: ${rms}`);
  }
  await checkProvenance(run, join(made.output, "plot10_FLMS01859_upwelling_reflectance.provenance.json"));
  const { headings, rows } = await readTable(join(made.output, "indices.csv"));
  assert.deepEqual(headings.slice(5), ["NDVI", "NDVI_standard_error", "a", "a_standard_error"]);
  assert.equal(rows.length, 2 * SEQUENCES);
  for (const row of rows)
    assert.ok(Number(row[5]) > 0.7 && Number(row[6]) > 0 && Number(row[6]) < 0.01, row.join());
});

async function checkProvenance(run: string, path: string): Promise<void> {
  const { inputs, steps, step } = await readProvenance(path);
  for (const { id, sha256 } of inputs) {
    const bytes = await readFile(join(run, id.replace("plot10/", "")));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256, id);
  }
  const files = (await readdir(run)).filter((name) => name.endsWith(".pico"));
  assert.deepEqual(inputs.map(({ id }) => id).sort(), files.map((name) => `plot10/${name}`).sort());
  assert.deepEqual(
    steps.map((one) => one.step),
    [
      "dark-spectrum",
      "electric-dark",
      "nonlinearity",
      "stray-light",
      "integration-time",
      "reflectance",
      "uncertainty",
      "systematic-uncertainty",
    ],
  );
  assert.equal(step("electric-dark")?.["applied"], false);
  assert.match(String(step("stray-light")?.["reason"]), /constant/);
  assert.match(String(step("systematic-uncertainty")?.["reason"]), /^a ratio of counts/);
  assert.equal(step("reflectance")?.["interpolated"], SEQUENCES);
  assert.ok(Array.isArray(step("nonlinearity")?.["coefficients"]));
}

test("radiance is counts per second times the factor of a calibration; what has none is left out with the reason", async (context) => {
  const run = await recorded(context);
  const head =
    "# kind: irradiance\n# units: W m-2 nm-1\n# serial: FLMS01859\n# channel: downwelling\n# date: 2026-03-01\n";
  const calibration = join(folder, "down.csv");
  await writeFile(calibration, `${head}wavelength, factor\n200, 2e-6\n1200, 2e-6\n`);
  const made = await processed(run, "--level", "radiance", "--calibration", calibration);
  assert.equal(made.code, 0, made.errors);
  assert.match(
    made.errors,
    /left out \d+, such as plot10\/\S+: no calibration of QEP00709 downwelling was given/,
  );
  const name = "plot10_FLMS01859_downwelling_radiance";
  assert.match(
    await readFile(join(made.output, `${name}.csv`), "utf8"),
    new RegExp(`# units: ${QUANTITIES.irradiance}\n`),
  );
  const { inputs, step } = await readProvenance(join(made.output, `${name}.provenance.json`));
  const sha256 = createHash("sha256")
    .update(await readFile(calibration))
    .digest("hex");
  assert.deepEqual(inputs.at(-1), { id: "down.csv", sha256 });
  assert.equal(step("uncertainty")?.["reason"], "nobody asked for it");
  const only = ["--serial", "FLMS01859", "--channel", "downwelling"];
  const corrected = await processed(run, "--level", "corrected", ...only);
  const rates = await readTable(join(corrected.output, "plot10_FLMS01859_downwelling_corrected.csv"));
  const radiances = await readTable(join(made.output, `${name}.csv`));
  const middle = 900;
  for (const [index, row] of radiances.rows.entries())
    assert.ok(Math.abs(Number(row[middle]) / (2e-6 * Number(rates.rows[index]?.[middle])) - 1) < 1e-9);
});

/** One of the Flame, of the same factor at all wavelengths. */
async function writeCalibration(
  channel: string,
  factor: number,
  ...header: readonly string[]
): Promise<string> {
  const kind = channel === "upwelling" ? "radiance" : "irradiance";
  const own = [
    `# kind: ${kind}`,
    `# units: ${QUANTITIES[kind]}`,
    "# serial: FLMS01859",
    `# channel: ${channel}`,
  ];
  const path = join(folder, `${channel}.csv`);
  const rows = ["wavelength, factor, noise_percent", `200, ${factor}, 0.3`, `1200, ${factor}, 0.3`];
  await writeFile(path, [...own, "# date: 2026-03-01", ...header, ...rows].join("\n"));
  return path;
}

test("with calibrations of both channels reflectance is pi L / E; from when one has expired on a ratio, in a file of its own", async (context) => {
  const run = await recorded(context);
  const certain = ["# uncertainty_percent: 0.4", "# coverage_factor: 1"];
  const down = await writeCalibration("downwelling", 2e-6, ...certain);
  const up = await writeCalibration("upwelling", 3e-7, ...certain, "# valid_until: 2026-06-22");
  const over = join(folder, "midnight", "plot10");
  await mkdir(over, { recursive: true });
  for (const name of (await readdir(run)).filter((one) => one.endsWith(".pico"))) {
    const text = await readFile(join(run, name), "utf8");
    const isLate = /_s00000[3-9]_/.test(name);
    await writeFile(join(over, name), isLate ? text.replaceAll("2026-06-21T", "2026-06-22T") : text);
  }
  const calibrations = ["--calibration", up, "--calibration", down];
  const args = [over, "--level", "reflectance", "--uncertainty", "--serial", "FLMS01859"];
  const made = await processed(...args, ...calibrations);
  assert.equal(made.code, 0, made.errors);
  assert.match(made.text, /^6 spectra in 2 products, 7 files, 0 left out\n$/);
  const counts = await processed(...args);
  assert.match(counts.text, /^6 spectra in 1 product,/);
  const name = "plot10_FLMS01859_upwelling_reflectance";
  const read = (output: string, ending: string) => readTable(join(output, `${name}${ending}`));
  const [ratios, physical, later] = [
    await read(counts.output, ".csv"),
    await read(made.output, ".csv"),
    await read(made.output, "_c2.csv"),
  ];
  assert.deepEqual([ratios.rows.length, physical.rows.length, later.rows.length], [6, 3, 3]);
  const systematic = await read(made.output, "_systematic_error.csv");
  for (const column of [600, 900, 1200]) {
    for (const [index, row] of physical.rows.entries()) {
      const [value, ratio] = [Number(row[column]), Number(ratios.rows[index]?.[column])];
      assert.ok(Math.abs(value / ratio / ((Math.PI * 3e-7) / 2e-6) - 1) < 1e-9, `${value}, ${ratio}`);
      // Both calibrations have 0.4 %, and 0.3 % of noise.
      const error = Number(systematic.rows[index]?.[column]);
      assert.ok(Math.abs(error / value / Math.hypot(0.005, 0.005) - 1) < 1e-9, `${error}, ${value}`);
    }
    for (const [index, row] of later.rows.entries())
      assert.equal(row[column], ratios.rows[index + 3]?.[column]);
  }
  assert.ok(!made.names.includes(`${name}_c2_systematic_error.csv`), made.names.join());
  for (const [ending, method, why] of [
    ["", "radiance over irradiance", undefined],
    ["_c2", "dual field of view", "the calibration of FLMS01859 upwelling was valid until 2026-06-22"],
  ] as const) {
    const text = await readFile(join(made.output, `${name}${ending}.csv`), "utf8");
    assert.match(text, new RegExp(`^# method: ${method}$`, "m"));
    const { step } = await readProvenance(join(made.output, `${name}${ending}.provenance.json`));
    assert.equal(step("reflectance")?.["notCalibrated"], why);
  }
  const alone = await processed(...args, "--calibration", down);
  const { step } = await readProvenance(join(alone.output, `${name}.provenance.json`));
  assert.equal(step("reflectance")?.["notCalibrated"], "no calibration of FLMS01859 upwelling was given");
});

test("counts are those of the file; a file alone; other formats; interpolated darks", async (context) => {
  const run = await recorded(context);
  const file = "b000000_s000002_light.pico";
  const one = await processed(
    join(run, file),
    "--level",
    "counts",
    "--serial",
    "QEP00709",
    "--channel",
    "upwelling",
  );
  const { rows } = await readTable(join(one.output, "plot10_QEP00709_upwelling_counts.csv"));
  const source: { Spectra: { Metadata: Record<string, unknown>; Pixels: number[] }[] } = JSON.parse(
    await readFile(join(run, file), "utf8"),
  );
  const wanted = source.Spectra.find(
    ({ Metadata }) => Metadata["SerialNumber"] === "QEP00709" && Metadata["Direction"] === "upwelling",
  );
  assert.deepEqual(rows[0]?.slice(-(wanted?.Pixels.length ?? 0)).map(Number), wanted?.Pixels);
  for (const format of ["netcdf", "envi", "jcamp"]) {
    const made = await processed(
      "plot10",
      file,
      ..."--level reflectance --dark interpolated".split(" "),
      "--format",
      format,
      "--data-dir",
      folder,
    );
    assert.equal(made.code, 0, made.errors);
    assert.ok(
      made.names.length >= 2 && made.names.every((name) => !name.endsWith(".part")),
      made.names.join(),
    );
  }
});

test("what cannot be done is refused before there is a file, or told", async (context) => {
  const run = await recorded(context);
  for (const [args, expected] of [
    [["--index", "NDVI"], /ask for level reflectance/],
    [["--level", "reflectance", "--index", "EVI"], /index 'EVI': is not one of NDVI, PRI/],
    [["--level", "reflectance", "--index", "NDVI,NDVI"], /given twice/],
    [["--level", "counts", "--uncertainty"], /raw counts have no standard errors/],
    [["--level", "radiance"], /needs --calibration FILE/],
    [["--level", "reflectance", "--format", "oceanview"], /holds counts and corrected only/],
    [["b000009_s000000_light.pico"], /no such file in plot10/],
  ] as const) {
    const made = await processed(run, ...args);
    assert.equal(made.code, 2, made.errors);
    assert.match(made.errors, expected);
    assert.deepEqual(made.names, []);
  }
  const none = await processed(run, "--serial", "NOBODY");
  assert.equal(none.code, 1);
  assert.match(none.errors, /no spectrum could be processed/);
  const missing = await processed(join(folder, "plot11"));
  assert.equal(missing.code, 2);
});
