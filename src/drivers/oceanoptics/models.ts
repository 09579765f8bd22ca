// The table of all Ocean Optics / Ocean Insight USB spectrometers: one row per model and nothing else.
// Columns are explained in model.ts. Sources: "P" python-seabreeze 2.10, "C" libseabreeze, "D" vendor data sheet or
// manual, "T" somebody else's code for the model. Where they disagree the row takes what loses no data (true pixel counts,
// wider limits, no correction that is not sure) and its remark says so.
// C gives a step of 1 ms to most models whose wire unit is 1 us (the FPGA families without USB4000 and HR4000; Ventana). No other
// source has it, and a coarser step would only hide times that the device takes: the rows have the wire unit.
// Readout times are typical values in neither code base: free parameters, to be measured on real units.

import type {
  Endpoints,
  FrameLayout,
  IntegrationTimes,
  SaturationSource,
  SpectrometerModel,
  TriggerMap,
} from "./model.ts";

const OCEAN_OPTICS = 0x2457;
const OCEAN_INSIGHT = 0x0999;

const L2K: Endpoints = { out: 0x02, answer: 0x87, spectrum: 0x82 };
const FPGA: Endpoints = { out: 0x01, answer: 0x81, spectrum: 0x82 };
const FPGA_4K: Endpoints = { ...FPGA, spectrumFirst: { endpoint: 0x86, bytes: 2048 } };
const OBP: Endpoints = { out: 0x01, answer: 0x81, spectrum: 0x81 };
const VENTANA: Endpoints = { out: 0x01, answer: 0x82, spectrum: 0x82 };

const LINEAR = {
  order: "linear",
  headerBytes: 0,
  bytesPerPixel: 2,
  hasSyncByte: true,
  xor: 0,
  mask: 0xffff,
  wavelengthOffset: 0,
} as const satisfies Partial<FrameLayout>;
const SPLIT: FrameLayout = { ...LINEAR, order: "split-64", wirePixels: 2048, pixels: 2048, mask: 0x0fff };
const FPGA_2K_FRAME: FrameLayout = { ...LINEAR, wirePixels: 2048, pixels: 2048 };
const FPGA_4K_FRAME: FrameLayout = { ...LINEAR, wirePixels: 3840, pixels: 3648 };
const MAYA_FRAME: FrameLayout = { ...LINEAR, wirePixels: 2304, pixels: 2068 };
const OBP_16 = { ...LINEAR, hasSyncByte: false } as const;
const OBP2_16 = { ...LINEAR, hasSyncByte: false, headerBytes: 32 } as const;

const U32 = { base: 1, step: 1, wireBytes: 4 } as const satisfies Partial<IntegrationTimes>;
const U32_MS = { base: 1000, step: 1000, wireBytes: 4 } as const satisfies Partial<IntegrationTimes>;
const FPGA_TIMES: IntegrationTimes = { ...U32, min: 1000, max: 655_350_000 };
const LEGACY_TIMES: IntegrationTimes = { ...U32_MS, min: 3000, max: 655_350_000 };
const MAYA_PRO_TIMES: IntegrationTimes = { ...U32, min: 7200, max: 65_000_000 };

const SATURATION: SaturationSource = { slot: 17, offset: 4, bytes: 2, validFrom: 1, validTo: 65_535 };
const SATURATION_NIR: SaturationSource = { slot: 17, offset: 4, bytes: 4, validFrom: 1, validTo: 65_535 };
const SATURATION_MAYA: SaturationSource = {
  slot: 17,
  offset: 0,
  bytes: 2,
  validFrom: 32_769,
  validTo: 64_000,
};

