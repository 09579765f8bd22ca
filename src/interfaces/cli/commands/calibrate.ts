// vscope calibrate: wavelengths from spectra of line lamps, radiometric factors from spectra of a standard lamp.

import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { messageOf, systemCodeOf, VscopeError } from "../../../base/errors.ts";
import { calibrationText } from "../../../spectra/calibration/calibration-text.ts";
import { lampCertificateOf } from "../../../spectra/calibration/lamp-certificate.ts";
import { linesOf } from "../../../spectra/calibration/lamp-lines.ts";
import { type LampScene, plaqueOf } from "../../../spectra/calibration/lamp-scene.ts";
import { fitFactors } from "../../../spectra/calibration/radiometric-fit.ts";
import { fitWavelengths, type LampSpectrum } from "../../../spectra/calibration/wavelength-fit.ts";
import { type CalibrationText, readCalibrationText } from "../../../spectra/calibration-file.ts";
import { wavelengthsOf } from "../../../spectra/plot-series.ts";
import { svgPlot } from "../../../spectra/plot-svg.ts";
import { terminalPlot } from "../../../spectra/plot-terminal.ts";
import { type Exposed, isBinned } from "../../../spectra/signal-rate.ts";
import { withDarks } from "../dark-search.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import type { Session } from "../session.ts";
import { withSelection } from "../spectra-source.ts";
import { listOption, numberOption } from "../value.ts";
import { printable } from "../value-text.ts";
import { packageVersion } from "../version.ts";
import {
  changeNm,
  type LampLight,
  residualPlot,
  type WavelengthReport,
  wavelengthText,
} from "../wavelength-report.ts";

interface OneSpectrum {
  readonly serial?: string;
  readonly channel?: string;
  readonly dataDir?: string;
}

interface WavelengthFlags extends OneSpectrum {
  readonly lamp: readonly string[];
  readonly degree: number;
  readonly start?: readonly number[];
  readonly svg?: string;
}

interface RadiometricFlags extends OneSpectrum {
  readonly lamp: string;
  readonly lampUncertainty?: number;
  readonly coverage: number;
  readonly plaque?: string;
  readonly fwhm?: number;
  readonly output: string;
}

export function calibrateCommand(session: Session): Command {
  return command({
    name: "calibrate",
    summary: "calibrate wavelengths or radiometry by spectra of lamps",
    examples: [
      "vscope calibrate wavelength lamps/b000001_s000000_light.pico --lamp hg-ar --serial FLMS01859 --channel upwelling",
    ],
  })
    .addCommand(wavelengthCommand(session))
    .addCommand(radiometricCommand(session));
}

function wavelengthCommand(session: Session): Command {
  const made = command({
    name: "wavelength",
    summary: "fit wavelengths to the lines of lamps",
    details: "nothing is changed: it prints what to write into the configuration or the instrument",
    examples: [
      "vscope calibrate wavelength mercury/b000001_s000000_light.pico neon/b000001_s000000_light.pico --lamp hg-ar,ne --serial FLMS01859 --channel upwelling",
    ],
  })
    .requiredOption("--lamp <names>", "lamps, one for each file: hg-ar, ne", listOption)
    .option("--degree <n>", "of the polynomial, 1..5", numberOption("--degree", DEGREES), 3)
    .option("--start <c0,c1,...>", "coefficients to begin with (default: those in the file)", startOption)
    .option("--svg <file>", "write the plot of residuals to a file instead of plotting here");
  return selecting(made).action(async (whats: string[], flags: WavelengthFlags) => {
    await calibrateWavelength(session, whats, flags);
  });
}

function radiometricCommand(session: Session): Command {
  const made = command({
    name: "radiometric",
    summary: "make a calibration file by a standard lamp",
    details:
      "of the quantity that the lamp's certificate is of, or of radiance by a plaque; the mean of all files",
    examples: [
      "vscope calibrate radiometric standard/b000001_s000000_light.pico --lamp F-1234.csv --serial FLMS01859 --channel downwelling -o FLMS01859-downwelling.csv",
    ],
  })
    .requiredOption(
      "--lamp <file>",
      "certificate: wavelengths and irradiance or radiance, as a calibration file",
    )
    .option(
      "--lamp-uncertainty <percent>",
      "of the certificate, where it does not tell",
      positive("--lamp-uncertainty"),
    )
    .option("--coverage <k>", "what --lamp-uncertainty is: 1 or 2 standard uncertainties", COVERAGE, 2)
    .option("--plaque <file>", "white plaque in the light of the lamp, as a panel's file: makes a radiance")
    .option(
      "--fwhm <nm>",
      "width of the instrument's lines, as calibrate wavelength tells it",
      positive("--fwhm"),
    )
    .requiredOption("-o, --output <file>", "calibration file to write (- for stdout)");
  return selecting(made).action(async (whats: string[], flags: RadiometricFlags) => {
    await calibrateRadiometric(session, whats, flags);
  });
}

