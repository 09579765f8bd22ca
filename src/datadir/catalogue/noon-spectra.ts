// Of each spectrometer and channel the light spectrum nearest to solar noon, in a few bands: enough to see that it looks as
// it did on the day before.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { messageOf } from "../../base/errors.ts";
import { wavelengthsOrWhyNot } from "../../spectra/corrections/wavelength.ts";
import type { PicoFile, PicoSpectrum } from "../../spectra/pico.ts";
import { parsePico } from "../../spectra/pico-reader.ts";
import type { Place } from "../../spectra/sun.ts";
import { solarDay, sunTimes } from "../../spectra/sun-events.ts";
import { type Day, OF_DAY, type Shortened } from "./day.ts";

export const BANDS = 32;
const MOST = 24;
const BRIGHTEST = 255;

export interface NoonSpectrum extends Partial<Bands> {
  readonly serial: string;
  readonly channel: string;
  readonly exposureStartUtcUs: number;
  readonly colour: string;
  /** Why there are no bands. */
  readonly problem?: string;
}

interface Bands {
  /** The mean of the brightest band. */
  readonly peakCounts: number;
  /** The first and last wavelength; null where the spectrum has none, and the bands are of pixels. */
  readonly rangeNm: readonly [number, number] | null;
  /** Raw counts of bands of equal width, 255 for the brightest. */
  readonly levels: Uint8Array;
}

interface Nearest {
  readonly run: string;
  readonly file: string;
  readonly position: number;
  readonly serial: string;
  readonly channel: string;
  readonly exposureStartUtcUs: number;
  readonly colour: string;
}

/** In the order of serial numbers and channels. Throws what SQLite throws. */
export function noonSpectra(database: Database, day: Day): Shortened<NoonSpectrum> {
  // SQLite: the other columns are those of the row that has the minimum.
  const nearest =
    "SELECT device, channel, file, position, exposureStartUtcUs, flagList, min(abs(exposureStartUtcUs - @noonUtcUs)) " +
    `FROM measurements WHERE ${OF_DAY} AND kind = 1 GROUP BY device, channel`;
  const sql =
    "SELECT runs.name AS run, files.name AS file, position, serial, channels.name AS channel, exposureStartUtcUs, colour " +
    `FROM (${nearest}) AS nearest JOIN files ON files.id = nearest.file JOIN runs ON runs.id = files.run ` +
    "JOIN devices ON devices.id = nearest.device JOIN channels ON channels.id = nearest.channel " +
    "JOIN flagLists ON flagLists.id = nearest.flagList ORDER BY serial, channels.name";
  const rows = database
    .prepare<[object], Nearest>(sql)
    .all({ ...day, noonUtcUs: noonOf(day, placeOf(database, day)) });
  const read = reader(day.folder);
  return { list: rows.slice(0, MOST).map((row) => summary(row, read)), total: rows.length };
}

/** Solar noon of a day at a place, and its middle without one. */
function noonOf({ fromUtcUs, toUtcUs }: Day, place: Place | undefined): number {
  const middle = (fromUtcUs + toUtcUs) / 2;
  return place === undefined ? middle : sunTimes(solarDay(middle, place), place).noonUtcUs;
}

function placeOf(database: Database, day: Day): Place | undefined {
  const sql =
    "SELECT latitudeDeg, longitudeDeg, heightM FROM measurements JOIN places ON places.id = place " +
    `WHERE ${OF_DAY} ORDER BY exposureStartUtcUs LIMIT 1`;
  return database.prepare<[object], Place>(sql).get(day);
}

type Read = (row: Nearest) => PicoSpectrum | undefined;

/** Both channels are often in one file. */
function reader(folder: string): Read {
  const files = new Map<string, PicoFile>();
  return ({ run, file, position }) => {
    const path = join(folder, run, file);
    const content = files.get(path) ?? parsePico(readFileSync(path, "utf8"), file);
    files.set(path, content);
    return content.spectra[position];
  };
}

function summary(row: Nearest, read: Read): NoonSpectrum {
  const { serial, channel, exposureStartUtcUs, colour } = row;
  const known = { serial, channel, exposureStartUtcUs, colour };
  try {
    const spectrum = read(row);
    return spectrum === undefined
      ? { ...known, problem: "is not in its file" }
      : { ...known, ...bandsOf(spectrum) };
  } catch (error) {
    return { ...known, problem: messageOf(error) };
  }
}

export function bandsOf(spectrum: PicoSpectrum): Bands {
  const { counts, channelWavelengthCoefficients, wavelengthCoefficients, opticalPixelRange } = spectrum;
  const coefficients = channelWavelengthCoefficients ?? wavelengthCoefficients;
  const found = wavelengthsOrWhyNot(coefficients, counts.length);
  const axis = found.applied ? found.wavelengthsNm : Float64Array.from(counts, (_, pixel) => pixel);
  const [begin, end] = [opticalPixelRange[0], Math.min(opticalPixelRange[1], counts.length)];
  const [from = 0, to = 0] = [axis[begin], axis[end - 1]];
  const sums = new Float64Array(BANDS);
  const pixels = new Float64Array(BANDS);
  for (let pixel = begin; pixel < end; pixel++) {
    const part = to === from ? 0 : ((axis[pixel] ?? from) - from) / (to - from);
    const band = Math.min(BANDS - 1, Math.max(0, Math.floor(part * BANDS)));
    sums[band] = (sums[band] ?? 0) + (counts[pixel] ?? 0);
    pixels[band] = (pixels[band] ?? 0) + 1;
  }
  const means = sums.map((total, band) => total / Math.max(1, pixels[band] ?? 0));
  const peak = Math.max(0, ...means);
  return {
    peakCounts: Math.round(peak),
    rangeNm: found.applied ? [Math.round(from), Math.round(to)] : null,
    levels: Uint8Array.from(means, (mean) =>
      peak === 0 ? 0 : Math.round((Math.max(0, mean) / peak) * BRIGHTEST),
    ),
  };
}
