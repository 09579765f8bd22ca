// A spectrometer that speaks OOI: opens it, reads its calibration, and acquires through FreeRunning.

import { orAborted } from "../../base/abort.ts";
import { MS, SECOND } from "../../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../../base/errors.ts";
import type { Calibration, InstrumentIdentity } from "../../spectra/spectrum.ts";
import { calibrationOf, identityOf, saturationLevelOf } from "./calibration.ts";
import type { Controls } from "./controls.ts";
import { decodeFrame } from "./decode.ts";
import { DeviceIdentity, type StoredFacts } from "./device-identity.ts";
import type { Exposure, RawFrame, RecoveryStep, SpectrometerDriver, TecDriver } from "./driver.ts";
import { MAX_NONLINEARITY_ORDER, nonlinearityOrder, SLOTS, slotNumber, slotText } from "./eeprom.ts";
import { FreeRunning } from "./free-running.ts";
import type { Link } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";
import { hasTwin, twinOf } from "./models.ts";
import { Ooi } from "./ooi.ts";
import { ooiControls } from "./ooi-controls.ts";
import { readFpgaVersion } from "./ooi-registers.ts";
import { openOoiTec } from "./ooi-tec.ts";
import { type Armed, Trigger, triggerControls } from "./trigger.ts";
import { isTimedOutside, type SettableMode, triggerModes, type TriggerModes } from "./trigger-modes.ts";
import { Triggered } from "./triggered.ts";

// The device settles for this long after 01 (as python-seabreeze waits); its pipes are emptied meanwhile.
const INITIALISE_US = 100 * MS;
// Longest step of a recovery of a device that answers at all.
const STEP_US = 5 * SECOND;
// A session that died may have left a long exposure behind. The status tells the integration time that was set last, not
// that of the cycle in progress; so this much is waited for in any case.
const UNKNOWN_RUNNING_US = 60 * SECOND;

export class OoiDriver implements SpectrometerDriver {
  readonly tec?: TecDriver;
  readonly readTemperatureC?: (signal: AbortSignal) => Promise<number>;
  readonly controls: Controls;
  readonly recovery: readonly RecoveryStep[];
  readonly #ooi: Ooi;
  readonly #exposures: FreeRunning;
  readonly #triggered: Triggered;
  readonly #trigger: Trigger;
  readonly #identity: DeviceIdentity;

