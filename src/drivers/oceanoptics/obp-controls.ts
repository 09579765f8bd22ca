// The controls of an OBP device. A device that refuses a question as unknown, or has no such data, has no such control:
// then reading and writing throw RESOURCE_NOT_FOUND.

import { definedOnly } from "../../base/defined-only.ts";
import { requireWithin, VscopeError } from "../../base/errors.ts";
import {
  type ContinuousStrobe,
  type Control,
  type Controls,
  controlsOf,
  type DataBuffer,
  Established,
  type Gpio,
  type OpticalBench,
  type Revisions,
  type SingleStrobe,
} from "./controls.ts";
import type { DeviceIdentity } from "./device-identity.ts";
import type { Obp, ObpRequest } from "./obp.ts";
import { obpCalibration, obpIrradiance } from "./obp-memory.ts";
import { OBP1, readF32, readText, readUnsigned, revisionText, u32, u8 } from "./obp-messages.ts";

const F32_BYTES = 4;
const U32_MAX = 2 ** 32 - 1;
const ALL_PINS = U32_MAX;

export function obpControls(
  obp: Obp,
  identity: DeviceIdentity,
  { hasFan }: { readonly hasFan: boolean },
): Controls {
  const calibration = obpCalibration(obp, identity);
  if (obp.model.protocol === "obp2") return { calibration };
  const device = new Questions(obp);
  const featured = controlsOf(obp.model.features, {
    lamp: device.flag(OBP1.lamp, OBP1.setLamp),
    "continuous-strobe": continuousStrobe(device),
    "acquisition-delay": acquisitionDelay(device),
    shutter: new Established(true, (open, signal) => device.set(OBP1.setShutter, u8(open ? 1 : 0), signal)),
    gpio: gpio(device),
    "optical-bench": { read: (signal) => readBench(device, signal) },
    irradiance: obpIrradiance(obp),
  });
  const { features } = obp.model;
  const hasTemperatures = features.includes("temperature");
  return {
    ...featured,
    calibration,
    // Strobes come in pairs.
    ...(features.includes("continuous-strobe") ? { "single-strobe": singleStrobe(device) } : {}),
    ...(features.includes("data-buffer") ? { buffer: dataBuffer(device) } : {}),
    ...(hasFan ? { fan: device.flag(OBP1.tecFan, OBP1.setTecFan) } : {}),
    revisions: { read: (signal) => readRevisions(device, signal) },
    ...(hasTemperatures
      ? { temperatures: { read: (signal: AbortSignal) => device.floats(OBP1.temperatures, signal) } }
      : {}),
  };
}

/** Questions and commands with absence as an error. */
class Questions {
  readonly #obp: Obp;

  constructor(obp: Obp) {
    this.#obp = obp;
  }

  get subject(): string {
    return this.#obp.link.subject;
  }

  bytes(request: ObpRequest, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#obp.queryIfPresent(request, signal);
  }

