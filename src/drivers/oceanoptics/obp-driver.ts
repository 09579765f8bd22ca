// A spectrometer that speaks OBP, either dialect. It exposes on request, or into a buffer whose frames carry metadata;
// so a fresh frame is asked for, not waited for, and the answer shows that it was exposed for the time set.

import { orAborted } from "../../base/abort.ts";
import { MS, SECOND } from "../../base/clock.ts";
import { isVscopeError } from "../../base/errors.ts";
import type { InstrumentIdentity } from "../../spectra/spectrum.ts";
import { calibrationOf, identityOf } from "./calibration.ts";
import type { Controls } from "./controls.ts";
import { decodeFrame } from "./decode.ts";
import type { Exposure, RawFrame, RecoveryStep, SpectrometerDriver } from "./driver.ts";
import type { Link } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";
import { Obp } from "./obp.ts";
import { readCalibration, readFirmware, readSerial } from "./obp-calibration.ts";
import { OBP1, OBP2, readF32, u32, u8 } from "./obp-messages.ts";
import { obpControls } from "./obp-controls.ts";
import { ObpTec } from "./obp-tec.ts";

// After a crash of the host some devices go on sending the old session's answer; they pause less than this.
const QUIET_US = 100 * MS;
// An earlier session may have left it with a long exposure; this much is waited for.
const UNKNOWN_RUNNING_US = 10 * SECOND;
// Longest step of a recovery of a device that answers at all.
const STEP_US = 5 * SECOND;
const ANSWER_MARGIN_US = 500 * MS;

// Metadata before the pixels of a buffered frame (QE Pro data sheet).
const METADATA = { counter: 0, integrationTimeUs: 12, triggerMode: 18 } as const;

interface Attempt {
  readonly bytes: Uint8Array;
  /** When the exposure was asked for, and so began: commands take effect within a fraction of a millisecond. */
  readonly requestedUs: number;
  readonly isFresh: boolean;
}

export class ObpDriver implements SpectrometerDriver {
  readonly identity: InstrumentIdentity;
  readonly tec?: ObpTec;
  readonly readTemperatureC?: (signal: AbortSignal) => Promise<number>;
  readonly controls: Controls;
  readonly recovery: readonly RecoveryStep[];
  readonly #obp: Obp;
  #settingUs: number | undefined;
  #lastCounter: number | undefined;
  /** An exposure that was asked for may go on until then; on Clock.nowUs. */
  #busyUntilUs: number;
  /** Nothing has ended that exposure. */
  #isLeftBusy = false;