const DEGREES = { min: 1, max: 5, integer: true } as const;
const COVERAGE = numberOption("--coverage", { min: 1, max: 2, integer: true });

function positive(option: string) {
  return numberOption(option, { min: 0.001, max: 100 });
}

function selecting(made: Command): Command {
  return made
    .argument("<what...>", "files, or ids of the catalogue, with darks beside them")
    .option("--serial <number>", "the spectrometer, where a file holds several")
    .option("--channel <name>", "the channel, where a file holds several")
    .option("--data-dir <dir>", "look in a data directory of this machine, not on the server");
}

function startOption(text: string): readonly number[] {
  const numbers = listOption(text).map(Number);
  if (numbers.length >= 2 && numbers.every(Number.isFinite)) return numbers;
  throw usageError(`--start: '${text}' is not two numbers or more with commas between`);
}

async function calibrateWavelength(
  session: Session,
  whats: readonly string[],
  flags: WavelengthFlags,
): Promise<void> {
  const { lamp: lamps, degree, start, svg } = flags;
  if (lamps.length !== whats.length)
    throw usageError(`--lamp: ${lamps.length} lamps for ${whats.length} files, one for each is needed`);
  // Unknown lamps are told before anything is read.
  for (const lamp of lamps) linesOf(lamp);
  const exposures = await exposuresOf(session, whats, flags);
  const lights = exposures.map(({ light }, index): LampLight => ({ light, lamp: lamps[index] ?? "" }));
  const [first, ...others] = lights;
  if (first === undefined) throw usageError("calibrate: no spectra");
  const { channelWavelengthCoefficients, wavelengthCoefficients } = first.light;
  if (start === undefined && wavelengthsOf(first.light) === undefined)
    throw usageError(`${first.light.serial}: has no wavelengths to begin with, --start gives them`);
  const spectra = exposures.map((exposed, index) => lampSpectrumOf(exposed, lamps[index] ?? ""));
  const fit = fitWavelengths(spectra, {
    start: start ?? channelWavelengthCoefficients ?? wavelengthCoefficients,
    degree,
  });
  const report: WavelengthReport = { fit, lights: [first, ...others] };
  const plot = residualPlot(report);
  if (svg !== undefined) await write(svg, svgPlot(plot));
  const { serial, channel } = first.light;
  session.print({ serial, channel, ...fit, changeNm: changeNm(fit, first.light) ?? null }, () => {
    const { columns } = session.terminal;
    const shown = terminalPlot(plot, { width: Math.min(columns, 120), colour: session.terminal.hasColour });
    return `${wavelengthText(report)}\n\n${svg === undefined ? shown : `${svg} written`}`;
  });
}

function lampSpectrumOf({ light, dark }: Exposed, lamp: string): LampSpectrum {
  const { counts, statistics, saturationLevel, opticalPixelRange } = light;
  if (isBinned(light))
    throw new VscopeError("VALUE_INVALID", `${light.serial}: the instrument has binned the pixels`);
  const highest = statistics?.max ?? counts;
  return {
    lamp,
    lines: linesOf(lamp),
    counts: counts.map((count, pixel) => count - (dark.counts[pixel] ?? Number.NaN)),
    range: opticalPixelRange,
    isSaturated: (pixel) => (highest[pixel] ?? 0) >= saturationLevel,
  };
}

