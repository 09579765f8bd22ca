// What the messages of an OBP device do: tables of message type to handler, by subject and by the model's features.
// A message that is in no table is refused as unknown (error 2), as a real device does with features that it lacks.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel, TriggerMode } from "../../drivers/oceanoptics/model.ts";
import { ascii, f32, u8, u16, u32, viewOf } from "./bytes.ts";
import type { Detector } from "./detector.ts";
import { REFUSAL } from "./obp-framing.ts";
import type { RequestedExposures } from "./requested-exposures.ts";

/** The device behind the messages. */
export interface ObpCore {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly clock: Clock;
  readonly detector: Detector;
  readonly exposures: RequestedExposures;
  /** Finished frames, oldest first. */
  readonly buffer: Uint8Array[];
  triggerNumber: number;
  /** Frames have 2^binning times fewer pixels. */
  binning: number;
  /** Exposes now and answers with the frame. */
  spectrumNow(answer: (frame: Uint8Array) => void): void;
  /** Exposes now and keeps the frame. */
  acquireIntoBuffer(): void;
  /** Answers with the oldest frame of the buffer; exposes one when there is none and none on its way. */
  oldestFrame(answer: (frame: Uint8Array) => void): void;
  /** Ends what is under way; a host that waits for a frame gets none. */
  abort(): void;
  triggerPulse(): void;
}

/** Data of a query, "done" for a command, "later" when `answer` will be called, or an error number. */
export type Reply = Uint8Array | "done" | "later" | number;

export type Handler = (data: Uint8Array, answer: (data: Uint8Array) => void) => Reply;

type Handlers = [number, Handler][];

const HARDWARE_REVISION = 3;
const FIRMWARE_REVISION = 0x0121;
const LARGEST_BINNING = 3;

/** All messages that a device understands. */
export function handlersOf(device: ObpCore): ReadonlyMap<number, Handler> {
  const { features } = device.model;
  if (device.model.protocol === "obp2") return new Map(obp2Messages(device));
  return new Map([
    ...identityMessages(device),
    ...integrationTimeMessages(device),
    ...triggerMessages(device),
    ...pixelMessages(device),
    ...calibrationMessages(device),
    ...(device.model.exposure === "buffered" ? bufferMessages(device) : spectrumMessages(device)),
    ...(features.includes("tec") ? coolerMessages(device) : []),
    ...(features.includes("temperature") ? temperatureMessages(device) : []),
    ...(features.includes("optical-bench") ? benchMessages(device) : []),
    ...(features.includes("binning") ? binningMessages(device) : []),
  ]);
}

function identityMessages({ serial, model }: ObpCore): Handlers {
  return [
    [0x0000_0080, () => u8(HARDWARE_REVISION)],
    [0x0000_0090, () => u16(FIRMWARE_REVISION)],
    [0x0000_0100, () => ascii(serial)],
    [0x0000_0101, () => u8(serial.length)],
    [0x0000_0e00, () => u16(model.vendorId)],
    [0x0000_0e01, () => u16(model.productId)],
    [0x0000_0e10, () => ascii("Ocean Optics")],
    [0x0000_0e11, () => ascii(model.name)],
  ];
}

function integrationTimeMessages(device: ObpCore): Handlers {
  const { min, max, base, step } = device.model.integrationTimeUs;
  return [
    [0x0011_0000, () => u32(device.exposures.integrationTimeUs / base)],
    [0x0011_0001, () => u32(min / base)],
    [0x0011_0002, () => u32(max / base)],
    [0x0011_0003, () => u32(step / base)],
    [0x0011_0010, (data) => setIntegrationTime(device, data)],
  ];
}

function setIntegrationTime(device: ObpCore, data: Uint8Array): Reply {
  if (data.length !== 4) return REFUSAL.wrongLength;
  const { min, max, base } = device.model.integrationTimeUs;
  const us = viewOf(data).getUint32(0, true) * base;
  if (us < min || us > max) return REFUSAL.invalidData;
  device.exposures.integrationTimeUs = us;
  return "done";
}

