// The controls of an OOI device. Where the protocol has no way to read a setting, what was written last counts.

import {
  type Control,
  type Controls,
  controlsOf,
  type DeviceStatus,
  Established,
  Remembered,
} from "./controls.ts";
import type { Ooi } from "./ooi.ts";
import { acquisitionDelay, continuousStrobe, gpio, readFpgaVersion } from "./ooi-registers.ts";

const FLOAT_BYTES = 4;
const HIGH_SPEED = 0x80;

export function ooiControls(ooi: Ooi): Controls {
  const { features, hasStatus } = ooi.model;
  const lamp = lampOf(ooi);
  const featured = controlsOf(features, {
    lamp,
    "continuous-strobe": continuousStrobe(ooi, lamp),
    "acquisition-delay": acquisitionDelay(ooi),
    gpio: gpio(ooi),
    fan: new Remembered(false, (on, signal) => ooi.setFanEnabled(on, signal)),
    irradiance: { read: (signal) => readIrradiance(ooi, signal) },
  });
  if (!hasStatus) return featured;
  return {
    ...featured,
    revisions: { read: async (signal) => ({ fpga: (await readFpgaVersion(ooi, signal)).text }) },
    status: { read: (signal) => readStatus(ooi, signal) },
  };
}

function lampOf(ooi: Ooi): Control<boolean> {
  const write = (on: boolean, signal: AbortSignal): Promise<void> => ooi.setLampEnabled(on, signal);
  if (!ooi.model.hasStatus) return new Established(false, write);
  return { read: async (signal) => (await readStatus(ooi, signal)).isLampEnabled, write };
}

async function readStatus(ooi: Ooi, signal: AbortSignal): Promise<DeviceStatus> {
  const bytes = await ooi.readStatus(signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    pixels: view.getUint16(0, true),
    integrationTimeUs: view.getUint32(2, true),
    isLampEnabled: view.getUint8(6) !== 0,
    triggerMode: view.getUint8(7),
    waitingPackets: view.getUint8(11),
    isHighSpeed: view.getUint8(14) === HIGH_SPEED,
  };
}

// Floats with the most significant byte first, unlike everything else. An unprogrammed memory is all ones.
async function readIrradiance(ooi: Ooi, signal: AbortSignal): Promise<readonly number[]> {
  const { pixels } = ooi.model.frame;
  const bytes = await ooi.readIrradiance(pixels * FLOAT_BYTES, signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Array.from({ length: pixels }, (_, index) => view.getFloat32(index * FLOAT_BYTES));
  return values.every(Number.isFinite) ? values : [];
}
