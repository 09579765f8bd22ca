// The detector of one unit: light and dark signal to counts, with the noise and flaws of this serial number.
// Counts here are what the ADC gives: offset included, clipped at saturation, before any XOR on the wire.

import { SECOND } from "../../base/clock.ts";
import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import type { Scene } from "../light/scene.ts";
import { Random, seedOf } from "../random.ts";
import { type Calibration, calibrationOf, polynomial } from "./calibration.ts";
import { Cooler } from "./cooler.ts";
import type { ExposureWindow } from "./exposures.ts";
import { filament, lampUs } from "./lamp.ts";
import { Optics } from "./optics.ts";
import { type Profile, profileOf } from "./profile.ts";
import type { Settings, SettingsSpan } from "./settings.ts";

export interface DetectorOptions {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly seed: number;
  readonly scene: Scene;
  /** The cooler starts at room temperature instead of at its set point. */
  readonly isWarm?: boolean;
  /** Neither noise nor drift: under steady light equal exposures give equal counts, to compare readers by. */
  readonly isSteady?: boolean;
  /** Lamp, strobes and shutter of the device over time. Default: no lamp, and open. */
  readonly settings?: Settings;
}

const PIXEL_SPREAD = 0.004;
const DARK_SPREAD = 0.15;
const HOT_SHARE = 0.003;
const DARK_DOUBLING_K = 7;
const DARK_REFERENCE_C = 20;
/** Elevation of the sun at noon of the default site; sensitivities are made for it. */
const NOON_ELEVATION_DEG = 34.5;
const NOON_SHARE = 0.8;
/** Share of saturation that the device's lamp gives in the integration time for noon light. */
const LAMP_SHARE = 0.2;
const LINEARITY_STEPS = 512;

export class Detector {
  readonly model: SpectrometerModel;
  readonly calibration: Calibration;
  readonly wavelengthsNm: Float64Array;
  readonly cooler: Cooler;
  readonly profile: Profile;
  /** Linear counts per second that the lamp on the Lamp Enable line gives, per pixel. */
  readonly lampCountsPerSecond: Float64Array;
  readonly #settings: Settings | undefined;
  readonly #scene: Scene;
  readonly #optics: Optics;
  readonly #noise: Random;
  readonly #isSteady: boolean;
  /** Counts per second for unit light, per pixel. */
  readonly #gain: Float64Array;
  /** Dark counts per second at 20 degC and offset, per pixel. */
  readonly #dark: Float64Array;
  readonly #offset: Float64Array;
  readonly #hotPixels: number[] = [];
  readonly #reflectance = new Map<string, Float64Array>();
  readonly #response: Float64Array;

  constructor({ model, serial, seed, scene, isWarm = false, isSteady = false, settings }: DetectorOptions) {
    this.model = model;
    this.#isSteady = isSteady;
    this.#settings = settings;
    this.profile = profileOf(model.name);
    this.calibration = calibrationOf(model, this.profile, serial);
    const { wavelengthOffset, pixels } = model.frame;
    this.wavelengthsNm = Float64Array.from({ length: pixels }, (_, pixel) =>
      polynomial(this.calibration.wavelengthCoefficients, pixel + wavelengthOffset),
    );
    const hasTec = model.features.includes("tec");
    const unitSeed = seedOf(seed, serial);
    const { setpointC } = this.profile;
    this.cooler = new Cooler({ seed: unitSeed, enabled: hasTec, setpointC, isWarm, isSteady });
    this.#scene = scene;
    this.#optics = new Optics(this.wavelengthsNm, this.profile.resolutionNm);
    const flaws = new Random(seedOf(serial, "pixels"));
    this.#gain = this.#makeGain(flaws);
    this.lampCountsPerSecond = this.#makeLamp();
    this.#dark = this.#makeDark(flaws);
    this.#offset = this.#makeOffset(flaws);
    this.#response = this.#makeResponse();
    this.#noise = new Random(unitSeed);
  }

  /** Linear counts per second that 1 W m-2 nm-1 gives, per pixel: the truth that a calibration is to find. */
  get response(): Float64Array {
    return this.#gain;
  }

  /** Pixels with much more dark signal than the others. */
  get hotPixels(): readonly number[] {
    return this.#hotPixels;
  }

