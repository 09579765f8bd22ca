// A spectrometer that speaks OBP, either dialect. It exposes on request, or into a buffer whose frames carry metadata;
// so a fresh frame is asked for, not waited for, and the answer shows that it was exposed for the time set.

import { MS } from "../../base/clock.ts";
import { isVscopeError } from "../../base/errors.ts";
import {
  type Calibration,
  type DeviceProcessing,
  type InstrumentIdentity,
  UNPROCESSED,
} from "../../spectra/spectrum.ts";
import { binnedIdentity } from "./binned-identity.ts";
import { calibrationOf, identityOf } from "./calibration.ts";
import type { Controls } from "./controls.ts";
import { decodeFrame } from "./decode.ts";
import { DeviceIdentity } from "./device-identity.ts";
import type { Exposure, RawFrame, RecoveryStep, SpectrometerDriver } from "./driver.ts";
import { FastBuffer } from "./fast-buffer.ts";
import type { Link } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";
import { Obp } from "./obp.ts";
import { readCalibration, readFirmware, readSerial } from "./obp-calibration.ts";
import { OBP1, OBP2, readF32, u32, u8 } from "./obp-messages.ts";
import { obpControls } from "./obp-controls.ts";
import { ObpProcessing } from "./obp-processing.ts";
import { quietening, QUIET_US, quietTrigger, STEP_US } from "./obp-quietening.ts";
import { ObpTec } from "./obp-tec.ts";
import { type Armed, Trigger, triggerControls } from "./trigger.ts";
import { isTimedOutside, type SettableMode, triggerModes } from "./trigger-modes.ts";

const ANSWER_MARGIN_US = 500 * MS;
// Requests that a session leaves behind: its last one, and those that were repeated after an error.
const MOST_PENDING = 3;

// Metadata before the pixels of a buffered frame (QE Pro data sheet).
const METADATA = { counter: 0, integrationTimeUs: 12, triggerMode: 18 } as const;

/** The conversations of one device. */
interface Parts {
  readonly obp: Obp;
  readonly processing: ObpProcessing;
  readonly fastBuffer: FastBuffer | undefined;
}

interface Attempt {
  readonly bytes: Uint8Array;
  /** When the exposure was asked for: commands take effect within a fraction of a millisecond. */
  readonly requestedUs: number;
  readonly arrivalUs: number;
  readonly isFresh: boolean;
}

/** What is asked of one acquisition. */
interface Goal {
  readonly integrationTimeUs: number;
  readonly notBeforeUs: number;
  /** All scans together. */
  readonly durationUs: number;
  /** From the beginning of the first scan to the end of the last: each is read out before the next. */
  readonly spanUs: number;
  readonly armed: Armed | undefined;
  readonly processing: DeviceProcessing;
}

export class ObpDriver implements SpectrometerDriver {
  readonly tec?: ObpTec;
  readonly readTemperatureC?: (signal: AbortSignal) => Promise<number>;
  readonly acquireMany?: NonNullable<SpectrometerDriver["acquireMany"]>;
  readonly controls: Controls;
  readonly recovery: readonly RecoveryStep[];
  readonly #obp: Obp;
  readonly #identity: DeviceIdentity;
  readonly #processing: ObpProcessing;
  readonly #trigger: Trigger;
  /** What the device was told last; undefined when that is not certain. */
  #settingUs: number | undefined;
  #triggerNumber: number | undefined;
  #lastCounter: number | undefined;
  /** The buffer is: the one frame that was asked for has come. */
  #isEmpty = false;
  /** An exposure that was asked for may go on until then; on Clock.nowUs. */
  #busyUntilUs: number;
  /** Nothing has ended that exposure. */
  #isLeftBusy: boolean;

