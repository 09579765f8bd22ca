// One emulated spectrometer behind two shutters on a virtual clock, and the half of the server that works with it. The
// device outlives the server's process, so that one can crash and the next begin. The emulator's log of what was
// exposed is the judge: the noise of each frame tells which exposure is behind the counts of a spectrum.

import assert from "node:assert/strict";
import { withLight } from "../../src/acquisition/exposure.ts";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { isErrorCode, VscopeError } from "../../src/base/errors.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { ShutterConfig } from "../../src/config/shutter-config.ts";
import type { SpectrometerModel } from "../../src/drivers/oceanoptics/model.ts";
import { type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import type { EmulatedSpectrometer, Firmware } from "../../src/emulator/device/spectrometer.ts";
import type { TrueExposure } from "../../src/emulator/device/truth.ts";
import { createEmulatedInstrument, type EmulatedInstrument } from "../../src/emulator/instrument.ts";
import type { FaultPlan } from "../../src/emulator/usb/faults.ts";
import { Rack } from "../../src/instruments/rack.ts";
import { ShutterSet } from "../../src/instruments/shutter.ts";
import type { Spectrometer } from "../../src/instruments/spectrometer.ts";
import type { Spectrum, SpectrumKind } from "../../src/spectra/spectrum.ts";
import { type Death, HostProcess } from "./host-process.ts";

export const CHANNELS = ["downwelling", "upwelling"] as const;
export type Channel = (typeof CHANNELS)[number];

const SERIAL = "TEST00001";
/** Above the longest exposure and every recovery: what takes longer hangs. */
const HANGS_US = 600 * SECOND;

const SHUTTERS: readonly ShutterConfig[] = CHANNELS.map((channel, index) => ({
  name: `shutter_${index + 1}`,
  channel,
  mechanism: { kind: "latching", openPin: 18 + 4 * index, closePin: 17 + 10 * index, pulseMs: 10 },
  settleMs: 10,
  reverse: false,
  fibreDiameterUm: 400,
}));

/** One spectrum and what was asked for. */
export interface Taken {
  readonly spectrum: Spectrum;
  readonly channel: Channel;
  readonly kind: SpectrumKind;
  /** Clock.nowUs from which on the exposure had to begin. */
  readonly requestedUs: number;
}

export interface Wanted {
  readonly channel: Channel;
  readonly kind: SpectrumKind;
  readonly integrationTimeUs: number;
  /** Clock.nowUs of the last change, when the server is left to know of it itself. Default: from now on. */
  readonly sinceUs?: number;
}

export class Station {
  readonly clock = new VirtualClock();
  readonly model: SpectrometerModel;
  readonly instrument: EmulatedInstrument;
  readonly device: EmulatedSpectrometer;
  readonly faults: FaultPlan;

  constructor(name: ModelName, firmware: Firmware = {}, seed = 1) {
    this.model = modelNamed(name);
    this.instrument = createEmulatedInstrument({
      clock: this.clock,
      log: SILENT,
      seed,
      spectrometers: [{ model: name, serial: SERIAL, firmware }],
      shutters: SHUTTERS.map(({ channel, mechanism }) => {
        assert.ok(mechanism.kind === "latching");
        return { channel, wiring: mechanism };
      }),
    });
    const emulated = this.instrument.devices.get(SERIAL) ?? assert.fail();
    this.device = emulated.spectrometer;
    this.faults = emulated.faults;
  }

  /** Lets a promise settle; fails when it does not. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let cancel = (): void => {};
    const hangs = new Promise<never>((_, reject) => {
      cancel = this.clock.after(HANGS_US, () => reject(new assert.AssertionError({ message: "it hangs" })));
    });
    try {
      return await this.clock.run(Promise.race([promise, hangs]));
    } finally {
      cancel();
    }
  }

  /** A new process of the server, nothing opened yet. */
  host(death?: Death): Host {
    const { bus, gpio } = this.instrument;
    return new Host(new HostProcess({ clock: this.clock, bus, gpio }, death));
  }

  /** Plugs the device in again, should it be unplugged. */
  plugIn(): void {
    this.instrument.bus.attach(this.device, { faults: this.faults });
  }

  /** Waits until the server can use the device; somebody plugs it in again whenever it is unplugged. */
  async ready(host: Host): Promise<Spectrometer> {
    let cancel = (): void => {};
    const look = (): void => {
      this.plugIn();
      cancel = this.clock.after(SECOND, look);
    };
    look();
    try {
      return await this.run(host.ready());
    } finally {
      cancel();
    }
  }

  /** Every blade is shut, or on its way, whatever the server believes. */
  assertDark(where: string): void {
    const restUs = this.clock.nowUs() + SECOND;
    for (const [channel, shutter] of this.instrument.shutters)
      assert.equal(shutter.opennessAt(restUs), 0, `${where}: the shutter of ${channel} is open`);
  }

  /** Whether the counts of a spectrum are those of some exposure, and no garbage. */
  wasExposed({ spectrum }: Taken): boolean {
    return this.device.truth.behind(spectrum.counts) !== undefined;
  }

  /** The exposures of one spectrum: as many as it has scans, those whose mean its counts are. */
  #behind({ counts, statistics }: Spectrum): readonly TrueExposure[] {
    const { truth } = this.device;
    if (statistics !== undefined)
      return withMean(truth.sent.toReversed(), counts, statistics.scans)?.toReversed() ?? [];
    const one = truth.behind(counts);
    return one === undefined ? [] : [one];
  }

  /** The exposure behind a spectrum. Fails unless it began after the request, lasted as long as the spectrum says, and
   * saw the light of its channel alone, all the time. */
  assertTrue(taken: Taken, where: string): TrueExposure {
    const exposures = this.#behind(taken.spectrum);
    const [first] = exposures;
    assert.ok(first, `${where}: counts that were never exposed`);
    for (const exposure of exposures) this.#assertOne(taken, exposure, where);
    const { clock, model } = this;
    const claimedUs = taken.spectrum.exposureStartUtcUs - (clock.utcUs() - clock.nowUs());
    const errorUs = Math.abs(claimedUs - first.startUs);
    assert.ok(errorUs <= model.readoutMaxUs, `${where}: the window is off by ${errorUs} us`);
    return first;
  }

  #assertOne({ spectrum, channel, kind, requestedUs }: Taken, truth: TrueExposure, where: string): void {
    const { startUs, endUs, integrationTimeUs } = truth;
    assert.equal(integrationTimeUs, spectrum.integrationTimeUs, `${where}: exposed for another time`);
    assert.ok(startUs >= requestedUs, `${where}: begun ${requestedUs - startUs} us too early`);
    for (const name of CHANNELS) {
      const expectedUs = kind === "light" && name === channel ? endUs - startUs : 0;
      const openUs = this.instrument.scene.aperture(name).openUs(startUs, endUs);
      assert.equal(openUs, expectedUs, `${where}: light of ${name}`);
    }
  }

  /** Ends the emulated device; then no timer may be left. */
  end(): void {
    for (const shutter of this.instrument.shutters.values()) shutter.close();
    this.instrument.bus.detach(this.device);
    assert.equal(this.clock.pending, 0, "timers are left behind");
  }
}

