// With which instrument configuration and calibration files the spectra of a data directory were recorded: radiances of
// June need the calibration of June, on this computer and on any that has a copy. A set is a list of files in the format of
// sha256sum, named by the time since which the server has used it. The files have a part of their hash in their names: none
// is ever replaced.

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { NEVER } from "../base/abort.ts";
import { isClockSet, isoUtc, MS, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { compareText } from "../spectra/pico.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { makeFolders, replaceDurable } from "./disk/durable-file.ts";
import { RangeFile } from "./disk/range-file.ts";
import { isSegment, quoted } from "./run-name.ts";

export const INSTRUMENT_FOLDER = ".instrument";
/** The instrument configuration is called so there, whatever its own name is. */
export const CONFIGURATION_FILE = "vscope.config";

/** Such as 20260621T120000Z.sha256 */
const SET = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.sha256$/;
const LINE = /^([0-9a-f]{64}) {2}([0-9a-f]{8}-[\w.-]{1,80})$/;
const LONGEST_NAME = 60;

/** A file that the server uses, as it has read it. */
export interface InstrumentFileText {
  /** Only the last part of a path counts. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface InstrumentLine {
  /** Within the folder. */
  readonly name: string;
  /** In hex. */
  readonly sha256: string;
}

export interface InstrumentArchiveParts {
  readonly disk: Disk;
  /** The data directory while it is there. Throws DATADIR_NOT_MOUNTED. */
  readonly folder: () => Promise<string>;
}

/** Every method throws what `folder` does, and DATADIR_IO. */
export class InstrumentArchive {
  readonly #parts: InstrumentArchiveParts;

  constructor(parts: InstrumentArchiveParts) {
    this.#parts = parts;
  }

  /** Of all sets, oldest first. */
  async names(): Promise<readonly string[]> {
    return [...(await this.#list())].filter((name) => SET.test(name)).sort(compareText);
  }

  /** Of all sets whose files are all here, oldest first. */
  async whole(): Promise<readonly string[]> {
    const here = await this.#list();
    const whole: string[] = [];
    for (const name of await this.names())
      if ((await this.lines(name)).every((line) => here.has(line.name))) whole.push(name);
    return whole;
  }

  async lines(set: string): Promise<readonly InstrumentLine[]> {
    return instrumentLines(String(await this.read(set)));
  }

  /** A set, or a file of one. */
  async read(name: string): Promise<Buffer> {
    const path = await this.#path(name);
    return onDisk(path, () => this.#parts.disk.read(path));
  }

  /** A set, or a file of one, to be read part by part. Throws RESOURCE_NOT_FOUND. */
  async open(name: string): Promise<RangeFile> {
    const path = await this.#path(name);
    const stat = await onDisk(path, () => this.#parts.disk.stat(path));
    if (stat?.isFile === true) return new RangeFile(this.#parts.disk, path, stat);
    throw new VscopeError("RESOURCE_NOT_FOUND", `instrument file ${quoted(name)}: there is none`);
  }

  /** Puts a set, or a file of one, in its place; resolves when it survives a power cut. Throws DATADIR_FULL. */
  async place(name: string, bytes: Uint8Array): Promise<void> {
    const path = await this.#path(name);
    await onDisk(path, () => makeFolders(this.#parts.disk, join(path, "..")));
    await replaceDurable(this.#parts.disk, path, bytes, NEVER);
  }

  /**
   * Keeps what is in use from now on, unless that is so already: spectra and sets have their times of the same clock. One that
   * is not set would give the newest files to older spectra. Throws STATE_CONFLICT then, unless it is the first set; DATADIR_FULL.
   */
  async keep(files: readonly InstrumentFileText[], utcUs: number): Promise<void> {
    const kept = files.map(({ name, bytes }) => ({
      name: keptName(name, bytes),
      bytes,
      sha256: hexOf(bytes),
    }));
    const lines = [...new Set(kept.map(({ name, sha256 }) => `${sha256}  ${name}\n`))];
    const text = lines.sort(compareText).join("");
    const here = await this.#list();
    for (const { name, bytes } of kept) if (!here.has(name)) await this.place(name, bytes);
    const names = await this.names();
    const inUse = names.findLast((name) => sinceUtcUs(name) <= utcUs);
    if (inUse !== undefined && String(await this.read(inUse)) === text) return;
    if (names.length > 0 && !isClockSet(utcUs))
      throw new VscopeError("STATE_CONFLICT", "the clock is not set");
    let sinceUs = utcUs;
    while (names.includes(setName(sinceUs))) sinceUs += SECOND;
    await this.place(setName(sinceUs), Buffer.from(text));
  }

  async #list(): Promise<ReadonlySet<string>> {
    const path = await this.#path();
    return onDisk(path, async () => {
      if ((await this.#parts.disk.stat(path))?.isFolder !== true) return new Set();
      return new Set((await this.#parts.disk.list(path)).map(({ name }) => name));
    });
  }

  // Names come from other computers: they must not lead out of the folder.
  async #path(name?: string): Promise<string> {
    const folder = join(await this.#parts.folder(), INSTRUMENT_FOLDER);
    if (name === undefined) return folder;
    if (isSegment(name) && (SET.test(name) || isKeptName(name))) return join(folder, name);
    throw new VscopeError("RESOURCE_NOT_FOUND", `instrument file ${quoted(name)}: there is none`);
  }
}

/** The lines of a set; what is none is passed over. */
export function instrumentLines(text: string): readonly InstrumentLine[] {
  return text.split("\n").flatMap((row) => {
    const [, sha256 = "", name = ""] = LINE.exec(row) ?? [];
    return name === "" ? [] : [{ name, sha256 }];
  });
}

/** Since when a set was in use, by its name. */
export function sinceUtcUs(set: string): number {
  return Date.parse(set.replace(SET, "$1-$2-$3T$4:$5:$6Z")) * MS;
}

export function isInstrumentSet(name: string): boolean {
  return SET.test(name);
}

/** What the file was called where it was used. */
export function usedName(kept: string): string {
  return kept.slice(9);
}

function isKeptName(name: string): boolean {
  return LINE.test(`${"0".repeat(64)}  ${name}`);
}

function keptName(path: string, bytes: Uint8Array): string {
  return `${hexOf(bytes).slice(0, 8)}-${basename(path)
    .replaceAll(/[^\w.-]/g, "_")
    .slice(-LONGEST_NAME)}`;
}

function setName(utcUs: number): string {
  return `${isoUtc(utcUs).slice(0, 19).replaceAll(/[-:]/g, "")}Z.sha256`;
}

function hexOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
