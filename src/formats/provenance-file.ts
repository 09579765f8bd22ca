// Where a product comes from, beside files that have no room for it: `<product>.provenance.json`, an input a line.

import type { ProductHead } from "../spectra/processing/product.ts";
import type { Sink } from "./format.ts";
import { productName } from "./names.ts";

const INPUTS_AT_ONCE = 1000;

export function provenanceName(head: ProductHead): string {
  return productName(head, ".provenance.json");
}

export function writeProvenance(head: ProductHead, sink: Sink): void {
  const { inputs, ...rest } = head.provenance;
  const file = sink.file(provenanceName(head));
  file.append(`${JSON.stringify(rest, null, 2).slice(0, -2)},\n  "inputs": [`);
  for (let from = 0; from < inputs.length; from += INPUTS_AT_ONCE) {
    const lines = inputs.slice(from, from + INPUTS_AT_ONCE).map((input) => `\n    ${JSON.stringify(input)}`);
    file.append(`${from === 0 ? "" : ","}${lines.join(",")}`);
  }
  file.append("\n  ]\n}\n");
  file.close();
}