  private constructor(
    ooi: Ooi,
    exposures: FreeRunning,
    identity: InstrumentIdentity,
    tec: TecDriver | undefined,
  ) {
    this.#ooi = ooi;
    this.#exposures = exposures;
    this.#identity = new DeviceIdentity(identity, (signal) => readStoredFacts(ooi, signal));
    this.recovery = this.#recovery();
    this.#trigger = new Trigger(ooi.link, (signal) => readTriggerModes(ooi, signal));
    this.#triggered = new Triggered(ooi, exposures, this.#trigger);
    this.controls = { ...ooiControls(ooi, this.#identity), ...triggerControls(ooi.model, this.#trigger) };
    if (tec !== undefined) this.tec = tec;
    const { features } = ooi.model;
    if (features.includes("tec")) this.readTemperatureC = (signal) => ooi.readTecTemperatureC(signal);
    else if (features.includes("board-temperature")) {
      this.readTemperatureC = (signal) => ooi.readBoardTemperatureC(signal);
    }
  }

  /** Initialises the device and reads what it holds. The link is not closed when this fails. */
  static async open(
    link: Link,
    model: SpectrometerModel,
    { isSimulated }: { readonly isSimulated: boolean },
    signal: AbortSignal,
  ): Promise<OoiDriver> {
    await orAborted(link.clearHalts(model.endpoints), signal);
    let ooi = new Ooi(link, model);
    await quieten(ooi, signal);
    let firmware: string | undefined;
    if (hasTwin(model)) {
      const version = await optional(link, "firmware version", () => readFpgaVersion(ooi, signal));
      firmware = version?.text;
      ooi = new Ooi(link, twinOf(model, version?.major ?? 0));
    }
    const runningUs = await readRunningUs(ooi, signal);
    const binary = await readBinarySlot(ooi, signal);
    const serial = slotText(await ooi.readSlot(SLOTS.serial, signal));
    if (serial === undefined) {
      throw new VscopeError("DEVICE_FAULT", `${link.subject}: EEPROM slot 0 holds no serial number`);
    }
    link.rename(serial);
    const calibration = await readCalibration(ooi, "forgiving", signal);
    const tec = ooi.model.features.includes("tec") ? await openOoiTec(ooi, binary, signal) : undefined;
    const unknownUs = Math.min(UNKNOWN_RUNNING_US, ooi.model.integrationTimeUs.max);
    const exposures = new FreeRunning(ooi, Math.max(runningUs ?? 0, unknownUs));
    await exposures.restart(runningUs, signal);
    const saturationLevel = saturationLevelOf(ooi.model, binary);
    const facts = { serial, calibration, saturationLevel, firmware, hasTec: tec !== undefined, isSimulated };
    return new OoiDriver(ooi, exposures, identityOf(ooi.model, facts), tec);
  }

  get identity(): InstrumentIdentity {
    return this.#identity.value;
  }

  get awaitedTrigger(): SettableMode | undefined {
    return this.#trigger.armed?.mode;
  }

  prepare(signal: AbortSignal): Promise<void> {
    return this.#exposures.prepare(signal);
  }

  async acquire(exposure: Exposure, signal: AbortSignal): Promise<RawFrame> {
    const { step } = this.identity.integrationTimeUs;
    const integrationTimeUs = Math.floor(exposure.integrationTimeUs / step) * step;
    const wanted = { ...exposure, integrationTimeUs };
    const armed = exposure.ignoresTrigger === true ? undefined : this.#trigger.armed;
    const { bytes, ...frame } =
      armed === undefined ? await this.#runFree(wanted, signal) : await this.#onSignal(wanted, armed, signal);
    return { ...frame, counts: decodeFrame(this.#ooi.model.frame, bytes, this.identity.serial) };
  }

  async resynchronize(signal: AbortSignal): Promise<void> {
    for (const step of this.recovery) await step.run(signal);
  }

  close(): Promise<void> {
    return this.#ooi.link.transport.close();
  }

  #recovery(): readonly RecoveryStep[] {
    const { link, model, inputs } = this.#ooi;
    const step = (name: string, run: RecoveryStep["run"]) => ({ name, deadlineUs: STEP_US, run });
    return [
      step("clear halts", (signal) => orAborted(link.clearHalts(model.endpoints), signal)),
      step("initialise", (signal) => this.#ooi.initialise(signal)),
      step("drain", async (signal) => void (await link.drain(inputs, INITIALISE_US, signal))),
      step("restart", async (signal) => {
        this.#triggered.forget();
        await this.#exposures.restart(await readRunningUs(this.#ooi, signal), signal);
      }),
      step("break off", (signal) => this.#breakOff(signal)),
      step("identify", (signal) => optional(link, "calibration", () => this.#identity.settle(signal))),
    ];
  }

  // A cycle in progress goes on after 01, for a minute if need be; a change of the trigger mode drops it. Firmware that
  // does otherwise is waited for all the same.
  async #breakOff(signal: AbortSignal): Promise<void> {
    if (this.#exposures.longestUs <= SECOND) return;
    const modes = await optional(this.#ooi.link, "trigger modes", () => this.#trigger.modes(signal));
    const edge = modes?.get("hardware");
    if (edge === undefined) return;
    await this.#ooi.setTrigger(edge, signal);
    await this.#ooi.setTrigger(0, signal);
  }

  async #runFree(exposure: Exposure, signal: AbortSignal) {
    await this.#triggered.disarm(signal);
    return { ...(await this.#exposures.acquire(exposure, signal)), freshness: "timing" } as const;
  }

  async #onSignal(exposure: Exposure, armed: Armed, signal: AbortSignal) {
    const frame = await this.#triggered.acquire(exposure, armed, signal);
    const freshness = isTimedOutside(armed.mode) ? "request" : "timing";
    return { ...frame, freshness, triggerMode: armed.mode } as const;
  }
}

// The numbers depend on the firmware's generation where the table has several.
async function readTriggerModes(ooi: Ooi, signal: AbortSignal): Promise<TriggerModes> {
  const major = ooi.model.triggers.length > 1 ? (await readFpgaVersion(ooi, signal)).major : 0;
  return triggerModes(ooi.model, major);
}

async function quieten(ooi: Ooi, signal: AbortSignal): Promise<void> {
  await ooi.initialise(signal);
  await ooi.link.drain(ooi.inputs, INITIALISE_US, signal);
}

// The integration time in force, where the status tells it.
async function readRunningUs(ooi: Ooi, signal: AbortSignal): Promise<number | undefined> {
  if (!ooi.model.hasStatus) return undefined;
  return optional(ooi.link, "status", () => ooi.readStatusIntegrationTimeUs(signal));
}

async function readBinarySlot(ooi: Ooi, signal: AbortSignal): Promise<Uint8Array | undefined> {
  if (ooi.model.saturation === undefined && !ooi.model.features.includes("tec")) return undefined;
  return optional(ooi.link, "EEPROM slot 17", () => ooi.readSlot(SLOTS.binary, signal));
}

/** Forgiving: what is unreadable is left out with a warning. Strict: it is an error. */
type ReadHow = "forgiving" | "strict";

async function readStoredFacts(ooi: Ooi, signal: AbortSignal): Promise<StoredFacts> {
  const calibration = await readCalibration(ooi, "strict", signal);
  if (ooi.model.saturation === undefined) return { calibration };
  const binary = await ooi.readSlot(ooi.model.saturation.slot, signal);
  return { calibration, saturationLevel: saturationLevelOf(ooi.model, binary) };
}

async function readCalibration(ooi: Ooi, how: ReadHow, signal: AbortSignal): Promise<Calibration> {
  const read = <T>(slot: number, parse: (bytes: Uint8Array) => T): Promise<T | undefined> => {
    const parsed = async (): Promise<T> => parse(await ooi.readSlot(slot, signal));
    return how === "strict" ? parsed() : optional(ooi.link, `EEPROM slot ${slot}`, parsed);
  };
  const readNumbers = async (first: number, count: number): Promise<(number | undefined)[]> => {
    const values: (number | undefined)[] = [];
    for (let slot = first; slot < first + count; slot++) values.push(await read(slot, slotNumber));
    return values;
  };
  const wavelength = await readNumbers(SLOTS.firstWavelengthCoefficient, 4);
  const strayLightConstant = await read(SLOTS.strayLight, slotNumber);
  const order = (await read(SLOTS.nonlinearityOrder, nonlinearityOrder)) ?? MAX_NONLINEARITY_ORDER;
  const nonlinearity = await readNumbers(SLOTS.firstNonlinearityCoefficient, order + 1);
  const opticalConfiguration = await read(SLOTS.opticalConfiguration, slotText);
  const raw = { wavelength, nonlinearity, strayLightConstant, opticalConfiguration };
  return calibrationOf(raw, ooi.model, ooi.link);
}

// A device that answers wrongly or not at all to one question may still be usable.
async function optional<T>(link: Link, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
    link.log.warn({ reason: messageOf(error) }, `${link.subject}: ${what} is not readable`);
    return undefined;
  }
}
