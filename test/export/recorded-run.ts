// A run that an emulated instrument has recorded, and what readers of its exports have to find.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { TestContext } from "node:test";
import { flagMask } from "../../src/spectra/flags.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import { axisOf } from "../../src/spectra/processing/at-level.ts";
import {
  type ProductHead,
  type ProductRow,
  productInstrument,
} from "../../src/spectra/processing/product.ts";
import type { Provenance } from "../../src/spectra/processing/provenance.ts";
import { TestInstrument } from "../support/instrument.ts";

export const SERIAL = "FLMS01859";

/** The folder of run `plot10` with 2 spectrometers, 2 channels. */
export async function record(context: TestContext, folder: string, sequences: number): Promise<string> {
  const instrument = await TestInstrument.start(context, { folder });
  const settings = { run: "plot10", sequences, autointegrate: 0, order: "interleaved" } as const;
  const { state, error } = await instrument.record(settings);
  assert.equal(state, "done", error?.message);
  return join(folder, "plot10");
}

export async function spectraFiles(run: string): Promise<readonly string[]> {
  return (await readdir(run)).filter((name) => name.endsWith(".pico")).sort();
}

/** The counts of one spectrometer and channel as a product, read from the run itself. */
export async function countsOf(
  run: string,
  channel: string,
  provenance: Provenance,
): Promise<{ readonly head: ProductHead; readonly rows: readonly ProductRow[] }> {
  const rows: ProductRow[] = [];
  for (const file of await spectraFiles(run)) {
    const { spectra } = parsePico(await readFile(join(run, file), "utf8"), file);
    for (const [position, spectrum] of spectra.entries()) {
      if (spectrum.serial !== SERIAL || spectrum.channel !== channel) continue;
      const id = `${basename(run)}/${file}/${position}`;
      rows.push({ values: spectrum.counts, spectrum, id, flagMask: flagMask(spectrum.flags) });
    }
  }
  rows.sort((a, b) => a.spectrum.exposureStartUtcUs - b.spectrum.exposureStartUtcUs);
  const [first] = rows;
  assert.ok(first);
  const head: ProductHead = {
    run: basename(run),
    serial: SERIAL,
    channel,
    level: "counts",
    quantity: "counts",
    units: "1",
    wavelengthsNm: axisOf(first.spectrum),
    instrument: productInstrument(first.spectrum),
    hasUncertainty: false,
    hasSystematicError: false,
    provenance,
    isSimulated: true,
  };
  return { head, rows };
}
