// The newest light of a channel at a level above raw counts: irradiance, radiance, reflectance. Computed when somebody
// asks, and once for the same spectra.

import type { ReadableCell } from "../base/cell.ts";
import { isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Rack } from "../instruments/rack.ts";
import type { Curve } from "../spectra/curve.ts";
import { type Flag, raisedFlags } from "../spectra/flags.ts";
import type { Sources } from "../spectra/processing/at-level.ts";
import { withOwnDark } from "../spectra/processing/dark-choice.ts";
import type { Look } from "../spectra/processing/panel-reflectance.ts";
import { isReferenceStale, type QualityLimits, secondsBetween } from "../spectra/quality.ts";
import {
  calibrated,
  QUANTITIES,
  type Quantity,
  type RadiometricCalibration,
} from "../spectra/radiometric.ts";
import {
  type CalibratedPair,
  calibratedReflectanceOf,
  isIrradiance,
  panelReflectanceOf,
  REFLECTANCE_METHODS,
  reflectanceOf,
  type Scene,
} from "../spectra/reflectance.ts";
import { isBinned, rateOf } from "../spectra/signal-rate.ts";
import type { Spectrum } from "../spectra/spectrum.ts";
import type { Calibrations } from "./calibrations.ts";
import type { InstrumentIrradiance } from "./instrument-irradiance.ts";
import { Memo } from "./memo.ts";
import { type Downwelling, distanceS, downwellingOf, newestTaken, type Taken } from "./taken.ts";
import { ageFor, type WhiteReference } from "./white-reference.ts";
import type { WhiteReferences } from "./white-references.ts";

/** How a level is made. */
export const METHODS = ["radiometric calibration", ...REFLECTANCE_METHODS] as const;

/**
 * Which reflectance is wanted; `auto` is by white panel where there is a reference, else by dual field of view: radiance over
 * irradiance where both channels are calibrated.
 */
export const WAYS = ["auto", "dual", "panel"] as const;
export type Way = (typeof WAYS)[number];

export interface Level {
  readonly light: Spectrum;
  readonly curve: Curve;
  /** What it is computed from. */
  readonly sources: Sources;
  readonly unit: string;
  readonly method: (typeof METHODS)[number];
  /** From the dark's end to the light's start; below 0 where the dark came later. */
  readonly darkAgeS: number;
  /** Why a newer light is not shown yet. */
  readonly pending?: string;
  readonly flags: readonly Flag[];
  readonly calibration?: RadiometricCalibration;
  readonly calibrations?: CalibratedPair;
  /** Why it is a ratio of counts although both channels have a calibration. */
  readonly notCalibrated?: string;
  readonly reference?: WhiteReference;
  /** The downwelling light that was used: how many spectra, and how far the nearest is in time. */
  readonly downwelling?: { readonly spectra: number; readonly distanceS: number };
  /** Why the change of the downwelling light since the reference is not corrected. */
  readonly notCorrected?: string;
}

type Pair = Pick<Level, "calibrations" | "notCalibrated">;

export interface LevelsParts {
  readonly rack: Rack;
  readonly calibrations: Calibrations;
  readonly instrumentIrradiance: InstrumentIrradiance;
  readonly whiteReferences: WhiteReferences;
  readonly limits: QualityLimits;
}

export interface Place {
  readonly serial: string;
  readonly channel: string;
}

export class Levels {
  readonly #parts: LevelsParts;
  readonly #levels = new Memo<Level>();

  constructor(parts: LevelsParts) {
    this.#parts = parts;
  }

