// The controls of an OOI device. Where the protocol has no way to read a setting, what was written last counts.

import {
  type Control,
  type Controls,
  controlsOf,
  type DeviceStatus,
  Established,
  Remembered,
} from "./controls.ts";
import type { DeviceIdentity } from "./device-identity.ts";
import type { Ooi } from "./ooi.ts";
import { eeprom, ooiCalibration, ooiIrradiance } from "./ooi-memory.ts";
import { acquisitionDelay, continuousStrobe, gpio, readFpgaVersion } from "./ooi-registers.ts";

const HIGH_SPEED = 0x80;

export function ooiControls(ooi: Ooi, identity: DeviceIdentity): Controls {
  const { features, hasStatus } = ooi.model;
  const lamp = lampOf(ooi);
  const featured = controlsOf(features, {
    lamp,
    "continuous-strobe": continuousStrobe(ooi, lamp),
    "acquisition-delay": acquisitionDelay(ooi),
    gpio: gpio(ooi),
    fan: new Remembered(false, (on, signal) => ooi.setFanEnabled(on, signal)),
    "status-led": new Remembered(true, (on, signal) => ooi.setLed(on, signal)),
    irradiance: ooiIrradiance(ooi),
  });
  const memory = { calibration: ooiCalibration(ooi, identity), eeprom: eeprom(ooi, identity) };
  if (!hasStatus) return { ...featured, ...memory };
  return {
    ...featured,
    ...memory,
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
  return statusOf(await ooi.readStatus(signal));
}

/** What the 16 bytes of the status say. */
export function statusOf(bytes: Uint8Array): DeviceStatus {
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
