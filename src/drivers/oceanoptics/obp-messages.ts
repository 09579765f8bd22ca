// Message types of the two OBP dialects that the driver uses, and their payloads. Facts: data sheets of STS and QE Pro,
// libseabreeze; the second dialect (SR, HR, ST) from packet captures by users.

export const OBP1 = {
  abort: 0x00100000,
  bufferEnabled: 0x00100800,
  setBufferEnabled: 0x00100810,
  bufferCapacity: 0x00100822,
  clearBuffer: 0x00100830,
  bufferedSpectra: 0x00100900,
  acquireIntoBuffer: 0x00100902,
  bufferedFrames: 0x00100980,
  setIntegrationTime: 0x00110010,
  setTriggerMode: 0x00110110,
  setBackToBack: 0x00110112,
  hardwareRevision: 0x00000080,
  firmwareRevision: 0x00000090,
  fpgaRevision: 0x00000091,
  serial: 0x00000100,
  serialLength: 0x00000101,
  wavelengthCount: 0x00180100,
  wavelengthCoefficient: 0x00180101,
  setWavelengthCoefficient: 0x00180111,
  nonlinearityCount: 0x00181100,
  nonlinearityCoefficient: 0x00181101,
  setNonlinearityCoefficient: 0x00181111,
  strayLightCount: 0x00183100,
  strayLightCoefficient: 0x00183101,
  setStrayLightCoefficient: 0x00183111,
  benchId: 0x001b0000,
  benchSerial: 0x001b0100,
  benchSlitUm: 0x001b0200,
  benchFibreUm: 0x001b0300,
  benchGrating: 0x001b0400,
  benchFilter: 0x001b0500,
  benchCoating: 0x001b0600,
  lamp: 0x00110400,
  setLamp: 0x00110410,
  acquisitionDelay: 0x00110500,
  acquisitionDelayMin: 0x00110501,
  acquisitionDelayMax: 0x00110502,
  setAcquisitionDelay: 0x00110510,
  setBinning: 0x00110290,
  setShutter: 0x00110610,
  setScansToAverage: 0x00120010,
  setBoxcar: 0x00121010,
  irradiance: 0x00182001,
  setIrradiance: 0x00182011,
  gpioOutputs: 0x00200100,
  setGpioOutputs: 0x00200110,
  gpioLevels: 0x00200300,
  setGpioLevels: 0x00200310,
  singleStrobeDelay: 0x00300000,
  singleStrobeWidth: 0x00300001,
  singleStrobeEnabled: 0x00300002,
  setSingleStrobeDelay: 0x00300010,
  setSingleStrobeWidth: 0x00300011,
  setSingleStrobeEnabled: 0x00300012,
  strobePeriod: 0x00310000,
  strobePeriodMin: 0x00310001,
  strobePeriodMax: 0x00310002,
  strobeEnabled: 0x00310004,
  setStrobePeriod: 0x00310010,
  setStrobeEnabled: 0x00310011,
  temperature: 0x00400001,
  temperatures: 0x00400002,
  tecEnabled: 0x00420000,
  tecSetpoint: 0x00420001,
  tecFan: 0x00420002,
  tecStable: 0x00420003,
  tecTemperature: 0x00420004,
  setTecEnabled: 0x00420010,
  setTecSetpoint: 0x00420011,
  setTecFan: 0x00420012,
} as const;

export const OBP2 = {
  setIntegrationTime: 0x00000c01,
  setTriggerMode: 0x00000d01,
  serial: 0x00000100,
  wavelengthCoefficients: 0x00001100,
  nonlinearityCoefficients: 0x00001200,
} as const;

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function f32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return bytes;
}

/** The little-endian number that `bytes` are: 1 to 4 of them, since devices differ in width. */
export function readUnsigned(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

/** The little-endian IEEE-754 single at `offset`; undefined when it is not there or not a number. */
export function readF32(bytes: Uint8Array, offset = 0): number | undefined {
  if (bytes.length < offset + 4) return undefined;
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(offset, true);
  return Number.isFinite(value) ? value : undefined;
}

/** Text up to the first NUL, trimmed; undefined when empty. */
export function readText(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const text = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end))
    .toString("latin1")
    .trim();
  return text === "" ? undefined : text;
}

/** A revision: one byte, or two that read as decimal digits (0x0213 is 2.13). */
export function revisionText(bytes: Uint8Array): string {
  const [low = 0, high] = bytes;
  if (high === undefined) return low.toString(16);
  return `${high.toString(16)}.${low.toString(16).padStart(2, "0")}`;
}
