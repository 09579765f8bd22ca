// The darks that lights can be corrected with: those whose files are on the disk, each for the lights of its own run.
// A restart forgets them; the next light by the policy `age` gets a new one.

import { MS } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import type { FileReference } from "../datadir/catalogue/catalogue-row.ts";
import { type ExposureFacts, exposureFactsOf, isUsableDark, serves } from "../spectra/dark-fit.ts";
import { type Flag, raisedFlags } from "../spectra/flags.ts";
import type { QualityLimits } from "../spectra/quality.ts";
import type { Spectrum } from "../spectra/spectrum.ts";

/** A light that is recorded, or will be. */
export interface LightFacts {
  readonly serial: string;
  readonly channel: string;
  readonly exposure: ExposureFacts;
  /** On Clock.nowUs. */
  readonly startUs: number;
}

/** The newest dark that serves a light. */
export interface ServingDark {
  readonly darkAgeS: number;
  readonly darkFile: string;
}

interface StoredDark extends FileReference {
  readonly serial: string;
  readonly channel: string;
  readonly exposure: ExposureFacts;
  readonly endUs: number;
}

/** Many more than are recorded within the longest age, and few enough to look through for each light. */
const MOST_DARKS = 256;

export class StoredDarks {
  readonly #limits: QualityLimits;
  /** Newest first. */
  #darks: readonly StoredDark[] = [];

  constructor(limits: QualityLimits) {
    this.#limits = limits;
  }

  /** Their file is on the disk. Those that are not usable serve nothing. */
  add({ run, file }: FileReference, spectra: readonly Spectrum[]): void {
    const usable = spectra.filter((one) => one.kind === "dark" && isUsableDark(one));
    const stored = usable.flatMap(({ exposureStartUs, ...spectrum }) => {
      if (exposureStartUs === undefined) return [];
      const { channel, instrument } = spectrum;
      const endUs = exposureStartUs + spectrum.exposureEndUtcUs - spectrum.exposureStartUtcUs;
      return [{ run, file, serial: instrument.serial, channel, exposure: exposureFactsOf(spectrum), endUs }];
    });
    this.#darks = [...stored, ...this.#darks].slice(0, MOST_DARKS);
  }

  /** The medium is gone, and with it the files. */
  clear(): void {
    this.#darks = [];
  }

  /** Undefined when none of the run serves. */
  find(run: string, light: LightFacts): ServingDark | undefined {
    const dark = this.#of(run, light).find(({ exposure }) => serves(exposure, light.exposure, this.#limits));
    if (dark === undefined) return undefined;
    return { darkAgeS: Math.round((light.startUs - dark.endUs) / MS) / 1000, darkFile: dark.file };
  }

  /** Recorded lights of a run, each with the age of its dark, its file, and the flag that either deserves. */
  withDarks(run: string, lights: readonly Spectrum[]): readonly Spectrum[] {
    for (const light of lights) if (light.flags.includes("shutter_doubtful")) this.#forget(light);
    return lights.map((light) => {
      const facts = lightFactsOf(light);
      const dark = facts === undefined ? undefined : this.find(run, facts);
      const flag = this.#flagOf(dark, this.#of(run, namesOf(light)).length > 0);
      const flags = raisedFlags((name) => name === flag || light.flags.includes(name));
      return { ...light, ...definedOnly({ ...dark }), flags };
    });
  }

  #flagOf(dark: ServingDark | undefined, hasAny: boolean): Flag | undefined {
    if (dark === undefined) return hasAny ? "dark_mismatched" : "dark_missing";
    return dark.darkAgeS > this.#limits.darkMaxAgeS ? "dark_stale" : undefined;
  }

  // A light like its dark tells that the shutter was open then.
  #forget(light: Spectrum): void {
    const { serial, channel } = namesOf(light);
    this.#darks = this.#darks.filter((dark) => dark.serial !== serial || dark.channel !== channel);
  }

  #of(run: string, { serial, channel }: Pick<LightFacts, "serial" | "channel">): readonly StoredDark[] {
    return this.#darks.filter(
      (dark) => dark.run === run && dark.serial === serial && dark.channel === channel,
    );
  }
}

function namesOf({ instrument, channel }: Spectrum): Pick<LightFacts, "serial" | "channel"> {
  return { serial: instrument.serial, channel };
}

// No dark lasts as long as a light that a signal from outside timed.
function lightFactsOf(light: Spectrum): LightFacts | undefined {
  const { exposureStartUs: startUs, flags } = light;
  if (startUs === undefined || flags.includes("external_timing")) return undefined;
  return { ...namesOf(light), exposure: exposureFactsOf(light), startUs };
}
