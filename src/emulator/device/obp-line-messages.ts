// OBP messages about lines to the outside and the shutter: lamp, strobes, acquisition delay, GPIO.

import type { Feature } from "../../drivers/oceanoptics/model.ts";
import { u32, viewOf } from "./bytes.ts";
import type { GpioPort } from "./gpio-port.ts";
import {
  ask8,
  ask32,
  askFlag,
  flag,
  type Handler,
  type Handlers,
  numberWithin,
  type ObpCore,
} from "./obp-core.ts";
import { REFUSAL } from "./obp-framing.ts";
import type { Settings } from "./settings.ts";

/** Of the STS (vendor's data sheet). */
const LONGEST_DELAY_US = 335_500;
const PERIOD_US = { min: 50, max: 5_000_000, step: 1 } as const;
const LONGEST_PULSE_US = 5_000_000;

export function lineMessages({ settings }: ObpCore, features: ReadonlySet<Feature>): Handlers {
  const hasStrobe = features.has("continuous-strobe");
  return [
    ...(features.has("lamp") ? lampMessages(settings) : []),
    ...(features.has("acquisition-delay") ? delayMessages(settings) : []),
    ...(features.has("shutter") ? shutterMessages(settings) : []),
    ...(hasStrobe ? singleStrobeMessages(settings) : []),
    ...(hasStrobe ? continuousStrobeMessages(settings) : []),
  ];
}

function lampMessages(settings: Settings): Handlers {
  return [
    [0x0011_0400, askFlag(() => settings.values.isLampOn)],
    [0x0011_0410, flag((isLampOn) => settings.change({ isLampOn }))],
  ];
}

function delayMessages(settings: Settings): Handlers {
  const limits = { min: 0, max: LONGEST_DELAY_US };
  return [
    [0x0011_0500, ask32(() => settings.values.acquisitionDelayUs)],
    [0x0011_0501, ask32(() => limits.min)],
    [0x0011_0502, ask32(() => limits.max)],
    [0x0011_0503, ask32(() => 1)],
    [0x0011_0510, numberWithin(4, limits, (acquisitionDelayUs) => settings.change({ acquisitionDelayUs }))],
  ];
}

function shutterMessages(settings: Settings): Handlers {
  return [[0x0011_0610, flag((isShutterOpen) => settings.change({ isShutterOpen }))]];
}

function singleStrobeMessages(settings: Settings): Handlers {
  const limits = { min: 0, max: LONGEST_PULSE_US };
  return [
    [0x0030_0000, ask32(() => settings.values.singleStrobeDelayUs)],
    [0x0030_0001, ask32(() => settings.values.singleStrobeWidthUs)],
    [0x0030_0002, askFlag(() => settings.values.isSingleStrobeOn)],
    [0x0030_0010, numberWithin(4, limits, (us) => settings.change({ singleStrobeDelayUs: us }))],
    [0x0030_0011, numberWithin(4, limits, (us) => settings.change({ singleStrobeWidthUs: us }))],
    [0x0030_0012, flag((isSingleStrobeOn) => settings.change({ isSingleStrobeOn }))],
  ];
}

function continuousStrobeMessages(settings: Settings): Handlers {
  return [
    [0x0031_0000, ask32(() => settings.values.strobePeriodUs)],
    [0x0031_0001, ask32(() => PERIOD_US.min)],
    [0x0031_0002, ask32(() => PERIOD_US.max)],
    [0x0031_0003, ask32(() => PERIOD_US.step)],
    [0x0031_0004, askFlag(() => settings.values.isStrobing)],
    [0x0031_0010, numberWithin(4, PERIOD_US, (strobePeriodUs) => settings.change({ strobePeriodUs }))],
    [0x0031_0011, flag((isStrobing) => settings.change({ isStrobing }))],
  ];
}

/** Vectors of pins; a set carries the values and a mask of the pins that it is for. */
export function gpioMessages({ gpio }: ObpCore): Handlers {
  return [
    [0x0020_0000, ask8(() => gpio.pins)],
    [0x0020_0100, () => u32(gpio.outputEnable)],
    [0x0020_0110, vector(gpio, (value, mask) => gpio.setOutputEnable(value, mask))],
    [0x0020_0300, () => u32(gpio.levels)],
    [0x0020_0310, vector(gpio, (value, mask) => gpio.setLevels(value, mask))],
  ];
}

function vector({ pins }: GpioPort, set: (value: number, mask: number) => void): Handler {
  return (data) => {
    if (data.length !== 8) return REFUSAL.wrongLength;
    const view = viewOf(data);
    const value = view.getUint32(0, true);
    if (value >= 2 ** pins) return REFUSAL.invalidData;
    set(value, view.getUint32(4, true));
    return "done";
  };
}
