// OBP messages about exposures: integration time, trigger, pixels, spectra, binning, averaging and smoothing.

import type { Feature, SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import { u32 } from "./bytes.ts";
import {
  ask8,
  ask16,
  ask32,
  command,
  type Handler,
  type Handlers,
  number,
  numberWithin,
  type ObpCore,
} from "./obp-core.ts";
import { REFUSAL } from "./obp-framing.ts";
import { triggerMode } from "./trigger-mode.ts";

const LARGEST_BINNING = 3;
/** Limits of the averaging and smoothing in firmware. */
const MOST_SCANS = 5000;
const LARGEST_HALF_WIDTH = 15;

export function acquisitionMessages(device: ObpCore): Handlers {
  return [
    [0x0010_0000, command(() => device.abort())],
    ...(device.model.exposure === "buffered" ? [] : spectrumMessages(device)),
    ...integrationTimeMessages(device),
    [0x0011_0100, ask8(() => device.triggerNumber)],
    [0x0011_0110, triggerSetter(device)],
    [0x0011_0120, command(() => device.triggerPulse())],
    ...pixelMessages(device),
  ];
}

function spectrumMessages(device: ObpCore): Handlers {
  const now = spectrumNow(device);
  return [
    [0x0010_1000, now],
    [0x0010_1100, now],
  ];
}

export function spectrumNow(device: ObpCore): Handler {
  return (_, answer) => {
    device.spectrumNow(answer);
    return "later";
  };
}

function integrationTimeMessages(device: ObpCore): Handlers {
  const { min, max, base, step } = device.model.integrationTimeUs;
  return [
    [0x0011_0000, ask32(() => device.exposures.integrationTimeUs / base)],
    [0x0011_0001, ask32(() => min / base)],
    [0x0011_0002, ask32(() => max / base)],
    [0x0011_0003, ask32(() => step / base)],
    [0x0011_0010, integrationTimeSetter(device)],
  ];
}

export function integrationTimeSetter({ model, exposures }: ObpCore): Handler {
  const { min, max, base } = model.integrationTimeUs;
  return numberWithin(4, { min: min / base, max: max / base }, (value) => {
    exposures.integrationTimeUs = value * base;
  });
}

export function triggerSetter(device: ObpCore): Handler {
  return number(1, (value) => {
    const mode = triggerMode(device.model, 0, value);
    if (mode === undefined) return false;
    device.triggerNumber = value;
    device.exposures.setTrigger(mode);
    return true;
  });
}

function pixelMessages({ model, detector }: ObpCore): Handlers {
  const { saturationCounts } = detector.calibration;
  const baseline = Math.round(detector.profile.offset * saturationCounts);
  const dark = ranges(model.darkPixelRanges);
  return [
    [0x0010_1010, ask32(() => model.maxCounts)],
    [0x0010_10a0, ask32(() => saturationCounts)],
    [0x0010_10a1, ask32(() => baseline)],
    [0x0010_10a2, ask32(() => model.maxCounts)],
    [0x0010_10a3, ask32(() => model.maxCounts)],
    [0x0011_0220, ask32(() => model.frame.pixels)],
    [0x0011_0221, ranges([model.opticalPixelRange])],
    [0x0011_0222, dark],
    [0x0011_0223, dark],
  ];
}

/** First and last pixel of each range. */
function ranges(pairs: SpectrometerModel["darkPixelRanges"]): Handler {
  if (pairs.length === 0) return () => REFUSAL.noSuchData;
  return () => Buffer.concat(pairs.flatMap(([from, to]) => [u32(from), u32(to - 1)]));
}

export function binningMessages(device: ObpCore): Handlers {
  const { settings } = device;
  const limits = { min: 0, max: LARGEST_BINNING };
  return [
    [0x0011_0280, ask8(() => settings.values.binning)],
    [0x0011_0281, ask8(() => LARGEST_BINNING)],
    [0x0011_0285, ask8(() => device.defaultBinning)],
    [0x0011_0290, numberWithin(1, limits, (binning) => settings.change({ binning }))],
    [
      0x0011_0295,
      numberWithin(1, limits, (binning) => {
        device.defaultBinning = binning;
      }),
    ],
  ];
}

export function processingMessages({ settings }: ObpCore, features: ReadonlySet<Feature>): Handlers {
  const averaging: Handlers = [
    [0x0012_0000, ask16(() => settings.values.scansToAverage)],
    [
      0x0012_0010,
      numberWithin(2, { min: 1, max: MOST_SCANS }, (scansToAverage) => settings.change({ scansToAverage })),
    ],
  ];
  const boxcar: Handlers = [
    [0x0012_1000, ask8(() => settings.values.boxcarHalfWidth)],
    [
      0x0012_1010,
      numberWithin(1, { min: 0, max: LARGEST_HALF_WIDTH }, (boxcarHalfWidth) =>
        settings.change({ boxcarHalfWidth }),
      ),
    ],
  ];
  return [...(features.has("scans-to-average") ? averaging : []), ...(features.has("boxcar") ? boxcar : [])];
}
