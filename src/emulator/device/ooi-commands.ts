// What the commands of an OOI device do: tables of command byte to action, by subject and by what the model can do.
// A command that is in no table is ignored, as real devices do.

import type { Feature, SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import type { OoiCore } from "./ooi-core.ts";
import { statusBytes } from "./ooi-status.ts";
import { triggerMode } from "./trigger-mode.ts";

/** Takes the arguments, after the command byte. */
export type Command = (argument: DataView) => void;

type Commands = [number, Command][];

/** Counts of the PCB temperature sensor per degree, and the status byte for a good reading (data sheets). */
const PCB_C_PER_COUNT = 0.003906;
const PCB_OK = 0x08;
/** The board is warmer than the room by this. */
const BOARD_K = 8;

export function commandsOf(device: OoiCore): ReadonlyMap<number, Command> {
  const { model } = device;
  const features = new Set<Feature>(model.features);
  const hasLamp = features.has("lamp") || features.has("continuous-strobe");
  const commands: Commands = [
    ...basicCommands(device),
    ...(isLegacy(model) ? [] : registerCommands(device)),
    ...(isAdc(model) ? adcCommands(device) : accessoryCommands(device)),
    ...(features.has("irradiance") ? irradianceCommands(device) : []),
    ...(features.has("tec") ? coolerCommands(device) : []),
  ];
  if (hasLamp) commands.push([0x03, (argument) => device.registers.setLamp(word(argument) !== 0)]);
  if (features.has("status-led"))
    commands.push([0x12, (argument) => (device.isLedOn = byte(argument) !== 0)]);
  if (features.has("board-temperature")) commands.push([0x6c, () => sendBoardTemperature(device)]);
  if (features.has("fan")) commands.push([0x70, (argument) => setFan(device, byte(argument) !== 0)]);
  if (model.hasStatus) commands.push([0xfe, () => device.answer(...statusBytes(device))]);
  return new Map(commands);
}

/** USB2000 and its like: before the FPGA, at full speed, with endpoints of their own. */
export function isLegacy(model: SpectrometerModel): boolean {
  return model.frame.order === "split-64";
}

function isAdc(model: SpectrometerModel): boolean {
  return model.integrationTimeUs.wireBytes === 2;
}

function basicCommands(device: OoiCore): Commands {
  const { eeprom, memory, exposures } = device;
  return [
    [0x01, () => initialize(device)],
    [0x02, (argument) => setIntegrationTime(device, argument)],
    [0x04, (argument) => (device.power = byte(argument))],
    [
      0x05,
      (argument) => memory.read(() => device.answer(0x05, byte(argument), ...eeprom.read(byte(argument)))),
    ],
    [0x06, (argument) => memory.write(() => eeprom.write(byte(argument), bytesOf(argument, 1, 15)))],
    [0x09, () => exposures.request()],
    [0x0a, (argument) => setTrigger(device, word(argument))],
  ];
}

function initialize(device: OoiCore): void {
  device.triggerNumber = 0;
  device.settings.change({ trigger: "normal" });
  device.exposures.initialize();
  if (device.firmware.initializeFlushes === true) device.flush();
}

function setIntegrationTime({ model, exposures }: OoiCore, argument: DataView): void {
  const { min, max, base, wireBytes } = model.integrationTimeUs;
  const us = (wireBytes === 2 ? word(argument) : argument.getUint32(0, true)) * base;
  if (us >= min && us <= max) exposures.setIntegrationTimeUs(us);
}

function setTrigger(device: OoiCore, number: number): void {
  const mode = triggerMode(device.model, device.registers.fpgaMajor, number);
  if (mode === undefined) return;
  device.triggerNumber = number;
  device.settings.change({ trigger: mode });
  device.exposures.setTrigger(mode);
}

function registerCommands(device: OoiCore): Commands {
  const { registers, firmware, model } = device;
  return [
    [0x6a, (argument) => registers.write(byte(argument), argument.getUint16(1, true))],
    [
      0x6b,
      (argument) => {
        const echo = firmware.registerEcho ?? (model.probe ? 0xfe : "register");
        const value = registers.read(byte(argument));
        device.answer(echo === "register" ? byte(argument) : echo, value & 0xff, value >>> 8);
      },
    ],
  ];
}

// No plug-ins are plugged in: their number is 0 and there are no ids to tell.
function accessoryCommands(device: OoiCore): Commands {
  return [[0x0b, () => device.answer(0, 0)]];
}

function adcCommands(device: OoiCore): Commands {
  return [
    [0x0b, (argument) => (device.adc.channel = word(argument))],
    [0x0c, (argument) => (device.adc.strobeRate = word(argument))],
    [0x0d, (argument) => (device.adc.masterClock = word(argument))],
  ];
}

function irradianceCommands(device: OoiCore): Commands {
  const { irradiance, memory } = device;
  return [
    [0x6d, (argument) => memory.read(() => device.answer(...irradiance.read(word(argument))))],
    [0x6e, (argument) => memory.write(() => irradiance.write(word(argument), bytesOf(argument, 2, 60)))],
  ];
}

function sendBoardTemperature(device: OoiCore): void {
  const { detector, clock } = device;
  const celsius = detector.cooler.roomC(clock.nowUs()) + BOARD_K;
  device.answer(PCB_OK, ...i16(celsius / PCB_C_PER_COUNT));
}

function setFan({ detector, clock }: OoiCore, isOn: boolean): void {
  detector.cooler.setFan(isOn, clock.nowUs());
}

function coolerCommands(device: OoiCore): Commands {
  const { clock, detector } = device;
  const { cooler } = detector;
  return [
    [0x71, (argument) => cooler.setEnabled(byte(argument) !== 0, clock.nowUs())],
    [0x72, () => device.answer(...i16(cooler.temperatureC(clock.nowUs()) * 10))],
    [0x73, (argument) => cooler.setSetpointC(argument.getInt16(0, true) / 10, clock.nowUs())],
  ];
}

function byte(argument: DataView): number {
  return argument.getUint8(0);
}

function word(argument: DataView): number {
  return argument.getUint16(0, true);
}

function bytesOf(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer).slice(offset, offset + length);
}

function i16(value: number): [number, number] {
  const rounded = Math.round(value) & 0xffff;
  return [rounded & 0xff, rounded >>> 8];
}