function triggerMessages(device: ObpCore): Handlers {
  return [
    [0x0011_0100, () => u8(device.triggerNumber)],
    [0x0011_0110, (data) => setTrigger(device, data)],
    [
      0x0011_0120,
      () => {
        device.triggerPulse();
        return "done";
      },
    ],
  ];
}

function setTrigger(device: ObpCore, data: Uint8Array): Reply {
  const [number] = data;
  if (number === undefined || data.length !== 1) return REFUSAL.wrongLength;
  const modes = device.model.triggers[0]?.modes ?? {};
  const names: readonly TriggerMode[] = [
    "normal",
    "software",
    "synchronization",
    "hardware",
    "level",
    "disabled",
  ];
  const mode = names.find((name) => modes[name] === number);
  if (mode === undefined) return REFUSAL.invalidData;
  device.triggerNumber = number;
  device.exposures.setTrigger(mode);
  return "done";
}

function pixelMessages({ model, detector }: ObpCore): Handlers {
  const ranges = (pairs: readonly (readonly [number, number])[]): Uint8Array =>
    Buffer.concat(pairs.flatMap(([from, to]) => [u32(from), u32(to - 1)]));
  return [
    [0x0010_1010, () => u32(model.maxCounts)],
    [0x0010_10a0, () => u32(detector.calibration.saturationCounts)],
    [0x0011_0220, () => u32(model.frame.pixels)],
    [0x0011_0221, () => ranges([model.opticalPixelRange])],
    [
      0x0011_0222,
      () => (model.darkPixelRanges.length === 0 ? REFUSAL.noSuchData : ranges(model.darkPixelRanges)),
    ],
  ];
}

function calibrationMessages({ detector, model }: ObpCore): Handlers {
  const { wavelengthCoefficients, nonlinearityCoefficients, strayLightConstant } = detector.calibration;
  return [
    ...coefficients(0x0018_0100, wavelengthCoefficients),
    ...(model.features.includes("nonlinearity") ? coefficients(0x0018_1100, nonlinearityCoefficients) : []),
    ...(model.features.includes("stray-light") ? coefficients(0x0018_3100, [strayLightConstant]) : []),
    [0x0018_2001, () => REFUSAL.noSuchData],
    [0x0018_2002, () => REFUSAL.noSuchData],
    [0x0018_2003, () => REFUSAL.noSuchData],
  ];
}

/** Count, get and set of a list of coefficients. */
function coefficients(type: number, factory: readonly number[]): Handlers {
  const values = [...factory];
  return [
    [type, () => u8(values.length)],
    [
      type + 0x01,
      ([index]) => {
        const value = values[index ?? -1];
        return value === undefined ? REFUSAL.invalidData : f32(value);
      },
    ],
    [
      type + 0x11,
      (data) => {
        if (data.length !== 5) return REFUSAL.wrongLength;
        const [index = 0] = data;
        if (index >= values.length) return REFUSAL.invalidData;
        values[index] = viewOf(data).getFloat32(1, true);
        return "done";
      },
    ],
  ];
}

function spectrumMessages(device: ObpCore): Handlers {
  const now: Handler = (_, answer) => {
    device.spectrumNow(answer);
    return "later";
  };
  return [
    [0x0010_0000, () => ended(device)],
    [0x0010_1000, now],
    [0x0010_1100, now],
  ];
}

