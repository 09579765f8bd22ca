// The corrections of a spectrum out of a file. A file tells all that they need, but not whether the model has a gain scale.

import { type CorrectedSpectrum, correct, type InstrumentFacts } from "./corrections/correct.ts";
import type { CorrectionName } from "./corrections/correction.ts";
import type { PicoSpectrum } from "./pico.ts";

const WITHOUT_DARK: readonly CorrectionName[] = ["electric-dark", "nonlinearity", "stray-light"];
const WITH_DARK: readonly CorrectionName[] = ["dark-spectrum", ...WITHOUT_DARK];

/** Dark, nonlinearity and stray light, as far as the instrument has what they need; `dark` goes before the dark pixels. */
export function correctPico(spectrum: PicoSpectrum, dark?: PicoSpectrum): CorrectedSpectrum {
  const facts = factsOf(spectrum);
  if (dark === undefined) return correct(spectrum.counts, facts, WITHOUT_DARK);
  return correct(spectrum.counts, { ...facts, darkSpectrum: { counts: dark.counts, facts: {} } }, WITH_DARK);
}

function factsOf(spectrum: PicoSpectrum): InstrumentFacts {
  const { counts, darkPixels, opticalPixelRange, saturationLevel, strayLightConstant } = spectrum;
  const { maxCounts, wavelengthCoefficients, nonlinearityCoefficients } = spectrum;
  return {
    // The ranges are the instrument's: a frame that ends before them is a binned one.
    pixels: Math.max(counts.length, opticalPixelRange[1]),
    maxCounts: maxCounts ?? saturationLevel,
    saturationLevel,
    darkPixelRanges: darkPixels.map((pixel) => [pixel, pixel + 1]),
    opticalPixelRange,
    calibration: {
      wavelengthCoefficients,
      nonlinearityCoefficients,
      ...(strayLightConstant === null ? {} : { strayLightConstant }),
    },
    isGainScaled: false,
  };
}
