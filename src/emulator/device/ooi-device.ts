// The far end of the OOI protocol: one command byte and its arguments in, answers on the short pipe, spectra on the
// spectrum pipes. As the real firmware it refuses in silence: bad values and unknown commands change nothing.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel, TriggerMode } from "../../drivers/oceanoptics/model.ts";
import { EndpointFifos } from "../usb/endpoint-fifos.ts";
import { Detector } from "./detector.ts";
import { type Eeprom, factoryEeprom } from "./eeprom.ts";
import { type Exposed, FreeRunningExposures } from "./exposures.ts";
import { frameBytes } from "./frame-bytes.ts";
import { IrradianceMemory, Registers } from "./ooi-memory.ts";
import {
  type EmulatedSpectrometer,
  type Firmware,
  POWER_UP_US,
  type SpectrometerOptions,
} from "./spectrometer.ts";
import { TruthLog } from "./truth.ts";

/** Arguments of a command, after the command byte. */
type Command = (argument: DataView) => void;

const HIGH_SPEED_PACKET = 512;
const FULL_SPEED_PACKET = 64;
/** Counts of the PCB temperature sensor per degree, and the status byte for a good reading (data sheets). */
const PCB_C_PER_COUNT = 0.003906;
const PCB_OK = 0x08;

export class OoiDevice implements EmulatedSpectrometer {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly speed: "full" | "high";
  readonly detector: Detector;
  readonly truth = new TruthLog();
  readonly eeprom: Eeprom;
  readonly #clock: Clock;
  readonly #firmware: Firmware;
  readonly #fifos: EndpointFifos;
  readonly #exposures: FreeRunningExposures;
  readonly #registers: Registers;
  readonly #irradiance: IrradianceMemory;
  readonly #commands: ReadonlyMap<number, Command>;
  #triggerNumber = 0;
  #isLampOn = false;
  #power = 0;

