// The far end of the Ocean Binary Protocol (OBP 1.1 and OBP2): framing, acknowledgements and refusals, spectra on
// request, and the buffers of QE Pro and Ocean FX. What each message does is in obp-messages.ts.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import { EndpointFifos } from "../usb/endpoint-fifos.ts";
import { Detector } from "./detector.ts";
import type { Exposed } from "./exposures.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { frameBytes } from "./frame-bytes.ts";
import { fastFrame, type FrameFacts, metadata } from "./frame-metadata.ts";
import { GpioPort } from "./gpio-port.ts";
import type { Handler, ObpCore, Reply } from "./obp-core.ts";
import { answerBytes, FLAG, type Message, MessageReader, REFUSAL } from "./obp-framing.ts";
import { handlersOf } from "./obp-messages.ts";
import { processed, read } from "./processing.ts";
import { RequestedExposures } from "./requested-exposures.ts";
import { POWER_UP_SETTINGS, Settings } from "./settings.ts";
import {
  type EmulatedSpectrometer,
  type Firmware,
  POWER_UP_US,
  type SpectrometerOptions,
} from "./spectrometer.ts";
import { TruthLog } from "./truth.ts";

const HIGH_SPEED_PACKET = 512;
const FULL_SPEED_PACKET = 64;
const GPIO_PINS = 8;
/** From the end of an exposure to the next in the fast buffer: 4500 scans of 10 us in a second, as the vendor says. */
const FAST_READOUT_US = 212;

interface Wanted {
  readonly count: number;
  readonly answer: (frames: Uint8Array) => void;
}

export class ObpDevice implements EmulatedSpectrometer, ObpCore {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly speed: "full" | "high";
  readonly detector: Detector;
  readonly settings: Settings;
  readonly truth: TruthLog;
  readonly exposures: RequestedExposures;
  readonly buffer = new FrameBuffer();
  readonly gpio = new GpioPort(GPIO_PINS);
  readonly isLedOn = true;
  readonly fastBuffer: NonNullable<Firmware["fastBuffer"]>;
  readonly clock: Clock;
  triggerNumber = 0;
  defaultBinning = 0;
  readonly #firmware: Firmware;
  readonly #version: number;
  readonly #fifos: EndpointFifos;
  readonly #reader: MessageReader;
  readonly #handlers: ReadonlyMap<number, Handler>;
  readonly #hasFastBuffer: boolean;
  readonly #wanted: Wanted[] = [];
  /** Frames on their way into the buffer. */
  #coming = 0;
  #frameCounter = 0;

  constructor(options: SpectrometerOptions) {
    const { model, serial, clock, firmware = {} } = options;
    this.model = model;
    this.serial = serial;
    this.vendorId = model.vendorId;
    this.productId = model.productId;
    this.settings = new Settings(clock);
    this.truth = new TruthLog(this.settings);
    this.detector = new Detector({ ...options, isWarm: firmware.isWarm ?? false, settings: this.settings });
    this.speed = firmware.speed ?? (this.detector.profile.isHighSpeed ? "high" : "full");
    this.clock = clock;
    this.exposures = new RequestedExposures({
      clock,
      readoutUs: model.readoutUs,
      integrationTimeUs: firmware.powerUpIntegrationTimeUs ?? POWER_UP_US,
      settings: this.settings,
    });
    this.#hasFastBuffer = model.features.includes("fast-buffer");
    this.fastBuffer = firmware.fastBuffer ?? "whole";
    this.#firmware = firmware;
    this.#version = model.protocol === "obp2" ? 0x2000 : 0x1100;
    this.#fifos = new EndpointFifos((endpoint) => this.packetSize(endpoint));
    this.#reader = new MessageReader(this.#version);
    this.#handlers = handlersOf(this);
    this.#leaveBehind(firmware.leftoverFrames ?? 0);
  }

  packetSize(_endpoint: number): number {
    return this.speed === "high" ? HIGH_SPEED_PACKET : FULL_SPEED_PACKET;
  }

