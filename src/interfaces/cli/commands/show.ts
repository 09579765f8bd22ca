// vscope show: spectra as a plot, and the reflectance of the target in numbers.

import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { isoUtc } from "../../../base/clock.ts";
import { definedOnly } from "../../../base/defined-only.ts";
import { messageOf, VscopeError } from "../../../base/errors.ts";
import { correctPico } from "../../../spectra/corrected-pico.ts";
import type { CorrectedSpectrum } from "../../../spectra/corrections/correct.ts";
import type { PicoFile, PicoSpectrum } from "../../../spectra/pico.ts";
import {
  correctedPlot,
  darkSubtractedPlot,
  type Plot,
  plotOf,
  short,
  wavelengthsOf,
} from "../../../spectra/plot-series.ts";
import { svgPlot } from "../../../spectra/plot-svg.ts";
import { terminalPlot } from "../../../spectra/plot-terminal.ts";
import { withDarks } from "../dark-search.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import { liveJson, livePlot, liveSpectra, liveText, SHOWN_LEVELS, type ShownLevel } from "../live-levels.ts";
import { measureReflectance, reflectancePlot, reflectanceText } from "../reflectance-report.ts";
import type { Session } from "../session.ts";
import { type Selection, withSelection } from "../spectra-source.ts";
import { renderTable } from "../table.ts";
import { printable } from "../value-text.ts";

interface ShowFlags {
  readonly svg?: string;
  readonly channel?: string;
  readonly serial?: string;
  readonly darkSubtract?: true;
  readonly corrected?: true;
  readonly reflectance?: true;
  readonly dataDir?: string;
  readonly level?: ShownLevel;
  readonly way?: string;
}

export function showCommand(session: Session): Command {
  return command({
    name: "show",
    summary: "show spectra as a plot, or the reflectance",
    details:
      "of a .pico file of this machine, or of one of the server as RUN/FILE; RUN/FILE/POSITION is one spectrum; with --level the newest spectra of the server",
    examples: [
      "vscope show plot10/b000001_s000000_light.pico",
      "vscope show plot10/b000001_s000000_light.pico --channel upwelling --dark-subtract --svg upwelling.svg",
      "vscope show plot10/b000001_s000000_light.pico --reflectance",
      "vscope show --level radiance --channel upwelling",
    ],
  })
    .argument("[what...]", "files, or ids of the catalogue; none with --level")
    .option("--channel <name>", "only this channel")
    .option("--serial <number>", "only the spectrometer with this serial number")
    .option("--dark-subtract", "subtract the nearest dark spectra of the same run and integration time")
    .option("--corrected", "correct dark level, nonlinearity and stray light where the instrument can")
    .option("--reflectance", "upwelling over downwelling: dark-subtracted, linearised, per integration time")
    .option("--svg <file>", "write a picture to a file (- for stdout) instead of plotting here")
    .option("--data-dir <dir>", "look in a data directory of this machine, not on the server")
    .addOption(
      new Option("--level <level>", "the newest spectra of the server, at this level")
        .choices(SHOWN_LEVELS)
        .conflicts(["darkSubtract", "corrected", "reflectance", "dataDir"]),
    )
    .addOption(
      new Option("--way <way>", "with --level reflectance: by white panel, or dual field of view").choices([
        "auto",
        "dual",
        "panel",
      ]),
    )
    .action(async (whats: string[], flags: ShowFlags) => {
      if (flags.level !== undefined) return showLive(session, whats, { ...flags, level: flags.level });
      if (flags.way !== undefined) throw usageError("--way: goes with --level reflectance");
      if (whats.length === 0) throw usageError("show: files are missing; --level shows the newest spectra");
      if (flags.svg !== undefined && whats.length > 1) throw usageError("--svg: takes one file at a time");
      for (const what of whats) {
        await withSelection(session, what, flags.dataDir, (selection) => show(session, selection, flags));
      }
    });
}

async function show(session: Session, selection: Selection, flags: ShowFlags): Promise<void> {
  const content = await selection.folder.read(selection.file);
  if (flags.reflectance === true) return showReflectance(session, selection, content, flags);
  const spectra = chosen(content, selection, flags);
  const darks = flags.darkSubtract === true ? await darksOf(selection, spectra) : undefined;
  const corrected = flags.corrected === true ? correctAll(spectra, darks) : undefined;
  const plot = plotFor(selection.file, { spectra, darks, corrected });
  if (await wroteSvg(session, plot, flags)) return;
  session.print(
    spectra.map((spectrum) => ({ ...jsonOf(spectrum), ...correctedJson(corrected?.get(spectrum)) })),
    () =>
      `${spectraTable(spectra)}${failureLines(content)}${correctionLines(corrected)}\n${drawn(session, plot)}`,
  );
}

async function showLive(
  session: Session,
  whats: readonly string[],
  flags: ShowFlags & { readonly level: ShownLevel },
): Promise<void> {
  if (whats.length > 0) throw usageError("--level: shows the newest spectra of the server, no files");
  if (flags.way !== undefined && flags.level !== "reflectance")
    throw usageError("--way: goes with --level reflectance");
  const live = await session.withClient((client) => liveSpectra(client, flags, session.signal));
  const plot = livePlot(flags.level, live.shown);
  if (await wroteSvg(session, plot, flags)) return;
  session.print(live.shown.map(liveJson), () => `${liveText(live)}\n${drawn(session, plot)}`);
}

type Corrected = ReadonlyMap<PicoSpectrum, CorrectedSpectrum>;

interface Shown {
  readonly spectra: readonly PicoSpectrum[];
  readonly darks: readonly PicoSpectrum[] | undefined;
  readonly corrected: Corrected | undefined;
}