async function calibrateRadiometric(
  session: Session,
  whats: readonly string[],
  flags: RadiometricFlags,
): Promise<void> {
  const scene = await sceneOf(flags);
  const { lamp, plaque, fwhmNm } = scene;
  const exposures = await exposuresOf(session, whats, flags);
  const calibration = fitFactors(exposures, scene);
  const text = calibrationText(calibration, [
    `by vscope ${packageVersion()}, of ${whats.join(", ")}`,
    `lamp: ${basename(lamp.fileName)}`,
    ...(plaque === undefined ? [] : [`plaque: ${basename(plaque.fileName)}`]),
    ...(fwhmNm === undefined ? [] : [`lines of the instrument: ${fwhmNm} nm wide at half maximum`]),
    ...(calibration.factorNoise === undefined
      ? ["noise of these spectra: not known, there are too few"]
      : []),
    ...(exposures.some(({ light }) => light.isSimulated === true)
      ? ["simulated: of an emulated instrument"]
      : []),
  ]);
  if (flags.output === "-") return session.terminal.out(text);
  await write(flags.output, text);
  const { serial, channel, quantity, factors } = calibration;
  const nm = factors.wavelengthsNm;
  const range = [nm[0] ?? Number.NaN, nm.at(-1) ?? Number.NaN];
  session.print(
    { written: flags.output, serial, channel, quantity, factors: nm.length, rangeNm: range },
    () =>
      printable(
        `${flags.output} written: ${serial} ${channel}, ${quantity}, ${nm.length} factors from ${range
          .map((one) => one.toFixed(1))
          .join(" to ")} nm`,
      ),
  );
}

async function sceneOf(flags: RadiometricFlags): Promise<LampScene> {
  const { lampUncertainty, coverage, plaque, fwhm } = flags;
  const lamp = lampCertificateOf(await calibrationTextIn(flags.lamp));
  if (lampUncertainty !== undefined && lamp.uncertainty !== undefined)
    throw usageError(`--lamp-uncertainty: ${flags.lamp} tells it already`);
  const uncertainty = lampUncertainty === undefined ? undefined : lampUncertainty / 100 / coverage;
  return {
    lamp: uncertainty === undefined ? lamp : { ...lamp, uncertainty },
    ...(plaque !== undefined && { plaque: plaqueOf(await calibrationTextIn(plaque)) }),
    ...(fwhm !== undefined && { fwhmNm: fwhm }),
  };
}

async function calibrationTextIn(path: string): Promise<CalibrationText> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new VscopeError("RESOURCE_NOT_FOUND", `${path}: cannot be read (${messageOf(error)})`, {
      cause: error,
    });
  });
  return readCalibrationText(text, path);
}

/** The one light spectrum of each file with its dark, all of one spectrometer and channel. */
async function exposuresOf(
  session: Session,
  whats: readonly string[],
  flags: OneSpectrum,
): Promise<readonly Exposed[]> {
  const exposures: Exposed[] = [];
  for (const what of whats) exposures.push(await exposureOf(session, what, flags));
  const [first] = exposures;
  for (const { light } of exposures) {
    if (light.serial === first?.light.serial && light.channel === first.light.channel) continue;
    const [one, other] = [first?.light, light].map((each) => `${each?.serial} ${each?.channel}`);
    throw usageError(`the files are of ${one} and of ${other}, a calibration is of one`);
  }
  return exposures;
}

function exposureOf(session: Session, what: string, flags: OneSpectrum): Promise<Exposed> {
  return withSelection(session, what, flags.dataDir, async ({ folder, file, position }) => {
    const { spectra } = await folder.read(file);
    const found = spectra.filter(
      ({ kind, serial, channel }, index) =>
        kind === "light" &&
        (position ?? index) === index &&
        (flags.serial ?? serial) === serial &&
        (flags.channel ?? channel) === channel,
    );
    if (found.length !== 1) {
      const held = spectra.map(({ kind, serial, channel }) => `${serial} ${channel} ${kind}`).join(", ");
      throw usageError(
        `${file}: ${found.length} such light spectra; --serial and --channel choose of ${held}`,
      );
    }
    const [exposed] = await withDarks(folder, file, found);
    if (exposed === undefined) throw usageError(`${file}: no such spectrum`);
    return exposed;
  });
}

// A calibration cost an afternoon: none is written over.
async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: "wx" }).catch((error: unknown) => {
    if (systemCodeOf(error) === "EEXIST")
      throw usageError(`${path}: there is one already, nothing is replaced: give another name`);
    throw new VscopeError("DATADIR_IO", `${path}: cannot be written (${messageOf(error)})`, { cause: error });
  });
}
