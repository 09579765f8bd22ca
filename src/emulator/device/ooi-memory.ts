// Memories of an OOI device besides the EEPROM slots: FPGA registers and the irradiance calibration.

const VERSION_REGISTER = 0x04;

/** 16-bit registers of the FPGA. The version cannot be written. */
export class Registers {
  readonly fpgaMajor: number;
  readonly #version: number;
  readonly #values = new Map<number, number>();

  constructor([major, minor, patch]: readonly [major: number, minor: number, patch: number]) {
    this.fpgaMajor = major;
    this.#version = (major << 12) | (minor << 4) | patch;
  }

  read(register: number): number {
    return register === VERSION_REGISTER ? this.#version : (this.#values.get(register) ?? 0);
  }

  write(register: number, value: number): void {
    if (register !== VERSION_REGISTER) this.#values.set(register, value);
  }
}

const BLOCK_BYTES = 60;

/** Four bytes per pixel in blocks of 60; FF as long as nobody has calibrated the unit. */
export class IrradianceMemory {
  readonly #bytes: Uint8Array;

  constructor(pixels: number) {
    this.#bytes = new Uint8Array(Math.ceil((pixels * 4) / BLOCK_BYTES) * BLOCK_BYTES).fill(0xff);
  }

  read(address: number): Uint8Array {
    const block = new Uint8Array(BLOCK_BYTES).fill(0xff);
    block.set(this.#bytes.subarray(address, address + BLOCK_BYTES));
    return block;
  }

  write(address: number, block: Uint8Array): void {
    for (const [index, byte] of block.entries()) {
      if (address + index < this.#bytes.length) this.#bytes[address + index] = byte;
    }
  }
}
