// What `vscope status` prints.

import { bytesText } from "../../base/bytes-text.ts";
import { SECOND } from "../../base/clock.ts";
import { actionText, shortTime } from "./commands/schedule-text.ts";
import { duration } from "./progress.ts";
import { colourText } from "./quality-text.ts";
import { darkAgeUs, type StatusReport, type Verdict } from "./status-report.ts";
import { renderTable } from "./table.ts";
import { printable } from "./value-text.ts";

const COLOUR_WIDTH = 5;
const USABLE = ["idle", "exposing"];

export function statusText(report: StatusReport, hasColour: boolean): string {
  const facts = [
    ["server", serverText(report)],
    ["recording", recordingText(report)],
    ["next", nextRunText(report)],
    ["disk", diskText(report)],
    ["clock", clockText(report)],
    ...report.problems.map(({ model, message }) => ["problem", `${model}: ${message}`]),
    ...report.schedulerProblems.map((problem) => ["problem", `scheduler: ${problem}`]),
  ].map((cells) => cells.map(printable));
  const columns = [{ heading: "" }, { heading: "" }];
  return [
    renderTable(columns, facts),
    spectrometersText(report),
    verdictsText(report.quality, { hasColour, darkAge: (one) => darkAgeUs(report, one) }),
  ].join("\n");
}

function serverText({ sysinfo }: StatusReport): string {
  const { host, version, uptime, simulated } = sysinfo;
  const up = `${host}, version ${version}, up ${duration(uptime.serverS * SECOND)}`;
  return simulated === true ? `${up}, SIMULATED` : up;
}

function recordingText({ acquisition, operation }: StatusReport): string {
  const { phase, run, pauseEndsUtc } = acquisition;
  const { sequence, of } = acquisition.inAll ?? acquisition;
  if (operation === undefined) return phase === "idle" ? "nothing" : phase;
  const { kind, progress, estimate, paused } = operation;
  const parts = [
    run === undefined ? kind : `${kind} into ${run}`,
    paused === true ? pausedText(pauseEndsUtc) : phase,
    sequence !== undefined && of !== undefined && `sequence ${sequence + 1} of ${of}`,
    `step ${progress.done} of ${progress.of}`,
    estimate && `${duration(estimate.remainingS * SECOND)} left, until ${shortTime(estimate.endsUtc)}`,
  ];
  return parts.filter((part) => typeof part === "string").join(", ");
}

function pausedText(endsUtc: string | undefined): string {
  return endsUtc === undefined ? "PAUSED" : `PAUSED until ${shortTime(endsUtc)} at the latest`;
}

function nextRunText({ next, jobs, isQuiet }: StatusReport): string {
  if (jobs === 0) return "nothing is scheduled";
  if (next?.next === undefined) return "no run is in sight, see vscope schedule list";
  const planned = `${shortTime(next.next)}, job ${next.id}: ${actionText(next)}`;
  return isQuiet ? `QUIET TIME now; ${planned}` : planned;
}

function diskText({ datadir }: StatusReport): string {
  const { path, mounted, freeBytes, totalBytes, reserveBytes, readOnly, problem, catalogueProblem } = datadir;
  if (!mounted) return `NOT MOUNTED: ${problem ?? path}`;
  const catalogue = catalogueProblem === undefined ? "" : `; CATALOGUE: ${catalogueProblem}`;
  const space = `${bytesText(freeBytes)} free of ${bytesText(totalBytes)}, ${path}, run ${datadir.run}${catalogue}`;
  if (readOnly) return `READ-ONLY: ${space}`;
  return freeBytes <= reserveBytes ? `FULL: ${space}` : space;
}

function clockText({ sysinfo }: StatusReport): string {
  const { clock, clockState } = sysinfo;
  const { isSynchronised, source, reference, errorUs } = clockState;
  const error = errorUs === undefined ? "" : ` within ${(errorUs / 1000).toFixed(1)} ms`;
  const by = [reference, source].filter((one) => one !== undefined && one !== "unknown").join(", ");
  const state = isSynchronised === true ? "synchronised" : "NOT SYNCHRONISED";
  const how = isSynchronised === undefined ? "whether it is synchronised is unknown" : `${state}${error}`;
  return `${shortTime(clock)} UTC, ${how}${by === "" ? "" : ` (${by})`}`;
}

function spectrometersText({ spectrometers }: StatusReport): string {
  if (spectrometers.length === 0) return "NO SPECTROMETER\n";
  const headings = ["spectrometer", "model", "state", "since (UTC)", ""].map((heading) => ({ heading }));
  const rows = spectrometers.map(({ serial, model, state, reason = "", since }) => {
    const isUsable = USABLE.includes(state);
    const shown = isUsable ? state : state.toUpperCase();
    return [serial, model, shown, since === undefined ? "-" : shortTime(since), reason].map(printable);
  });
  return renderTable(headings, rows);
}

interface VerdictsShown {
  readonly hasColour: boolean;
  /** In us. */
  readonly darkAge: (verdict: Verdict) => number | undefined;
}

/** The newest spectra with their colours. */
export function verdictsText(verdicts: readonly Verdict[], { hasColour, darkAge }: VerdictsShown): string {
  if (verdicts.length === 0) return "no spectrum since the start\n";
  const shown = verdicts.filter((one) => !isUsableDarkOfLight(one, verdicts));
  const cells = shown.map((verdict) => {
    const { serial, channel, kind, exposureStart, flags } = verdict;
    const ageUs = darkAge(verdict);
    const dark = ageUs === undefined ? "none" : duration(ageUs);
    return [serial, channel, kind, shortTime(exposureStart), dark, flags.join(" ")].map(printable);
  });
  const headings = ["newest of", "channel", "kind", "start (UTC)", "dark age", "flags"].map((heading) => ({
    heading,
  }));
  const [first = "", ...lines] = renderTable(headings, cells).trimEnd().split("\n");
  // Painted text is longer than it looks, so its column stands before the table.
  const painted = lines.map((line, index) => {
    const colour = shown[index]?.colour ?? "";
    return `${colourText(colour, { hasColour, width: COLOUR_WIDTH })}  ${line}`;
  });
  return `${[`${" ".repeat(COLOUR_WIDTH)}  ${first}`, ...painted].join("\n")}\n`;
}

// Its age stands beside the light.
function isUsableDarkOfLight({ serial, channel, kind, colour }: Verdict, all: readonly Verdict[]): boolean {
  if (kind !== "dark" || colour !== "green") return false;
  return all.some((one) => one.kind === "light" && one.serial === serial && one.channel === channel);
}
