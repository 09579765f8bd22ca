// The table of band indices of a run: a line a spectrum, in the order in which they are processed.

import { isoUtc } from "../base/clock.ts";
import type { Sink, SinkFile } from "../formats/format.ts";
import { type BandIndex, indexOf } from "../spectra/processing/band-index.ts";
import type { ProductHead, ProductRow } from "../spectra/processing/product.ts";

const NAME = "indices.csv";
const PROVENANCE = "indices.provenance.json";

export class IndexTable {
  readonly #indices: readonly BandIndex[];
  readonly #sink: Sink;
  readonly #heads = new Set<ProductHead>();
  #file: SinkFile | undefined;

  constructor(indices: readonly BandIndex[], sink: Sink) {
    this.#indices = indices;
    this.#sink = sink;
  }

  add(head: ProductHead, row: ProductRow): void {
    if (this.#indices.length === 0) return;
    this.#heads.add(head);
    this.#file ??= this.#begin(head);
    const { serial, channel, exposureStartUtcUs, flags } = row.spectrum;
    const curve = { wavelengthsNm: head.wavelengthsNm, values: row.values };
    const values = this.#indices.flatMap((index) => {
      const { value, standardError } = indexOf(index, curve, row.standardError);
      return [value, standardError].map((one) => (Number.isFinite(one) ? String(one) : ""));
    });
    const cells = [row.id, isoUtc(exposureStartUtcUs), serial, channel, flags.join("|"), ...values];
    this.#file.append(`${cells.map(quoted).join(",")}\n`);
  }

  /** The names of its files; none without a spectrum. */
  end(): readonly string[] {
    if (this.#file === undefined) return [];
    this.#file.close();
    const file = this.#sink.file(PROVENANCE);
    const products = [...this.#heads].map(({ serial, channel, coefficientSet, provenance }) => ({
      serial,
      channel,
      coefficientSet,
      provenance,
    }));
    const indices = Object.fromEntries(this.#indices.map(({ name, expression }) => [name, expression]));
    file.append(`${JSON.stringify({ indices, products }, null, 2)}\n`);
    file.close();
    return [NAME, PROVENANCE];
  }

  #begin({ run, provenance }: ProductHead): SinkFile {
    const file = this.#sink.file(NAME);
    const facts = [
      ["run", run],
      ["software", provenance.software],
      ["made", provenance.madeUtc],
      ["provenance", PROVENANCE],
      ...this.#indices.map(({ name, expression }) => [name, expression]),
    ];
    file.append(facts.map(([name, text]) => `# ${name}: ${text}\n`).join(""));
    const columns = this.#indices.flatMap(({ name }) => [name, `${name}_standard_error`]);
    file.append(`${["id", "exposure_start", "serial", "channel", "flags", ...columns].join(",")}\n`);
    return file;
  }
}

function quoted(text: string): string {
  return /[",\n\r#]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
