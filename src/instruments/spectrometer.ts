// One spectrometer: one owner, one queue. It keeps its identity and settings while the device is unplugged; a driver is
// attached when the device is there. Commands are in the user's units, limits are checked here, and after a failure the
// device is brought back to a known state before the next command.

import { isDeepStrictEqual } from "node:util";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, requireWithin, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectrometerDriver, TecReading } from "../drivers/oceanoptics/driver.ts";
import type { InstrumentIdentity, Spectrum, SpectrumKind } from "../spectra/spectrum.ts";
import { Attachment, type DeviceJob } from "./attachment.ts";
import { DetectorThermometer } from "./detector-thermometer.ts";
import {
  allowedIntegrationTimeUs,
  type IntegrationSettings,
  initialIntegrationTimeUs,
  narrowed,
} from "./integration-limits.ts";
import { type ChannelSpectra, NewestSpectra } from "./newest-spectra.ts";
import type { Judge } from "./quality-judge.ts";
import { RecoveryLadder } from "./recovery-ladder.ts";
import { tolerateRefusals } from "./refusal.ts";
import { acquireScans, SCANS, type ScannedFrame } from "./scans.ts";
import { SpectrometerControls } from "./spectrometer-controls.ts";
import { spectrumOf } from "./spectrum-of-frame.ts";
import {
  applyTec,
  type CoolerConfiguration,
  requireTecWithin,
  restoreTec,
  type TecSettings,
  tecSettingsOf,
} from "./tec-settings.ts";

export const SPECTROMETER_STATES = [
  /** Not on the bus. */
  "disconnected",
  /** Being opened. */
  "connecting",
  "idle",
  "exposing",
  /** Failed or aborted, and on the ladder back. */
  "recovering",
  /** A client has switched its power off. */
  "powered-off",
  /** The whole ladder did not help; tried again from time to time. */
  "faulty",
] as const;
export type SpectrometerState = (typeof SPECTROMETER_STATES)[number];

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
  /** Gives each spectrum its quality flags. */
  readonly judge?: Judge | undefined;
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

// Clients wait for an answer for 10 s or so.
const PATIENCE_S = 5;

interface Channel {
  readonly integrationTimeUs: Cell<number>;
  readonly newest: NewestSpectra;
  readonly wavelengthCoefficients: readonly number[] | undefined;
}

export class Spectrometer {
  /** What else can be read and set. */
  readonly controls: SpectrometerControls;
  readonly #settings: SpectrometerSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #status = new Cell<SpectrometerStatus>({ state: "disconnected", reason: "not opened yet" });
  readonly #identity: Cell<InstrumentIdentity>;
  #hasThermometer = false;
  #attachment: Attachment | undefined;
  readonly #scans = new Cell(1);
  readonly #thermometer: DetectorThermometer;
  /** What it does while that takes longer than others should wait for their turn. */
  #engaged: string | undefined;
  readonly #tecSettings: Cell<TecSettings>;

  constructor({ identity, clock, log, channels, settings = {}, judge }: SpectrometerOptions) {
    this.#settings = settings;
    this.#identity = new Cell(narrowed(identity, settings));
    this.#clock = clock;
    this.#log = log.child({ serial: identity.serial });
    this.#thermometer = new DetectorThermometer(clock, this.#log, identity.serial);
    this.#tecSettings = new Cell(tecSettingsOf(settings));
    this.controls = new SpectrometerControls(identity.serial, clock, (job, signal) =>
      this.#run(
        ({ driver }, inner) => job(driver.controls, inner).finally(() => this.#identify(driver)),
        signal,
      ),
    );
    const us = initialIntegrationTimeUs(this.identity, settings);
    const channel = (name: string): Channel => ({
      integrationTimeUs: new Cell(us),
      newest: new NewestSpectra(judge),
      wavelengthCoefficients: settings.wavelengthCoefficients?.get(name),
    });
    this.#channels = new Map(channels.map((name) => [name, channel(name)]));
  }

  get serial(): string {
    return this.#identity.value.serial;
  }

