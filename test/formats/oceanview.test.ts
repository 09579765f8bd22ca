// OceanView's text, held against a file kept as bytes and against the way in which scripts read it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { OCEANVIEW } from "../../src/formats/oceanview.ts";
import type { ProductHead, ProductRow } from "../../src/spectra/processing/product.ts";
import { ROOT } from "../coap/support/outside-clients.ts";
import { head, PROVENANCE, row, rows } from "./product.ts";
import { folderOf, readBy, write } from "./readers.ts";

const GOLDEN = join(ROOT, "test", "formats", "oceanview.golden.txt");

// The header of the example in the documentation of colour-science, less what only its model has.
function example(): { readonly head: ProductHead; readonly rows: readonly ProductRow[] } {
  const wavelengthsNm = Float64Array.of(338.0284, 338.4815, 338.9361, 821.513, 822.008, 822.5029);
  const values = Float64Array.of(279.71, 285.425, 291.335, 3112.645, -0.004, Number.NaN);
  const one = row(2, 1, { run: "plot10", pixels: 6 });
  const spectrum = {
    ...one.spectrum,
    exposureStartUtcUs: Date.UTC(2018, 10, 17, 14, 36, 15, 210) * 1000,
    integrationTimeUs: 5_000_000,
    processing: { scans: 3, boxcarHalfWidth: 3, binning: 0 },
  };
  return {
    head: head({
      serial: "S12286",
      wavelengthsNm,
      level: "corrected",
      provenance: PROVENANCE,
      dataset: { creator_name: "kelsolaar" },
    }),
    rows: [{ ...one, id: "plot10/b000003_s000012_light.pico/0", values, spectrum }],
  };
}

test("the bytes of a file", async (t) => {
  const folder = folderOf(t);
  await write(OCEANVIEW, folder, example());
  const [name = "", other] = readdirSync(folder).sort();
  assert.equal(name, "plot10_S12286_upwelling_corrected.provenance.json");
  assert.equal(other, "plot10_b000003_s000012_light_0_14-36-15-210.txt");
  assert.deepEqual(readFileSync(join(folder, other)), readFileSync(GOLDEN));
});

test("counts of all kinds are what its users' scripts read", { timeout: 180_000 }, async (t) => {
  const written = await write(OCEANVIEW, folderOf(t), { head: head(), rows: rows(60) });
  t.diagnostic(await readBy("oceanview", written));
});

test("raw counts are not called corrected; a model without dark pixels has no line for them", async (t) => {
  const folder = folderOf(t);
  const bare = head();
  const instrument = { ...bare.instrument, hasDarkPixels: false };
  await write(OCEANVIEW, folder, { head: bare, rows: rows(1) });
  await write(OCEANVIEW, folder, {
    head: { ...bare, coefficientSet: 2, instrument },
    rows: rows(2).slice(1),
  });
  const [first = "", second = ""] = readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8"));
  assert.match(first, /^Electric dark correction enabled: false\nNonlinearity correction enabled: false$/m);
  assert.match(second, /^Scans to average: 1\nNonlinearity correction enabled: false$/m);
});

test("without wavelengths there is no file", async (t) => {
  const folder = folderOf(t);
  const product = { head: head({ wavelengthsNm: Float64Array.of(0, 1, 2) }), rows: [] };
  await assert.rejects(write(OCEANVIEW, folder, product), {
    code: "VALUE_INVALID",
    message: /FLMT01859 upwelling: has no wavelength calibration/,
  });
  assert.deepEqual(readdirSync(folder), []);
});
