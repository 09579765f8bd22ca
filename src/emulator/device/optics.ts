// From the fibre to the pixels: dispersion, the instrument's line shape and the sunlight on the pixel grid.
// Spectra are computed anew only when the sun has moved; between, an exposure is a weighted sum.

import { type AirColumn, airColumn, groundIrradiance, sunPath } from "../light/atmosphere.ts";
import type { SourceName } from "../light/lamps.ts";
import type { Scene } from "../light/scene.ts";
import { standardIrradiance } from "../light/standard-lamp.ts";
import { LAMP_LINES, type LampName } from "../../spectra/calibration/lamp-lines.ts";

/** Light behind the slit per pixel: of the direct beam and of the clear sky. */
export interface PixelLight {
  readonly beam: Float64Array;
  readonly sky: Float64Array;
}

/** The sun's elevation is rounded to this, in degrees: an error of under 0.1 % above 20 degrees. */
const ELEVATION_STEP_DEG = 0.02;
/** Width of the line shape: full width at half maximum over standard deviation. */
const FWHM_PER_SIGMA = 2.3548;
const SAMPLES_PER_FWHM = 5;
const REACH_SIGMAS = 3;

export class Optics {
  readonly #wavelengthsNm: Float64Array;
  readonly #sigmaNm: number;
  readonly #startNm: number;
  readonly #stepNm: number;
  readonly #columns: readonly AirColumn[];
  readonly #lamps = new Map<SourceName, PixelLight>();
  #elevationDeg: number | undefined;
  #light: PixelLight | undefined;

  constructor(wavelengthsNm: Float64Array, resolutionNm: number) {
    this.#wavelengthsNm = wavelengthsNm;
    this.#sigmaNm = resolutionNm / FWHM_PER_SIGMA;
    this.#stepNm = resolutionNm / SAMPLES_PER_FWHM;
    const reachNm = REACH_SIGMAS * this.#sigmaNm + 2 * this.#stepNm;
    const first = wavelengthsNm[0] ?? 0;
    const last = wavelengthsNm[wavelengthsNm.length - 1] ?? 0;
    this.#startNm = first - reachNm;
    const samples = Math.ceil((last - first + 2 * reachNm) / this.#stepNm) + 1;
    this.#columns = Array.from({ length: samples }, (_, index) =>
      airColumn(Math.max(this.#startNm + index * this.#stepNm, 200)),
    );
  }

  /** Light of the scene's source, per pixel, at a moment of `Clock.nowUs`. */
  light(scene: Scene, atUs: number): PixelLight {
    const { source } = scene;
    if (source !== "sun") {
      const lamp = this.#lamps.get(source) ?? this.#lampLight(source);
      this.#lamps.set(source, lamp);
      return lamp;
    }
    const elevationDeg = Math.round(scene.elevationDeg(atUs) / ELEVATION_STEP_DEG) * ELEVATION_STEP_DEG;
    if (this.#light === undefined || elevationDeg !== this.#elevationDeg) {
      this.#light = this.sunlight(elevationDeg);
      this.#elevationDeg = elevationDeg;
    }
    return this.#light;
  }

  sunlight(elevationDeg: number): PixelLight {
    const path = sunPath(elevationDeg);
    const beam = new Float64Array(this.#columns.length);
    const sky = new Float64Array(this.#columns.length);
    for (const [index, column] of this.#columns.entries()) {
      const ground = groundIrradiance(column, path);
      beam[index] = ground.beam;
      sky[index] = ground.sky;
    }
    return { beam: this.#blurred(beam), sky: this.#blurred(sky) };
  }

  #lampLight(source: Exclude<SourceName, "sun">): PixelLight {
    const beam = this.#wavelengthsNm.map((nm) =>
      source === "standard" ? standardIrradiance(nm) : this.#lines(source, nm),
    );
    return { beam, sky: new Float64Array(beam.length) };
  }

  #lines(lamp: LampName, nm: number): number {
    return LAMP_LINES[lamp].reduce((sum, [lineNm, power]) => sum + power * this.#lineShape(nm - lineNm), 0);
  }

  /** Per nm, with unit area. */
  #lineShape(distanceNm: number): number {
    const x = distanceNm / this.#sigmaNm;
    return Math.exp(-0.5 * x * x) / (this.#sigmaNm * Math.sqrt(2 * Math.PI));
  }

  #blurred(samples: Float64Array): Float64Array {
    const reach = Math.ceil((REACH_SIGMAS * this.#sigmaNm) / this.#stepNm);
    return this.#wavelengthsNm.map((nm) => {
      const centre = Math.round((nm - this.#startNm) / this.#stepNm);
      let sum = 0;
      let area = 0;
      for (let index = Math.max(centre - reach, 0); index <= centre + reach; index++) {
        const weight = this.#lineShape(this.#startNm + index * this.#stepNm - nm);
        sum += weight * (samples[index] ?? 0);
        area += weight;
      }
      return sum / area;
    });
  }
}
