// A field with an emulated detector in it: its spectra as files have them, and the truth about them.

import { MS, SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { Detector } from "../../../src/emulator/device/detector.ts";
import { Scene } from "../../../src/emulator/light/scene.ts";
import type { PicoSpectrum } from "../../../src/spectra/pico.ts";
import { darkened, type Darkened } from "../../../src/spectra/processing/dark-choice.ts";
import { sampleSpectrum } from "../../client/sample-spectra.ts";

export type Channel = "upwelling" | "downwelling";

/** Times of 80 % of saturation at noon; the canopy is bright in the near infrared. */
const UP_FACTOR = 2;

function factorOf(channel: Channel): number {
  return channel === "upwelling" ? UP_FACTOR : 1;
}

export class Field {
  readonly detector: Detector;
  readonly scene: Scene;
  readonly #utcOffsetUs: number;
  #nowUs = 60 * SECOND;

  constructor(name: ModelName, seed: number) {
    const clock = new VirtualClock();
    this.#utcOffsetUs = clock.utcUs() - clock.nowUs();
    this.scene = new Scene(clock, { cloudStrength: 0 });
    const model = modelNamed(name);
    this.detector = new Detector({ model, serial: "TEST0001", seed, scene: this.scene });
    for (const channel of this.scene.channels) this.scene.fitShutter(channel, false);
  }

  expose(channel: Channel, kind: PicoSpectrum["kind"], factor = factorOf(channel)): PicoSpectrum {
    const { calibration, profile, model } = this.detector;
    const integrationTimeUs = profile.noonUs * factor;
    this.#nowUs += SECOND;
    const startUs = this.#nowUs;
    const endUs = startUs + integrationTimeUs;
    this.#nowUs = endUs;
    if (kind === "light") this.scene.aperture(channel).move(true, startUs - MS, 0);
    const counts = Float64Array.from(this.detector.expose({ startUs, endUs }));
    if (kind === "light") this.scene.aperture(channel).move(false, endUs + MS, 0);
    return {
      ...sampleSpectrum({ serial: "TEST0001", channel, kind, sequence: 0 }),
      counts,
      integrationTimeUs,
      exposureStartUtcUs: startUs + this.#utcOffsetUs,
      exposureEndUtcUs: endUs + this.#utcOffsetUs,
      saturationLevel: calibration.saturationCounts,
      wavelengthCoefficients: calibration.wavelengthCoefficients,
      nonlinearityCoefficients: calibration.nonlinearityCoefficients,
      opticalPixelRange: model.opticalPixelRange,
    };
  }

  /** A light with a dark of its own. */
  measure(channel: Channel, factor = factorOf(channel)): Darkened {
    const dark = this.expose(channel, "dark", factor);
    return darkened(this.expose(channel, "light", factor), [{ item: dark, weight: 1 }]);
  }

  /** A white panel in the place of the target, which is brighter. */
  measurePanel(): Darkened {
    this.scene.setTarget("upwelling", "white-panel");
    const panel = this.measure("upwelling", 1);
    this.scene.setTarget("upwelling", "canopy");
    return panel;
  }

  /** The target between two looks at the sky. */
  sequence(): { readonly target: Darkened; readonly irradiance: readonly Darkened[] } {
    const before = this.measure("downwelling");
    const target = this.measure("upwelling");
    return { target, irradiance: [before, this.measure("downwelling")] };
  }

  get trueReflectance(): Float64Array {
    return this.detector.wavelengthsNm.map((nm) => this.scene.reflectance("upwelling", nm));
  }
}