// Numbers by firmware: the vendor's answers to users and its triggering notes for firmware 3.0 and above. The Flame manual
// contradicts itself: its USB chapters print the old numbers, its RS-232 chapters the new ones. P and C know the old ones.
const OLD_FPGA: TriggerMap = {
  fpgaMajorFrom: 0,
  modes: { normal: 0, software: 1, synchronization: 2, hardware: 3 },
};
const NEW_FPGA_2K: TriggerMap = {
  fpgaMajorFrom: 3,
  modes: { normal: 0, software: 1, level: 2, synchronization: 3, hardware: 4 },
};
const NEW_FPGA_4K: TriggerMap = {
  fpgaMajorFrom: 3,
  modes: { normal: 0, software: 1, level: 2, hardware: 4 },
};
// P and C call 1 "software"; in the vendor's notes it is the level for these. P and C lack 2 for QE65000 and Maya2000.
const MAYA_TRIGGERS: TriggerMap = {
  fpgaMajorFrom: 0,
  modes: { normal: 0, level: 1, synchronization: 2, hardware: 3 },
};
const QE_TRIGGERS: TriggerMap = { fpgaMajorFrom: 0, modes: { normal: 0, level: 1, hardware: 3 } };
// P and C offer 1 and 2, too; the vendor's notes have the edge only.
const NIR_TRIGGERS: TriggerMap = { fpgaMajorFrom: 0, modes: { normal: 0, hardware: 3 } };
const LEGACY_TRIGGERS: TriggerMap = { fpgaMajorFrom: 0, modes: { normal: 0, software: 1, hardware: 3 } };
// D (Ventana data sheet): 1 begins at a rising edge, 2 is triggered inside in step with the continuous strobe. The message is
// the same for STS and Spark, whose modes P and C call "external" and "internal".
const STS_TRIGGERS: TriggerMap = { fpgaMajorFrom: 0, modes: { normal: 0, hardware: 1, synchronization: 2 } };
// Edge and level as P, which names them for these devices; C reuses the constants of the OOI models, with 1 and 3 exchanged.
// A wrong guess delivers spectra at the wrong edges, it loses none.
const HDX_TRIGGERS: TriggerMap = {
  fpgaMajorFrom: 0,
  modes: { normal: 0, hardware: 1, level: 3, disabled: 255 },
};
// 2 only in C. A device that does not have it refuses it.
const FX_TRIGGERS: TriggerMap = { fpgaMajorFrom: 0, modes: { ...HDX_TRIGGERS.modes, synchronization: 2 } };
const NORMAL_ONLY: TriggerMap = { fpgaMajorFrom: 0, modes: { normal: 0 } };

const CALIBRATED = ["nonlinearity", "stray-light"] as const;
const STROBES = ["lamp", "continuous-strobe"] as const;
// Eight or more pins in the registers of the FPGA (data sheets of USB2000+, USB4000, HR4000 and Flame). No source that was
// seen gives pins to Maya, QE65000 and NIRQuest: writing to registers on a guess could disturb an exposure.
const PINS = ["gpio"] as const;
// Command 6C, in the Flame manual for both Flames; the USB2000+ has it in T, the USB4000 is the Flame-T's twin. A device
// without it would cost a time-out at each reading, so models without a source (HR2000+, HR4000, Maya) do not have it.
const BOARD = ["board-temperature"] as const;
// D (Flame manual): command 12.
const LED = ["status-led"] as const;
const PROCESSING = ["scans-to-average", "boxcar"] as const;

const OOI = {
  vendorId: OCEAN_OPTICS,
  protocol: "ooi",
  spectrumRequest: 0x09,
  exposure: "free-running",
} as const;
const RAW_NOW = 0x00101100;
const CORRECTED_NOW = 0x00101000;
const OBP1 = { vendorId: OCEAN_OPTICS, protocol: "obp", hasStatus: false, eepromSlots: 0 } as const;
const OBP2 = {
  vendorId: OCEAN_INSIGHT,
  protocol: "obp2",
  spectrumRequest: 0x00001c00,
  hasStatus: false,
  eepromSlots: 0,
  endpoints: OBP,
  exposure: "request",
  staleDepth: 0,
  aliases: [],
} as const;

const LEGACY = {
  ...OOI,
  aliases: [],
  endpoints: L2K,
  frame: SPLIT,
  hasStatus: false,
  integrationTimeUs: LEGACY_TIMES,
  maxCounts: 4095,
  darkPixelRanges: [[2, 24]],
  opticalPixelRange: [24, 2048],
  triggers: [LEGACY_TRIGGERS],
  eepromSlots: 17,
  staleDepth: 2,
  readoutUs: 5000,
  readoutMaxUs: 8000,
} as const;

const FLAME_S = {
  ...OOI,
  aliases: [],
  endpoints: FPGA,
  frame: FPGA_2K_FRAME,
  hasStatus: true,
  integrationTimeUs: FPGA_TIMES,
  maxCounts: 65_535,
  darkPixelRanges: [[6, 21]],
  opticalPixelRange: [21, 2048],
  triggers: [OLD_FPGA, NEW_FPGA_2K],
  eepromSlots: 30,
  staleDepth: 1,
  readoutUs: 1500,
  readoutMaxUs: 3000,
} as const;

