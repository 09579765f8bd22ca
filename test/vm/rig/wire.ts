// The usb-redir protocol as far as the rig needs it: the packets by which QEMU talks to the host of a USB device.
// Source: usbredir-protocol.txt of the usbredir project. All numbers are little-endian.

/** Packet types. */
export const TYPE = {
  hello: 0,
  deviceConnect: 1,
  deviceDisconnect: 2,
  reset: 3,
  interfaceInfo: 4,
  endpointInfo: 5,
  setConfiguration: 6,
  getConfiguration: 7,
  configurationStatus: 8,
  setAltSetting: 9,
  getAltSetting: 10,
  altSettingStatus: 11,
  cancel: 21,
  control: 100,
  bulk: 101,
} as const;

/** How a transfer ended. */
export const STATUS = {
  success: 0,
  cancelled: 1,
  invalid: 2,
  ioError: 3,
  stall: 4,
  timeout: 5,
  babble: 6,
} as const;
export type Status = (typeof STATUS)[keyof typeof STATUS];

const CAPABILITY = { deviceVersion: 1, disconnectAck: 3, packetSizes: 4, ids64: 5, length32: 6 } as const;
/** What our side can do, as bits. */
const OURS = Object.values(CAPABILITY).reduce((bits, bit) => bits | (1 << bit), 0);

const HELLO_BYTES = 68;
const SPEED = { full: 1, high: 2 } as const;

export interface Packet {
  readonly type: number;
  readonly id: bigint;
  readonly body: Buffer;
}

export interface EndpointInfo {
  readonly address: number;
  readonly packetBytes: number;
}

/** Takes bytes as they come and gives whole packets; makes packets as the other side understands them. */
export class Wire {
  #rest: Buffer = Buffer.alloc(0);
  #theirs = 0;

  /** Both sides have said what they can do; before that only a hello may be sent. */
  greeted(hello: Buffer): void {
    this.#theirs = hello.length >= HELLO_BYTES ? hello.readUInt32LE(64) & OURS : 0;
  }

  *packets(bytes: Buffer): Generator<Packet> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const header = this.#headerBytes;
      if (this.#rest.length < header) return;
      const end = header + this.#rest.readUInt32LE(4);
      if (this.#rest.length < end) return;
      const packet = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      const id = header === 16 ? packet.readBigUInt64LE(8) : BigInt(packet.readUInt32LE(8));
      yield { type: packet.readUInt32LE(0), id, body: packet.subarray(header) };
    }
  }

  packet(type: number, id: bigint, ...parts: readonly Uint8Array[]): Buffer {
    const body = Buffer.concat(parts);
    const header = Buffer.alloc(this.#headerBytes);
    header.writeUInt32LE(type, 0);
    header.writeUInt32LE(body.length, 4);
    if (header.length === 16) header.writeBigUInt64LE(id, 8);
    else header.writeUInt32LE(Number(id), 8);
    return Buffer.concat([header, body]);
  }

  hello(): Buffer {
    const body = Buffer.alloc(HELLO_BYTES);
    body.write("vscope rig", 0, "latin1");
    body.writeUInt32LE(OURS, 64);
    return this.packet(TYPE.hello, 0n, body);
  }

  deviceConnect(device: {
    readonly speed: "full" | "high";
    readonly vendorId: number;
    readonly productId: number;
  }): Buffer {
    const body = Buffer.alloc(this.#can(CAPABILITY.deviceVersion) ? 10 : 8);
    body[0] = SPEED[device.speed];
    body.writeUInt16LE(device.vendorId, 4);
    body.writeUInt16LE(device.productId, 6);
    if (body.length > 8) body.writeUInt16LE(0x0100, 8);
    return this.packet(TYPE.deviceConnect, 0n, body);
  }

  /** One interface, of the vendor's own class. */
  interfaceInfo(): Buffer {
    const body = Buffer.alloc(132);
    body.writeUInt32LE(1, 0);
    body[36] = 0xff;
    return this.packet(TYPE.interfaceInfo, 0n, body);
  }

  endpointInfo(endpoints: readonly EndpointInfo[]): Buffer {
    const hasSizes = this.#can(CAPABILITY.packetSizes);
    const body = Buffer.alloc(hasSizes ? 160 : 96);
    const bulk = 2;
    const absent = 255;
    body.fill(absent, 0, 32);
    for (const { address, packetBytes } of [
      { address: 0, packetBytes: 64 },
      { address: 0x80, packetBytes: 64 },
      ...endpoints,
    ]) {
      const index = ((address & 0x80) >> 3) | (address & 0x0f);
      body[index] = (address & 0x0f) === 0 ? 0 : bulk;
      if (hasSizes) body.writeUInt16LE(packetBytes, 96 + 2 * index);
    }
    return this.packet(TYPE.endpointInfo, 0n, body);
  }

  /** Bytes of the header of a bulk packet: the length has 16 or 32 bits. */
  get bulkHeaderBytes(): 8 | 10 {
    return this.#can(CAPABILITY.length32) ? 10 : 8;
  }

  get #headerBytes(): 12 | 16 {
    return this.#can(CAPABILITY.ids64) ? 16 : 12;
  }

  #can(capability: number): boolean {
    return (this.#theirs & (1 << capability)) !== 0;
  }
}
