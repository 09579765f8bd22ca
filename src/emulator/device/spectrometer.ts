// An emulated spectrometer of any protocol: what the bus needs of it, and what tests may look at and touch.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import type { Scene } from "../light/scene.ts";
import type { UsbFarEnd } from "../usb/far-end.ts";
import type { Detector } from "./detector.ts";
import type { SlotOverrides } from "./eeprom.ts";
import type { GpioPort } from "./gpio-port.ts";
import type { Settings } from "./settings.ts";
import type { TruthLog } from "./truth.ts";

export interface EmulatedSpectrometer extends UsbFarEnd {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly detector: Detector;
  readonly truth: TruthLog;
  /** Lamp, strobes, shutter, averaging and the like, now and in the past. */
  readonly settings: Settings;
  /** The pins of the accessory connector. */
  readonly gpio: GpioPort;
  readonly isLedOn: boolean;
  /** Sets the trigger input; it is low until somebody does. */
  triggerLine(level: boolean): void;
  /** A short pulse on the trigger input. */
  triggerPulse(): void;
}

/** How the firmware of a unit behaves; the defaults are the common ones. */
export interface Firmware {
  readonly speed?: "full" | "high";
  /** Starts with a warm detector; by default the cooler has long settled. */
  readonly isWarm?: boolean;
  readonly powerUpIntegrationTimeUs?: number;
  // OOI
  readonly fpgaVersion?: readonly [major: number, minor: number, patch: number];
  /** First byte of a register answer: the register, or a fixed value. */
  readonly registerEcho?: "register" | 0xfe | 0x00;
  readonly restartsAtOnce?: boolean;
  readonly extraStaleCycles?: number;
  readonly secondRequest?: "queued" | "ignored";
  readonly keepsRequestOnTrigger?: boolean;
  /** Command 01 empties the endpoints. */
  readonly initializeFlushes?: boolean;
  readonly eeprom?: SlotOverrides;
  /** What becomes of accesses to the memory within 200 ms of a write to it. Default: "late". */
  readonly whileEepromIsBusy?: "late" | "ignored";
  // OBP
  /** Flags of an acknowledgement: with or without the response bit. */
  readonly acknowledgeFlags?: 0x0002 | 0x0003;
  /** A host crashed before: an unread answer and this many old frames wait in the device. */
  readonly leftoverFrames?: number;
  /**
   * What a question for several frames of the fast buffer gets: all of them, or what there is, or a refusal; "absent": the
   * device does not know of back-to-back exposures either. Default: "whole".
   */
  readonly fastBuffer?: "whole" | "partial" | "unreadable" | "absent";
}

export interface SpectrometerOptions {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly scene: Scene;
  /** Neither noise nor drift: under steady light equal exposures give equal counts. */
  readonly isSteady?: boolean;
  readonly firmware?: Firmware;
}

/** The integration time that a unit has after power-up. */
export const POWER_UP_US = 100_000;
