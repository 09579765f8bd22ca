// A spectrometer that speaks OBP, either dialect. It exposes on request, or into a buffer whose frames carry metadata;
// so a fresh frame is asked for, not waited for, and the answer shows that it was exposed for the time set.

import { MS } from "../../base/clock.ts";
import { isVscopeError } from "../../base/errors.ts";
import type { InstrumentIdentity } from "../../spectra/spectrum.ts";
import { calibrationOf, identityOf } from "./calibration.ts";
import type { Controls } from "./controls.ts";
import { decodeFrame } from "./decode.ts";
import type { Exposure, RawFrame, SpectrometerDriver } from "./driver.ts";
import type { Link } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";
import { Obp } from "./obp.ts";
import { readCalibration, readFirmware, readSerial } from "./obp-calibration.ts";
import { OBP1, OBP2, readF32, u32, u8 } from "./obp-messages.ts";
import { obpControls } from "./obp-controls.ts";
import { ObpTec } from "./obp-tec.ts";

// After a crash of the host some devices go on sending the old session's answer; they pause less than this.
const QUIET_US = 100 * MS;
const ANSWER_MARGIN_US = 500 * MS;
// Requests that a session leaves behind: its last one, and those that were repeated after an error.
const MOST_PENDING = 3;

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
  readonly #obp: Obp;
  #settingUs: number | undefined;
  #lastCounter: number | undefined;
  // Whether requests of an earlier session, or of one that was given up, may still be served.
  #isFree: boolean;

  private constructor(obp: Obp, identity: InstrumentIdentity) {
    this.#obp = obp;
    this.#isFree = hasAbort(obp);
    this.identity = identity;
    this.controls = obpControls(obp);
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
    await quieten(obp, signal);
    const serial = await readSerialSurely(obp, signal);
    link.rename(serial);
    const calibration = calibrationOf(await readCalibration(obp, signal), model, link);
    const firmware = await readFirmware(obp, signal);
    const hasTec =
      model.features.includes("tec") &&
      (await obp.queryIfPresent({ type: OBP1.tecTemperature }, signal)) !== undefined;
    return new ObpDriver(obp, identityOf(model, { serial, calibration, firmware, hasTec, isSimulated }));
  }

  /** Waits for the end of what was asked before, where the protocol cannot abort it. */
  async prepare(signal: AbortSignal): Promise<void> {
    if (this.#isFree) return;
    const { min, max } = this.identity.integrationTimeUs;
    await this.#setIntegrationTime(min, signal);
    await this.#readSpectrum(MOST_PENDING * max, signal);
    this.#isFree = true;
  }

  async acquire(exposure: Exposure, signal: AbortSignal): Promise<RawFrame> {
    const { clock, subject } = this.#obp.link;
    const { step } = this.identity.integrationTimeUs;
    const integrationTimeUs = Math.floor(exposure.integrationTimeUs / step) * step;
    const nowUs = clock.nowUs();
    if (nowUs < exposure.notBeforeUs) await clock.delay(exposure.notBeforeUs - nowUs, signal);
    await this.prepare(signal);
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
    this.#settingUs = undefined;
    this.#isFree = hasAbort(this.#obp);
    await quieten(this.#obp, signal);
  }

  reset(): Promise<void> {
    return this.#obp.link.transport.reset();
  }

  close(): Promise<void> {
    return this.#obp.link.transport.close();
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

  #readSpectrum(integrationTimeUs: number, signal: AbortSignal): Promise<Uint8Array> {
    const { spectrumRequest, readoutMaxUs } = this.#obp.model;
    return this.#obp.query(
      { type: spectrumRequest, us: integrationTimeUs + readoutMaxUs + ANSWER_MARGIN_US },
      signal,
    );
  }
}

function hasAbort({ model }: Obp): boolean {
  return model.protocol === "obp";
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
  frame: { readonly requestedUs: number; readonly arrivalUs: number },
  integrationTimeUs: number,
): boolean {
  return frame.arrivalUs - frame.requestedUs >= integrationTimeUs - 100 - integrationTimeUs / 1000;
}

async function quieten(obp: Obp, signal: AbortSignal): Promise<void> {
  const { endpoints, protocol, features } = obp.model;
  await obp.link.clearHalts(endpoints);
  if (protocol === "obp2") {
    await obp.link.drain([endpoints.answer], QUIET_US, signal);
    return;
  }
  try {
    await obp.commandIfPresent({ type: OBP1.abort }, signal);
  } catch (error) {
    if (!isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
    // The device may have taken it for the rest of a message that was broken off.
    await obp.commandIfPresent({ type: OBP1.abort }, signal);
  }
  if (features.includes("data-buffer")) await obp.command({ type: OBP1.clearBuffer }, signal);
  await obp.link.drain([endpoints.answer], QUIET_US, signal);
  await obp.commandIfPresent({ type: OBP1.setTriggerMode, data: u8(0) }, signal);
}

async function readDetectorTemperatureC(obp: Obp, signal: AbortSignal): Promise<number> {
  const value = readF32(await obp.query({ type: OBP1.temperature, data: u8(0) }, signal));
  if (value === undefined) throw obp.link.protocolError("temperature is not a number");
  return value;
}