const FPGA_4K_ROW = {
  ...OOI,
  endpoints: FPGA_4K,
  frame: FPGA_4K_FRAME,
  hasStatus: true,
  darkPixelRanges: [[5, 16]],
  opticalPixelRange: [21, 3648],
  triggers: [OLD_FPGA, NEW_FPGA_4K],
  eepromSlots: 17,
  features: [...CALIBRATED, "irradiance", ...STROBES, ...PINS],
  staleDepth: 1,
  readoutUs: 4000,
  readoutMaxUs: 6000,
} as const;

const MAYA = {
  ...OOI,
  aliases: [],
  endpoints: FPGA,
  frame: MAYA_FRAME,
  hasStatus: true,
  integrationTimeUs: MAYA_PRO_TIMES,
  maxCounts: 64_000,
  darkPixelRanges: [
    [0, 4],
    [2064, 2068],
  ],
  opticalPixelRange: [10, 2058],
  triggers: [MAYA_TRIGGERS],
  eepromSlots: 17,
  features: [...CALIBRATED, "irradiance", ...STROBES],
  staleDepth: 1,
  readoutUs: 4500,
  readoutMaxUs: 7000,
} as const;

const NIRQUEST = {
  ...OOI,
  aliases: [],
  endpoints: FPGA,
  hasStatus: false,
  integrationTimeUs: { ...U32_MS, min: 1000, max: 1_600_000_000 },
  maxCounts: 65_535,
  saturation: SATURATION_NIR,
  darkPixelRanges: [],
  triggers: [NIR_TRIGGERS],
  eepromSlots: 20,
  features: [...CALIBRATED, "irradiance", ...STROBES, "tec", "fan", "acquisition-delay"],
  staleDepth: 1,
  readoutUs: 1000,
  readoutMaxUs: 3000,
} as const;

const STS = {
  ...OBP1,
  aliases: [],
  endpoints: OBP,
  frame: { ...OBP_16, wirePixels: 1024, pixels: 1024 },
  spectrumRequest: RAW_NOW,
  integrationTimeUs: { ...U32, min: 10, max: 85_000_000 },
  maxCounts: 16_383,
  darkPixelRanges: [],
  opticalPixelRange: [0, 1024],
  triggers: [STS_TRIGGERS],
  exposure: "request",
  staleDepth: 0,
  readoutUs: 5000,
  readoutMaxUs: 10_000,
} as const;

const SR4 = {
  ...OBP2,
  frame: { ...OBP2_16, wirePixels: 3648, pixels: 3648 },
  integrationTimeUs: { ...U32, min: 3800, max: 10_000_000 },
  maxCounts: 65_535,
  darkPixelRanges: [],
  opticalPixelRange: [0, 3648],
  triggers: [NORMAL_ONLY],
  features: [],
  readoutUs: 3800,
  readoutMaxUs: 8000,
  source: "P",
  remark: "from packet captures by users; the maker publishes nothing",
} as const;

const SR2 = {
  ...SR4,
  frame: { ...OBP2_16, wirePixels: 2110, pixels: 2110 },
  integrationTimeUs: { ...U32, min: 1, max: 2_000_000 },
  darkPixelRanges: [[0, 24]],
  opticalPixelRange: [24, 2110],
  readoutUs: 3000,
} as const;

const SR6 = {
  ...SR4,
  frame: { ...OBP2_16, wirePixels: 2048, pixels: 2048 },
  integrationTimeUs: { ...U32, min: 7200, max: 5_000_000 },
  opticalPixelRange: [0, 2048],
} as const;

