// Spectra of lamps as an emulated unit records them: means of some scans, less the mean of as many darks.

import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { Detector } from "../../../src/emulator/device/detector.ts";
import type { SourceName } from "../../../src/emulator/light/lamps.ts";
import { Scene } from "../../../src/emulator/light/scene.ts";
import { type LampName, linesOf } from "../../../src/spectra/calibration/lamp-lines.ts";
import type { LampSpectrum } from "../../../src/spectra/calibration/wavelength-fit.ts";

const SCANS = 20;

export interface Unit {
  readonly detector: Detector;
  readonly scene: Scene;
}

export function unitOf(model: ModelName, seed: number, source: SourceName): Unit {
  const scene = new Scene(new VirtualClock(), { source, channels: { downwelling: "sky" } });
  scene.fitShutter("downwelling", true);
  const detector = new Detector({ model: modelNamed(model), serial: `UNIT${seed}`, seed, scene });
  return { detector, scene };
}

/** Mean of scans that begin at 0; `isOpen` is whether the lamp is seen. */
function meanOf({ detector, scene }: Unit, integrationTimeUs: number, isOpen: boolean) {
  scene.fitShutter("downwelling", isOpen);
  const mean = new Float64Array(detector.wavelengthsNm.length);
  const most = new Float64Array(mean.length);
  for (let scan = 0; scan < SCANS; scan++) {
    const counts = detector.expose({
      startUs: scan * integrationTimeUs,
      endUs: (scan + 1) * integrationTimeUs,
    });
    for (const [pixel, count] of counts.entries()) {
      mean[pixel] = (mean[pixel] ?? 0) + count / SCANS;
      most[pixel] = Math.max(most[pixel] ?? 0, count);
    }
  }
  return { mean, most };
}

export function lampSpectrum(
  model: ModelName,
  seed: number,
  lamp: LampName,
): LampSpectrum & { readonly detector: Detector } {
  const unit = unitOf(model, seed, lamp);
  const { detector } = unit;
  const integrationTimeUs = Math.max(10_000, detector.model.integrationTimeUs.min);
  const light = meanOf(unit, integrationTimeUs, true);
  const dark = meanOf(unit, integrationTimeUs, false);
  const { saturationCounts } = detector.calibration;
  return {
    detector,
    lamp,
    lines: linesOf(lamp),
    counts: light.mean.map((value, pixel) => value - (dark.mean[pixel] ?? 0)),
    range: detector.model.opticalPixelRange,
    isSaturated: (pixel) => (light.most[pixel] ?? 0) >= saturationCounts,
  };
}
