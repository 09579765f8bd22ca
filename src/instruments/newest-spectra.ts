// The newest spectrum of a channel, and the newest dark ones with which it can be compared.

import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Spectrum } from "../spectra/spectrum.ts";

/** Integration times whose newest dark spectrum is kept; the one not recorded for longest goes first. */
const MOST_DARKS = 16;

export interface ReadableSpectra extends ReadableCell<Spectrum | undefined> {
  /** The newest dark spectrum with the same integration time. */
  darkFor(spectrum: Spectrum): Spectrum | undefined;
}

export class NewestSpectra extends Cell<Spectrum | undefined> implements ReadableSpectra {
  readonly #darks = new Map<number, Spectrum>();

  constructor() {
    super(undefined);
  }

  override set(spectrum: Spectrum | undefined): void {
    // Before the listeners are told: what they read must be whole.
    if (spectrum?.kind === "dark") this.#keep(spectrum);
    super.set(spectrum);
  }

  darkFor({ integrationTimeUs }: Spectrum): Spectrum | undefined {
    return this.#darks.get(integrationTimeUs);
  }

  #keep(dark: Spectrum): void {
    this.#darks.delete(dark.integrationTimeUs);
    this.#darks.set(dark.integrationTimeUs, dark);
    const [oldest] = this.#darks.keys();
    if (this.#darks.size > MOST_DARKS && oldest !== undefined) this.#darks.delete(oldest);
  }
}