/** All models. A twin with `probe` follows the row whose product id it shares. */
export const MODELS = [
  {
    ...LEGACY,
    name: "USB2000",
    productId: 0x1002,
    features: [...CALIBRATED, "irradiance", "lamp"],
    source: "P, C",
    remark:
      "the original data sheet has a 16-bit count of milliseconds, so times above 65.535 s may not work",
  },
  {
    ...LEGACY,
    name: "ADC1000-USB",
    productId: 0x1004,
    frame: { ...SPLIT, mask: 0xffff },
    integrationTimeUs: { base: 1000, step: 1000, wireBytes: 2, min: 5000, max: 65_535_000 },
    maxCounts: 65_535,
    triggers: [OLD_FPGA],
    features: [],
    source: "P",
    remark: "not in C; the ADC has 12 bits, P does not mask and the row keeps all bits",
  },
  {
    ...LEGACY,
    name: "HR2000",
    productId: 0x100a,
    features: [...CALIBRATED, "lamp"],
    source: "P, C",
    remark: "times above 65.535 s as for the USB2000",
  },
  {
    ...FPGA_4K_ROW,
    name: "HR4000",
    aliases: [],
    productId: 0x1012,
    frame: { ...FPGA_4K_FRAME, xor: 0x2000 },
    integrationTimeUs: { base: 1, step: 10, wireBytes: 4, min: 10, max: 655_350_000 },
    maxCounts: 16_383,
    darkPixelRanges: [[5, 18]],
    source: "P, C, D",
    remark:
      "3648 pixels as C (P passes 3840 with filler); dark pixels as C and the detector's data sheet (P: 2 to 12); step as C",
  },
  {
    ...LEGACY,
    name: "USB650",
    productId: 0x1014,
    darkPixelRanges: [],
    opticalPixelRange: [0, 2048],
    features: ["lamp"],
    source: "P",
    remark: "not in C; P has a period of the strobe, but no FPGA that could hold it is known: lamp only",
  },
  {
    ...FLAME_S,
    name: "HR2000+",
    productId: 0x1016,
    frame: { ...FPGA_2K_FRAME, xor: 0x2000 },
    maxCounts: 16_383,
    darkPixelRanges: [[2, 24]],
    opticalPixelRange: [24, 2048],
    eepromSlots: 17,
    features: [...CALIBRATED, "irradiance", ...STROBES, ...PINS],
    source: "P, C",
    remark: "trigger numbers by FPGA version, P and C know the old ones",
  },
  {
    ...OOI,
    name: "QE65000",
    aliases: ["QE65 Pro"],
    productId: 0x1018,
    endpoints: FPGA,
    frame: { ...LINEAR, wirePixels: 1280, pixels: 1044, xor: 0x8000, wavelengthOffset: -10 },
    hasStatus: true,
    integrationTimeUs: { ...U32_MS, min: 8000, max: 1_600_000_000 },
    maxCounts: 65_535,
    darkPixelRanges: [
      [0, 4],
      [1040, 1044],
    ],
    opticalPixelRange: [10, 1034],
    triggers: [MAYA_TRIGGERS],
    eepromSlots: 18,
    features: [...CALIBRATED, "irradiance", ...STROBES, "tec", "fan", "acquisition-delay"],
    staleDepth: 1,
    readoutUs: 5000,
    readoutMaxUs: 8000,
    source: "P, C",
    remark:
      "1044 pixels as C (P passes 1280 with filler); wavelengths are counted from pixel 10 as in P and C; level and synchronization as the vendor's notes (P, C: software, none); fan command as P's comment",
  },
  {
    ...FLAME_S,
    name: "USB2000+",
    productId: 0x101e,
    saturation: SATURATION,
    features: [...CALIBRATED, "irradiance", ...STROBES, ...PINS, ...BOARD],
    source: "P, C, T",
    remark:
      "30 EEPROM slots as C; a board temperature as T; T: pixels 0 to 17 are dark, 18 and 19 unusable, light from 20",
  },
  {
    ...FLAME_S,
    name: "Flame-S",
    productId: 0x101e,
    saturation: SATURATION,
    probe: { fpgaMajorFrom: 3 },
    features: [...CALIBRATED, "irradiance", ...STROBES, ...PINS, ...BOARD, ...LED],
    source: "P, C, D",
    remark: "a USB2000+ whose FPGA has version 3 or more (P); some units show a step in timing near 1.6 ms",
  },
  {
    ...FPGA_4K_ROW,
    name: "USB4000",
    aliases: ["Flame-T"],
    productId: 0x1022,
    integrationTimeUs: { base: 1, step: 10, wireBytes: 4, min: 10, max: 65_535_000 },
    maxCounts: 65_535,
    saturation: SATURATION,
    features: [...CALIBRATED, "irradiance", ...STROBES, ...PINS, ...BOARD, ...LED],
    source: "P, C, D",
    remark:
      "3648 pixels as C (P passes 3840 with filler; D has light on pixels 21 to 3668, so the last 21 are cut); longest time as P and D (C: 655.35 s); D: steps of 1 ms above 655 ms",
  },
  {
    ...NIRQUEST,
    name: "NIRQuest512",
    productId: 0x1026,
    frame: { ...LINEAR, wirePixels: 512, pixels: 512, xor: 0x8000 },
    opticalPixelRange: [0, 512],
    source: "P, C",
    remark:
      "saturation values above 65535 are refused as in C (P would scale by nonsense); trigger: the edge only, as the vendor's notes (P, C: four modes)",
  },
  {
    ...NIRQUEST,
    name: "NIRQuest256",
    productId: 0x1028,
    frame: { ...LINEAR, wirePixels: 256, pixels: 256, xor: 0x8000 },
    opticalPixelRange: [0, 256],
    source: "P, C",
    remark: "as NIRQuest512",
  },
  {
    ...MAYA,
    name: "Maya2000 Pro",
    productId: 0x102a,
    saturation: SATURATION_MAYA,
    source: "P, C",
    remark: "2068 pixels as C (P passes 2304 with filler); level as the vendor's notes (P, C: software)",
  },
  {
    ...MAYA,
    name: "Maya2000",
    productId: 0x102c,
    frame: { ...MAYA_FRAME, pixels: 2080 },
    integrationTimeUs: { ...U32, min: 15_000, max: 1_600_000_000 },
    maxCounts: 65_535,
    darkPixelRanges: [
      [0, 8],
      [2072, 2080],
    ],
    opticalPixelRange: [16, 2064],
    triggers: [QE_TRIGGERS],
    features: [...CALIBRATED, "irradiance", ...STROBES, "acquisition-delay"],
    source: "P, C",
    remark: "2080 pixels as C (P passes 2304 with filler); level as the Maya2000 Pro (P, C: software)",
  },
  {
    ...FLAME_S,
    name: "Torus",
    productId: 0x1040,
    saturation: SATURATION,
    triggers: [LEGACY_TRIGGERS],
    eepromSlots: 17,
    features: [...CALIBRATED, "irradiance", ...STROBES],
    source: "P, C",
    remark: "dark pixels as C (P has none); trigger modes as the vendor's notes (P, C: also synchronization)",
  },
  {
    ...MAYA,
    name: "Apex",
    productId: 0x1044,
    saturation: SATURATION_MAYA,
    integrationTimeUs: { ...U32, min: 7200, max: 1_600_000_000 },
    triggers: [NORMAL_ONLY],
    features: [...CALIBRATED, "irradiance"],
    source: "P, C, D",
    remark:
      "shortest time as D (P, C: 15 ms), longest as P and C (D: 65 s): the wider limits lose nothing, and the status tells what the device took",
  },
  {
    ...MAYA,
    name: "MayaLSL",
    productId: 0x1046,
    saturation: SATURATION_MAYA,
    source: "P, C",
    remark: "as Maya2000 Pro",
  },
  {
    ...FLAME_S,
    name: "Flame-NIR",
    productId: 0x104b,
    saturation: SATURATION,
    frame: { ...LINEAR, wirePixels: 128, pixels: 128, hasSyncByte: false },
    hasStatus: false,
    darkPixelRanges: [],
    opticalPixelRange: [0, 128],
    triggers: [OLD_FPGA, NEW_FPGA_2K],
    features: [...CALIBRATED, "irradiance", ...STROBES, ...LED],
    readoutUs: 500,
    readoutMaxUs: 2000,
    source: "C",
    remark: "not in P; trigger numbers by FPGA version as the other Flames (C knows the old ones)",
  },
  {
    ...FLAME_S,
    name: "Jaz",
    productId: 0x2000,
    saturation: SATURATION,
    frame: { ...FPGA_2K_FRAME, hasSyncByte: false },
    hasStatus: false,
    darkPixelRanges: [[2, 24]],
    opticalPixelRange: [24, 2048],
    triggers: [OLD_FPGA],
    eepromSlots: 17,
    features: [...CALIBRATED, "lamp"],
    source: "P, C",
    remark: "the first of its channels only; trigger numbers as P and C",
  },
  {
    ...OBP1,
    name: "Ocean FX",
    aliases: ["FlameX"],
    productId: 0x2001,
    hasNetwork: true,
    endpoints: OBP,
    frame: { ...OBP_16, wirePixels: 2136, pixels: 2136 },
    spectrumRequest: CORRECTED_NOW,
    integrationTimeUs: { ...U32, min: 10, max: 10_000_000 },
    maxCounts: 65_535,
    darkPixelRanges: [[14, 30]],
    opticalPixelRange: [30, 2136],
    triggers: [FX_TRIGGERS],
    features: [
      ...CALIBRATED,
      "lamp",
      ...PINS,
      "acquisition-delay",
      "data-buffer",
      "fast-buffer",
      "optical-bench",
      "temperature",
    ],
    exposure: "request",
    staleDepth: 0,
    readoutUs: 3000,
    readoutMaxUs: 10_000,
    source: "P, C",
    remark:
      "over USB in C only (P: Ethernet); shortest time and dark pixels as C (P: 6 ms, none); the numbers of edge and level trigger as P (C has them exchanged), synchronization as C; acquisition delay as the other OBP devices",
  },
  {
    ...OBP1,
    name: "HDX",
    aliases: [],
    productId: 0x2003,
    hasNetwork: true,
    endpoints: OBP,
    frame: { ...OBP_16, wirePixels: 2068, pixels: 2068 },
    spectrumRequest: CORRECTED_NOW,
    integrationTimeUs: { ...U32, min: 6000, max: 10_000_000 },
    maxCounts: 65_535,
    darkPixelRanges: [],
    opticalPixelRange: [0, 2068],
    triggers: [HDX_TRIGGERS],
    features: ["nonlinearity", "multicast"],
    exposure: "request",
    staleDepth: 0,
    readoutUs: 5000,
    readoutMaxUs: 10_000,
    source: "P",
    remark: "not in C; metadata before the pixels over USB is unproven, none assumed",
  },
  {
    ...STS,
    name: "STS",
    productId: 0x4000,
    features: [
      ...CALIBRATED,
      "irradiance",
      ...STROBES,
      "acquisition-delay",
      "shutter",
      "binning",
      ...PROCESSING,
      "temperature",
      "optical-bench",
    ],
    source: "P, C",
    remark:
      "raw spectrum as P (C asks for the corrected one); that the exposure starts on request is not proven",
  },
  {
    ...OBP1,
    name: "QE Pro",
    aliases: [],
    productId: 0x4004,
    endpoints: OBP,
    frame: { ...OBP2_16, bytesPerPixel: 4, wirePixels: 1044, pixels: 1044, mask: 0x3ffff },
    spectrumRequest: 0x00100928,
    integrationTimeUs: { ...U32, min: 8000, max: 1_600_000_000 },
    maxCounts: 262_143,
    usableCounts: 200_000,
    darkPixelRanges: [
      [0, 4],
      [1040, 1044],
    ],
    opticalPixelRange: [10, 1034],
    triggers: [QE_TRIGGERS],
    features: [...CALIBRATED, "irradiance", ...STROBES, "tec", "data-buffer"],
    exposure: "buffered",
    staleDepth: 1,
    readoutUs: 8000,
    readoutMaxUs: 20_000,
    source: "P, C, D",
    remark:
      "18 bits as P (262143), usable as far as C (200000); trigger modes as the vendor's notes (P, C: also synchronization)",
  },
  {
    ...STS,
    name: "Spark",
    productId: 0x4200,
    features: [
      ...CALIBRATED,
      "irradiance",
      "continuous-strobe",
      "shutter",
      ...PROCESSING,
      "temperature",
      "optical-bench",
    ],
    source: "P, C",
    remark: "as STS",
  },
  {
    ...STS,
    name: "Ventana",
    productId: 0x5000,
    endpoints: VENTANA,
    integrationTimeUs: { ...U32, min: 22_000, max: 60_000_000 },
    maxCounts: 65_535,
    features: [...CALIBRATED, "tec"],
    source: "P, C, D",
    remark:
      "trigger modes as D (P: level, synchronization, edge as 1 to 3; C: normal only); the cooler is optional",
  },
  {
    ...OBP2,
    name: "ST",
    productId: 0x1000,
    frame: { ...OBP2_16, bytesPerPixel: 4, wirePixels: 1516, pixels: 1516, mask: 0xffff_ffff },
    integrationTimeUs: { base: 10, step: 10, wireBytes: 4, min: 1560, max: 6_000_000 },
    maxCounts: 16_383,
    darkPixelRanges: [[1503, 1516]],
    opticalPixelRange: [0, 1503],
    triggers: [{ fpgaMajorFrom: 0, modes: { normal: 0, software: 1, hardware: 3 } }],
    features: ["nonlinearity"],
    readoutUs: 1560,
    readoutMaxUs: 6000,
    source: "P, D",
    remark:
      "numbers as P, timing as D (exposure starts on request); 32-bit pixels as users report (P decodes 16 bits)",
  },
  {
    ...SR2,
    name: "SR2",
    productId: 0x1001,
    remark: "D has an edge trigger, whose number is not known",
  },
  { ...SR4, name: "SR4", productId: 0x1002 },
  {
    ...SR2,
    name: "HR2",
    productId: 0x1003,
    darkPixelRanges: [],
    opticalPixelRange: [0, 2110],
    remark:
      "no dark pixels as P, which gives 24 to the SR2: a dark level from pixels with light would spoil every spectrum",
  },
  { ...SR4, name: "HR4", productId: 0x1004 },
  { ...SR6, name: "SR6", productId: 0x1005 },
  { ...SR6, name: "HR6", productId: 0x1006 },
] as const satisfies readonly SpectrometerModel[];

