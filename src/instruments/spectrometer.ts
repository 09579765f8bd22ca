// One spectrometer: one owner, one queue. It keeps its identity and settings while the device is unplugged; a driver is
// attached when the device is there. Commands are in the user's units, limits are checked here, and after a failure the
// device is brought back to a known state before the next command.

import { withDeadline } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { asVscopeError, isVscopeError, messageOf, requireWithin, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Queue } from "../base/queue.ts";
import type { SpectrometerDriver, TecReading } from "../drivers/oceanoptics/driver.ts";
import type { InstrumentIdentity, Spectrum, SpectrumKind } from "../spectra/spectrum.ts";
import {
  allowedIntegrationTimeUs,
  type IntegrationSettings,
  initialIntegrationTimeUs,
  narrowed,
} from "./integration-limits.ts";
import { acquireScans, SCANS, type ScannedFrame } from "./scans.ts";
import { NewestSpectra, type ReadableSpectra } from "./newest-spectra.ts";
import { SpectrometerControls } from "./spectrometer-controls.ts";
import { spectrumOf } from "./spectrum-of-frame.ts";
import { applyTec, type CoolerConfiguration, type TecSettings, tecSettingsOf } from "./tec-settings.ts";

export type SpectrometerState = "disconnected" | "connecting" | "idle" | "exposing" | "recovering" | "faulty";

export interface SpectrometerStatus {
  readonly state: SpectrometerState;
  /** Why it is not usable. */
  readonly reason?: string;
}

/** What the configuration says of an instrument. */
export interface SpectrometerSettings extends IntegrationSettings, CoolerConfiguration {
  /** Wavelength calibration by channel (ascending powers, pixel index to nm); it goes before the device's own. */
  readonly wavelengthCoefficients?: ReadonlyMap<string, readonly number[]>;
}

export interface SpectrometerOptions {
  readonly identity: InstrumentIdentity;
  readonly clock: Clock;
  readonly log: Log;
  readonly channels: readonly string[];
  readonly settings?: SpectrometerSettings;
}

export interface SpectrumRequest {
  readonly channel: string;
  readonly kind: SpectrumKind;
  /** The channel's own unless given. */
  readonly integrationTimeUs?: number;
  /** Clock.nowUs of the last change that matters, such as a shutter that has settled. */
  readonly notBeforeUs: number;
  /** One scan at once, to find an integration time: neither trigger nor averaging count. */
  readonly isTrial?: boolean;
}

// The detector's temperature moves slowly: a reading is good for this long.
const TEMPERATURE_AGE_US = 10 * SECOND;
// Longest clean-up of a device that answers at all: halts, 01 or abort, and the drain.
const RECOVERY_US = 10 * SECOND;
// Limits of the coolers' set points over all models; the device's own are narrower.
const TEC_SETPOINT_C = { min: -50, max: 40, unit: "degC" } as const;

/** What the detector's temperature was, and when. */
interface Temperature {
  readonly atUs: number;
  readonly detectorTemperatureC: number;
  readonly tec?: TecReading;
}

interface Channel {
  readonly integrationTimeUs: Cell<number>;
  readonly newest: NewestSpectra;
  readonly wavelengthCoefficients: readonly number[] | undefined;
}

interface Attachment {
  readonly driver: SpectrometerDriver;
  readonly onFault: (error: VscopeError) => void;
  readonly queue: Queue;
  readonly ended: AbortController;
}

export class Spectrometer {
  /** What else can be read and set. */
  readonly controls: SpectrometerControls;
  readonly #settings: SpectrometerSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #status = new Cell<SpectrometerStatus>({ state: "disconnected", reason: "not opened yet" });
  #identity: InstrumentIdentity;
  #hasThermometer = false;
  #attachment: Attachment | undefined;
  readonly #scans = new Cell(1);
  #temperature: Temperature | undefined;
  /** The trigger mode while an exposure waits for its signal. */
  #awaited: string | undefined;
  #tecSettings: TecSettings;

