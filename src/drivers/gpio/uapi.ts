// The structures of the kernel's GPIO character device, version 2 (include/uapi/linux/gpio.h), as bytes. Pure.
// They are the same on 32 and 64 bit. Every machine that the server runs on is little-endian.

/** ioctl request numbers: direction, size of the structure, 0xb4, number. */
export const REQUEST = {
  chipInfo: 0x8044b401,
  lineInfo: 0xc100b405,
  line: 0xc250b407,
  getValues: 0xc010b40e,
  setValues: 0xc010b40f,
} as const;

/** Sizes of the structures in bytes. */
export const SIZE = { chipInfo: 68, lineInfo: 256, lineRequest: 592, lineValues: 16, lineEvent: 48 } as const;

const NAME_SIZE = 32;
const FLAG = { used: 1n << 0n, input: 1n << 2n, output: 1n << 3n, bothEdges: 3n << 4n } as const;
const PULL = { none: 0n, up: 1n << 8n, down: 1n << 9n } as const;
const RISING = 1;
const ATTRIBUTE_OUTPUT_VALUES = 2;

export interface ChipInfo {
  readonly name: string;
  readonly label: string;
  readonly lines: number;
}

export interface LineInfo {
  /** As the device tree names the line, such as `GPIO17`; often empty. */
  readonly name: string;
  readonly consumer: string;
  readonly isUsed: boolean;
}

/** struct gpiochip_info: name@0, label@32, lines@64. */
export function decodeChipInfo(bytes: Buffer): ChipInfo {
  return { name: textAt(bytes, 0), label: textAt(bytes, 32), lines: bytes.readUInt32LE(64) };
}

/** struct gpio_v2_line_info before the call: only the offset of the line, at 64. */
export function encodeLineInfo(offset: number): Buffer {
  const bytes = Buffer.alloc(SIZE.lineInfo);
  bytes.writeUInt32LE(offset, 64);
  return bytes;
}

/** struct gpio_v2_line_info after the call: name@0, consumer@32, offset@64, flags@72. */
export function decodeLineInfo(bytes: Buffer): LineInfo {
  const flags = bytes.readBigUInt64LE(72);
  return { name: textAt(bytes, 0), consumer: textAt(bytes, 32), isUsed: (flags & FLAG.used) !== 0n };
}

/**
 * struct gpio_v2_line_request for one output at its first level: offsets@0, consumer@256, config@288 (flags@288,
 * num_attrs@296, attrs[0]@320: id@320, values@328, mask@336), num_lines@560.
 */
export function encodeOutputRequest(offset: number, initial: 0 | 1, consumer: string): Buffer {
  const bytes = encodeRequest(offset, FLAG.output, consumer);
  bytes.writeUInt32LE(1, 296);
  bytes.writeUInt32LE(ATTRIBUTE_OUTPUT_VALUES, 320);
  bytes.writeBigUInt64LE(BigInt(initial), 328);
  bytes.writeBigUInt64LE(1n, 336);
  return bytes;
}

/** The same for one input that reports both edges. */
export function encodeInputRequest(offset: number, pull: keyof typeof PULL, consumer: string): Buffer {
  return encodeRequest(offset, FLAG.input | FLAG.bothEdges | PULL[pull], consumer);
}

function encodeRequest(offset: number, flags: bigint, consumer: string): Buffer {
  const bytes = Buffer.alloc(SIZE.lineRequest);
  bytes.writeUInt32LE(offset, 0);
  // The last byte stays NUL.
  bytes.write(consumer, 256, NAME_SIZE - 1, "latin1");
  bytes.writeBigUInt64LE(flags, 288);
  bytes.writeUInt32LE(1, 560);
  return bytes;
}

/** The levels that some struct gpio_v2_line_event lead to, oldest first: id@8, of 48 bytes each. */
export function decodeEdges(bytes: Buffer): (0 | 1)[] {
  const events = Math.floor(bytes.length / SIZE.lineEvent);
  return Array.from({ length: events }, (_, index) =>
    bytes.readUInt32LE(index * SIZE.lineEvent + 8) === RISING ? 1 : 0,
  );
}

/** The file descriptor of the line that a request has obtained: fd@588. */
export function decodeRequestedLine(bytes: Buffer): number {
  return bytes.readInt32LE(588);
}

/** struct gpio_v2_line_values for one line: bits@0, mask@8. */
export function encodeValues(level: 0 | 1): Buffer {
  const bytes = Buffer.alloc(SIZE.lineValues);
  bytes.writeBigUInt64LE(BigInt(level), 0);
  bytes.writeBigUInt64LE(1n, 8);
  return bytes;
}

export function decodeValues(bytes: Buffer): 0 | 1 {
  return (bytes.readBigUInt64LE(0) & 1n) === 0n ? 0 : 1;
}

function textAt(bytes: Buffer, start: number): string {
  const field = bytes.subarray(start, start + NAME_SIZE);
  const end = field.indexOf(0);
  return field.toString("latin1", 0, end === -1 ? NAME_SIZE : end);
}
