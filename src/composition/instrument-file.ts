// The instrument configuration in the data directory: read at the start, served and replaced over the interfaces.

import { access, copyFile, mkdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NEVER } from "../base/abort.ts";
import { isVscopeError, messageOf, systemCodeOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Queue } from "../base/queue.ts";
import { type InstrumentConfig, parseInstrumentConfig } from "../config/instrument-config.ts";
import { readConfigFile, type ServerConfig } from "../config/server-config.ts";
import { SYSTEM_DISK } from "../datadir/disk/disk.ts";
import { replaceDurable } from "../datadir/disk/durable-file.ts";
import type { ConfigurationText } from "../resources/model.ts";

/** From `dist/src/`; the sample is shipped with the program. */
const SAMPLE = fileURLToPath(new URL("../../../pdata/vscope.config", import.meta.url));

/** Ten times the longest configuration seen in the field. */
const LONGEST_TEXT = 200_000;
/** As many fit into the answer to a client. */
const MISTAKES_SHOWN = 5;

export class InstrumentFile implements ConfigurationText {
  readonly path: string;
  readonly #isEmulated: boolean;
  readonly #log: Log;
  readonly #writes: Queue;
  #loaded = "";

  constructor(dataDirectory: string, config: ServerConfig, log: Log) {
    this.path = join(dataDirectory, config.config);
    this.#isEmulated = config.hardware.usb === "emulated";
    this.#log = log;
    this.#writes = new Queue({ name: config.config });
  }

  /** Reads and checks the file. With emulated instruments a missing one is made from the sample. Throws CONFIG_INVALID. */
  async load(): Promise<InstrumentConfig> {
    if (this.#isEmulated) await this.#provideSample();
    return this.#parse(this.path);
  }

  /** The text that was read by `load`, and is in use. */
  get loaded(): string {
    return this.#loaded;
  }

  /** As `load`, but writes nothing: with emulated instruments the sample itself stands in for a missing file. */
  async look(): Promise<{ readonly config: InstrumentConfig; readonly isSample: boolean }> {
    const isSample = this.#isEmulated && !(await this.#isThere());
    return { config: await this.#parse(isSample ? SAMPLE : this.path), isSample };
  }

  async read(): Promise<string> {
    try {
      return await readFile(this.path, "utf8");
    } catch (error) {
      throw new VscopeError("DATADIR_IO", `${this.path}: cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * Replaces the file; the old one stays beside it as `.bak`. One writer at a time, in the order they came.
   * Throws VALUE_INVALID with the first mistakes, PAYLOAD_TOO_LARGE, DEVICE_BUSY when too many wait, DATADIR_IO.
   */
  async write(text: string): Promise<void> {
    if (text.length > LONGEST_TEXT) {
      throw new VscopeError(
        "PAYLOAD_TOO_LARGE",
        `${basename(this.path)}: ${text.length} characters are more than ${LONGEST_TEXT}`,
      );
    }
    this.#check(text);
    await this.#writes.run(() => this.#replace(text), NEVER);
  }

  async #replace(text: string): Promise<void> {
    const old = await this.read();
    await replaceDurable(SYSTEM_DISK, `${this.path}.bak`, Buffer.from(old, "utf8"), NEVER);
    await replaceDurable(SYSTEM_DISK, this.path, Buffer.from(text, "utf8"), NEVER);
    this.#log.info(
      { file: this.path },
      "instrument configuration replaced, it takes effect at the next start",
    );
  }

  // In a file of ours a mistake stops the server; in a text from a client it is the client's.
  #check(text: string): void {
    try {
      parseInstrumentConfig(text, basename(this.path));
    } catch (error) {
      if (!isVscopeError(error, "CONFIG_INVALID")) throw error;
      const lines = error.message.split("\n");
      const rest =
        lines.length > MISTAKES_SHOWN ? [`and ${lines.length - MISTAKES_SHOWN} more mistakes`] : [];
      const message = [...lines.slice(0, MISTAKES_SHOWN), ...rest].join("\n");
      throw new VscopeError("VALUE_INVALID", message, { cause: error, details: error.details });
    }
  }

  async #parse(path: string): Promise<InstrumentConfig> {
    if (path === this.path && !(await this.#isThere())) {
      throw new VscopeError(
        "CONFIG_INVALID",
        `${path}: not there, copy pdata/vscope.config to it and change that`,
      );
    }
    this.#loaded = await readConfigFile(path);
    const { config, warnings } = parseInstrumentConfig(this.#loaded, path);
    for (const warning of [...warnings, ...this.#ignored(config)]) this.#log.warn({ file: path }, warning);
    return config;
  }

  // What older files may say and this server does not act upon; never silently.
  #ignored({ spectrometers }: InstrumentConfig): readonly string[] {
    return spectrometers
      .filter(({ isSimulated }) => isSimulated && !this.#isEmulated)
      .map(({ serial }) => `${serial}: emulated spectrometers need --emulate`);
  }

  async #provideSample(): Promise<void> {
    if (await this.#isThere()) return;
    await mkdir(dirname(this.path), { recursive: true });
    await copyFile(SAMPLE, this.path);
    this.#log.info({ file: this.path }, "instrument configuration made from the sample");
  }

  async #isThere(): Promise<boolean> {
    try {
      await access(this.path);
      return true;
    } catch (error) {
      if (systemCodeOf(error) !== "ENOENT") throw error;
      return false;
    }
  }
}