export type ModelName = (typeof MODELS)[number]["name"];

const ALL: readonly SpectrometerModel[] = MODELS;

/** The row of a product id, or undefined when it is not a spectrometer known here. Twins: see `twinOf`. */
export function findModel(vendorId: number, productId: number): SpectrometerModel | undefined {
  return ALL.find((model) => model.vendorId === vendorId && model.productId === productId);
}

/**
 * Products that only the udev file of python-seabreeze names. No source tells their frames, endpoints or times, so they are
 * reported by name and not opened.
 */
export const UNSUPPORTED = [
  { vendorId: OCEAN_OPTICS, productId: 0x1006, name: "SAS" },
  { vendorId: OCEAN_OPTICS, productId: 0x100c, name: "NIR512" },
  { vendorId: OCEAN_OPTICS, productId: 0x1010, name: "NIR256" },
  { vendorId: OCEAN_OPTICS, productId: 0x1024, name: "USB325" },
  { vendorId: OCEAN_OPTICS, productId: 0x1030, name: "USB250" },
] as const;

/** The name of a product, supported or not; of twins the first. */
export function productName(vendorId: number, productId: number): string | undefined {
  const others: readonly Pick<SpectrometerModel, "vendorId" | "productId" | "name">[] = UNSUPPORTED;
  return [...ALL, ...others].find((row) => row.vendorId === vendorId && row.productId === productId)?.name;
}