  private constructor(
    { obp, processing, fastBuffer }: Parts,
    identity: InstrumentIdentity,
    { hasFan }: { readonly hasFan: boolean },
  ) {
    this.#obp = obp;
    this.#processing = processing;
    this.#triggerNumber = quietTrigger(obp);
    this.#isLeftBusy = obp.model.protocol === "obp2";
    this.#busyUntilUs = this.#longestUs();
    this.recovery = [...quietening(obp, fastBuffer), ...this.#restoration()];
    this.#identity = new DeviceIdentity(identity, async (signal) => ({
      calibration: await calibrationIn(obp, signal),
    }));
    this.#trigger = new Trigger(obp.link, async () => triggerModes(obp.model, 0));
    this.controls = {
      ...obpControls(obp, this.#identity, { hasFan }),
      ...processing.controls,
      ...triggerControls(obp.model, this.#trigger),
    };
    if (fastBuffer !== undefined) {
      this.acquireMany = (exposure, count, take, signal) =>
        this.#throughBuffer(fastBuffer, { exposure, count, take }, signal);
    }
    if (identity.hasTec) {
      const tec = new ObpTec(obp);
      this.tec = tec;
      this.readTemperatureC = (signal) => tec.readTemperatureC(signal);
    } else if (obp.model.features.includes("temperature")) {
      this.readTemperatureC = (signal) => readDetectorTemperatureC(obp, signal);
    }
  }

  get identity(): InstrumentIdentity {
    return binnedIdentity(this.#identity.value, this.#processing.values.binning);
  }

  get processing(): DeviceProcessing {
    return this.#processing.values;
  }

  get awaitedTrigger(): SettableMode | undefined {
    return this.#trigger.armed?.mode;
  }

  /** Ends what an earlier session left behind and reads what the device holds. Does not close the link on failure. */
  static async open(
    link: Link,
    model: SpectrometerModel,
    { isSimulated }: { readonly isSimulated: boolean },
    signal: AbortSignal,
  ): Promise<ObpDriver> {
    const obp = new Obp(link, model);
    const processing = new ObpProcessing(obp);
    const fastBuffer = model.features.includes("fast-buffer") ? new FastBuffer(obp) : undefined;
    for (const step of quietening(obp, fastBuffer)) await step.run(signal);
    await processing.apply(signal);
    const serial = await readSerialSurely(obp, signal);
    link.rename(serial);
    const calibration = await calibrationIn(obp, signal);
    const firmware = await readFirmware(obp, signal);
    const hasTec =
      model.features.includes("tec") &&
      (await obp.queryIfPresent({ type: OBP1.tecTemperature }, signal)) !== undefined;
    const hasFan = hasTec && (await obp.queryIfPresent({ type: OBP1.tecFan }, signal)) !== undefined;
    const identity = identityOf(model, { serial, calibration, firmware, hasTec, isSimulated });
    return new ObpDriver({ obp, processing, fastBuffer }, identity, { hasFan });
  }

  /** Takes one short spectrum, which shows that the device delivers; it outlasts what an earlier session asked for. */
  async prepare(signal: AbortSignal): Promise<void> {
    if (this.#obp.model.protocol === "obp2") return this.#outlast(signal);
    const { min } = this.identity.integrationTimeUs;
    const notBeforeUs = this.#obp.link.clock.nowUs();
    await this.acquire({ integrationTimeUs: min, notBeforeUs, ignoresTrigger: true, isSingle: true }, signal);
  }

  async acquire(exposure: Exposure, signal: AbortSignal): Promise<RawFrame> {
    if (this.#isLeftBusy) await this.#outlast(signal);
    const goal = await this.#goal(exposure, signal);
    const { staleDepth } = this.#obp.model;
    for (let discardedFrames = 0; discardedFrames <= staleDepth + 2; discardedFrames++) {
      const attempt = await this.#attempt(goal, signal);
      if (attempt.isFresh) return this.#frame(goal, attempt, discardedFrames);
    }
    throw this.#obp.link.protocolError(
      `${staleDepth + 3} frames in a row were stale or not exposed for ${goal.durationUs} us`,
    );
  }

  // Each scan of its own signal, or made of several by the device, is taken one by one.
  async #throughBuffer(
    buffer: FastBuffer,
    { exposure, count, take }: { exposure: Exposure; count: number; take: (frame: RawFrame) => void },
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!buffer.isPresent) return false;
    const { integrationTimeUs, armed, processing } = await this.#goal(exposure, signal);
    if (armed !== undefined || processing !== UNPROCESSED) return false;
    await this.#until(exposure.notBeforeUs, signal);
    await this.#set({ integrationTimeUs, armed }, signal);
    return buffer.acquire({ integrationTimeUs, count }, take, signal);
  }

  async resynchronize(signal: AbortSignal): Promise<void> {
    for (const step of this.recovery) await step.run(signal);
  }

  close(): Promise<void> {
    return this.#obp.link.transport.close();
  }

  // A wrong serial number shows what the drain has missed.
  #restoration(): readonly RecoveryStep[] {
    const answer = async (signal: AbortSignal): Promise<void> => {
      const { protocol } = this.#obp.model;
      this.#settingUs = undefined;
      this.#isEmpty = false;
      this.#triggerNumber = quietTrigger(this.#obp);
      this.#isLeftBusy = protocol === "obp2";
      if (protocol === "obp") await readSerial(this.#obp, signal);
    };
    const identify = async (signal: AbortSignal): Promise<void> => {
      await this.#processing.apply(signal);
      await this.#identity.settle(signal);
    };
    return [
      { name: "answer", deadlineUs: STEP_US, run: answer },
      { name: "identify", deadlineUs: STEP_US, run: identify },
    ];
  }

  // The dialect without an abort: what was asked for goes on, and a short exposure asked for now follows it.
  async #outlast(signal: AbortSignal): Promise<void> {
    const { clock } = this.#obp.link;
    const { integrationTimeUs, spectrumRequest, readoutMaxUs } = this.#obp.model;
    const us = Math.max(0, this.#busyUntilUs - clock.nowUs()) + integrationTimeUs.min + readoutMaxUs;
    await this.#set({ integrationTimeUs: integrationTimeUs.min, armed: undefined }, signal);
    await this.#obp.query({ type: spectrumRequest, us: us + ANSWER_MARGIN_US }, signal);
    this.#busyUntilUs = clock.nowUs();
    this.#isLeftBusy = false;
  }

  async #until(us: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#obp.link;
    const nowUs = clock.nowUs();
    if (nowUs < us) await clock.delay(us - nowUs, signal);
  }

  // When whatever was asked for, without our knowing its integration time, must have ended.
  #longestUs(): number {
    const { clock } = this.#obp.link;
    return clock.nowUs() + MOST_PENDING * this.#obp.model.integrationTimeUs.max;
  }

  async #goal(exposure: Exposure, signal: AbortSignal): Promise<Goal> {
    const { step } = this.identity.integrationTimeUs;
    const integrationTimeUs = Math.floor(exposure.integrationTimeUs / step) * step;
    const armed = exposure.ignoresTrigger === true ? undefined : this.#trigger.armed;
    const processing = await this.#processing.prepared(exposure.isSingle === true, signal);
    const durationUs = processing.scans * integrationTimeUs;
    const spanUs = durationUs + (processing.scans - 1) * this.#obp.model.readoutUs;
    const { notBeforeUs } = exposure;
    return { integrationTimeUs, notBeforeUs, durationUs, spanUs, armed, processing };
  }

  async #attempt(goal: Goal, signal: AbortSignal): Promise<Attempt> {
    const { armed } = goal;
    const expose = (inner: AbortSignal): Promise<Attempt> =>
      this.#obp.model.exposure === "buffered" ? this.#fromBuffer(goal, inner) : this.#onRequest(goal, inner);
    if (armed === undefined) return expose(signal);
    const exposureUs = goal.durationUs + goal.processing.scans * this.#obp.model.readoutMaxUs;
    return this.#trigger.wait({ ...armed, exposureUs }, signal, expose);
  }

  async #onRequest(goal: Goal, signal: AbortSignal): Promise<Attempt> {
    await this.#set(goal, signal);
    await this.#until(goal.notBeforeUs, signal);
    const requestedUs = this.#obp.link.clock.nowUs();
    const bytes = await this.#readSpectrum(goal, signal);
    const arrivalUs = this.#obp.link.clock.nowUs();
    return { bytes, requestedUs, arrivalUs, isFresh: lasted({ requestedUs, arrivalUs }, goal) };
  }

  // Empties the buffer if need be, fills it with one frame and takes that; the frame itself tells how it was exposed. What can be
  // done before the light is there is done, so that spectrometers begin together.
  async #fromBuffer(goal: Goal, signal: AbortSignal): Promise<Attempt> {
    if (!this.#isEmpty) {
      await this.#obp.command({ type: OBP1.abort }, signal);
      await this.#obp.command({ type: OBP1.clearBuffer }, signal);
    }
    this.#isEmpty = false;
    await this.#set(goal, signal);
    await this.#until(goal.notBeforeUs, signal);
    const requestedUs = this.#obp.link.clock.nowUs();
    await this.#obp.command({ type: OBP1.acquireIntoBuffer }, signal);
    const bytes = await this.#readSpectrum(goal, signal);
    const arrivalUs = this.#obp.link.clock.nowUs();
    const isFresh = this.#hasMetadata(bytes, goal) && lasted({ requestedUs, arrivalUs }, goal);
    this.#isEmpty = isFresh;
    return { bytes, requestedUs, arrivalUs, isFresh };
  }

  #frame({ armed, spanUs, processing }: Goal, attempt: Attempt, discardedFrames: number): RawFrame {
    const { frame, exposure, readoutUs } = this.#obp.model;
    const pixels = frame.pixels >> processing.binning;
    // Without a trigger counted from the request, because an answer can be late and the exposure not.
    const begunUs = attempt.arrivalUs - readoutUs - spanUs;
    const exposureStartUs =
      armed === undefined ? attempt.requestedUs : Math.max(attempt.requestedUs, begunUs);
    const isOutside = armed !== undefined && isTimedOutside(armed.mode);
    return {
      counts: decodeFrame({ ...frame, wirePixels: pixels, pixels }, attempt.bytes, this.#obp.link.subject),
      exposureStartUs: isOutside ? attempt.requestedUs : exposureStartUs,
      exposureEndUs: isOutside ? attempt.arrivalUs - readoutUs : exposureStartUs + spanUs,
      freshness: exposure === "buffered" ? "metadata" : "request",
      discardedFrames,
      ...(armed === undefined ? {} : { triggerMode: armed.mode }),
      ...(processing === UNPROCESSED ? {} : { processing }),
    };
  }

  #hasMetadata(bytes: Uint8Array, { integrationTimeUs, armed }: Goal): boolean {
    if (bytes.length < this.#obp.model.frame.headerBytes) return true; // decodeFrame tells what is wrong
    const metadata = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const counter = metadata.getUint32(METADATA.counter, true);
    const hasMoved = counter !== this.#lastCounter;
    this.#lastCounter = counter;
    const isTimed = armed !== undefined && isTimedOutside(armed.mode);
    return (
      hasMoved &&
      (isTimed || metadata.getUint32(METADATA.integrationTimeUs, true) === integrationTimeUs) &&
      metadata.getUint8(METADATA.triggerMode) === (armed?.number ?? 0)
    );
  }

  async #set(
    { integrationTimeUs, armed }: Pick<Goal, "integrationTimeUs" | "armed">,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#setIntegrationTime(integrationTimeUs, signal);
    await this.#setTrigger(armed?.number ?? 0, signal);
  }

  async #setTrigger(number: number, signal: AbortSignal): Promise<void> {
    if (number === this.#triggerNumber || !("trigger" in this.controls)) return;
    this.#triggerNumber = undefined;
    const type = this.#obp.model.protocol === "obp2" ? OBP2.setTriggerMode : OBP1.setTriggerMode;
    await this.#obp.command({ type, data: u8(number) }, signal);
    this.#triggerNumber = number;
  }

  async #setIntegrationTime(us: number, signal: AbortSignal): Promise<void> {
    if (us === this.#settingUs) return;
    this.#settingUs = undefined;
    const { protocol, integrationTimeUs } = this.#obp.model;
    const type = protocol === "obp2" ? OBP2.setIntegrationTime : OBP1.setIntegrationTime;
    await this.#obp.command({ type, data: u32(us / integrationTimeUs.base) }, signal);
    this.#settingUs = us;
  }

  // For ever where it waits for a signal.
  async #readSpectrum({ durationUs, armed, processing }: Goal, signal: AbortSignal): Promise<Uint8Array> {
    const { spectrumRequest, readoutMaxUs } = this.#obp.model;
    const { clock } = this.#obp.link;
    const readoutsUs = processing.scans * readoutMaxUs;
    const us = armed === undefined ? durationUs + readoutsUs + ANSWER_MARGIN_US : Number.POSITIVE_INFINITY;
    this.#busyUntilUs = armed === undefined ? clock.nowUs() + us : this.#longestUs();
    const bytes = await this.#obp.query({ type: spectrumRequest, us }, signal);
    this.#busyUntilUs = clock.nowUs();
    return bytes;
  }
}