async function darksOf({ folder, file }: Selection, lights: readonly PicoSpectrum[]) {
  return (await withDarks(folder, file, lights)).map(({ dark }) => dark);
}

/** `darks` in the order of `spectra`. */
function correctAll(spectra: readonly PicoSpectrum[], darks: readonly PicoSpectrum[] | undefined): Corrected {
  return new Map(spectra.map((spectrum, index) => [spectrum, correctPico(spectrum, darks?.[index])]));
}

function plotFor(file: string, { spectra, darks, corrected }: Shown): Plot {
  if (corrected !== undefined)
    return correctedPlot(file, spectra, (spectrum) => corrected.get(spectrum)?.counts ?? spectrum.counts);
  return darks === undefined ? plotOf(file, spectra) : darkSubtractedPlot(file, spectra, darks);
}

function correctedJson(corrected: CorrectedSpectrum | undefined) {
  if (corrected === undefined) return {};
  // JSON has no NaN: null where a correction has no value.
  return { correctedCounts: Array.from(corrected.counts), corrections: corrected.outcomes };
}

// What nobody asked for, or needed, is no news.
function correctionLines(corrected: Corrected = new Map()): string {
  const lines = [...corrected].flatMap(([{ serial, channel }, { outcomes }]) =>
    outcomes.map((outcome) => {
      if (outcome.applied || ["not-asked-for", "dark-subtracted"].includes(outcome.obstacle)) return "";
      const text = `not corrected: ${serial} ${channel}: ${outcome.correction} (${outcome.detail})`;
      return `${printable(text)}\n`;
    }),
  );
  return lines.join("");
}

async function showReflectance(
  session: Session,
  selection: Selection,
  content: PicoFile,
  flags: ShowFlags,
): Promise<void> {
  const { folder, file } = selection;
  // It takes two channels: a position, as a serial number, chooses the spectrometer.
  const meant = chosen(content, selection, definedOnly({ serial: flags.serial }));
  const serials = new Set(meant.map(({ serial }) => serial));
  const lights = content.spectra.filter(({ kind, serial }) => kind === "light" && serials.has(serial));
  const results = measureReflectance(file, await withDarks(folder, file, lights));
  const plot = reflectancePlot(file, results);
  if (await wroteSvg(session, plot, flags)) return;
  const json = results.map(({ curve, upwelling: _, ...rest }) => ({
    file,
    ...rest,
    wavelengthsNm: Array.from(curve.wavelengthsNm),
    // JSON has no NaN: null where there is no valid value.
    reflectance: Array.from(curve.values),
  }));
  session.print(json, () => `${reflectanceText(file, results)}\n${drawn(session, plot)}`);
}

function chosen(
  { spectra }: PicoFile,
  { file, position }: Selection,
  { channel, serial }: ShowFlags,
): readonly PicoSpectrum[] {
  const found = spectra.filter(
    (spectrum, index) =>
      (position ?? index) === index &&
      (channel ?? spectrum.channel) === spectrum.channel &&
      (serial ?? spectrum.serial) === spectrum.serial,
  );
  if (found.length > 0) return found;
  const held = spectra.map((spectrum) => `${spectrum.serial} ${spectrum.channel}`).join(", ");
  throw usageError(`${file}: holds no such spectrum, only ${held === "" ? "none" : held}`);
}

async function wroteSvg(session: Session, plot: Plot, { svg }: ShowFlags): Promise<boolean> {
  if (svg === undefined) return false;
  if (svg === "-") session.terminal.out(svgPlot(plot));
  else {
    await writeFile(svg, svgPlot(plot)).catch((error: unknown) => {
      throw new VscopeError("DATADIR_IO", `${svg}: cannot be written (${messageOf(error)})`, {
        cause: error,
      });
    });
    session.print({ written: svg }, () => `${svg} written`);
  }
  return true;
}

function drawn({ terminal }: Session, plot: Plot): string {
  const height = terminal.isOutTty ? Math.min(30, terminal.rows - 2) : 24;
  return terminalPlot(plot, { width: Math.min(terminal.columns, 120), height, colour: terminal.hasColour });
}

function spectraTable(spectra: readonly PicoSpectrum[]): string {
  const rows = spectra.map(({ serial, channel, kind, exposureStartUtcUs, integrationTimeUs, flags }) =>
    [
      serial,
      channel,
      kind,
      `${isoUtc(exposureStartUtcUs).slice(0, 23)}Z`,
      `${short(integrationTimeUs / 1000)} ms`,
      flags.join(" "),
    ].map(printable),
  );
  const headings = ["spectrometer", "channel", "kind", "start", "integration", "flags"];
  return renderTable(
    headings.map((heading) => ({ heading, align: heading === "integration" ? "right" : "left" })),
    rows,
  );
}

function failureLines({ failures }: PicoFile): string {
  return failures
    .map(({ channel, message }) => `not recorded: ${printable(`${message} (${channel})`)}\n`)
    .join("");
}

// JSON makes objects of typed arrays.
function jsonOf(spectrum: PicoSpectrum) {
  const { statistics } = spectrum;
  return {
    ...spectrum,
    statistics: statistics && {
      ...statistics,
      standardDeviation: Array.from(statistics.standardDeviation),
      min: Array.from(statistics.min),
      max: Array.from(statistics.max),
    },
    exposureStart: isoUtc(spectrum.exposureStartUtcUs),
    wavelengthsNm: Array.from(wavelengthsOf(spectrum) ?? []),
    counts: Array.from(spectrum.counts),
  };
}
