// What a row of the model table (models.ts) says. Driver, emulator and docs/devices.md read the same rows.
// A quirk of a device is a column here, never a subclass. All times in microseconds, endpoints as USB addresses.

/** Bulk endpoints. The same pipe may serve answers and spectra. */
export interface Endpoints {
  /** Commands. */
  readonly out: number;
  /** Short answers. */
  readonly answer: number;
  /** Spectra. */
  readonly spectrum: number;
  /** The first bytes of a spectrum come here at high speed; the rest comes on `spectrum`. */
  readonly spectrumFirst?: { readonly endpoint: number; readonly bytes: number };
}

/**
 * One spectrum on the wire, without OBP framing:
 *
 *     headerBytes | wirePixels x bytesPerPixel | 69 (if hasSyncByte)
 *
 * "split-64" sends packets of 64 low bytes and 64 high bytes in turn.
 */
export interface FrameLayout {
  readonly order: "linear" | "split-64";
  /** Metadata before the pixels. */
  readonly headerBytes: 0 | 32;
  readonly bytesPerPixel: 2 | 4;
  /** Values on the wire, filler included. */
  readonly wirePixels: number;
  /** Values that are pixels: the first ones. */
  readonly pixels: number;
  readonly hasSyncByte: boolean;
  /** Applied to every value first. */
  readonly xor: number;
  /** Applied to every value after `xor`; bits outside are noise. */
  readonly mask: number;
  /** Argument of the wavelength polynomial at pixel 0. */
  readonly wavelengthOffset: number;
}

export interface IntegrationTimes {
  readonly min: number;
  /** Largest accepted value, included. */
  readonly max: number;
  /** The device's unit: wire value = us / base, rounded down. */
  readonly base: 1 | 10 | 1000;
  /** Resolution; a multiple of base. */
  readonly step: number;
  /** Width of the wire value. */
  readonly wireBytes: 2 | 4;
}

/** Where the device stores its saturation level, in raw counts, and which values count as programmed. */
export interface SaturationSource {
  readonly slot: number;
  /** Offset within the 15 data bytes of the slot. */
  readonly offset: number;
  readonly bytes: 2 | 4;
  readonly validFrom: number;
  readonly validTo: number;
}

export type TriggerMode = "normal" | "software" | "synchronization" | "hardware" | "level" | "disabled";

/** Trigger numbers of the firmware whose FPGA major version is at least `fpgaMajorFrom`. */
export interface TriggerMap {
  readonly fpgaMajorFrom: number;
  readonly modes: Readonly<Partial<Record<TriggerMode, number>>>;
}

/** What the device has; not everything has a control yet. */
export type Feature =
  | "acquisition-delay"
  | "binning"
  | "board-temperature"
  | "boxcar"
  | "continuous-strobe"
  | "data-buffer"
  | "fan"
  | "fast-buffer"
  | "gpio"
  | "irradiance"
  | "lamp"
  | "multicast"
  | "nonlinearity"
  | "optical-bench"
  | "scans-to-average"
  | "shutter"
  | "status-led"
  | "stray-light"
  | "tec"
  | "temperature";

export interface SpectrometerModel {
  readonly name: string;
  /** Other names sold under the same product id that the device does not tell apart. */
  readonly aliases: readonly string[];
  readonly vendorId: number;
  readonly productId: number;
  /** A twin: same product id as the row before it, told apart by the FPGA's major version. */
  readonly probe?: { readonly fpgaMajorFrom: number };
  readonly protocol: "ooi" | "obp" | "obp2";
  /** Speaks over IPv4 too. */
  readonly hasNetwork?: true;
  readonly endpoints: Endpoints;
  readonly frame: FrameLayout;
  /** OOI command byte or OBP message type that asks for a spectrum. */
  readonly spectrumRequest: number;
  /** Answers the OOI status query FE. */
  readonly hasStatus: boolean;
  readonly integrationTimeUs: IntegrationTimes;
  /** Largest number the ADC can give. */
  readonly maxCounts: number;
  /** Largest usable counts where the device stores none and the range ends below `maxCounts`. */
  readonly usableCounts?: number;
  readonly saturation?: SaturationSource;
  readonly darkPixelRanges: readonly (readonly [number, number])[];
  readonly opticalPixelRange: readonly [number, number];
  readonly triggers: readonly TriggerMap[];
  /** EEPROM slots of 15 bytes; 0 for OBP. */
  readonly eepromSlots: number;
  readonly features: readonly Feature[];
  /** What a request returns: the cycle in progress, an exposure that it starts, or the oldest buffered frame. */
  readonly exposure: "free-running" | "request" | "buffered";
  /** Frames after a change of settings that may still have the old ones. */
  readonly staleDepth: 0 | 1 | 2;
  /** From the end of an exposure to the last byte at the host: typical, and the bound that proofs of freshness use. */
  readonly readoutUs: number;
  readonly readoutMaxUs: number;
  /** Where the row's numbers come from: letters of models.ts. */
  readonly source: string;
  /** For users and whoever has the device: where sources disagree and what the row takes, and what is not proven. */
  readonly remark?: string;
}
