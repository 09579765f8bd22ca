// What clients have set of the spectrometers, and searches have found, kept over a restart in one small file: a job that
// records after a power cut at night finds the integration times of before.

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { NEVER } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf } from "../base/errors.ts";
import { parsedJson } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import { type Disk, SYSTEM_DISK } from "../datadir/disk/disk.ts";
import { replaceDurable } from "../datadir/disk/durable-file.ts";
import type { ClientLimits } from "../instruments/client-limits.ts";
import type { Rack } from "../instruments/rack.ts";
import { preset, rememberedOf, rememberedShape } from "../instruments/remembered-settings.ts";
import type { Spectrometer, SpectrometerSettings } from "../instruments/spectrometer.ts";

export const SETTINGS_FILE = "settings.json";

const configuredShape = z.object({
  initialIntegrationTimeUs: z.number().exactOptional(),
  detectorSetpointC: z.number().exactOptional(),
  fan: z.boolean().exactOptional(),
});
const keptShape = rememberedShape.extend({
  limits: z.object({ minUs: z.number().exactOptional(), maxUs: z.number().exactOptional() }).default({}),
  /** What the configuration said then. */
  configured: configuredShape.default({}),
});
type Kept = z.output<typeof keptShape>;
type Configured = z.output<typeof configuredShape>;
const fileShape = z.object({ spectrometers: z.array(z.looseObject({ serial: z.string() })) });

export interface SettingsKeeperOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ClientLimits;
  /** What the configuration says of the instrument with a serial number. */
  readonly configured: (serial: string) => SpectrometerSettings;
  readonly disk?: Disk;
}

/** Changes come in groups, and a card wears: they are written together. */
const WRITE_AFTER_US = 5 * SECOND;

export class SettingsKeeper {
  readonly #options: SettingsKeeperOptions;
  readonly #disk: Disk;
  /** By serial number; those that are not there now, too. */
  readonly #kept = new Map<string, Kept>();
  readonly #followed = new Map<string, Spectrometer>();
  readonly #ends: (() => void)[] = [];
  #written = "";
  #writing: Promise<void> = Promise.resolve();
  #cancelWrite: (() => void) | undefined;

  private constructor(options: SettingsKeeperOptions) {
    this.#options = options;
    this.#disk = options.disk ?? SYSTEM_DISK;
  }

  /** Reads the file. One that is damaged is set aside; nothing keeps the server from starting. */
  static async open(options: SettingsKeeperOptions): Promise<SettingsKeeper> {
    const keeper = new SettingsKeeper(options);
    await keeper.#read();
    return keeper;
  }

  /** Sets every spectrometer of the rack as it was, before it is used, and keeps what is set of it from now on. */
  follow({ spectrometers }: Rack): void {
    const followNew = (all: readonly Spectrometer[]): void => {
      for (const one of all) if (!this.#followed.has(one.serial)) this.#follow(one);
    };
    this.#ends.push(spectrometers.subscribe(followNew));
    followNew(spectrometers.value);
  }

  /** Resolves when the newest settings are on the disk. */
  async close(): Promise<void> {
    for (const end of this.#ends) end();
    if (this.#cancelWrite !== undefined) {
      this.#cancelWrite();
      this.#write();
    }
    await this.#writing;
  }

  #follow(spectrometer: Spectrometer): void {
    const { serial, channels, scans, tecSettings, controls } = spectrometer;
    this.#followed.set(serial, spectrometer);
    this.#restore(spectrometer);
    const changed = (): void => {
      this.#cancelWrite ??= this.#options.clock.after(WRITE_AFTER_US, () => this.#write());
    };
    this.#ends.push(
      ...channels.map((channel) => spectrometer.integrationTimeUs(channel).subscribe(changed)),
      scans.subscribe(changed),
      tecSettings.subscribe(changed),
      controls.written.subscribe(changed),
      this.#options.limits.of(serial).subscribe(changed),
    );
  }

  #restore(spectrometer: Spectrometer): void {
    const { log, limits } = this.#options;
    const { serial } = spectrometer;
    const kept = this.#kept.get(serial);
    if (kept === undefined) return;
    const isConfigured = isDeepStrictEqual(kept.configured, this.#configured(serial));
    const settings = isConfigured ? kept : { ...kept, integrationTimesUs: {}, tec: {} };
    const reason = isConfigured
      ? "kept over the restart"
      : "kept over the restart; integration times and cooler as configured, the configuration has changed";
    limits.of(serial).set(kept.limits);
    for (const refused of preset(spectrometer, settings))
      log.warn({ serial, reason: refused }, `${serial}: a setting that was kept is left out`);
    const { scans, integrationTimesUs, tec, controls } = settings;
    log.info({ serial, reason, scans, integrationTimesUs, tec, controls }, `${serial}: is set as before`);
  }

  #configured(serial: string): Configured {
    const { initialIntegrationTimeUs, detectorSetpointC, fan } = this.#options.configured(serial);
    return definedOnly({ initialIntegrationTimeUs, detectorSetpointC, fan });
  }

  async #read(): Promise<void> {
    const { path, log } = this.#options;
    try {
      if ((await this.#disk.stat(path)) === undefined) return;
      this.#written = String(await this.#disk.read(path));
    } catch (error) {
      log.error({ path, reason: messageOf(error) }, "the settings that were kept cannot be read");
      return;
    }
    const { data } = fileShape.safeParse(parsedJson(this.#written));
    if (data === undefined) return await this.#setAside();
    for (const one of data.spectrometers) {
      const { data: kept, error } = keptShape.safeParse(one);
      if (kept !== undefined) this.#kept.set(kept.serial, kept);
      else
        log.warn(
          { path, serial: one.serial, reason: error.issues[0]?.message },
          "settings are not understood",
        );
    }
  }

  async #setAside(): Promise<void> {
    const { path, log } = this.#options;
    const keptAs = `${path}.damaged`;
    log.error({ path, keptAs }, "the settings that were kept are damaged");
    await this.#disk
      .rename(path, keptAs)
      .catch((error: unknown) => log.error({ path, reason: messageOf(error) }, "the damaged file stays"));
  }

  #write(): void {
    this.#cancelWrite = undefined;
    for (const [serial, spectrometer] of this.#followed) {
      const limits = this.#options.limits.of(serial).value;
      this.#kept.set(serial, { ...rememberedOf(spectrometer), limits, configured: this.#configured(serial) });
    }
    const text = `${JSON.stringify({ spectrometers: [...this.#kept.values()] }, undefined, 2)}\n`;
    if (this.#kept.size === 0 || text === this.#written) return;
    this.#written = text;
    this.#writing = this.#writing.then(() => this.#replace(text));
  }

  async #replace(text: string): Promise<void> {
    const { path, log } = this.#options;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await replaceDurable(this.#disk, path, Buffer.from(text), NEVER);
    } catch (error) {
      this.#written = "";
      log.error(
        { path, reason: messageOf(error) },
        "what is set of the spectrometers does not outlive a restart",
      );
    }
  }
}