// A device may take the first question for the rest of a message that was broken off.
async function readSerialSurely(obp: Obp, signal: AbortSignal): Promise<string> {
  try {
    return await readSerial(obp, signal);
  } catch (error) {
    if (!isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
    obp.link.log.warn({ reason: error.message }, `${obp.link.subject}: asks for the serial number again`);
    await obp.link.drain([obp.model.endpoints.answer], QUIET_US, signal);
    return await readSerial(obp, signal);
  }
}

// A frame that comes sooner was begun before it was asked for.
function lasted(
  { requestedUs, arrivalUs }: Pick<Attempt, "requestedUs" | "arrivalUs">,
  { durationUs, armed }: Goal,
): boolean {
  if (armed !== undefined && isTimedOutside(armed.mode)) return true;
  return arrivalUs - requestedUs >= durationUs - 100 - durationUs / 1000;
}

async function calibrationIn(obp: Obp, signal: AbortSignal): Promise<Calibration> {
  return calibrationOf(await readCalibration(obp, signal), obp.model, obp.link);
}

async function readDetectorTemperatureC(obp: Obp, signal: AbortSignal): Promise<number> {
  const value = readF32(await obp.query({ type: OBP1.temperature, data: u8(0) }, signal));
  if (value === undefined) throw obp.link.protocolError("temperature is not a number");
  return value;
}