  /**
   * Irradiance or radiance of the newest light. Throws RESOURCE_NOT_FOUND (no light, dark or calibration of this kind),
   * STATE_CONFLICT (expired), CONFIG_INVALID (the calibration's file is wrong), VALUE_INVALID (binned, timed outside).
   */
  async radiometric(quantity: Quantity, place: Place, signal: AbortSignal): Promise<Level> {
    const { serial, channel } = place;
    const taken = newestTaken(this.#parts.rack.spectrometer(serial), channel);
    const calibration = await this.#calibration(quantity, taken, signal);
    const { light, dark, exposed, pending } = taken;
    return this.#levels.of(`${quantity} ${serial} ${channel}`, [light, dark, pending, calibration], () => ({
      ...common(taken),
      curve: calibrated(rateOf(exposed), calibration),
      sources: { level: "radiance", target: withOwnDark(exposed), calibration },
      unit: QUANTITIES[quantity],
      method: "radiometric calibration",
      flags: flagsOf([taken], false),
      calibration,
    }));
  }

  async #calibration(quantity: Quantity, taken: Taken, signal: AbortSignal): Promise<RadiometricCalibration> {
    const { calibrations, instrumentIrradiance, rack } = this.#parts;
    const { instrument, channel } = taken.light;
    const found = calibrations.radiometric(instrument.serial, channel);
    const spectrometer = rack.spectrometer(instrument.serial);
    const calibration =
      "quantity" in found
        ? found
        : await instrumentIrradiance.calibration(spectrometer, taken, found.collectionAreaCm2, signal);
    requireFit(calibration, quantity, taken);
    return calibration;
  }

  /** Reflectance of what the channel sees. Throws as `radiometric`. */
  async reflectance(way: Way, { serial, channel }: Place, signal: AbortSignal): Promise<Level> {
    if (isIrradiance(channel)) {
      const fact = "sees the sky, reflectance is of the other channels";
      throw new VscopeError("VALUE_INVALID", `${serial} ${channel}: ${fact}`);
    }
    const spectrometer = this.#parts.rack.spectrometer(serial);
    const taken = newestTaken(spectrometer, channel);
    const reference = way === "dual" ? undefined : this.#parts.whiteReferences.of(serial, channel);
    if (way === "panel" && reference === undefined)
      throw new VscopeError("RESOURCE_NOT_FOUND", `${serial} ${channel}: no white reference is recorded`);
    const down = downwellingOf(spectrometer);
    const from = [taken, ...down.taken].flatMap(({ light, dark }) => [light, dark]);
    const pair = reference === undefined ? await this.#pairOf(taken, down, signal) : {};
    const { radiance, irradiance } = pair.calibrations ?? {};
    const facts = [reference, taken.pending, radiance, irradiance, pair.notCalibrated];
    return this.#levels.of(`reflectance ${way} ${serial} ${channel}`, [...facts, ...from], () =>
      reference === undefined ? this.#dual(taken, down, pair) : this.#byPanel(taken, down, reference),
    );
  }

  // Empty without calibrations of both. One that cannot be used leaves the ratio of counts.
  async #pairOf(target: Taken, { taken: [sky] }: Downwelling, signal: AbortSignal): Promise<Pair> {
    if (sky === undefined) return {};
    const { calibrations } = this.#parts;
    const isCalibrated = [target, sky].every(({ light: { instrument, channel } }) =>
      calibrations.isConfigured(instrument.serial, channel),
    );
    if (!isCalibrated) return {};
    try {
      const radiance = await this.#calibration("radiance", target, signal);
      const irradiance = await this.#calibration("irradiance", sky, signal);
      return { calibrations: { radiance, irradiance } };
    } catch (error) {
      signal.throwIfAborted();
      return { notCalibrated: messageOf(error) };
    }
  }

  /** Whose changes change irradiance and radiance. */
  watched({ serial, channel }: Place): readonly ReadableCell<unknown>[] {
    return [this.#parts.rack.spectrometer(serial).newest(channel)];
  }

  /** Whose changes change the reflectance. */
  watchedReflectance(place: Place): readonly ReadableCell<unknown>[] {
    const { rack, whiteReferences } = this.#parts;
    const spectrometer = rack.spectrometer(place.serial);
    const sky = spectrometer.channels.filter(isIrradiance);
    return [
      ...this.watched(place),
      ...sky.map((channel) => spectrometer.newest(channel)),
      whiteReferences.present,
    ];
  }

  #dual(target: Taken, { taken, obstacle }: Downwelling, pair: Pair): Level {
    const { instrument, channel } = target.light;
    if (taken.length === 0) {
      const fact = `no white reference, and ${obstacle}`;
      throw new VscopeError("RESOURCE_NOT_FOUND", `${instrument.serial} ${channel}: ${fact}`);
    }
    const apartS = distanceS(target, taken);
    const { calibrations } = pair;
    const sky = exposedOf(taken);
    return {
      ...common(target),
      curve:
        calibrations === undefined
          ? reflectanceOf(target.exposed, sky)
          : calibratedReflectanceOf(target.exposed, sky, calibrations),
      sources: {
        level: "reflectance",
        target: withOwnDark(target.exposed),
        irradiance: sky.map(withOwnDark),
        ...(calibrations !== undefined && { pair: calibrations }),
      },
      unit: "1",
      method: calibrations === undefined ? "dual field of view" : "radiance over irradiance",
      ...pair,
      flags: flagsOf([target, ...taken], this.#isFar(apartS)),
      downwelling: { spectra: taken.length, distanceS: apartS },
    };
  }

  #byPanel(target: Taken, down: Downwelling, reference: WhiteReference): Level {
    const { scene, panel } = reference;
    const isPaired = scene.downwelling.length > 0 && down.taken.length > 0;
    const taken = isPaired ? down.taken : [];
    const seen = { upwelling: target.exposed, downwelling: exposedOf(taken) };
    const age = { ...ageFor(reference, target.light.exposureStartUtcUs), isPaired };
    const apartS = distanceS(target, taken);
    const isStale = isReferenceStale(age, this.#parts.limits) || (isPaired && this.#isFar(apartS));
    const why = scene.downwelling.length === 0 ? "no downwelling light beside the reference" : down.obstacle;
    return {
      ...common(target),
      curve: panelReflectanceOf(seen, scene, panel.factors),
      sources: {
        level: "reflectance",
        target: withOwnDark(target.exposed),
        irradiance: seen.downwelling.map(withOwnDark),
        byPanel: { panels: [{ item: lookOf(scene), weight: 1 }], factors: panel.factors },
      },
      unit: "1",
      method: "white panel",
      flags: flagsOf([target, ...taken], isStale),
      reference,
      ...(isPaired ? { downwelling: { spectra: taken.length, distanceS: apartS } } : { notCorrected: why }),
    };
  }

  // Light that far away in time is none that belongs to the spectrum.
  #isFar(apartS: number): boolean {
    return apartS > this.#parts.limits.irradianceWithinS;
  }
}