/** True for a vendor whose every product is meant to be a spectrometer: an unknown one is worth a message. */
export function isOceanVendor(vendorId: number): boolean {
  return vendorId === OCEAN_OPTICS;
}

/** True for the name of a row. */
export function isModelName(name: string): name is ModelName {
  return ALL.some((row) => row.name === name);
}

/** The row with a name. */
export function modelNamed(name: ModelName): SpectrometerModel {
  const model = ALL.find((row) => row.name === name);
  if (model === undefined) throw new RangeError(`${name}: no such model`);
  return model;
}

/** The row that a probe of the FPGA's major version selects among the twins of `model`. */
export function twinOf(model: SpectrometerModel, fpgaMajor: number): SpectrometerModel {
  const twins = ALL.filter((row) => row.vendorId === model.vendorId && row.productId === model.productId);
  return twins.findLast((row) => fpgaMajor >= (row.probe?.fpgaMajorFrom ?? 0)) ?? model;
}

/** True when the model must be told from a twin by a probe. */
export function hasTwin(model: SpectrometerModel): boolean {
  return ALL.some(
    (row) => row.productId === model.productId && row.vendorId === model.vendorId && row.probe !== undefined,
  );
}

/** An unknown product of the vendor becomes a problem with a message; vendor id 0999 is shared with others. */
export function isSpectrometer({
  vendorId,
  productId,
}: Readonly<Record<"vendorId" | "productId", number>>): boolean {
  return isOceanVendor(vendorId) || findModel(vendorId, productId) !== undefined;
}