  /** Kept while disconnected. */
  get identity(): InstrumentIdentity {
    return this.#identity.value;
  }

  /** The identity, for those who want to know when binning or another calibration changes it. */
  get identityCell(): ReadableCell<InstrumentIdentity> {
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
    this.#channel(channel).integrationTimeUs.set(allowedIntegrationTimeUs(this.identity, us));
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
  newest(channel: string): ChannelSpectra {
    return this.#channel(channel).newest;
  }

  /**
   * Records one spectrum, begun after `notBeforeUs`. Throws VALUE_OUT_OF_RANGE, RESOURCE_NOT_FOUND, and what the driver
   * throws: DEVICE_NOT_CONNECTED at once when the device is unplugged, DEVICE_TIMEOUT, DEVICE_PROTOCOL.
   */
  async acquire(request: SpectrumRequest, signal: AbortSignal): Promise<Spectrum> {
    const channel = this.#channel(request.channel);
    const { integrationTimeUs: wantedUs = channel.integrationTimeUs.value } = request;
    const integrationTimeUs = allowedIntegrationTimeUs(this.identity, wantedUs);
    return this.#run(async (attachment, inner) => {
      const frame = await this.#expose(attachment, { ...request, integrationTimeUs }, inner);
      const { identity } = this;
      // Not before the exposure: spectrometers begin together.
      const temperature = await this.#thermometer.read(attachment.driver, inner);
      const taken = spectrumOf({
        frame,
        identity,
        channel: request.channel,
        kind: request.kind,
        integrationTimeUs,
        channelWavelengthCoefficients: channel.wavelengthCoefficients,
        utcMinusNowUs: this.#clock.utcUs() - this.#clock.nowUs(),
        ...temperature,
      });
      return channel.newest.add(taken, request.isTrial);
    }, signal);
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
    requireTecWithin(this.serial, settings);
    const tec = this.#attached().driver.tec ?? this.#refuse("thermoelectric cooler");
    await this.#run((_, inner) => applyTec(tec, settings, inner), signal);
    this.presetTec(settings);
    this.#thermometer.forget();
  }

  /** As `setTec`, for a device that is not there: it is set when it comes. Throws VALUE_OUT_OF_RANGE. */
  presetTec(settings: TecSettings): void {
    requireTecWithin(this.serial, settings);
    this.#tecSettings.set({ ...this.#tecSettings.value, ...settings });
  }

  /** What is set of the cooler, by the configuration and by clients. */
  get tecSettings(): ReadableCell<TecSettings> {
    return this.#tecSettings;
  }

  /** Sets now what was preset; what the device refuses is left out. Throws what the driver throws. */
  applySettings(signal: AbortSignal): Promise<void> {
    return this.#run(({ driver }, inner) => this.#restore(driver, inner), signal);
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
    this.#thermometer.forget();
    this.controls.attached(driver);
    const ladder = new RecoveryLadder({ clock: this.#clock, log: this.#log, subject: this.serial });
    const ifCurrent = (set: () => void): void => (this.#attachment === attachment ? set() : undefined);
    const events = {
      recovering: (reason: string) => ifCurrent(() => this.#status.set({ state: "recovering", reason })),
      resynchronized: () => ifCurrent(() => this.#identify(driver)),
      idle: () => ifCurrent(() => this.#status.set({ state: "idle" })),
      failed: (error: VscopeError) => ifCurrent(() => onFault(error)),
    };
    const restore = (signal: AbortSignal): Promise<void> => this.#restore(driver, signal);
    const attachment = new Attachment({ serial: this.serial, driver, ladder, events, restore });
    this.#attachment = attachment;
    this.#status.set({ state: "idle" });
    // In the background: whoever comes first need not wait for what can be done now.
    attachment
      .prepare()
      .catch((error: unknown) =>
        this.#log.warn({ reason: messageOf(error) }, `${this.serial}: is not prepared`),
      );
  }

  /** A new attempt to open the device begins, or one failed: for the status only. */
  announce(status: SpectrometerStatus): void {
    if (this.#attachment === undefined) this.#status.set(status);
  }

  /**
   * The device is gone, unusable or switched off: what runs and waits rejects at once with `reason`; the driver is
   * closed.
   */
  async detach(reason: VscopeError, state: SpectrometerState = "disconnected"): Promise<void> {
    const attachment = this.#attachment;
    if (attachment === undefined) return;
    this.#attachment = undefined;
    this.#status.set({ state, reason: reason.message });
    await attachment.close(reason);
  }

  async close(): Promise<void> {
    await this.detach(new VscopeError("DEVICE_NOT_CONNECTED", `${this.serial}: the server closes`));
  }

  /** Whether the device has done anything since it was attached; while it is. */
  get hasWorked(): boolean {
    return this.#attachment?.hasWorked === true;
  }

  get isAttached(): boolean {
    return this.#attachment !== undefined;
  }

  async #expose(
    attachment: Attachment,
    { integrationTimeUs, isTrial = false, kind, ...request }: SpectrumRequest & { integrationTimeUs: number },
    signal: AbortSignal,
  ): Promise<ScannedFrame> {
    const { driver } = attachment;
    // Darks need no signal: light that it heralds is not for them.
    const ignoresTrigger = isTrial || kind === "dark";
    const awaited = ignoresTrigger ? undefined : driver.awaitedTrigger;
    const waits = awaited === undefined ? undefined : `waits for a trigger, mode ${awaited}`;
    this.#status.set({ state: "exposing", ...definedOnly({ reason: waits }) });
    const notBeforeUs = Math.max(request.notBeforeUs, this.controls.changedUs);
    const scans = isTrial ? 1 : this.#scans.value;
    const spanS = (scans * integrationTimeUs) / SECOND;
    this.#engaged = waits ?? (spanS > PATIENCE_S ? `exposes for ${Math.round(spanS)} s` : undefined);
    if (waits !== undefined) attachment.turnAway(this.#busy(waits));
    try {
      const exposure = { integrationTimeUs, notBeforeUs, ignoresTrigger, isSingle: isTrial };
      return await acquireScans(driver, exposure, scans, signal);
    } finally {
      this.#engaged = undefined;
    }
  }

  async #run<T>(job: DeviceJob<T>, signal: AbortSignal): Promise<T> {
    const attachment = this.#attached();
    // It may take till tomorrow: whoever asks now gets an answer now.
    if (this.#engaged !== undefined) throw this.#busy(this.#engaged);
    return attachment.run(job, signal);
  }

  #busy(fact: string): VscopeError {
    return new VscopeError("DEVICE_BUSY", `${this.serial}: ${fact}`);
  }

  // Controls can change it: the calibration is in the device's memory.
  #identify({ identity }: SpectrometerDriver): void {
    const found = narrowed(identity, this.#settings);
    if (!isDeepStrictEqual(found, this.#identity.value)) this.#identity.set(found);
  }

  async #restore(driver: SpectrometerDriver, signal: AbortSignal): Promise<void> {
    const tolerate = tolerateRefusals(this.#log, this.serial);
    try {
      if (driver.tec !== undefined) await restoreTec(driver.tec, this.#tecSettings.value, tolerate, signal);
      await this.controls.restore(driver.controls, tolerate, signal);
    } finally {
      this.#identify(driver);
    }
  }

  #attached(): Attachment {
    if (this.#attachment !== undefined) return this.#attachment;
    const { reason } = this.#status.value;
    const fact = reason === undefined ? "not connected" : `not connected, ${reason}`;
    throw new VscopeError("DEVICE_NOT_CONNECTED", `${this.serial}: ${fact}`);
  }

  #channel(name: string): Channel {
    const channel = this.#channels.get(name);
    if (channel !== undefined) return channel;
    const fact = `no channel ${name}, there are ${this.channels.join(", ")}`;
    throw new VscopeError("RESOURCE_NOT_FOUND", `${this.serial}: ${fact}`);
  }

  #refuse(what: string): never {
    throw new VscopeError("RESOURCE_NOT_FOUND", `${this.serial}: has no ${what}`);
  }
}