  receive(endpoint: number, bytes: Uint8Array): void {
    if (endpoint !== this.model.endpoints.out) return;
    for (const message of this.#reader.push(bytes)) this.#handle(message);
  }

  take(endpoint: number): Uint8Array | undefined {
    return this.#fifos.take(endpoint);
  }

  onReady(listener: ((endpoint: number) => void) | undefined): void {
    this.#fifos.onReady(listener);
  }

  reset(): void {
    this.abort();
    this.exposures.reset();
    this.#reader.reset();
    this.#fifos.clear();
    this.buffer.reset();
    this.gpio.reset();
    this.triggerNumber = 0;
    this.settings.change({ ...POWER_UP_SETTINGS, binning: this.defaultBinning });
  }

  triggerLine(level: boolean): void {
    this.exposures.triggerLine(level);
  }

  triggerPulse(): void {
    this.exposures.triggerPulse();
  }

  spectrumNow(answer: (frame: Uint8Array) => void): void {
    this.exposures.request((exposed) => answer(this.#frame(exposed)));
  }

  acquireIntoBuffer(): void {
    this.#acquire(this.buffer.backToBack);
  }

  oldestFrames(count: number, answer: (frames: Uint8Array) => void): void {
    this.#wanted.push({ count, answer });
    this.#serve();
  }

  abort(): void {
    this.exposures.abort();
    this.#wanted.length = 0;
    this.#coming = 0;
  }

  #acquire(count: number): void {
    const finished = (exposed: Exposed): void => {
      this.#coming -= 1;
      this.buffer.push(this.#hasFastBuffer ? this.#fastFrame(exposed) : this.#frame(exposed));
      this.#serve();
    };
    for (let index = 0; index < count; index++) {
      this.#coming += 1;
      this.exposures.request(finished, this.#hasFastBuffer ? FAST_READOUT_US : undefined);
    }
  }

  // In the order of the questions; one that is not complete yet holds up those behind it.
  #serve(): void {
    for (let next = this.#wanted[0]; next !== undefined; next = this.#wanted[0]) {
      if (this.buffer.count < next.count) break;
      this.#wanted.shift();
      next.answer(this.buffer.take(next.count));
    }
    const wanted = this.#wanted.reduce((sum, { count }) => sum + count, 0);
    this.#acquire(wanted - this.buffer.count - this.#coming);
  }

  #handle(message: Message): void {
    if (message.refusal !== undefined) return this.#refuse(message, message.refusal);
    const handler = this.#handlers.get(message.type);
    if (handler === undefined) return this.#refuse(message, REFUSAL.unknownType);
    const reply = handler(message.data, (data) => this.#respond(message, data));
    this.#conclude(message, reply);
  }

  #conclude(message: Message, reply: Reply): void {
    if (reply instanceof Uint8Array) this.#respond(message, reply);
    else if (typeof reply === "number") this.#refuse(message, reply);
    else if (reply === "done" && (message.flags & FLAG.wantsAcknowledge) !== 0) {
      this.#send(
        answerBytes(message, { version: this.#version, flags: this.#firmware.acknowledgeFlags ?? 3 }),
      );
    }
  }

  #respond(message: Message, data: Uint8Array): void {
    this.#send(answerBytes(message, { version: this.#version, flags: FLAG.response, data }));
  }

  #refuse(message: Message, error: number): void {
    const flags = FLAG.response | FLAG.refused;
    this.#send(answerBytes(message, { version: this.#version, flags, error }));
  }

  #send(bytes: Uint8Array): void {
    this.#fifos.push(this.model.endpoints.answer, bytes);
  }

  /** A frame as the model's table row has it, with the QE Pro's metadata where there are any. */
  #frame(exposed: Exposed): Uint8Array {
    const facts = this.#factsOf(exposed);
    const hasMetadata = this.model.frame.headerBytes === 32;
    return this.#pixelBytes(exposed, hasMetadata ? metadata(facts) : undefined);
  }

  #fastFrame(exposed: Exposed): Uint8Array {
    const facts = this.#factsOf(exposed);
    return fastFrame(facts, this.#pixelBytes(exposed, undefined));
  }

  #factsOf({ startUs, endUs, integrationTimeUs, under }: Exposed): FrameFacts {
    this.#frameCounter += 1;
    const { trigger, scansToAverage: scans } = (under ?? this.settings.at(startUs)).values;
    const triggerNumber = this.model.triggers[0]?.modes[trigger] ?? 0;
    return { counter: this.#frameCounter, endUs, integrationTimeUs, triggerNumber, scans };
  }

  #pixelBytes(exposed: Exposed, header: Uint8Array | undefined): Uint8Array {
    const { values } = exposed.under ?? this.settings.at(exposed.startUs);
    const counts = processed(read(this.detector, exposed), values);
    this.truth.add(exposed, counts, this.clock.nowUs());
    const { frame } = this.model;
    const layout =
      values.binning === 0 ? frame : { ...frame, pixels: counts.length, wirePixels: counts.length };
    return frameBytes(layout, counts, header);
  }

  // As a host leaves it that died in mid-conversation: old frames in the buffer, an answer that nobody read.
  #leaveBehind(frames: number): void {
    if (frames === 0) return;
    const endUs = this.clock.nowUs();
    const integrationTimeUs = this.exposures.integrationTimeUs;
    for (let index = 0; index <= frames; index++) {
      this.buffer.push(this.#frame({ startUs: endUs - integrationTimeUs, endUs, integrationTimeUs }));
    }
    const unread = this.buffer.take(1);
    const request: Message = {
      type: this.model.spectrumRequest,
      flags: 0,
      regarding: 0xdead,
      checksumType: 0,
      data: new Uint8Array(0),
    };
    this.#respond(request, unread);
  }
}
