// The present white reference of each spectrometer and channel. Its spectra are in the files of its batch; a note names
// them, so that a restart finds them again.

import { z } from "zod";
import { NEVER } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { WHITE_REFERENCES_NOTE } from "../datadir/batch-notes.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { spectraFileName } from "../datadir/spectra-file-name.ts";
import type { PicoSpectrum } from "../spectra/pico.ts";
import { parsePico } from "../spectra/pico-reader.ts";
import type { ReferenceAge } from "../spectra/quality.ts";
import type { Spectrum, SpectrumKind } from "../spectra/spectrum.ts";
import type { Calibrations } from "./calibrations.ts";
import { ageFor, sceneOf, type WhiteReference } from "./white-reference.ts";

const noteShape = z.object({ serial: z.string(), channel: z.string(), run: z.string(), batch: z.int() });
type Note = z.output<typeof noteShape>;

export interface WhiteReferencesOptions {
  readonly dataDirectory: DataDirectory;
  readonly calibrations: Calibrations;
  readonly log: Log;
}

/** What the files of a batch hold: references, and why others are none. */
interface Found {
  readonly references: readonly WhiteReference[];
  readonly refusals: readonly string[];
}

export class WhiteReferences {
  readonly #options: WhiteReferencesOptions;
  readonly #present = new Cell<readonly WhiteReference[]>([]);
  /** Of before, that cannot be used now: the next start may find what is missing. */
  readonly #unused: Note[] = [];
  /** Of the data directory that was looked into. */
  #uuid: string | undefined;
  /** Recorded onto other media: what this one notes cannot name them. */
  readonly #elsewhere = new Set<WhiteReference>();

  constructor(options: WhiteReferencesOptions) {
    this.#options = options;
    options.dataDirectory.exchanges.subscribe(() => void this.#exchanged());
  }

  get present(): ReadableCell<readonly WhiteReference[]> {
    return this.#present;
  }

  of(serial: string, channel: string): WhiteReference | undefined {
    return this.#present.value.find((one) => one.serial === serial && one.channel === channel);
  }

  /** For the quality of a spectrum. */
  ageFor({ instrument, channel, exposureStartUtcUs }: Spectrum): ReferenceAge | undefined {
    const reference = this.of(instrument.serial, channel);
    return reference && ageFor(reference, exposureStartUtcUs);
  }

  /**
   * Takes what a batch recorded of a panel. Throws VALUE_OUT_OF_RANGE with the spectra that cannot be used: the others
   * are taken, and references of before stay in the place of those.
   */
  async adopt(run: string, batch: number): Promise<void> {
    const { references, refusals } = await this.#read(run, batch);
    this.#take(references);
    for (const { serial, channel, panel } of references)
      this.#options.log.info({ serial, channel, panel: panel.name, run, batch }, "white reference taken");
    await this.#note();
    if (refusals.length > 0)
      throw new VscopeError("VALUE_OUT_OF_RANGE", `white reference not taken: ${refusals.join("; ")}`);
  }

  /**
   * Finds the references of before again; those that are present stay unless newer ones are found. Never throws: without them
   * the levels tell what is missing.
   */
  async load(): Promise<void> {
    const { dataDirectory, log } = this.#options;
    this.#uuid = dataDirectory.status.value.uuid;
    this.#unused.length = 0;
    for (const one of this.#present.value) this.#elsewhere.add(one);
    try {
      const text = await dataDirectory.notes.read(WHITE_REFERENCES_NOTE);
      for (const note of text === undefined ? [] : z.array(noteShape).parse(JSON.parse(text)))
        await this.#loadOne(note);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "the white references of before are not known");
    }
  }

  // A panel is as white after the media were changed as before.
  async #exchanged(): Promise<void> {
    const { mounted, uuid } = this.#options.dataDirectory.status.value;
    if (mounted && uuid !== this.#uuid) await this.load();
  }

  async #loadOne(note: Note): Promise<void> {
    const { serial, channel, run, batch } = note;
    try {
      const { references, refusals } = await this.#read(run, batch);
      const own = references.filter((one) => one.serial === serial && one.channel === channel);
      if (own.length === 0) throw new VscopeError("RESOURCE_NOT_FOUND", refusals.join("; "));
      if (own.some((one) => this.#hasNewer(one))) this.#unused.push(note);
      else this.#take(own);
    } catch (error) {
      this.#unused.push(note);
      this.#options.log.warn(
        { ...note, reason: messageOf(error) },
        "a white reference of before is not used",
      );
    }
  }

  #hasNewer({ serial, channel, scene }: WhiteReference): boolean {
    const present = this.of(serial, channel);
    if (present === undefined) return false;
    return present.scene.upwelling.light.exposureStartUtcUs > scene.upwelling.light.exposureStartUtcUs;
  }

  #take(references: readonly WhiteReference[]): void {
    const others = this.#present.value.filter(
      (old) => !references.some((one) => one.serial === old.serial && one.channel === old.channel),
    );
    this.#present.set([...others, ...references]);
    for (const one of this.#elsewhere) if (!others.includes(one)) this.#elsewhere.delete(one);
  }

  async #note(): Promise<void> {
    const { dataDirectory, log } = this.#options;
    const present = this.#present.value
      .filter((one) => !this.#elsewhere.has(one))
      .map(({ serial, channel, run, batch }) => ({ serial, channel, run, batch }));
    const unused = this.#unused.filter(
      ({ serial, channel }) => !present.some((one) => one.serial === serial && one.channel === channel),
    );
    try {
      await dataDirectory.notes.write(WHITE_REFERENCES_NOTE, JSON.stringify([...unused, ...present]));
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "after a restart nobody will know of this white reference");
    }
  }

  async #read(run: string, batch: number): Promise<Found> {
    const lights = await this.#spectra(run, batch, "light");
    const darks = await this.#spectra(run, batch, "dark");
    const references: WhiteReference[] = [];
    const refusals: string[] = [];
    for (const light of lights) {
      if (light.panel === null) continue;
      const { serial, channel, panel: identity } = light;
      const scene = sceneOf(light, lights, darks);
      const panel = this.#panel(identity);
      if (typeof scene === "string") refusals.push(scene);
      else if (typeof panel === "string") refusals.push(panel);
      else references.push({ serial, channel, panel, run, batch, scene });
    }
    if (references.length === 0 && refusals.length === 0) refusals.push("no spectrum of a panel");
    return { references, refusals };
  }

  #panel({ name, serial }: NonNullable<PicoSpectrum["panel"]>) {
    try {
      const panel = this.#options.calibrations.panel(name);
      return panel.serial === serial ? panel : `panel ${name}: is ${panel.serial} now, was ${serial}`;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #spectra(run: string, batch: number, kind: SpectrumKind): Promise<readonly PicoSpectrum[]> {
    const name = spectraFileName({ batch, sequence: 0, kind });
    const file = await this.#options.dataDirectory.shelf.openFile(run, name);
    const bytes = await file.read(0, file.size, NEVER);
    return parsePico(Buffer.from(bytes).toString("utf8"), name).spectra;
  }
}