/** The half of the server that works with instruments. */
export class Host {
  readonly process: HostProcess;
  readonly rack: Rack;
  #shutters: ShutterSet | undefined;

  constructor(process: HostProcess) {
    this.process = process;
    const { bus, clock } = process;
    this.rack = new Rack({ bus, clock, log: SILENT, channels: CHANNELS, isSimulated: true });
  }

  get shutters(): ShutterSet {
    return this.#shutters ?? assert.fail("not started");
  }

  get spectrometer(): Spectrometer | undefined {
    return this.rack.spectrometers.value[0];
  }

  /** Resolves when the first attempt to open the spectrometer has ended, however it did. */
  async start(): Promise<void> {
    const { gpio: bank, clock } = this.process;
    this.#shutters = await ShutterSet.open({ shutters: SHUTTERS, bank, clock, log: SILENT }, NEVER);
    await this.rack.start(NEVER);
  }

  /** Resolves with the spectrometer when it is idle and has nothing to do. */
  async ready(): Promise<Spectrometer> {
    const [spectrometer = assert.fail()] = await until(
      this.rack.spectrometers,
      (all) => all.length > 0,
      NEVER,
    );
    await until(spectrometer.status, ({ state }) => state === "idle", NEVER);
    return spectrometer;
  }

  /** One spectrum through a shutter or in the dark. Throws the spectrometer's error. */
  async take(
    { channel, kind, integrationTimeUs, sinceUs }: Wanted,
    signal: AbortSignal = NEVER,
  ): Promise<Taken> {
    const optics = { rack: this.rack, shutters: this.shutters };
    const { values, failures } = await withLight(
      optics,
      { channel, kind },
      async (spectrometer, settledUs, inner): Promise<Taken> => {
        const requestedUs = Math.max(settledUs, sinceUs ?? this.process.clock.nowUs());
        spectrometer.setIntegrationTimeUs(channel, integrationTimeUs);
        const notBeforeUs = sinceUs === undefined ? requestedUs : settledUs;
        const request = { channel, kind, notBeforeUs };
        return { spectrum: await spectrometer.acquire(request, inner), channel, kind, requestedUs };
      },
      signal,
    );
    const [failure] = failures;
    if (failure !== undefined) {
      const { code, message } = failure;
      throw new VscopeError(isErrorCode(code) ? code : "INTERNAL", message);
    }
    return values[0] ?? assert.fail("no spectrometer");
  }

  /** Ends in order; then nothing of the process may be pending. */
  async close(where: string): Promise<void> {
    await this.#shutters?.close();
    await this.rack.close();
    assert.deepEqual(this.process.pending, { timers: 0, transfers: 0 }, `${where}: left behind`);
  }
}

type Sent = readonly (readonly [TrueExposure, Uint32Array])[];

/** The first frames, in order, of which `mean` is the mean; noise makes it the mean of no others unless they saturate. */
function withMean(
  sent: Sent,
  mean: ArrayLike<number>,
  scans: number,
  chosen: Sent = [],
): readonly TrueExposure[] | undefined {
  if (chosen.length === scans) return hasMean(chosen, mean) ? chosen.map(([one]) => one) : undefined;
  for (const [index, one] of sent.entries()) {
    const found = withMean(sent.slice(index + 1), mean, scans, [...chosen, one]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function hasMean(frames: Sent, mean: ArrayLike<number>): boolean {
  for (let pixel = 0; pixel < mean.length; pixel++) {
    const sum = frames.reduce((total, [, counts]) => total + (counts[pixel] ?? 0), 0);
    if (Math.abs(sum / frames.length - (mean[pixel] ?? 0)) > 0.001) return false;
  }
  return true;
}