function bufferMessages(device: ObpCore): Handlers {
  const { buffer } = device;
  return [
    [0x0010_0000, () => ended(device)],
    [
      0x0010_0830,
      () => {
        buffer.length = 0;
        return "done";
      },
    ],
    [
      0x0010_0831,
      (data) => {
        if (data.length !== 4) return REFUSAL.wrongLength;
        buffer.splice(0, viewOf(data).getUint32(0, true));
        return "done";
      },
    ],
    [0x0010_0900, () => u32(buffer.length)],
    [
      0x0010_0902,
      () => {
        device.acquireIntoBuffer();
        return "done";
      },
    ],
    [0x0010_0908, () => u8(device.exposures.isIdle ? 1 : 0)],
    [
      0x0010_0928,
      (_, answer) => {
        device.oldestFrame(answer);
        return "later";
      },
    ],
  ];
}

function ended(device: ObpCore): Reply {
  device.abort();
  return "done";
}

function coolerMessages({ detector: { cooler }, clock }: ObpCore): Handlers {
  return [
    [0x0042_0000, () => u8(cooler.enabled ? 1 : 0)],
    [0x0042_0001, () => f32(cooler.setpointC)],
    [0x0042_0003, () => u8(cooler.isStable(clock.nowUs()) ? 1 : 0)],
    [0x0042_0004, () => f32(cooler.temperatureC(clock.nowUs()))],
    [
      0x0042_0010,
      (data) => {
        if (data.length !== 1) return REFUSAL.wrongLength;
        cooler.setEnabled(data[0] !== 0, clock.nowUs());
        return "done";
      },
    ],
    [
      0x0042_0011,
      (data) => {
        if (data.length !== 4) return REFUSAL.wrongLength;
        cooler.setSetpointC(viewOf(data).getFloat32(0, true), clock.nowUs());
        return "done";
      },
    ],
  ];
}

function temperatureMessages({ detector: { cooler }, clock }: ObpCore): Handlers {
  const detectorC = (): number => cooler.temperatureC(clock.nowUs());
  const boardC = (): number => cooler.roomC(clock.nowUs()) + 8;
  return [
    [0x0040_0000, () => u8(2)],
    [
      0x0040_0001,
      ([index]) => {
        if (index === undefined || index > 1) return REFUSAL.invalidData;
        return f32(index === 0 ? detectorC() : boardC());
      },
    ],
    [0x0040_0002, () => f32(detectorC(), boardC())],
  ];
}

function benchMessages({ serial }: ObpCore): Handlers {
  return [
    [0x001b_0000, () => ascii("EMULATED")],
    [0x001b_0100, () => ascii(`B-${serial}`)],
    [0x001b_0200, () => u16(25)],
    [0x001b_0300, () => u16(400)],
    [0x001b_0400, () => ascii("600/500")],
    [0x001b_0500, () => ascii("OFLV")],
  ];
}

function binningMessages(device: ObpCore): Handlers {
  return [
    [0x0011_0280, () => u8(device.binning)],
    [0x0011_0281, () => u8(LARGEST_BINNING)],
    [0x0011_0285, () => u8(0)],
    [
      0x0011_0290,
      ([factor]) => {
        if (factor === undefined || factor > LARGEST_BINNING) return REFUSAL.invalidData;
        device.binning = factor;
        return "done";
      },
    ],
  ];
}

function obp2Messages(device: ObpCore): Handlers {
  const { wavelengthCoefficients, nonlinearityCoefficients } = device.detector.calibration;
  const counted = (values: readonly number[]): Uint8Array => f32(values.length, ...values);
  const messages: Handlers = [
    [0x0000_0100, () => ascii(device.serial)],
    [0x0000_0101, () => u8(device.serial.length)],
    [0x0000_0c01, (data) => setIntegrationTime(device, data)],
    [0x0000_0d01, (data) => setTrigger(device, data)],
    [0x0000_1100, () => counted(wavelengthCoefficients)],
    [
      0x0000_1c00,
      (_, answer) => {
        device.spectrumNow(answer);
        return "later";
      },
    ],
  ];
  const hasNonlinearity = device.model.features.includes("nonlinearity");
  return hasNonlinearity ? [...messages, [0x0000_1200, () => counted(nonlinearityCoefficients)]] : messages;
}
