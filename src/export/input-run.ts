// The spectra of a run folder on this machine, for processing: facts of all of them, hashes of their files, and counts when
// they are asked for, so that a run of any length fits into memory.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { messageOf, VscopeError } from "../base/errors.ts";
import { isSpectraFile } from "../datadir/spectra-file-name.ts";
import { compareText, type PicoFile, type PicoSpectrum } from "../spectra/pico.ts";
import { parsePico } from "../spectra/pico-reader.ts";
import { type Recorded, recordedOf } from "../spectra/processing/dark-choice.ts";
import { type BrokenFile, RunChecksums } from "./run-checksums.ts";

/** What planning needs to know of a spectrum. */
export interface Indexed extends Recorded {
  readonly kind: PicoSpectrum["kind"];
  readonly position: number;
  readonly batch: number | null;
  /** Equal for spectra of which one head is true: on the same wavelengths, with the same calibration in the instrument. */
  readonly sameHead: string;
  /** Serial number of the white panel that was in the place of the target. */
  readonly panel: string | null;
}

/** A light is needed with its darks, and those of a sequence with each other. */
const KEPT_FILES = 24;

export class InputRun {
  readonly name: string;
  readonly spectra: readonly Indexed[];
  /** SHA-256 by file. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Files that cannot be read, are not what was recorded, or are gone. */
  readonly broken: readonly BrokenFile[];
  readonly #folder: string;
  readonly #kept = new Map<string, PicoFile>();

  private constructor(folder: string, found: Pick<InputRun, "spectra" | "hashes" | "broken">) {
    this.#folder = folder;
    this.name = basename(resolve(folder));
    this.spectra = found.spectra;
    this.hashes = found.hashes;
    this.broken = found.broken;
  }

  /** Reads every file once. Throws RESOURCE_NOT_FOUND for a folder that cannot be read. */
  static async read(folder: string, onProgress: (done: number, of: number) => void): Promise<InputRun> {
    const checksums = await checksumsOf(folder);
    const names = await namesIn(folder);
    const [spectra, hashes]: [Indexed[], Map<string, string>] = [[], new Map()];
    const broken = [...checksums.missing(names)];
    const shared = new Shared();
    for (const [index, file] of names.entries()) {
      try {
        const bytes = await readFile(join(folder, file));
        const sha256 = hashOf(bytes);
        const { spectra: all } = parsePico(bytes.toString(), file);
        const problem = checksums.problemOf(file, sha256);
        if (problem !== undefined) broken.push({ file, problem });
        else {
          hashes.set(file, sha256);
          for (const [position, spectrum] of all.entries())
            spectra.push(shared.indexed(spectrum, file, position));
        }
      } catch (error) {
        broken.push({ file, problem: withoutName(messageOf(error), file) });
      }
      onProgress(index + 1, names.length);
    }
    spectra.sort((a, b) => a.exposureStartUtcUs - b.exposureStartUtcUs);
    return new InputRun(folder, { spectra, hashes, broken });
  }

  idOf({ file, position }: Indexed): string {
    return `${this.name}/${file}/${position}`;
  }

  /** Throws STATE_CONFLICT when the file is not any more what was hashed. */
  async spectrum({ file, position }: Indexed): Promise<PicoSpectrum> {
    const { spectra } = await this.#read(file);
    const found = spectra[position];
    if (found === undefined) throw new VscopeError("STATE_CONFLICT", `${file}: has changed meanwhile`);
    return found;
  }

  async #read(file: string): Promise<PicoFile> {
    const kept = this.#kept.get(file) ?? (await this.#load(file));
    // The file that was used last is forgotten last.
    this.#kept.delete(file);
    this.#kept.set(file, kept);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > KEPT_FILES) this.#kept.delete(oldest);
    return kept;
  }

  async #load(file: string): Promise<PicoFile> {
    const bytes = await readFile(join(this.#folder, file));
    if (hashOf(bytes) !== this.hashes.get(file))
      throw new VscopeError("STATE_CONFLICT", `${file}: has changed meanwhile`);
    return parsePico(bytes.toString(), file);
  }
}

/** Throws RESOURCE_NOT_FOUND for a folder that cannot be read. */
export function checksumsOf(folder: string): Promise<RunChecksums> {
  return inFolder(folder, () => RunChecksums.read(folder));
}

function namesIn(folder: string): Promise<readonly string[]> {
  return inFolder(folder, async () => (await readdir(folder)).filter(isSpectraFile).sort(compareText));
}

async function inFolder<T>(folder: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    const fact = `${folder}: cannot be read (${messageOf(error)})`;
    throw new VscopeError("RESOURCE_NOT_FOUND", fact, { cause: error });
  }
}

function withoutName(message: string, file: string): string {
  return message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Most facts are the same for all spectra of a run: kept once, they take a third of the memory. */
class Shared {
  readonly #exposures = new Map<string, Indexed["exposure"]>();
  readonly #texts = new Map<string, string>();

  // Member by member: a copy of a copy would take half as much again.
  indexed(spectrum: PicoSpectrum, file: string, position: number): Indexed {
    const { kind, batch, counts, panel, isSimulated } = spectrum;
    const nonlinearity = spectrum.nonlinearityCoefficients.join(" ");
    const facts = recordedOf(spectrum, file);
    const coefficients = spectrum.channelWavelengthCoefficients ?? spectrum.wavelengthCoefficients;
    return {
      serial: this.#text(facts.serial),
      channel: this.#text(facts.channel),
      integrationTimeUs: facts.integrationTimeUs,
      exposureStartUtcUs: facts.exposureStartUtcUs,
      exposureEndUtcUs: facts.exposureEndUtcUs,
      detectorTemperatureC: facts.detectorTemperatureC,
      darkFile: facts.darkFile === null ? null : this.#text(facts.darkFile),
      file,
      pixels: facts.pixels,
      exposure: this.#exposure(facts.exposure),
      exposureAnyWarmth: this.#exposure(facts.exposureAnyWarmth),
      kind,
      position,
      batch,
      sameHead: this.#text([counts.length, ...coefficients, nonlinearity, isSimulated].join(" ")),
      panel: panel === null ? null : this.#text(panel.serial),
    };
  }

  #exposure(facts: Indexed["exposure"]): Indexed["exposure"] {
    const key = JSON.stringify(facts);
    const known = this.#exposures.get(key);
    if (known === undefined) this.#exposures.set(key, facts);
    return known ?? facts;
  }

  #text(text: string): string {
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }
}
