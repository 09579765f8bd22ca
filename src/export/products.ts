// Makes the products of a plan: spectra at their level, row by row, into the files of a format, with all that they come from.

import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError, VscopeError } from "../base/errors.ts";
import type { Format, FormatWriter, Sink } from "../formats/format.ts";
import type { Weighted } from "../spectra/around.ts";
import { flagMask } from "../spectra/flags.ts";
import type { Level } from "../spectra/level.ts";
import type { PicoSpectrum } from "../spectra/pico.ts";
import { atLevel, axisOf, type Sources } from "../spectra/processing/at-level.ts";
import type { Darkened } from "../spectra/processing/dark-choice.ts";
import type { NoiseModel } from "../spectra/processing/noise.ts";
import { type ProductHead, type ProductRow, productInstrument } from "../spectra/processing/product.ts";
import type { Look } from "../spectra/processing/panel-reflectance.ts";
import type { Provenance, ProvenanceInput } from "../spectra/processing/provenance.ts";
import { type StepFacts, stepsOf } from "../spectra/processing/steps.ts";
import { systematicErrorOf, systematicObstacle, type Uncertain } from "../spectra/processing/systematic.ts";
import { QUANTITIES } from "../spectra/radiometric.ts";
import { calibrationFor, quantityOf, type UsableCalibration } from "./calibration-shelf.ts";
import type { InputRun } from "./input-run.ts";
import { exposedOf, filesOf, type LightJob } from "./light-job.ts";
import type { WhitePanel } from "./panel-shelf.ts";
import type { RunNoise } from "./run-noise.ts";
import type { LeftOut, ProductJob, RowJob } from "./product-plan.ts";

export interface ProductParts {
  readonly run: InputRun;
  readonly level: Level;
  readonly format: Format;
  readonly sink: Sink;
  /** By serial; or why no errors are computed. */
  readonly noise: ReadonlyMap<string, RunNoise> | string;
  readonly dataset: ProductHead["dataset"];
  readonly panel: WhitePanel | undefined;
  readonly software: string;
  readonly madeUtc: string;
  readonly onRow: (head: ProductHead, row: ProductRow) => void;
  readonly onLeftOut: (left: LeftOut) => void;
}

/** Writes one product; undefined when none of its spectra could be processed, and there is no file then. */
export async function writeProduct(job: ProductJob, parts: ProductParts): Promise<ProductHead | undefined> {
  let open: { readonly head: ProductHead; readonly writer: FormatWriter } | undefined;
  for (const rowJob of job.rows) {
    const row = await rowOf(rowJob, job, parts);
    if (row === undefined) continue;
    if (open === undefined) {
      const head = headOf(job, row.spectrum, parts);
      open = { head, writer: await parts.format.open(head, parts.sink) };
    }
    open.writer.write(row);
    parts.onRow(open.head, row);
  }
  open?.writer.end();
  return open?.head;
}

async function rowOf(job: RowJob, product: ProductJob, parts: ProductParts): Promise<ProductRow | undefined> {
  const { run, level, onLeftOut } = parts;
  const spectrum = await run.spectrum(job.light);
  const facts = { spectrum, id: run.idOf(job.light), flagMask: flagMask(spectrum.flags) };
  if (level === "counts") return { values: spectrum.counts, ...facts };
  try {
    const sources = await sourcesOf(job, product, parts);
    const made = atLevel(sources, noiseModelOf(job, parts));
    if (systematicOf(product, parts) !== true) return { ...made, ...facts };
    const systematicError = systematicErrorOf(made.values, axisOf(spectrum), uncertainIn(sources, parts));
    return { ...made, systematicError, ...facts };
  } catch (error) {
    if (!isVscopeError(error, "VALUE_INVALID")) throw error;
    onLeftOut({ id: facts.id, reason: error.message });
    return undefined;
  }
}

async function sourcesOf(
  job: RowJob,
  { calibration, pair }: ProductJob,
  { run, level, panel }: ProductParts,
): Promise<Sources> {
  const target = await exposedOf(run, job);
  if (level === "radiance" && calibration !== undefined)
    return { level, target, calibration: calibrationFor(calibration, target.light) };
  if (level !== "reflectance") return { level: "corrected", target };
  const irradiance = await allExposed(run, job.irradiance);
  const [sky] = irradiance;
  if (pair !== undefined && sky !== undefined) {
    const radiance = calibrationFor(pair.radiance, target.light);
    const both = { radiance, irradiance: calibrationFor(pair.irradiance, sky.light) };
    return { level, target, irradiance, pair: both };
  }
  if (job.panels === undefined || panel === undefined) return { level, target, irradiance };
  const panels: Weighted<Look>[] = [];
  for (const { item, weight } of job.panels) {
    const upwelling = await exposedOf(run, item.upwelling);
    panels.push({ item: { upwelling, downwelling: await allExposed(run, item.downwelling) }, weight });
  }
  return { level, target, irradiance, byPanel: { panels, factors: panel.factors } };
}

/** What the values of a product have their systematic errors from. */
function uncertainIn(sources: Sources, { panel }: ProductParts): readonly Uncertain[] {
  if (sources.level === "radiance") return [sources.calibration];
  if (sources.level !== "reflectance") return [];
  const { pair, byPanel } = sources;
  if (byPanel !== undefined && panel !== undefined) return [panel];
  return pair === undefined ? [] : [pair.radiance, pair.irradiance];
}

