// vscope process by a white panel that was recorded before and after a target whose truth is known.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { runVscope } from "../../../src/interfaces/cli/program.ts";
import { FLAME, LevelsRig, panelText } from "../../support/levels.ts";
import { FakeTerminal } from "./fake-terminal.ts";

const SEQUENCES = 4;
const NAME = `plot10_${FLAME}_upwelling_reflectance`;
const LEVEL = ["--level", "reflectance", "--serial", FLAME];

/** Panel, canopy, panel; the light is another one each time. */
async function recorded(rig: LevelsRig): Promise<string> {
  const { instrument } = rig;
  for (const spectrometer of instrument.model.rack.spectrometers.value) spectrometer.setScans(64);
  const white = async (): Promise<void> => {
    rig.look("white-panel");
    const made = await rig.post("/acquisition/white-reference", {
      panel: "field",
      search: true,
      run: "plot10",
    });
    assert.equal(made.state, "done", made.error?.message);
    rig.look("canopy");
  };
  await white();
  const settings = { run: "plot10", sequences: SEQUENCES, autointegrate: 0, order: "interleaved" } as const;
  const { state, error } = await instrument.record(settings);
  assert.equal(state, "done", error?.message);
  await white();
  return join(instrument.folder, "plot10");
}

async function processed(folder: string, ...args: readonly string[]) {
  const output = await mkdtemp(join(folder, "out-"));
  const terminal = new FakeTerminal();
  const world = { terminal, clock: new VirtualClock(), signal: NEVER };
  const code = await runVscope(["process", ...args, "-o", output], world);
  return { code, output, names: await readdir(output), text: terminal.output, errors: terminal.errors };
}

async function readTable(path: string): Promise<readonly (readonly string[])[]> {
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  return lines.filter((line) => !line.startsWith("#")).map((line) => line.split(","));
}

/** Relative, of the values above 100 standard errors. */
async function errorsOf(output: string, rig: LevelsRig): Promise<readonly number[]> {
  const [headings = [], ...rows] = await readTable(join(output, `${NAME}.csv`));
  const [, ...errors] = await readTable(join(output, `${NAME}_standard_error.csv`));
  assert.equal(rows.length, SEQUENCES);
  return rows.flatMap((row, index) =>
    headings.flatMap((heading, column) => {
      const [value, error] = [row[column], errors[index]?.[column]].map((cell) => Number(cell || "NaN"));
      if (Number.isNaN(Number(heading)) || value === undefined || error === undefined) return [];
      const truth = rig.instrument.emulated.scene.reflectance("upwelling", Number(heading));
      return value / error > 100 ? [value / truth - 1] : [];
    }),
  );
}

async function readProvenance(output: string) {
  const text = await readFile(join(output, `${NAME}.provenance.json`), "utf8");
  const { inputs, steps }: Provenance = JSON.parse(text);
  return { inputs, step: (name: string) => steps.find(({ step }) => step === name)?.facts };
}

interface Provenance {
  readonly inputs: readonly { readonly id: string; readonly sha256: string }[];
  readonly steps: readonly { readonly step: string; readonly facts: Record<string, unknown> }[];
}

/** The run without its downwelling light, under the same name. */
async function withoutSky(run: string): Promise<string> {
  const bare = join(run, "..", "bare", "plot10");
  await mkdir(bare, { recursive: true });
  for (const name of (await readdir(run)).filter((one) => one.endsWith(".pico"))) {
    const file: { Spectra: { Metadata: Record<string, unknown> }[] } = JSON.parse(
      await readFile(join(run, name), "utf8"),
    );
    const Spectra = file.Spectra.filter(({ Metadata }) => Metadata["Direction"] === "upwelling");
    await writeFile(join(bare, name), JSON.stringify({ ...file, Spectra }));
  }
  return bare;
}

test("by the panel before and after it the canopy is within 1 % of the truth, and the product names all that it is of", async (context) => {
  const folder = await LevelsRig.folder(context);
  const rig = await LevelsRig.start(context, { folder });
  const run = await recorded(rig);
  const panel = join(folder, "panel.csv");
  const made = await processed(folder, run, ...LEVEL, "--uncertainty", "--panel", panel);
  assert.equal(made.code, 0, made.errors);
  assert.match(made.text, /^4 spectra in 1 product, 3 files, 0 left out\n$/);
  const errors = await errorsOf(made.output, rig);
  const rms = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
  context.diagnostic(`${errors.length} values, ${(100 * rms).toFixed(2)} % RMS`);
  assert.ok(errors.length > 500 * SEQUENCES && rms < 0.01, `${errors.length}, ${rms}`);

  const { inputs, step } = await readProvenance(made.output);
  const files = (await readdir(run)).filter((name) => name.endsWith(".pico"));
  assert.deepEqual(
    inputs.map(({ id }) => id).sort(),
    [...files.map((name) => `plot10/${name}`), "panel.csv"].sort(),
  );
  const sha256 = createHash("sha256").update(panelText()).digest("hex");
  assert.equal(inputs.find(({ id }) => id === "panel.csv")?.sha256, sha256);
  assert.deepEqual(step("white-panel"), {
    serial: "99AA05",
    calibrated: "2026-01-15",
    source: "panel.csv",
  });
  const { method, ...counted } = step("reflectance") ?? {};
  assert.match(String(method), /white panel/);
  assert.deepEqual(counted, { interpolated: SEQUENCES, nearest: 0, paired: SEQUENCES });

  const dual = await processed(folder, run, ...LEVEL);
  assert.match(dual.text, /^4 spectra in 1 product,/, "a panel is no target");
  assert.equal((await readProvenance(dual.output)).step("white-panel"), undefined);

  const bare = await processed(folder, await withoutSky(run), ...LEVEL, "--panel", panel, "--uncertainty");
  assert.equal(bare.code, 0, bare.errors);
  assert.equal((await readProvenance(bare.output)).step("reflectance")?.["paired"], 0);
  const bareErrors = await errorsOf(bare.output, rig);
  assert.ok(
    bareErrors.length > 500 * SEQUENCES && bareErrors.every((error) => Math.abs(error) < 0.1),
    "a few minutes change the light by little",
  );

  const other = join(folder, "other.csv");
  await writeFile(other, panelText().replace("99AA05", "11BB06"));
  for (const [args, code, expected] of [
    [["--level", "corrected", "--panel", panel], 2, /panel: is of reflectances/],
    [["--level", "reflectance", "--panel", panel, "--calibration", panel], 2, /--panel needs none/],
    [["--level", "reflectance", "--panel", join(folder, "none.csv")], 1, /none\.csv: is not there/],
    [["--level", "reflectance", "--panel", other], 1, /no light of panel 11BB06 within 900 s/],
  ] as const) {
    const refused = await processed(folder, run, ...args);
    assert.equal(refused.code, code, refused.errors);
    assert.match(refused.errors, expected);
    assert.deepEqual(refused.names, []);
  }
});
