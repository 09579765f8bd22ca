// What the commands of an OOI device (ooi-commands.ts) work on: the device's parts and state.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import type { Detector } from "./detector.ts";
import type { Eeprom } from "./eeprom.ts";
import type { FreeRunningExposures } from "./exposures.ts";
import type { IrradianceMemory } from "./irradiance-memory.ts";
import type { Registers } from "./registers.ts";
import type { Settings } from "./settings.ts";
import type { SlowMemory } from "./slow-memory.ts";
import type { Firmware } from "./spectrometer.ts";

/** The device behind the commands. */
export interface OoiCore {
  readonly model: SpectrometerModel;
  readonly clock: Clock;
  readonly firmware: Firmware;
  readonly speed: "full" | "high";
  readonly detector: Detector;
  readonly settings: Settings;
  readonly exposures: FreeRunningExposures;
  readonly eeprom: Eeprom;
  /** The time that EEPROM and irradiance memory take. */
  readonly memory: SlowMemory;
  readonly irradiance: IrradianceMemory;
  readonly registers: Registers;
  /** Packets of spectra that the host has not read. */
  readonly waitingPackets: number;
  triggerNumber: number;
  isLedOn: boolean;
  power: number;
  /** What only the ADC1000 has. */
  adc: { channel: number; strobeRate: number; masterClock: number };
  packetSize(endpoint: number): number;
  /** Puts an answer on the short pipe. */
  answer(...bytes: number[]): void;
  /** Forgets what the host has not read. */
  flush(): void;
}