  constructor(options: SpectrometerOptions) {
    const { model, serial, clock, firmware = {} } = options;
    this.model = model;
    this.serial = serial;
    this.vendorId = model.vendorId;
    this.productId = model.productId;
    this.speed = firmware.speed ?? (isLegacy(model) ? "full" : "high");
    this.detector = new Detector({ ...options, isWarm: firmware.isWarm ?? false });
    const { calibration, profile } = this.detector;
    this.eeprom = factoryEeprom({
      model,
      serial,
      calibration,
      setpointC: profile.setpointC,
      overrides: firmware.eeprom ?? {},
    });
    this.#clock = clock;
    this.#firmware = firmware;
    this.#fifos = new EndpointFifos((endpoint) => this.packetSize(endpoint));
    this.#registers = new Registers(firmware.fpgaVersion ?? (model.probe ? [3, 4, 6] : [1, 22, 1]));
    this.#irradiance = new IrradianceMemory(model.frame.pixels);
    this.#exposures = new FreeRunningExposures(
      {
        clock,
        readoutUs: model.readoutUs,
        powerUpIntegrationTimeUs: firmware.powerUpIntegrationTimeUs ?? POWER_UP_US,
        restartsAtOnce: firmware.restartsAtOnce ?? false,
        extraStaleCycles: firmware.extraStaleCycles ?? 0,
        secondRequest: firmware.secondRequest ?? "queued",
        keepsRequestOnTrigger: firmware.keepsRequestOnTrigger ?? false,
      },
      (exposed) => this.#sendSpectrum(exposed),
    );
    this.#commands = new Map([
      ...this.#basicCommands(),
      ...(isLegacy(model) ? [] : this.#fpgaCommands()),
      ...(model.features.includes("tec") ? this.#coolerCommands() : []),
    ]);
  }

  packetSize(endpoint: number): number {
    const { spectrum, spectrumFirst } = this.model.endpoints;
    const isSpectrum = endpoint === spectrum || endpoint === spectrumFirst?.endpoint;
    return this.speed === "high" && isSpectrum ? HIGH_SPEED_PACKET : FULL_SPEED_PACKET;
  }

  receive(endpoint: number, bytes: Uint8Array): void {
    const [command] = bytes;
    if (endpoint !== this.model.endpoints.out || command === undefined) return;
    const argument = new Uint8Array(Math.max(bytes.length - 1, 17));
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
    this.#exposures.reset();
    this.#fifos.clear();
    this.#triggerNumber = 0;
    this.#isLampOn = false;
    this.#power = 0;
  }

  triggerPulse(): void {
    this.#exposures.triggerPulse();
  }

  #answer(...bytes: number[]): void {
    this.#fifos.push(this.model.endpoints.answer, Uint8Array.from(bytes));
  }

  #basicCommands(): [number, Command][] {
    return [
      [0x01, () => this.#initialize()],
      [0x02, (argument) => this.#setIntegrationTime(argument)],
      [0x03, (argument) => (this.#isLampOn = argument.getUint16(0, true) !== 0)],
      [0x04, (argument) => (this.#power = argument.getUint8(0))],
      [
        0x05,
        (argument) => this.#answer(0x05, argument.getUint8(0), ...this.eeprom.read(argument.getUint8(0))),
      ],
      [0x06, (argument) => this.eeprom.write(argument.getUint8(0), bytesOf(argument, 1, 15))],
      [0x09, () => this.#exposures.request()],
      [0x0a, (argument) => this.#setTrigger(argument.getUint16(0, true))],
    ];
  }

  #fpgaCommands(): [number, Command][] {
    const commands: [number, Command][] = [
      [0x6a, (argument) => this.#registers.write(argument.getUint8(0), argument.getUint16(1, true))],
      [0x6b, (argument) => this.#readRegister(argument.getUint8(0))],
      [0x6c, () => this.#answer(PCB_OK, ...i16(this.#boardC() / PCB_C_PER_COUNT))],
      [0x6d, (argument) => this.#answer(...this.#irradiance.read(argument.getUint16(0, true)))],
      [0x6e, (argument) => this.#irradiance.write(argument.getUint16(0, true), bytesOf(argument, 2, 60))],
    ];
    return this.model.hasStatus ? [...commands, [0xfe, () => this.#sendStatus()]] : commands;
  }

  #coolerCommands(): [number, Command][] {
    const { cooler } = this.detector;
    return [
      [0x71, (argument) => cooler.setEnabled(argument.getUint8(0) !== 0, this.#clock.nowUs())],
      [0x72, () => this.#answer(...i16(cooler.temperatureC(this.#clock.nowUs()) * 10))],
      [0x73, (argument) => cooler.setSetpointC(argument.getInt16(0, true) / 10, this.#clock.nowUs())],
    ];
  }

  #initialize(): void {
    this.#triggerNumber = 0;
    this.#exposures.initialize();
    if (this.#firmware.initializeFlushes === true) this.#fifos.clear();
  }

  #setIntegrationTime(argument: DataView): void {
    const { min, max, base, wireBytes } = this.model.integrationTimeUs;
    const us = (wireBytes === 2 ? argument.getUint16(0, true) : argument.getUint32(0, true)) * base;
    if (us >= min && us <= max) this.#exposures.setIntegrationTimeUs(us);
  }

  #setTrigger(number: number): void {
    const mode = triggerMode(this.model, this.#registers.fpgaMajor, number);
    if (mode === undefined) return;
    this.#triggerNumber = number;
    this.#exposures.setTrigger(mode);
  }

  #readRegister(register: number): void {
    const echo = this.#firmware.registerEcho ?? (this.model.probe ? 0xfe : "register");
    const value = this.#registers.read(register);
    this.#answer(echo === "register" ? register : echo, value & 0xff, value >>> 8);
  }

  /** The board is warmer than the room. */
  #boardC(): number {
    return this.detector.cooler.roomC(this.#clock.nowUs()) + 8;
  }

  // Layout of reference data sheets, "query status"; the last byte is garbage, as a real USB2000+ was seen to send.
  #sendStatus(): void {
    const status = new DataView(new ArrayBuffer(16));
    const { wirePixels, bytesPerPixel } = this.model.frame;
    const { spectrum, spectrumFirst } = this.model.endpoints;
    const waiting = this.#fifos.waiting(spectrum) + this.#fifos.waiting(spectrumFirst?.endpoint ?? -1);
    status.setUint16(0, wirePixels, true);
    status.setUint32(2, this.#exposures.integrationTimeUs, true);
    status.setUint8(6, this.#isLampOn ? 1 : 0);
    status.setUint8(7, this.#triggerNumber);
    status.setUint8(8, this.#exposures.isPending ? 1 : 0);
    status.setUint8(9, Math.floor((wirePixels * bytesPerPixel) / this.packetSize(spectrum)));
    status.setUint8(10, this.#power);
    status.setUint8(11, Math.min(waiting, 255));
    status.setUint8(14, this.speed === "high" ? 0x80 : 0x00);
    status.setUint8(15, 0x55);
    this.#answer(...new Uint8Array(status.buffer));
  }

  #sendSpectrum(exposed: Exposed): void {
    const bytes = frameBytes(this.model.frame, this.detector.expose(exposed));
    this.truth.add({ ...exposed, deliveredUs: this.#clock.nowUs() });
    const { spectrum, spectrumFirst } = this.model.endpoints;
    const firstBytes = this.speed === "high" ? (spectrumFirst?.bytes ?? 0) : 0;
    if (spectrumFirst !== undefined && firstBytes > 0) {
      this.#fifos.push(spectrumFirst.endpoint, bytes.subarray(0, firstBytes));
    }
    this.#fifos.push(spectrum, bytes.subarray(firstBytes));
  }
}

/** USB2000 and its like: before the FPGA, at full speed, with endpoints of their own. */
function isLegacy(model: SpectrometerModel): boolean {
  return model.frame.order === "split-64";
}

/** The meaning of a trigger number for a firmware, or undefined when it is refused. */
function triggerMode(model: SpectrometerModel, fpgaMajor: number, number: number): TriggerMode | undefined {
  const modes = model.triggers.findLast((map) => fpgaMajor >= map.fpgaMajorFrom)?.modes ?? {};
  const all = ["normal", "software", "synchronization", "hardware", "level", "disabled"] as const;
  return all.find((mode) => modes[mode] === number);
}

function bytesOf(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer).slice(offset, offset + length);
}

function i16(value: number): [number, number] {
  const rounded = Math.round(value) & 0xffff;
  return [rounded & 0xff, rounded >>> 8];
}
