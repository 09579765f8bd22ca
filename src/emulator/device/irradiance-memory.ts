// The memory of an OOI device for the irradiance calibration.

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