function common({ light, dark, pending }: Taken): Pick<Level, "light" | "darkAgeS" | "pending"> {
  const darkAgeS = Math.round(secondsBetween(dark, light) * 1000) / 1000;
  return { light, darkAgeS, ...definedOnly({ pending }) };
}

function exposedOf(taken: readonly Taken[]) {
  return taken.map(({ exposed }) => exposed);
}

function lookOf({ upwelling, downwelling }: Scene): Look {
  return { upwelling: withOwnDark(upwelling), downwelling: downwelling.map(withOwnDark) };
}

// What a spectrum was told of its white reference when it was recorded can be another one now.
function flagsOf(taken: readonly Taken[], isStale: boolean): readonly Flag[] {
  const found = new Set(taken.flatMap(({ light }) => light.flags));
  return raisedFlags((name) => (name === "reference_stale" ? isStale : found.has(name)));
}

function requireFit(
  { serial, channel, quantity, validUntilUtcUs = Number.POSITIVE_INFINITY }: RadiometricCalibration,
  wanted: Quantity,
  { light, exposed }: Taken,
): void {
  const subject = `${serial} ${channel}`;
  if (quantity !== wanted) {
    const fact = `its calibration is one of ${quantity}, there is none of ${wanted}`;
    throw new VscopeError("RESOURCE_NOT_FOUND", `${subject}: ${fact}`);
  }
  if (light.exposureStartUtcUs >= validUntilUtcUs) {
    const fact = `the calibration has expired, it was valid until ${isoUtc(validUntilUtcUs).slice(0, 10)}`;
    throw new VscopeError("STATE_CONFLICT", `${subject}: ${fact}`);
  }
  if (isBinned(exposed.light))
    throw new VscopeError("VALUE_INVALID", `${subject}: binned spectra have no radiometric calibration`);
}
