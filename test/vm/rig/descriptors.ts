// The descriptors and standard requests of an emulated device with one interface of bulk endpoints (USB 2.0, chapter 9).

import type { EndpointInfo } from "./wire.ts";

export interface DescribedDevice {
  readonly vendorId: number;
  readonly productId: number;
  readonly manufacturer: string;
  readonly product: string;
  readonly endpoints: readonly EndpointInfo[];
}

const DESCRIPTOR = { device: 1, configuration: 2, string: 3, qualifier: 6 } as const;
const US_ENGLISH = Buffer.from([4, DESCRIPTOR.string, 0x09, 0x04]);

/** What GET_DESCRIPTOR answers; undefined is a stall: the device has no such descriptor. */
export function descriptor(device: DescribedDevice, value: number): Buffer | undefined {
  const index = value & 0xff;
  if (value >> 8 === DESCRIPTOR.device) return deviceDescriptor(device);
  if (value >> 8 === DESCRIPTOR.configuration && index === 0) return configurationDescriptor(device);
  if (value >> 8 === DESCRIPTOR.qualifier)
    return Buffer.from([10, DESCRIPTOR.qualifier, 0, 2, 0xff, 0, 0, 64, 1, 0]);
  if (value >> 8 !== DESCRIPTOR.string) return undefined;
  if (index === 0) return US_ENGLISH;
  const text = [device.manufacturer, device.product][index - 1];
  return text === undefined ? undefined : stringDescriptor(text);
}

function deviceDescriptor({ vendorId, productId }: DescribedDevice): Buffer {
  const bytes = Buffer.from([18, DESCRIPTOR.device, 0, 2, 0xff, 0, 0, 64, 0, 0, 0, 0, 0, 1, 1, 2, 0, 1]);
  bytes.writeUInt16LE(vendorId, 8);
  bytes.writeUInt16LE(productId, 10);
  return bytes;
}

function configurationDescriptor({ endpoints }: DescribedDevice): Buffer {
  const interfaceBytes = [9, 4, 0, 0, endpoints.length, 0xff, 0, 0, 0];
  const endpointBytes = endpoints.flatMap(({ address, packetBytes }) => [
    7,
    5,
    address,
    2,
    packetBytes & 0xff,
    packetBytes >> 8,
    0,
  ]);
  const total = 9 + interfaceBytes.length + endpointBytes.length;
  // Bus-powered, 500 mA.
  return Buffer.from([
    9,
    DESCRIPTOR.configuration,
    total,
    0,
    1,
    1,
    0,
    0x80,
    250,
    ...interfaceBytes,
    ...endpointBytes,
  ]);
}

function stringDescriptor(text: string): Buffer {
  const encoded = Buffer.from(text, "utf16le");
  return Buffer.concat([Buffer.from([encoded.length + 2, DESCRIPTOR.string]), encoded]);
}