/** Whether there are systematic errors, or why not; undefined where nobody asked for errors, or no calibration takes part. */
function systematicOf(job: ProductJob, { level, noise, panel }: ProductParts): true | string | undefined {
  if (typeof noise === "string" || level === "counts" || level === "corrected") return undefined;
  const calibrations = calibrationsOf(job);
  const parts: readonly (UsableCalibration | WhitePanel)[] = panel === undefined ? calibrations : [panel];
  return systematicObstacle(parts.map((one) => ("microjoules" in one ? {} : one))) ?? true;
}

function calibrationsOf({ calibration, pair }: ProductJob): readonly UsableCalibration[] {
  return [calibration, pair?.radiance, pair?.irradiance].filter((one) => one !== undefined);
}

async function allExposed(run: InputRun, jobs: readonly LightJob[]): Promise<readonly Darkened[]> {
  const exposed: Darkened[] = [];
  for (const job of jobs) exposed.push(await exposedOf(run, job));
  return exposed;
}

function noiseFor({ light }: RowJob, { noise }: ProductParts): RunNoise | string {
  if (typeof noise === "string") return noise;
  return noise.get(light.serial) ?? "too few spectra to find the noise of the detector";
}

function noiseModelOf(job: RowJob, parts: ProductParts): NoiseModel | undefined {
  const found = noiseFor(job, parts);
  return typeof found === "string" ? undefined : found.model;
}

function headOf(job: ProductJob, spectrum: PicoSpectrum, parts: ProductParts): ProductHead {
  const { serial, channel } = spectrum;
  const { coefficientSet, rows } = job;
  return {
    run: parts.run.name,
    serial,
    channel,
    level: parts.level,
    ...measured(job, parts),
    wavelengthsNm: axisOf(spectrum),
    instrument: productInstrument(spectrum),
    hasUncertainty: rows[0] !== undefined && noiseModelOf(rows[0], parts) !== undefined,
    hasSystematicError: systematicOf(job, parts) === true,
    provenance: provenanceOf(job, spectrum, parts),
    isSimulated: spectrum.isSimulated === true,
    coefficientSet,
    ...(parts.dataset !== undefined && { dataset: parts.dataset }),
  };
}

function measured(
  { calibration, pair }: ProductJob,
  { level, panel }: ProductParts,
): Pick<ProductHead, "quantity" | "units" | "method"> {
  if (level === "counts") return { quantity: "counts", units: "1" };
  if (level === "corrected") return { quantity: "counts", units: "s-1" };
  if (level === "reflectance") {
    const bySky = pair === undefined ? "dual field of view" : "radiance over irradiance";
    return { quantity: "reflectance", units: "1", method: panel === undefined ? bySky : "white panel" };
  }
  if (calibration === undefined) throw new VscopeError("INTERNAL", "a radiance was made without calibration");
  const quantity = quantityOf(calibration);
  return { quantity, units: QUANTITIES[quantity] };
}

function provenanceOf(job: ProductJob, spectrum: PicoSpectrum, parts: ProductParts): Provenance {
  const { level, software, madeUtc } = parts;
  const { rows } = job;
  const systematic = systematicOf(job, parts);
  const noise = rows[0] === undefined ? "there are no spectra" : noiseFor(rows[0], parts);
  const darks: Record<string, number> = {};
  for (const { how } of rows) darks[how] = (darks[how] ?? 0) + 1;
  const steps = stepsOf({
    level,
    spectrum,
    darks,
    noise: typeof noise === "string" ? noise : noise.model,
    calibrations: calibrationsOf(job),
    ...(systematic !== undefined && { systematic }),
    ...(level === "reflectance" && { reflectance: reflectanceFacts(job, parts.panel) }),
  });
  return {
    inputs: inputsOf(job, typeof noise === "string" ? [] : noise.files, parts),
    steps,
    software,
    madeUtc,
  };
}

function reflectanceFacts(
  { rows, pair, notCalibrated }: ProductJob,
  panel: WhitePanel | undefined,
): NonNullable<StepFacts["reflectance"]> {
  const references = ({ irradiance, panels }: RowJob): number => (panels ?? irradiance).length;
  const interpolated = rows.filter((row) => references(row) === 2).length;
  const counted = { interpolated, nearest: rows.length - interpolated };
  if (panel === undefined)
    return { ...counted, isCalibrated: pair !== undefined, ...definedOnly({ notCalibrated }) };
  const paired = rows.filter(({ irradiance }) => irradiance.length > 0).length;
  return { ...counted, isCalibrated: false, panel: { ...panel, paired } };
}

/** Every file that the product comes of, once. */
function inputsOf(
  job: ProductJob,
  noiseFiles: readonly string[],
  { run, level, panel }: ProductParts,
): readonly ProvenanceInput[] {
  const files = new Set<string>();
  for (const row of job.rows)
    for (const one of [row, ...row.irradiance, ...panelJobs(row)])
      for (const file of filesOf(one)) files.add(file);
  if (level !== "counts") for (const file of noiseFiles) files.add(file);
  const inputs = [...files].map((file) => ({
    id: `${run.name}/${file}`,
    sha256: run.hashes.get(file) ?? "",
  }));
  // What an instrument holds is no file: its numbers are in the step.
  const fromFiles = [...calibrationsOf(job), panel].filter((one) => one !== undefined && "factors" in one);
  return [...inputs, ...fromFiles.map(({ source, sha256 = "" }) => ({ id: source, sha256 }))];
}

function panelJobs({ panels = [] }: RowJob): readonly LightJob[] {
  return panels.flatMap(({ item: { upwelling, downwelling } }) => [upwelling, ...downwelling]);
}