  private constructor(obp: Obp, identity: InstrumentIdentity) {
    this.#obp = obp;
    this.identity = identity;
    this.controls = obpControls(obp);
    this.recovery = [...quietening(obp), this.#answer()];
    this.#busyUntilUs = obp.link.clock.nowUs() + UNKNOWN_RUNNING_US;
    if (identity.hasTec) {
      const tec = new ObpTec(obp);
      this.tec = tec;
      this.readTemperatureC = (signal) => tec.readTemperatureC(signal);
    } else if (obp.model.features.includes("temperature")) {
      this.readTemperatureC = (signal) => readDetectorTemperatureC(obp, signal);
    }
  }

  /** Ends what an earlier session left behind and reads what the device holds. Does not close the link on failure. */
  static async open(
    link: Link,
    model: SpectrometerModel,
    { isSimulated }: { readonly isSimulated: boolean },
    signal: AbortSignal,
  ): Promise<ObpDriver> {
    const obp = new Obp(link, model);
    for (const step of quietening(obp)) await step.run(signal);
    const serial = await readSerial(obp, signal);
    link.rename(serial);
    const calibration = calibrationOf(await readCalibration(obp, signal), model, link);
    const firmware = await readFirmware(obp, signal);
    const hasTec =
      model.features.includes("tec") &&
      (await obp.queryIfPresent({ type: OBP1.tecTemperature }, signal)) !== undefined;
    return new ObpDriver(obp, identityOf(model, { serial, calibration, firmware, hasTec, isSimulated }));
  }

  /** Takes one short spectrum, which shows that the device delivers; it outlasts what an earlier session asked for. */
  async prepare(signal: AbortSignal): Promise<void> {
    const { min } = this.identity.integrationTimeUs;
    if (this.#obp.model.protocol === "obp2") await this.#outlast(signal);
    else await this.acquire({ integrationTimeUs: min, notBeforeUs: this.#obp.link.clock.nowUs() }, signal);
  }

  async acquire(exposure: Exposure, signal: AbortSignal): Promise<RawFrame> {
    const { clock, subject } = this.#obp.link;
    const { step } = this.identity.integrationTimeUs;
    const integrationTimeUs = Math.floor(exposure.integrationTimeUs / step) * step;
    if (this.#isLeftBusy) await this.#outlast(signal);
    const nowUs = clock.nowUs();
    if (nowUs < exposure.notBeforeUs) await clock.delay(exposure.notBeforeUs - nowUs, signal);
    const { frame, staleDepth, exposure: mode } = this.#obp.model;
    for (let discardedFrames = 0; discardedFrames <= staleDepth + 2; discardedFrames++) {
      const attempt =
        mode === "buffered"
          ? await this.#fromBuffer(integrationTimeUs, signal)
          : await this.#onRequest(integrationTimeUs, signal);
      if (!attempt.isFresh) continue;
      // Counted from the request, because an answer can be late and the exposure not.
      const exposureStartUs = attempt.requestedUs;
      return {
        counts: decodeFrame(frame, attempt.bytes, subject),
        exposureStartUs,
        exposureEndUs: exposureStartUs + integrationTimeUs,
        freshness: mode === "buffered" ? "metadata" : "request",
        discardedFrames,
      };
    }
    throw this.#obp.link.protocolError(
      `${staleDepth + 3} frames in a row were stale or not exposed for ${integrationTimeUs} us`,
    );
  }

  async resynchronize(signal: AbortSignal): Promise<void> {
    for (const step of this.recovery) await step.run(signal);
  }

  close(): Promise<void> {
    return this.#obp.link.transport.close();
  }

  // A wrong serial number shows what the drain has missed.
  #answer(): RecoveryStep {
    const run = async (signal: AbortSignal): Promise<void> => {
      const { protocol } = this.#obp.model;
      this.#settingUs = undefined;
      this.#isLeftBusy = protocol === "obp2";
      if (protocol === "obp") await readSerial(this.#obp, signal);
    };
    return { name: "answer", deadlineUs: STEP_US, run };
  }

  // The dialect without an abort: what was asked for goes on, and a short exposure asked for now follows it.
  async #outlast(signal: AbortSignal): Promise<void> {
    const { clock } = this.#obp.link;
    const { integrationTimeUs, spectrumRequest, readoutMaxUs } = this.#obp.model;
    const { min, base } = integrationTimeUs;
    const us = Math.max(0, this.#busyUntilUs - clock.nowUs()) + min + readoutMaxUs + ANSWER_MARGIN_US;
    await this.#obp.command({ type: OBP2.setIntegrationTime, data: u32(min / base), us }, signal);
    this.#settingUs = min;
    await this.#obp.query({ type: spectrumRequest, us }, signal);
    this.#busyUntilUs = clock.nowUs();
    this.#isLeftBusy = false;
  }

  async #onRequest(integrationTimeUs: number, signal: AbortSignal): Promise<Attempt> {
    await this.#setIntegrationTime(integrationTimeUs, signal);
    const requestedUs = this.#obp.link.clock.nowUs();
    const bytes = await this.#readSpectrum(integrationTimeUs, signal);
    const arrivalUs = this.#obp.link.clock.nowUs();
    return { bytes, requestedUs, isFresh: lasted({ requestedUs, arrivalUs }, integrationTimeUs) };
  }

  // Empties the buffer, fills it with one frame and takes that; the frame itself tells how it was exposed.
  async #fromBuffer(integrationTimeUs: number, signal: AbortSignal): Promise<Attempt> {
    await this.#obp.command({ type: OBP1.abort }, signal);
    await this.#obp.command({ type: OBP1.clearBuffer }, signal);
    await this.#setIntegrationTime(integrationTimeUs, signal);
    const requestedUs = this.#obp.link.clock.nowUs();
    await this.#obp.command({ type: OBP1.acquireIntoBuffer }, signal);
    const bytes = await this.#readSpectrum(integrationTimeUs, signal);
    const arrivalUs = this.#obp.link.clock.nowUs();
    const isFresh =
      this.#hasMetadata(bytes, integrationTimeUs) && lasted({ requestedUs, arrivalUs }, integrationTimeUs);
    return { bytes, requestedUs, isFresh };
  }

  #hasMetadata(bytes: Uint8Array, integrationTimeUs: number): boolean {
    if (bytes.length < this.#obp.model.frame.headerBytes) return true; // decodeFrame tells what is wrong
    const metadata = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const counter = metadata.getUint32(METADATA.counter, true);
    const hasMoved = counter !== this.#lastCounter;
    this.#lastCounter = counter;
    return (
      hasMoved &&
      metadata.getUint32(METADATA.integrationTimeUs, true) === integrationTimeUs &&
      metadata.getUint8(METADATA.triggerMode) === 0
    );
  }

  async #setIntegrationTime(us: number, signal: AbortSignal): Promise<void> {
    if (us === this.#settingUs) return;
    this.#settingUs = undefined;
    const { protocol, integrationTimeUs } = this.#obp.model;
    const type = protocol === "obp2" ? OBP2.setIntegrationTime : OBP1.setIntegrationTime;
    await this.#obp.command({ type, data: u32(us / integrationTimeUs.base) }, signal);
    this.#settingUs = us;
  }

  async #readSpectrum(integrationTimeUs: number, signal: AbortSignal): Promise<Uint8Array> {
    const { spectrumRequest, readoutMaxUs } = this.#obp.model;
    const { clock } = this.#obp.link;
    const us = integrationTimeUs + readoutMaxUs + ANSWER_MARGIN_US;
    this.#busyUntilUs = clock.nowUs() + us;
    const bytes = await this.#obp.query({ type: spectrumRequest, us }, signal);
    this.#busyUntilUs = clock.nowUs();
    return bytes;
  }
}

// A frame that comes sooner was begun before it was asked for.
function lasted(
  frame: { readonly requestedUs: number; readonly arrivalUs: number },
  integrationTimeUs: number,
): boolean {
  return frame.arrivalUs - frame.requestedUs >= integrationTimeUs - 100 - integrationTimeUs / 1000;
}

// What brings the device into a known state; the same after opening and after an error.
function quietening(obp: Obp): readonly RecoveryStep[] {
  const { link, model } = obp;
  const { endpoints, protocol, features } = model;
  const step = (name: string, run: RecoveryStep["run"]): RecoveryStep => ({ name, deadlineUs: STEP_US, run });
  const clearHalts = step("clear halts", (signal) => orAborted(link.clearHalts(endpoints), signal));
  const drain = step(
    "drain",
    async (signal) => void (await link.drain([endpoints.answer], QUIET_US, signal)),
  );
  if (protocol === "obp2") return [clearHalts, drain];
  return [
    clearHalts,
    step("initialise", async (signal) => {
      await abort(obp, signal);
      if (features.includes("data-buffer")) await obp.command({ type: OBP1.clearBuffer }, signal);
    }),
    drain,
    step(
      "disarm",
      async (signal) => void (await obp.commandIfPresent({ type: OBP1.setTriggerMode, data: u8(0) }, signal)),
    ),
  ];
}

async function abort(obp: Obp, signal: AbortSignal): Promise<void> {
  try {
    await obp.commandIfPresent({ type: OBP1.abort }, signal);
  } catch (error) {
    if (!isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
    // The device may have taken it for the rest of a message that was broken off.
    await obp.commandIfPresent({ type: OBP1.abort }, signal);
  }
}

async function readDetectorTemperatureC(obp: Obp, signal: AbortSignal): Promise<number> {
  const value = readF32(await obp.query({ type: OBP1.temperature, data: u8(0) }, signal));
  if (value === undefined) throw obp.link.protocolError("temperature is not a number");
  return value;
}
