// A whole server with the emulated instrument, on a virtual clock and a temporary data directory, without CoAP.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Operation, OperationStatus } from "../../src/acquisition/operation.ts";
import { NEVER } from "../../src/base/abort.ts";
import { type Clock, SECOND } from "../../src/base/clock.ts";
import { definedOnly } from "../../src/base/defined-only.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { DEFAULT_SERVER_CONFIG, type ServerConfig } from "../../src/config/server-config.ts";
import type { Disk } from "../../src/datadir/disk/disk.ts";
import type { MountSystem } from "../../src/datadir/medium/medium.ts";
import type { Programs } from "../../src/drivers/clock/port.ts";
import type { GpsdNetwork } from "../../src/drivers/gpsd/port.ts";
import type { EmulatedDevice, EmulatedInstrument } from "../../src/emulator/instrument.ts";
import type { ServerModel } from "../../src/resources/model.ts";
import { Server } from "../../src/server.ts";
import type { PicoFile, PicoSpectrum } from "../../src/spectra/pico.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";

export interface TestInstrumentOptions {
  readonly seed?: number;
  readonly cloudStrength?: number;
  /** Instrument configuration; the sample when absent. */
  readonly configuration?: string;
  /** A data directory that is there already; it stays. */
  readonly folder?: string;
  /** When it is started; a summer noon when absent. */
  readonly startUtcUs?: number;
  /** Where it stands; Edinburgh when absent. */
  readonly place?: ServerConfig["position"]["place"] | "unknown";
  /** Tell how good the computer's clock is. */
  readonly programs?: Programs;
  /** Makes the gpsd that tells where it stands. */
  readonly gpsd?: (clock: Clock) => GpsdNetwork;
  readonly log?: Log;
  readonly interruptedBatch?: ServerConfig["acquisition"]["interruptedBatch"];
  readonly keepSettings?: boolean;
  /** A Flame-S and a QE Pro when absent. */
  readonly spectrometers?: ServerConfig["hardware"]["emulator"]["spectrometers"];
  /** Of the data directory. */
  readonly disk?: Disk;
  readonly system?: MountSystem;
  readonly pauseLimitS?: number;
  readonly box?: ServerConfig["box"];
  readonly statusLedPin?: number;
}

export class TestInstrument {
  readonly clock: VirtualClock;
  readonly folder: string;
  readonly server: Server;

  private constructor(clock: VirtualClock, folder: string, server: Server) {
    this.clock = clock;
    this.folder = folder;
    this.server = server;
  }

  /** Started, and closed at the end of the test; then no timer may be left. */
  static async start(test: TestContext, options: TestInstrumentOptions = {}): Promise<TestInstrument> {
    const clock = new VirtualClock(options.startUtcUs);
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "vscope-")));
    const config = emulatedConfig(folder, options);
    if (options.configuration !== undefined)
      await writeFile(join(folder, config.config), options.configuration);
    const { log = SILENT, programs, disk, system } = options;
    const replaced = definedOnly({ programs, disk, system, gpsd: options.gpsd?.(clock) });
    const parts = { config, clock, log, version: "test", ...replaced };
    const server = await clock.run(Server.start(parts, NEVER));
    test.after(async () => {
      await clock.run(server.close());
      // The emulated devices finish the exposures that they had begun; the server itself must be silent.
      await clock.advance(120 * SECOND);
      assert.equal(clock.pending, 0, "timers are left behind");
      if (options.folder === undefined) await rm(folder, { recursive: true });
    });
    return new TestInstrument(clock, folder, server);
  }

  get model(): ServerModel {
    return this.server.model;
  }

  get emulated(): EmulatedInstrument {
    assert.ok(this.server.hardware.emulated);
    return this.server.hardware.emulated;
  }

  device(serial: string): EmulatedDevice {
    const device = this.emulated.devices.get(serial);
    assert.ok(device, `${serial} is emulated`);
    return device;
  }

  /** Lets an operation end. */
  async finish(operation: Operation): Promise<OperationStatus> {
    await this.clock.run(operation.finished);
    return operation.status.value;
  }

  /** Starts a batch and lets it end. */
  record(settings: Parameters<ServerModel["recorder"]["record"]>[0]): Promise<OperationStatus> {
    return this.finish(this.model.recorder.record(settings));
  }

  /** The spectra files of a run, sorted by name. */
  async files(run: string): Promise<readonly string[]> {
    return (await readdir(join(this.folder, run))).filter((name) => name.endsWith(".pico")).sort();
  }

  async read(run: string, file: string): Promise<PicoFile> {
    return parsePico(await readFile(join(this.folder, run, file), "utf8"), file);
  }
}

const GPSD = { host: "127.0.0.1", port: 2947 };
const EDINBURGH = { latitudeDeg: 55.92, longitudeDeg: -3.17, heightM: 80 };

/** Settings of a server with nothing but emulated hardware. */
export function emulatedConfig(folder: string, options: TestInstrumentOptions = {}): ServerConfig {
  const {
    seed = 1,
    cloudStrength = 0,
    place = EDINBURGH,
    interruptedBatch = "close",
    keepSettings = true,
    pauseLimitS = 3600,
  } = options;
  const { box = DEFAULT_SERVER_CONFIG.box, statusLedPin } = options;
  const { coap, datadir, hardware, security } = DEFAULT_SERVER_CONFIG;
  return {
    ...DEFAULT_SERVER_CONFIG,
    coap: { ...coap, enabled: false, tlsPort: 0 },
    security: { ...security, policy: "open", keys: join(folder, ".keys"), state: join(folder, ".state") },
    position: { place: place === "unknown" ? undefined : place, gpsd: options.gpsd && GPSD },
    datadir: { ...datadir, datadir: folder },
    acquisition: { ...DEFAULT_SERVER_CONFIG.acquisition, interruptedBatch, keepSettings, pauseLimitS },
    box,
    hardware: {
      ...hardware,
      statusLedPin,
      usb: "emulated",
      gpio: "emulated",
      emulator: {
        ...hardware.emulator,
        ...definedOnly({ spectrometers: options.spectrometers }),
        seed,
        cloudStrength,
        target: "canopy",
      },
    },
  };
}

/** The one spectrum of an instrument and channel in a file. */
export function spectrumOf(file: PicoFile, serial: string, channel: string): PicoSpectrum {
  const found = file.spectra.filter((one) => one.serial === serial && one.channel === channel);
  assert.equal(found.length, 1, `${serial} ${channel} is there once`);
  const [only] = found;
  assert.ok(only);
  return only;
}
