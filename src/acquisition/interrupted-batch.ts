// What the files tell of a batch that was interrupted, and why it must not be taken up again. The files are the truth.

import { isClockSet, isoUtc, MS, SECOND } from "../base/clock.ts";
import { NEVER } from "../base/abort.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError } from "../base/errors.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { parseSpectraFileName, spectraFileName } from "../datadir/spectra-file-name.ts";
import { bootId } from "../instruments/boot-id.ts";
import type { RememberedSettings } from "../instruments/remembered-settings.ts";
import { compareText, type PicoSpectrum } from "../spectra/pico.ts";
import { parsePico } from "../spectra/pico-reader.ts";
import { closesWithDark } from "./settings.ts";
import type { UnderWay } from "./under-way.ts";

/** What ended the batch: somebody stopped the server, it crashed, the computer went down with it, or the medium went away. */
export const CAUSES = ["server-stopped", "server-crashed", "computer-restarted", "medium-away"] as const;
export type Cause = (typeof CAUSES)[number];

/** What ends the server or the computer each time it is taken up, by the current of its lamps or coolers, must not do so for ever. */
const MOST_ATTEMPTS = 3;
const HOUR_US = 3600 * SECOND;

export interface Finding {
  readonly cause: Cause;
  /** Sequences that have their light. */
  readonly recorded: number;
  /** All lights are there, and the dark that belongs after them is not. */
  readonly lacksClosingDark: boolean;
  /** The newest light; empty without one. */
  readonly newest: readonly PicoSpectrum[];
  /** When it was certainly under way; absent where the clock had not been set then. */
  readonly seenUtc?: string;
  /** How often it was taken up since then. */
  readonly attempts: number;
}

/** Throws DATADIR_NOT_MOUNTED or DATADIR_IO. */
export async function lookAt(directory: DataDirectory, underWay: UnderWay): Promise<Finding> {
  const { batch, settings, startedUtc, stoppedUtc, awayUtc, seenUtc } = underWay;
  const { run, sequences } = settings;
  const names = await namesOf(directory, run);
  const recorded = lightsIn(names, batch);
  const newest =
    recorded === 0
      ? []
      : await spectraOf(directory, run, spectraFileName({ batch, sequence: recorded - 1, kind: "light" }));
  const last = sequences - 1;
  const isDarkThere = names.includes(spectraFileName({ batch, sequence: last, kind: "dark" }));
  const cause = await causeOf(underWay);
  const lights = newest.map(({ exposureStartUtcUs }) => isoUtc(exposureStartUtcUs));
  const times = [startedUtc, stoppedUtc, awayUtc, seenUtc, ...lights].filter((utc) => utc !== undefined);
  // Neither the server nor the computer has come to its end by it.
  const isHarmless = cause === "server-stopped" || cause === "medium-away";
  return {
    cause,
    recorded,
    lacksClosingDark: recorded >= sequences && closesWithDark(settings) && !isDarkThere,
    newest,
    ...definedOnly({ seenUtc: times.filter(isSet).toSorted(compareText).at(-1) }),
    attempts: recorded > 0 || isHarmless ? 0 : underWay.attempts,
  };
}

/** Sequences of a batch that have their light. Throws DATADIR_NOT_MOUNTED or DATADIR_IO. */
export async function recordedSequences(
  directory: DataDirectory,
  run: string,
  batch: number,
): Promise<number> {
  return lightsIn(await namesOf(directory, run), batch);
}

export interface ResumptionPolicy {
  /** What becomes of a batch that was interrupted. */
  readonly interruptedBatch: "close" | "resume";
  /** One that was interrupted longer ago is closed. */
  readonly resumeWithinH: number;
}

export interface Circumstances {
  readonly policy: ResumptionPolicy;
  readonly utcUs: number;
  /** Of the data directory that is there; undefined when it is away or has none: then it is not known. */
  readonly uuid: string | undefined;
}

/** Why it must not be taken up again; undefined when it may. */
export function obstacleTo(
  { settings, directory }: UnderWay,
  { recorded, lacksClosingDark, attempts, seenUtc }: Finding,
  { policy, utcUs, uuid }: Circumstances,
): string | undefined {
  if (directory !== undefined && uuid !== undefined && directory !== uuid)
    return `it belongs to data directory ${directory}, this one is ${uuid}`;
  if (policy.interruptedBatch === "close") return "acquisition.interrupted_batch = close";
  if (recorded >= settings.sequences && !lacksClosingDark) return "all of its light spectra are recorded";
  if (attempts >= MOST_ATTEMPTS) return `it was taken up ${attempts} times and no light was recorded`;
  if (seenUtc === undefined) return undefined;
  const ageH = (utcUs - utcUsOf(seenUtc)) / HOUR_US;
  if (ageH <= policy.resumeWithinH) return undefined;
  return `it was interrupted ${ageH.toFixed(1)} h ago, acquisition.resume_within = ${policy.resumeWithinH}`;
}

/** Why nobody knows how long ago it was interrupted; undefined when that is known. */
export function doubtAboutAge({ seenUtc }: Finding, utcUs: number): string | undefined {
  if (seenUtc === undefined)
    return "clock: was not set when it was interrupted, how long ago that was is not known";
  return utcUs < utcUsOf(seenUtc) ? `clock: behind the time of its interruption, ${seenUtc}` : undefined;
}

/** The settings of a spectrometer, with the integration times of its newest light: a search may have changed them. */
export function settingsAfter(note: RememberedSettings, newest: readonly PicoSpectrum[]): RememberedSettings {
  const own = newest.filter(
    ({ serial, channel }) => serial === note.serial && channel in note.integrationTimesUs,
  );
  const times = own.map(({ channel, integrationTimeUs }) => [channel, integrationTimeUs]);
  return { ...note, integrationTimesUs: { ...note.integrationTimesUs, ...Object.fromEntries(times) } };
}

function isSet(utc: string): boolean {
  return isClockSet(utcUsOf(utc));
}

function utcUsOf(utc: string): number {
  return Date.parse(utc) * MS;
}

function lightsIn(names: readonly string[], batch: number): number {
  let recorded = 0;
  for (const name of names) {
    const parts = parseSpectraFileName(name);
    if (parts?.batch === batch && parts.kind === "light") recorded = Math.max(recorded, parts.sequence + 1);
  }
  return recorded;
}

async function causeOf({ stoppedUtc, awayUtc, bootId: before }: UnderWay): Promise<Cause> {
  if (awayUtc !== undefined) return "medium-away";
  if (stoppedUtc !== undefined) return "server-stopped";
  return before === (await bootId()) ? "server-crashed" : "computer-restarted";
}

// A folder that is gone has no files.
async function namesOf(directory: DataDirectory, run: string): Promise<readonly string[]> {
  try {
    return await directory.shelf.names(run);
  } catch (error) {
    if (isVscopeError(error, "RESOURCE_NOT_FOUND")) return [];
    throw error;
  }
}

// A file that cannot be understood tells nothing; its name has told that there is one.
async function spectraOf(
  directory: DataDirectory,
  run: string,
  name: string,
): Promise<readonly PicoSpectrum[]> {
  try {
    const file = await directory.shelf.openFile(run, name);
    const bytes = await file.read(0, file.size, NEVER);
    return parsePico(Buffer.from(bytes).toString(), name).spectra;
  } catch (error) {
    if (isVscopeError(error, "DATADIR_NOT_MOUNTED", "DATADIR_WRONG", "DATADIR_IO")) throw error;
    return [];
  }
}
