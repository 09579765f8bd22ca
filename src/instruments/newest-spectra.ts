// The newest spectrum of a channel, and the newest dark ones with which it can be compared.

import { isDeepStrictEqual } from "node:util";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { isUsableDark } from "../spectra/dark-fit.ts";
import { FLAGS } from "../spectra/flags.ts";
import { type Spectrum, UNPROCESSED } from "../spectra/spectrum.ts";
import { type Judge, UNINFORMED } from "./quality-judge.ts";

/** Ways of exposing whose newest dark spectrum is kept; the one not recorded for longest goes first. */
const MOST_DARKS = 16;

export interface ChannelSpectra extends ReadableCell<Spectrum | undefined> {
  /**
   * The newest dark spectrum exposed and processed in the same way that is usable, and recorded since the newest light with
   * a doubtful shutter; none for a light that a signal from outside timed.
   */
  darkFor(spectrum: Spectrum): Spectrum | undefined;
  /** Why none was found although there is one. */
  darkObstacle(spectrum: Spectrum): string | undefined;
  /** What others found about a spectrum since, with all of its flags. Listeners hear of it when it is the newest still. */
  amend(spectrum: Spectrum): void;
  /** The newest two light spectra, newest first; without trials. */
  readonly lights: readonly Spectrum[];
  /** The newest light, without trials, and the newest dark, as far as they are there: a closing dark does not hide a light. */
  readonly ofEachKind: readonly Spectrum[];
}

export class NewestSpectra extends Cell<Spectrum | undefined> implements ChannelSpectra {
  readonly #darks = new Map<string, Spectrum>();
  /** Those of them that are usable, and older ones in place of the others. */
  readonly #usable = new Map<string, Spectrum>();
  #light: Spectrum | undefined;
  #lights: readonly Spectrum[] = [];

  readonly #judge: Judge;

  constructor(judge: Judge = UNINFORMED) {
    super(undefined);
    this.#judge = judge;
  }

  override set(spectrum: Spectrum | undefined): void {
    // Before the listeners are told: what they read must be whole.
    if (spectrum?.kind === "dark") {
      keep(this.#darks, spectrum);
      if (isUsableDark(spectrum)) keep(this.#usable, spectrum);
    }
    if (spectrum?.kind === "light") this.#light = spectrum;
    super.set(spectrum);
  }

  get lights(): readonly Spectrum[] {
    return this.#lights;
  }

  get ofEachKind(): readonly Spectrum[] {
    return [...this.#lights.slice(0, 1), ...[...this.#darks.values()].slice(-1)];
  }

  darkFor(spectrum: Spectrum): Spectrum | undefined {
    return darkOf(this.#usable, spectrum);
  }

  darkObstacle(spectrum: Spectrum): string | undefined {
    const red = darkOf(this.#darks, spectrum);
    if (red === undefined || this.darkFor(spectrum) !== undefined) return undefined;
    const flags = red.flags.filter((flag) => FLAGS[flag].severity === "unusable").join(", ");
    const why = isUsableDark(red) ? "a light since then was nearly as dark (shutter_doubtful)" : flags;
    return `the dark of ${red.integrationTimeUs} us is not usable: ${why}`;
  }

  amend(spectrum: Spectrum): void {
    const { value } = this;
    this.#lights = this.#lights.map((one) => (one.counts === spectrum.counts ? spectrum : one));
    if (value?.counts === spectrum.counts && !isDeepStrictEqual(value.flags, spectrum.flags))
      this.set(spectrum);
  }

  /** Keeps a spectrum with its quality flags, and returns that. A trial is not compared with those before it. */
  add(taken: Spectrum, isTrial = false): Spectrum {
    const before = { dark: darkOf(this.#darks, taken), light: this.#light };
    const spectrum = this.#judge(taken, isTrial ? undefined : before);
    if (spectrum.kind === "light" && !isTrial) this.#lights = [spectrum, ...this.#lights.slice(0, 1)];
    // A light like its dark tells that the shutter was open then: as for files (stored-darks.ts), none before it is trusted.
    if (spectrum.kind === "light" && spectrum.flags.includes("shutter_doubtful")) this.#usable.clear();
    this.set(spectrum);
    return spectrum;
  }
}

function keep(darks: Map<string, Spectrum>, dark: Spectrum): void {
  const way = wayOf(dark);
  darks.delete(way);
  darks.set(way, dark);
  const [oldest] = darks.keys();
  if (darks.size > MOST_DARKS && oldest !== undefined) darks.delete(oldest);
}

function darkOf(darks: ReadonlyMap<string, Spectrum>, spectrum: Spectrum): Spectrum | undefined {
  return spectrum.flags.includes("external_timing") ? undefined : darks.get(wayOf(spectrum));
}

// Averaging changes the noise alone.
function wayOf({ integrationTimeUs, processing = UNPROCESSED }: Spectrum): string {
  return `${integrationTimeUs} ${processing.binning} ${processing.boxcarHalfWidth}`;
}
