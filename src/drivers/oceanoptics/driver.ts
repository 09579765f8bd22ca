// What every Ocean Optics protocol offers to the instrument above it: commands in the user's units, frames with proof.
// A driver has no queue and no policy: its owner (instruments/spectrometer.ts) calls one method at a time.

import type { Controls } from "./controls.ts";
import { type SettableMode } from "./trigger-modes.ts";
import type { DeviceProcessing, FreshnessProof, InstrumentIdentity } from "../../spectra/spectrum.ts";

export interface Exposure {
  readonly integrationTimeUs: number;
  /** Clock.nowUs of the last change that matters (shutter settled): the exposure must begin after it. */
  readonly notBeforeUs: number;
  /** Exposed at once, whatever trigger mode is set: darks and searches. */
  readonly ignoresTrigger?: boolean;
  /** One scan, even where the device is set to average several. */
  readonly isSingle?: boolean;
  /** Another exposure like this one follows at once. */
  readonly another?: boolean;
}

export interface RawFrame {
  /** Counts as the ADC gave them, after XOR and masks, filler removed, not scaled. */
  readonly counts: Uint32Array;
  /** Exposure window on Clock.nowUs. */
  readonly exposureStartUs: number;
  readonly exposureEndUs: number;
  readonly freshness: FreshnessProof;
  readonly discardedFrames: number;
  /** Where a signal on the trigger input started the exposure. */
  readonly triggerMode?: SettableMode;
  /** What the device made of its scans; absent when the counts are one scan as it is. */
  readonly processing?: DeviceProcessing;
}

export interface TecReading {
  readonly temperatureC: number;
  readonly setpointC: number;
  readonly enabled: boolean;
  /** Settled at its set point, as the device says or as several readings show; absent until there are enough of them. */
  readonly stable?: boolean;
}

/** Thermoelectric cooler of the detector. */
export interface TecDriver {
  setEnabled(enabled: boolean, signal: AbortSignal): Promise<void>;
  setSetpointC(celsius: number, signal: AbortSignal): Promise<void>;
  read(signal: AbortSignal): Promise<TecReading>;
}

/** One part of the way back to a known state. */
export interface RecoveryStep {
  /** For the log: "clear halts". */
  readonly name: string;
  readonly deadlineUs: number;
  run(signal: AbortSignal): Promise<void>;
}

export interface SpectrometerDriver {
  /** Changes with the controls: binning leaves fewer pixels. */
  readonly identity: InstrumentIdentity;
  /** What else can be read and set; only what the device has. */
  readonly controls: Controls;
  /** What the device is set to make of its scans; absent where it can make nothing of them. */
  readonly processing?: DeviceProcessing;
  /** Present only where the device has one. */
  readonly tec?: TecDriver;
  /** Work after opening or resynchronizing that the first acquisition would otherwise do, such as waiting for a cycle. */
  prepare?(signal: AbortSignal): Promise<void>;
  /** The signal that the next exposure waits for, unless it ignores it; undefined in normal mode. */
  readonly awaitedTrigger: SettableMode | undefined;
  /** One spectrum begun after `notBeforeUs`. Throws DEVICE_TIMEOUT, DEVICE_PROTOCOL, DEVICE_NOT_CONNECTED. */
  acquire(exposure: Exposure, signal: AbortSignal): Promise<RawFrame>;
  /**
   * Gives `take` the frames of `count` such exposures, sooner than one by one, where the device can do that. False, and
   * none taken, when it cannot with its firmware or as it is set. Throws as `acquire`.
   */
  acquireMany?(
    exposure: Exposure,
    count: number,
    take: (frame: RawFrame) => void,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** After an abort or error: end a pending request, drain stale bytes, leave the device as after opening. In this order. */
  readonly recovery: readonly RecoveryStep[];
  /** Takes all steps of `recovery`. */
  resynchronize(signal: AbortSignal): Promise<void>;
  /** Detector or board temperature where the device tells it. */
  readTemperatureC?(signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}
