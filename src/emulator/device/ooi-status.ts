// The 16 bytes of the status query FE of FPGA families. Layout of the vendor's data sheets; the last byte is garbage, as
// a real USB2000+ was seen to send.

import type { OoiCore } from "./ooi-core.ts";

export function statusBytes(device: OoiCore): Uint8Array {
  const { model, exposures, registers, speed } = device;
  const { wirePixels, bytesPerPixel } = model.frame;
  const status = new DataView(new ArrayBuffer(16));
  status.setUint16(0, wirePixels, true);
  status.setUint32(2, exposures.integrationTimeUs, true);
  status.setUint8(6, registers.isLampOn ? 1 : 0);
  status.setUint8(7, device.triggerNumber);
  status.setUint8(8, exposures.isPending ? 1 : 0);
  status.setUint8(9, Math.floor((wirePixels * bytesPerPixel) / device.packetSize(model.endpoints.spectrum)));
  status.setUint8(10, device.power);
  status.setUint8(11, Math.min(device.waitingPackets, 255));
  status.setUint8(14, speed === "high" ? 0x80 : 0x00);
  status.setUint8(15, 0x55);
  return new Uint8Array(status.buffer);
}
