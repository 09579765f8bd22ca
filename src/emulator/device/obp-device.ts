// The far end of the Ocean Binary Protocol (OBP 1.1 and OBP2): framing, acknowledgements and refusals, spectra on
// request, and the QE Pro's buffer. What each message does is in obp-messages.ts.

import type { Clock } from "../../base/clock.ts";
import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import { EndpointFifos } from "../usb/endpoint-fifos.ts";
import { u16, u32, viewOf } from "./bytes.ts";
import { Detector } from "./detector.ts";
import type { Exposed } from "./exposures.ts";
import { frameBytes } from "./frame-bytes.ts";
import { answerBytes, FLAG, type Message, MessageReader, REFUSAL } from "./obp-framing.ts";
import { type Handler, handlersOf, type ObpCore, type Reply } from "./obp-messages.ts";
import { RequestedExposures } from "./requested-exposures.ts";
import {
  type EmulatedSpectrometer,
  type Firmware,
  POWER_UP_US,
  type SpectrometerOptions,
} from "./spectrometer.ts";
import { TruthLog } from "./truth.ts";

const HIGH_SPEED_PACKET = 512;
const FULL_SPEED_PACKET = 64;
const BUFFER_CAPACITY = 1024;

export class ObpDevice implements EmulatedSpectrometer, ObpCore {
  readonly model: SpectrometerModel;
  readonly serial: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly speed: "full" | "high";
  readonly detector: Detector;
  readonly truth = new TruthLog();
  readonly exposures: RequestedExposures;
  readonly buffer: Uint8Array[] = [];
  readonly clock: Clock;
  triggerNumber = 0;
  binning = 0;
  readonly #firmware: Firmware;
  readonly #version: number;
  readonly #fifos: EndpointFifos;
  readonly #reader: MessageReader;
  readonly #handlers: ReadonlyMap<number, Handler>;
  readonly #waitingForBuffer: ((frame: Uint8Array) => void)[] = [];
  #frameCounter = 0;

  constructor(options: SpectrometerOptions) {
    const { model, serial, clock, firmware = {} } = options;
    this.model = model;
    this.serial = serial;
    this.vendorId = model.vendorId;
    this.productId = model.productId;
    this.detector = new Detector({ ...options, isWarm: firmware.isWarm ?? false });
    this.speed = firmware.speed ?? (this.detector.profile.isHighSpeed ? "high" : "full");
    this.clock = clock;
    this.exposures = new RequestedExposures({
      clock,
      readoutUs: model.readoutUs,
      integrationTimeUs: firmware.powerUpIntegrationTimeUs ?? POWER_UP_US,
    });
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
    this.exposures.reset();
    this.#reader.reset();
    this.#fifos.clear();
    this.buffer.length = 0;
    this.triggerNumber = 0;
    this.binning = 0;
  }

  triggerPulse(): void {
    this.exposures.triggerPulse();
  }

  spectrumNow(reply: (frame: Uint8Array) => void): void {
    this.exposures.request((exposed) => reply(this.#frame(exposed)));
  }

  // A full buffer loses its oldest frame.
  acquireIntoBuffer(): void {
    this.exposures.request((exposed) => {
      this.buffer.push(this.#frame(exposed));
      if (this.buffer.length > BUFFER_CAPACITY) this.buffer.shift();
      this.#serveWaiting();
    });
  }

  oldestFrame(reply: (frame: Uint8Array) => void): void {
    this.#waitingForBuffer.push(reply);
    if (this.buffer.length === 0 && this.exposures.isIdle) this.acquireIntoBuffer();
    this.#serveWaiting();
  }

  abort(): void {
    this.exposures.abort();
    this.#waitingForBuffer.length = 0;
  }

  #serveWaiting(): void {
    while (this.buffer.length > 0) {
      const reply = this.#waitingForBuffer.shift();
      if (reply === undefined) return;
      const frame = this.buffer.shift();
      if (frame !== undefined) reply(frame);
    }
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

  #frame(exposed: Exposed): Uint8Array {
    const counts = binned(this.detector.expose(exposed), this.binning);
    this.truth.add({ ...exposed, deliveredUs: this.clock.nowUs() });
    this.#frameCounter += 1;
    const { frame } = this.model;
    const pixels = this.binning === 0 ? frame.pixels : counts.length;
    const wirePixels = this.binning === 0 ? frame.wirePixels : counts.length;
    const layout = { ...frame, pixels, wirePixels };
    return frameBytes(layout, counts, frame.headerBytes === 32 ? this.#metadata(exposed) : undefined);
  }

  // The QE Pro's block; OBP2 devices have one of the same size whose content is not known.
  #metadata({ endUs, integrationTimeUs }: Exposed): Uint8Array {
    const header = new Uint8Array(32);
    const view = viewOf(header);
    header.set(u32(this.#frameCounter), 0);
    view.setBigUint64(4, BigInt(Math.max(Math.round(endUs), 0)), true);
    header.set(u32(integrationTimeUs), 12);
    header.set(u16(0), 16);
    header[18] = this.triggerNumber;
    return header;
  }

  // As a host leaves it that died in mid-conversation: old frames in the buffer, an answer that nobody read.
  #leaveBehind(frames: number): void {
    if (frames === 0) return;
    const endUs = this.clock.nowUs();
    const integrationTimeUs = this.exposures.integrationTimeUs;
    for (let index = 0; index <= frames; index++) {
      this.buffer.push(this.#frame({ startUs: endUs - integrationTimeUs, endUs, integrationTimeUs }));
    }
    const unread = this.buffer.shift();
    const request: Message = {
      type: this.model.spectrumRequest,
      flags: 0,
      regarding: 0xdead,
      checksumType: 0,
      data: new Uint8Array(0),
    };
    if (unread !== undefined) this.#respond(request, unread);
  }
}

/** Means of 2^factor neighbours. */
function binned(counts: Uint32Array, factor: number): Uint32Array {
  const width = 2 ** factor;
  return Uint32Array.from({ length: counts.length / width }, (_, index) => {
    let sum = 0;
    for (let offset = 0; offset < width; offset++) sum += counts[index * width + offset] ?? 0;
    return Math.round(sum / width);
  });
}
