// The far end of the OOI protocol: one command byte and its arguments in, answers on the short pipe, spectra on the
// spectrum pipes. As the real firmware it refuses in silence: bad values and unknown commands change nothing.
// What each command does is in ooi-commands.ts.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import { EndpointFifos } from "../usb/endpoint-fifos.ts";
import { Detector } from "./detector.ts";
import { type Eeprom, factoryEeprom } from "./eeprom.ts";
import { type Exposed, FreeRunningExposures } from "./exposures.ts";
import { frameBytes } from "./frame-bytes.ts";
import { GpioPort } from "./gpio-port.ts";
import { IrradianceMemory } from "./irradiance-memory.ts";
import { type Command, commandsOf, isLegacy } from "./ooi-commands.ts";
import type { OoiCore } from "./ooi-core.ts";
import { Registers } from "./registers.ts";
import { Settings } from "./settings.ts";
import { SlowMemory } from "./slow-memory.ts";
import {
  type EmulatedSpectrometer,
  type Firmware,
  POWER_UP_US,
  type SpectrometerOptions,
} from "./spectrometer.ts";
import { TruthLog } from "./truth.ts";

const HIGH_SPEED_PACKET = 512;
const FULL_SPEED_PACKET = 64;
/** Shortest argument that commands may read: the 62 bytes of an irradiance block. */
const ARGUMENT_BYTES = 62;
const GPIO_PINS = 8;
const DEFAULT_VERSION = [1, 22, 1] as const;
/** Of a model that is told from its twin by its version. */
const TWIN_VERSION = [3, 4, 6] as const;

export class OoiDevice implements EmulatedSpectrometer, OoiCore {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly speed: "full" | "high";
  readonly detector: Detector;
  readonly settings: Settings;
  readonly truth: TruthLog;
  readonly eeprom: Eeprom;
  readonly gpio = new GpioPort(GPIO_PINS);
  readonly clock: Clock;
  readonly firmware: Firmware;
  readonly memory: SlowMemory;
  readonly irradiance: IrradianceMemory;
  readonly registers: Registers;
  readonly exposures: FreeRunningExposures;
  triggerNumber = 0;
  isLedOn = true;
  power = 0;
  adc = { channel: 0, strobeRate: 0, masterClock: 0 };
  readonly #fifos: EndpointFifos;
  readonly #commands: ReadonlyMap<number, Command>;

  constructor(options: SpectrometerOptions) {
    const { model, serial, clock, firmware = {} } = options;
    this.model = model;
    this.serial = serial;
    this.vendorId = model.vendorId;
    this.productId = model.productId;
    this.speed = firmware.speed ?? (isLegacy(model) ? "full" : "high");
    this.clock = clock;
    this.firmware = firmware;
    this.settings = new Settings(clock);
    this.truth = new TruthLog(this.settings);
    this.detector = new Detector({ ...options, isWarm: firmware.isWarm ?? false, settings: this.settings });
    const { calibration, profile } = this.detector;
    const overrides = firmware.eeprom ?? {};
    this.eeprom = factoryEeprom({ model, serial, calibration, setpointC: profile.setpointC, overrides });
    this.memory = new SlowMemory(clock, firmware.whileEepromIsBusy ?? "late");
    this.irradiance = new IrradianceMemory(model.frame.pixels);
    this.registers = new Registers({
      fpgaVersion: firmware.fpgaVersion ?? (model.probe ? TWIN_VERSION : DEFAULT_VERSION),
      settings: this.settings,
      gpio: this.gpio,
      saturationCounts: calibration.saturationCounts,
    });
    this.#fifos = new EndpointFifos((endpoint) => this.packetSize(endpoint));
    this.exposures = this.#makeExposures();
    this.#commands = commandsOf(this);
  }

  packetSize(endpoint: number): number {
    const { spectrum, spectrumFirst } = this.model.endpoints;
    const isSpectrum = endpoint === spectrum || endpoint === spectrumFirst?.endpoint;
    return this.speed === "high" && isSpectrum ? HIGH_SPEED_PACKET : FULL_SPEED_PACKET;
  }

  receive(endpoint: number, bytes: Uint8Array): void {
    const [command] = bytes;
    if (endpoint !== this.model.endpoints.out || command === undefined) return;
    const argument = new Uint8Array(Math.max(bytes.length - 1, ARGUMENT_BYTES));
    argument.set(bytes.subarray(1));
    this.#commands.get(command)?.(new DataView(argument.buffer));
  }

  take(endpoint: number): Uint8Array | undefined {
    return this.#fifos.take(endpoint);
  }

  onReady(listener: ((endpoint: number) => void) | undefined): void {
    this.#fifos.onReady(listener);
  }

  reset(): void {
    this.exposures.reset();
    this.memory.reset();
    this.flush();
    this.registers.reset();
    this.settings.change({ trigger: "normal" });
    this.triggerNumber = 0;
    this.isLedOn = true;
    this.power = 0;
    this.adc = { channel: 0, strobeRate: 0, masterClock: 0 };
  }

  triggerLine(level: boolean): void {
    this.exposures.triggerLine(level);
  }

  triggerPulse(): void {
    this.exposures.triggerPulse();
  }

  flush(): void {
    this.#fifos.clear();
  }

  answer(...bytes: number[]): void {
    this.#fifos.push(this.model.endpoints.answer, Uint8Array.from(bytes));
  }

  get waitingPackets(): number {
    const { spectrum, spectrumFirst } = this.model.endpoints;
    return this.#fifos.waiting(spectrum) + this.#fifos.waiting(spectrumFirst?.endpoint ?? -1);
  }

  #makeExposures(): FreeRunningExposures {
    const { firmware, clock, model } = this;
    const works = {
      clock,
      readoutUs: model.readoutUs,
      powerUpIntegrationTimeUs: firmware.powerUpIntegrationTimeUs ?? POWER_UP_US,
      restartsAtOnce: firmware.restartsAtOnce ?? false,
      extraStaleCycles: firmware.extraStaleCycles ?? 0,
      secondRequest: firmware.secondRequest ?? "queued",
      keepsRequestOnTrigger: firmware.keepsRequestOnTrigger ?? false,
      acquisitionDelayUs: () => this.settings.values.acquisitionDelayUs,
    };
    return new FreeRunningExposures(works, (exposed) => this.#sendSpectrum(exposed));
  }

  #sendSpectrum(exposed: Exposed): void {
    const counts = this.detector.expose(exposed);
    const bytes = frameBytes(this.model.frame, counts);
    this.truth.add(exposed, counts, this.clock.nowUs());
    const { spectrum, spectrumFirst } = this.model.endpoints;
    const firstBytes = this.speed === "high" ? (spectrumFirst?.bytes ?? 0) : 0;
    if (spectrumFirst !== undefined && firstBytes > 0) {
      this.#fifos.push(spectrumFirst.endpoint, bytes.subarray(0, firstBytes));
    }
    this.#fifos.push(spectrum, bytes.subarray(firstBytes));
  }
}
