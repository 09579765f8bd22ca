// Little-endian numbers and text as bytes, and back.

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  return packed(2, (view) => view.setUint16(0, value, true));
}

/** Numbers of 16 bits, one after the other. */
export function u16s(values: readonly number[]): Uint8Array {
  return packed(2 * values.length, (view) =>
    values.forEach((value, index) => view.setUint16(2 * index, value, true)),
  );
}

export function u32(value: number): Uint8Array {
  return packed(4, (view) => view.setUint32(0, value, true));
}

export function f32(...values: readonly number[]): Uint8Array {
  return packed(4 * values.length, (view) =>
    values.forEach((value, index) => view.setFloat32(4 * index, value, true)),
  );
}

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function packed(length: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  write(viewOf(bytes));
  return bytes;
}