  constructor({ identity, clock, log, channels, settings = {} }: SpectrometerOptions) {
    this.#settings = settings;
    this.#identity = narrowed(identity, settings);
    this.#clock = clock;
    this.#log = log.child({ serial: identity.serial });
    this.#tecSettings = tecSettingsOf(settings);
    this.controls = new SpectrometerControls(identity.serial, clock, (job, signal) =>
      this.#run(
        ({ driver }, inner) => job(driver.controls, inner).finally(() => this.#identify(driver)),
        signal,
      ),
    );
    const us = initialIntegrationTimeUs(this.#identity, settings);
    const channel = (name: string): Channel => ({
      integrationTimeUs: new Cell(us),
      newest: new NewestSpectra(),
      wavelengthCoefficients: settings.wavelengthCoefficients?.get(name),
    });
    this.#channels = new Map(channels.map((name) => [name, channel(name)]));
  }

  get serial(): string {
    return this.#identity.serial;
  }

  /** Kept while disconnected. */
  get identity(): InstrumentIdentity {
    return this.#identity;
  }

  get status(): ReadableCell<SpectrometerStatus> {
    return this.#status;
  }

  get channels(): readonly string[] {
    return [...this.#channels.keys()];
  }

  /** Whether the device tells a temperature; false until it has been connected. */
  get hasThermometer(): boolean {
    return this.#hasThermometer;
  }

  /** The integration time of the channel's next spectrum. Throws RESOURCE_NOT_FOUND. */
  integrationTimeUs(channel: string): ReadableCell<number> {
    return this.#channel(channel).integrationTimeUs;
  }

  /** Takes effect with the next spectrum, rounded down to the device's step. Throws VALUE_OUT_OF_RANGE. */
  setIntegrationTimeUs(channel: string, us: number): void {
    this.#channel(channel).integrationTimeUs.set(allowedIntegrationTimeUs(this.#identity, us));
  }

  /** Scans that make up the next spectrum, as their mean. */
  get scans(): ReadableCell<number> {
    return this.#scans;
  }

  /** Throws VALUE_OUT_OF_RANGE. */
  setScans(scans: number): void {
    requireWithin(`${this.serial}: scans`, scans, SCANS);
    this.#scans.set(scans);
  }

  /** The newest spectrum of a channel, and the darks to it. */
  newest(channel: string): ReadableSpectra {
    return this.#channel(channel).newest;
  }

  /**
   * Records one spectrum, begun after `notBeforeUs`. Throws VALUE_OUT_OF_RANGE, RESOURCE_NOT_FOUND, and what the driver
   * throws: DEVICE_NOT_CONNECTED at once when the device is unplugged, DEVICE_TIMEOUT, DEVICE_PROTOCOL.
   */
  async acquire(request: SpectrumRequest, signal: AbortSignal): Promise<Spectrum> {
    const channel = this.#channel(request.channel);
    const wantedUs = request.integrationTimeUs ?? channel.integrationTimeUs.value;
    const integrationTimeUs = allowedIntegrationTimeUs(this.#identity, wantedUs);
    return this.#run(async ({ driver }, inner) => {
      const temperature = await this.#currentTemperature(driver, inner);
      const frame = await this.#expose(driver, { ...request, integrationTimeUs }, inner);
      const spectrum = spectrumOf({
        frame,
        identity: this.#identity,
        channel: request.channel,
        kind: request.kind,
        integrationTimeUs,
        channelWavelengthCoefficients: channel.wavelengthCoefficients,
        utcMinusNowUs: this.#clock.utcUs() - this.#clock.nowUs(),
        ...temperature,
      });
      channel.newest.set(spectrum);
      return spectrum;
    }, signal);
  }

  async #expose(
    driver: SpectrometerDriver,
    { integrationTimeUs, isTrial = false, kind, ...request }: SpectrumRequest & { integrationTimeUs: number },
    signal: AbortSignal,
  ): Promise<ScannedFrame> {
    // Darks need no signal: light that it heralds is not for them.
    const ignoresTrigger = isTrial || kind === "dark";
    const awaited = ignoresTrigger ? undefined : driver.awaitedTrigger;
    this.#status.set(
      awaited === undefined
        ? { state: "exposing" }
        : { state: "exposing", reason: `waits for a trigger, mode ${awaited}` },
    );
    const notBeforeUs = Math.max(request.notBeforeUs, this.controls.changedUs);
    const scans = isTrial ? 1 : this.#scans.value;
    this.#awaited = awaited;
    try {
      return await acquireScans(driver, { integrationTimeUs, notBeforeUs, ignoresTrigger }, scans, signal);
    } finally {
      this.#awaited = undefined;
    }
  }

  /** Detector or board temperature. Throws RESOURCE_NOT_FOUND when the device does not tell it. */
  async readTemperatureC(signal: AbortSignal): Promise<number> {
    const { driver } = this.#attached();
    if (driver.readTemperatureC === undefined) return this.#refuse("thermometer");
    const read = driver.readTemperatureC.bind(driver);
    return this.#run((_, inner) => read(inner), signal);
  }

  /** Throws RESOURCE_NOT_FOUND when the device has no thermoelectric cooler. */
  async readTec(signal: AbortSignal): Promise<TecReading> {
    const tec = this.#attached().driver.tec ?? this.#refuse("thermoelectric cooler");
    return this.#run((_, inner) => tec.read(inner), signal);
  }

  /** Sets what is given; it is set again when the device comes back. Throws VALUE_OUT_OF_RANGE, RESOURCE_NOT_FOUND. */
  async setTec(settings: TecSettings, signal: AbortSignal): Promise<void> {
    const { setpointC } = settings;
    if (setpointC !== undefined) requireWithin(this.serial, setpointC, TEC_SETPOINT_C);
    const tec = this.#attached().driver.tec ?? this.#refuse("thermoelectric cooler");
    await this.#run((_, inner) => applyTec(tec, settings, inner), signal);
    this.#tecSettings = { ...this.#tecSettings, ...settings };
    this.#temperature = undefined;
  }

  /**
   * The device is there and opened. Settings made before are restored. `onFault` is told when the device cannot be
   * brought back: its keeper resets it and opens it again.
   */
  attach(driver: SpectrometerDriver, onFault: (error: VscopeError) => void = () => {}): void {
    if (this.#attachment !== undefined)
      throw new VscopeError("STATE_CONFLICT", `${this.serial}: is attached already`);
    this.#identify(driver);
    this.#hasThermometer = driver.readTemperatureC !== undefined;
    this.#temperature = undefined;
    this.controls.attached(driver.controls);
    const ended = new AbortController();
    const queue = new Queue({ name: this.serial, recover: () => this.#recover(attachment) });
    const attachment: Attachment = { driver, onFault, queue, ended };
    this.#attachment = attachment;
    this.#status.set({ state: "idle" });
    this.#prepare(attachment);
  }

  /** A new attempt to open the device begins, or one failed: for the status only. */
  announce(status: SpectrometerStatus): void {
    if (this.#attachment === undefined) this.#status.set(status);
  }

  /** The device is gone or unusable: what runs and waits rejects at once with `reason`; the driver is closed. */
  async detach(reason: VscopeError): Promise<void> {
    const attachment = this.#attachment;
    if (attachment === undefined) return;
    this.#attachment = undefined;
    this.#status.set(disconnected(reason));
    attachment.ended.abort(reason);
    await attachment.queue.close(reason);
    await attachment.driver.close();
  }

  async close(): Promise<void> {
    await this.detach(new VscopeError("DEVICE_NOT_CONNECTED", `${this.serial}: the server closes`));
  }

  get isAttached(): boolean {
    return this.#attachment !== undefined;
  }

  /** USB reset of an attached device; without effect when it has no way to do so. */
  async reset(): Promise<void> {
    await this.#attachment?.driver.reset?.();
  }

  async #run<T>(
    job: (attachment: Attachment, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const attachment = this.#attached();
    // It may take till tomorrow: whoever asks now gets an answer now.
    if (this.#awaited !== undefined)
      throw new VscopeError("DEVICE_BUSY", `${this.serial}: waits for a trigger, mode ${this.#awaited}`);
    let hasBegun = false;
    try {
      return await attachment.queue.run(async (inner) => {
        hasBegun = true;
        const result = await job(attachment, inner);
        this.#idle(attachment);
        return result;
      }, signal);
    } catch (error) {
      // Not left until somebody asks again: the device would go on with a long exposure nobody wants.
      if (hasBegun) this.#recoverSoon(attachment, error);
      throw error;
    }
  }

  // The queue recovers before its next job, so an empty one does.
  #recoverSoon(attachment: Attachment, error: unknown): void {
    if (this.#attachment !== attachment) return;
    this.#log.info({ reason: messageOf(error) }, `${this.serial}: recovers`);
    this.#status.set({ state: "recovering", reason: messageOf(error) });
    attachment.queue
      .run(async (inner) => {
        await attachment.driver.prepare?.(inner);
        this.#idle(attachment);
      }, attachment.ended.signal)
      .catch((failure: unknown) => {
        this.#log.debug({ reason: messageOf(failure) }, `${this.serial}: not recovered`);
        // Nobody else would try again: a batch that waits for this device would wait in vain.
        this.#fail(attachment, asVscopeError(failure));
      });
  }

  async #recover(attachment: Attachment): Promise<void> {
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `${this.serial}: not recovered within ${RECOVERY_US / SECOND} s`);
    try {
      await withDeadline({ clock: this.#clock, us: RECOVERY_US, late }, attachment.ended.signal, (inner) =>
        attachment.driver.resynchronize(inner),
      );
      this.#identify(attachment.driver);
    } catch (error) {
      this.#fail(attachment, asVscopeError(error));
      throw error;
    }
  }

  #fail(attachment: Attachment, error: VscopeError): void {
    if (this.#attachment !== attachment) return;
    const isGone = error.code === "DEVICE_NOT_CONNECTED";
    this.#status.set(isGone ? disconnected(error) : { state: "faulty", reason: error.message });
    attachment.onFault(error);
  }

  // Controls can change it: the calibration is in the device's memory.
  #identify({ identity }: SpectrometerDriver): void {
    this.#identity = narrowed(identity, this.#settings);
  }

  #idle(attachment: Attachment): void {
    if (this.#attachment === attachment) this.#status.set({ state: "idle" });
  }

  // A spectrum without a temperature is better than none.
  async #currentTemperature(
    driver: SpectrometerDriver,
    signal: AbortSignal,
  ): Promise<Temperature | undefined> {
    if (driver.tec === undefined && driver.readTemperatureC === undefined) return undefined;
    const known = this.#temperature;
    if (known !== undefined && this.#clock.nowUs() - known.atUs < TEMPERATURE_AGE_US) return known;
    try {
      const tec = await driver.tec?.read(signal);
      const detectorTemperatureC = tec?.temperatureC ?? (await driver.readTemperatureC?.(signal));
      if (detectorTemperatureC === undefined) return undefined;
      const atUs = this.#clock.nowUs();
      this.#temperature = { atUs, detectorTemperatureC, ...(tec === undefined ? {} : { tec }) };
    } catch (error) {
      if (!isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
      this.#log.warn({ reason: error.message }, `${this.serial}: temperature is not readable`);
      this.#temperature = undefined;
      await driver.resynchronize(signal);
    }
    return this.#temperature;
  }

  // In the background: whoever comes first need not wait for what can be done now.
  #prepare({ driver, queue, ended }: Attachment): void {
    queue
      .run(async (inner) => {
        if (driver.tec !== undefined) await applyTec(driver.tec, this.#tecSettings, inner);
        await this.controls.restore(driver.controls, inner);
        await driver.prepare?.(inner);
      }, ended.signal)
      .catch((error: unknown) =>
        this.#log.warn({ reason: messageOf(error) }, `${this.serial}: is not prepared`),
      );
  }

  #attached(): Attachment {
    if (this.#attachment !== undefined) return this.#attachment;
    const { reason } = this.#status.value;
    const fact = reason === undefined ? "not connected" : `not connected, ${reason}`;
    throw new VscopeError("DEVICE_NOT_CONNECTED", `${this.serial}: ${fact}`);
  }

  #channel(name: string): Channel {
    const channel = this.#channels.get(name);
    if (channel === undefined) {
      throw new VscopeError(
        "RESOURCE_NOT_FOUND",
        `${this.serial}: no channel ${name}, there are ${this.channels.join(", ")}`,
      );
    }
    return channel;
  }

  #refuse(what: string): never {
    throw new VscopeError("RESOURCE_NOT_FOUND", `${this.serial}: has no ${what}`);
  }
}

function disconnected({ message }: VscopeError): SpectrometerStatus {
  return { state: "disconnected", reason: message };
}