  /** Reads out one exposure: the light through the shutters as they moved, and the dark signal of its whole length. */
  expose({ startUs, endUs }: ExposureWindow): Uint32Array {
    const charge = this.#collect(startUs, endUs);
    const { saturationCounts } = this.calibration;
    const readNoise = this.profile.readNoise * saturationCounts;
    const countsPerElectron = saturationCounts / this.profile.fullWellElectrons;
    const counts = new Uint32Array(charge.length);
    for (let pixel = 0; pixel < charge.length; pixel++) {
      const signal = charge[pixel] ?? 0;
      const spread = this.#isSteady ? 0 : Math.sqrt(readNoise * readNoise + signal * countsPerElectron);
      const noise = spread * this.#noise.gaussian();
      const value = Math.round((this.#offset[pixel] ?? 0) + signal * this.#responseTo(signal) + noise);
      counts[pixel] = Math.min(Math.max(value, 0), saturationCounts);
    }
    return counts;
  }

  /** Linear counts above the offset: light of all open channels and dark signal. */
  #collect(startUs: number, endUs: number): Float64Array {
    const seconds = (endUs - startUs) / SECOND;
    const kelvins = this.cooler.temperatureC(endUs) - DARK_REFERENCE_C;
    const darkFactor = seconds * 2 ** (kelvins / DARK_DOUBLING_K);
    const charge = this.#dark.map((perSecond) => perSecond * darkFactor);
    for (const span of this.#settings?.spans(startUs, endUs) ?? []) {
      const lampSeconds = lampUs(span, startUs) / SECOND;
      if (lampSeconds === 0) continue;
      this.lampCountsPerSecond.forEach((perSecond, pixel) => {
        charge[pixel] = (charge[pixel] ?? 0) + perSecond * lampSeconds;
      });
    }
    const gathered = this.#openSpans(startUs, endUs).flatMap(({ fromUs, toUs }) =>
      this.#scene.gather(fromUs, toUs),
    );
    if (gathered.length === 0) return charge;
    const { beam, sky } = this.#optics.light(this.#scene, (startUs + endUs) / 2);
    for (const { channel, beamSeconds, skySeconds } of gathered) {
      const reflectance = this.#reflectanceOf(channel);
      for (let pixel = 0; pixel < charge.length; pixel++) {
        const light = (beam[pixel] ?? 0) * beamSeconds + (sky[pixel] ?? 0) * skySeconds;
        charge[pixel] = (charge[pixel] ?? 0) + light * (reflectance[pixel] ?? 0) * (this.#gain[pixel] ?? 0);
      }
    }
    return charge;
  }

  /** When the device's own shutter was open; one span, the whole, as long as it did not move. */
  #openSpans(fromUs: number, toUs: number): readonly Pick<SettingsSpan, "fromUs" | "toUs">[] {
    const spans = this.#settings?.spans(fromUs, toUs) ?? [];
    if (spans.every(({ values }) => values.isShutterOpen)) return [{ fromUs, toUs }];
    return spans.filter(({ values }) => values.isShutterOpen);
  }

  #reflectanceOf(channel: string): Float64Array {
    const target = `${this.#scene.source} ${this.#scene.targetOf(channel)}`;
    const known = this.#reflectance.get(target);
    if (known !== undefined) return known;
    const made = this.wavelengthsNm.map((nm) => this.#scene.reflectance(channel, nm));
    this.#reflectance.set(target, made);
    return made;
  }

  #makeGain(flaws: Random): Float64Array {
    const [first, end] = this.model.opticalPixelRange;
    const { peakNm, blueNm, redNm } = this.profile.sensitivity;
    const sensitivity = this.wavelengthsNm.map((nm, pixel) => {
      const x = (nm - peakNm) / (nm < peakNm ? blueNm : redNm);
      const spread = 1 + PIXEL_SPREAD * flaws.gaussian();
      return pixel < first || pixel >= end ? 0 : Math.exp(-0.5 * x * x) * spread;
    });
    const { beam, sky } = this.#optics.sunlight(NOON_ELEVATION_DEG);
    const peak = sensitivity.reduce(
      (most, value, pixel) => Math.max(most, value * ((beam[pixel] ?? 0) + (sky[pixel] ?? 0))),
      0,
    );
    const wanted = (NOON_SHARE - this.profile.offset) * this.calibration.saturationCounts;
    return sensitivity.map((value) => (value * wanted * SECOND) / (peak * this.profile.noonUs));
  }

  #makeLamp(): Float64Array {
    const shape = this.#gain.map((gain, pixel) => gain * filament(this.wavelengthsNm[pixel] ?? 0));
    const peak = shape.reduce((most, value) => Math.max(most, value), 0);
    const wanted = (LAMP_SHARE * this.calibration.saturationCounts * SECOND) / this.profile.noonUs;
    return shape.map((value) => (value * wanted) / peak);
  }

  #makeDark(flaws: Random): Float64Array {
    const mean = this.profile.darkPerSecond * this.calibration.saturationCounts;
    return this.wavelengthsNm.map((_, pixel) => {
      const heat = flaws.uniform() < HOT_SHARE ? 10 + 190 * flaws.uniform() : 1;
      if (heat > 1) this.#hotPixels.push(pixel);
      return mean * heat * Math.max(1 + DARK_SPREAD * flaws.gaussian(), 0.3);
    });
  }

  #makeOffset(flaws: Random): Float64Array {
    const { offset, readNoise } = this.profile;
    return this.wavelengthsNm.map(
      () => (offset + readNoise * flaws.gaussian()) * this.calibration.saturationCounts,
    );
  }

  // The factor f(charge) for which charge * f, corrected by the stored polynomial, gives the charge again.
  #makeResponse(): Float64Array {
    const { nonlinearityCoefficients, saturationCounts } = this.calibration;
    return Float64Array.from({ length: LINEARITY_STEPS + 2 }, (_, step) => {
      const charge = (step * saturationCounts) / LINEARITY_STEPS;
      let factor = 1;
      for (let round = 0; round < 8; round++) factor = polynomial(nonlinearityCoefficients, charge * factor);
      return factor;
    });
  }

  #responseTo(charge: number): number {
    const position = Math.min(
      (charge * LINEARITY_STEPS) / this.calibration.saturationCounts,
      LINEARITY_STEPS,
    );
    const step = Math.floor(position);
    const before = this.#response[step] ?? 1;
    return before + ((this.#response[step + 1] ?? before) - before) * (position - step);
  }
}