  async number(type: number, signal: AbortSignal): Promise<number> {
    return readUnsigned((await this.bytes({ type }, signal)) ?? this.#absent());
  }

  async floats(type: number, signal: AbortSignal): Promise<readonly number[]> {
    const bytes = (await this.bytes({ type }, signal)) ?? this.#absent();
    const count = Math.floor(bytes.length / F32_BYTES);
    return Array.from({ length: count }, (_, index) => {
      const value = readF32(bytes, index * F32_BYTES);
      if (value === undefined) throw this.#obp.link.protocolError(`value ${index} is not a number`);
      return value;
    });
  }

  async set(type: number, data: Uint8Array, signal: AbortSignal): Promise<void> {
    if (!(await this.#obp.commandIfPresent({ type, data }, signal))) this.#absent();
  }

  /** `limits`: the questions that the device answers with the smallest and the largest value, in microseconds. */
  async requireWithinItsLimits(
    what: string,
    us: number,
    limits: { readonly min: number; readonly max: number },
    signal: AbortSignal,
  ): Promise<void> {
    const min = await this.number(limits.min, signal);
    const max = await this.number(limits.max, signal);
    requireWithin(`${this.subject}: ${what}`, us, { min, max, unit: "us" });
  }

  flag(get: number, set: number): Control<boolean> {
    return {
      read: async (signal) => (await this.number(get, signal)) !== 0,
      write: (on, signal) => this.set(set, u8(on ? 1 : 0), signal),
    };
  }

  #absent(): never {
    throw new VscopeError("RESOURCE_NOT_FOUND", `${this.subject}: the device does not have it`);
  }
}

function continuousStrobe(device: Questions): Control<ContinuousStrobe> {
  return {
    read: async (signal) => ({
      enabled: (await device.number(OBP1.strobeEnabled, signal)) !== 0,
      periodUs: await device.number(OBP1.strobePeriod, signal),
    }),
    async write({ enabled, periodUs }, signal) {
      const limits = { min: OBP1.strobePeriodMin, max: OBP1.strobePeriodMax };
      await device.requireWithinItsLimits("strobe period", periodUs, limits, signal);
      await device.set(OBP1.setStrobePeriod, u32(periodUs), signal);
      await device.set(OBP1.setStrobeEnabled, u8(enabled ? 1 : 0), signal);
    },
  };
}

// The device does not tell its limits: it refuses what it cannot do.
function singleStrobe(device: Questions): Control<SingleStrobe> {
  return {
    read: async (signal) => ({
      enabled: (await device.number(OBP1.singleStrobeEnabled, signal)) !== 0,
      delayUs: await device.number(OBP1.singleStrobeDelay, signal),
      widthUs: await device.number(OBP1.singleStrobeWidth, signal),
    }),
    async write({ enabled, delayUs, widthUs }, signal) {
      for (const us of [delayUs, widthUs])
        requireWithin(`${device.subject}: single strobe`, us, { min: 0, max: U32_MAX, unit: "us" });
      await device.set(OBP1.setSingleStrobeDelay, u32(delayUs), signal);
      await device.set(OBP1.setSingleStrobeWidth, u32(widthUs), signal);
      await device.set(OBP1.setSingleStrobeEnabled, u8(enabled ? 1 : 0), signal);
    },
  };
}

// Every acquisition empties the buffer first, so what waits there is what triggers or other programs left.
function dataBuffer(device: Questions): Control<DataBuffer> {
  return {
    read: async (signal) => ({
      enabled: (await device.number(OBP1.bufferEnabled, signal)) !== 0,
      capacity: await device.number(OBP1.bufferCapacity, signal),
      spectra: await device.number(OBP1.bufferedSpectra, signal),
    }),
    async write({ spectra }, signal) {
      requireWithin(`${device.subject}: spectra in the buffer`, spectra, { min: 0, max: 0 });
      await device.set(OBP1.clearBuffer, new Uint8Array(0), signal);
    },
  };
}

function acquisitionDelay(device: Questions): Control<number> {
  return {
    read: (signal) => device.number(OBP1.acquisitionDelay, signal),
    async write(us, signal) {
      const limits = { min: OBP1.acquisitionDelayMin, max: OBP1.acquisitionDelayMax };
      await device.requireWithinItsLimits("acquisition delay", us, limits, signal);
      await device.set(OBP1.setAcquisitionDelay, u32(us), signal);
    },
  };
}

// A value and the mask of the pins that it is for.
function gpio(device: Questions): Control<Gpio> {
  const both = (value: number): Uint8Array => Buffer.concat([u32(value), u32(ALL_PINS)]);
  return {
    read: async (signal) => ({
      outputs: await device.number(OBP1.gpioOutputs, signal),
      levels: await device.number(OBP1.gpioLevels, signal),
    }),
    async write({ outputs, levels }, signal) {
      for (const mask of [outputs, levels])
        requireWithin(`${device.subject}: pins`, mask, { min: 0, max: U32_MAX });
      await device.set(OBP1.setGpioLevels, both(levels), signal);
      await device.set(OBP1.setGpioOutputs, both(outputs), signal);
    },
  };
}

async function readBench(device: Questions, signal: AbortSignal): Promise<OpticalBench> {
  const text = async (type: number): Promise<string | undefined> => {
    const bytes = await device.bytes({ type }, signal);
    return bytes === undefined ? undefined : readText(bytes);
  };
  const micrometres = async (type: number): Promise<number | undefined> => {
    const bytes = await device.bytes({ type }, signal);
    return bytes === undefined || bytes.length < 2 ? undefined : readUnsigned(bytes);
  };
  return definedOnly({
    id: await text(OBP1.benchId),
    serial: await text(OBP1.benchSerial),
    slitUm: await micrometres(OBP1.benchSlitUm),
    fibreUm: await micrometres(OBP1.benchFibreUm),
    grating: await text(OBP1.benchGrating),
    filter: await text(OBP1.benchFilter),
    coating: await text(OBP1.benchCoating),
  });
}

async function readRevisions(device: Questions, signal: AbortSignal): Promise<Revisions> {
  const revision = async (type: number): Promise<string | undefined> => {
    const bytes = await device.bytes({ type }, signal);
    return bytes === undefined || bytes.length === 0 ? undefined : revisionText(bytes);
  };
  return definedOnly({
    hardware: await revision(OBP1.hardwareRevision),
    firmware: await revision(OBP1.firmwareRevision),
    fpga: await revision(OBP1.fpgaRevision),
  });
}
