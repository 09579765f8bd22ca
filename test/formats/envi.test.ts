// ENVI spectral libraries as Python's spectral reads them.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ENVI } from "../../src/formats/envi.ts";
import { head, radianceHead, rows } from "./product.ts";
import { folderOf, readBy, write } from "./readers.ts";

test("counts and radiances of all kinds are what spectral reads", { timeout: 180_000 }, async (t) => {
  const run = "Fläche 3 雪";
  const written = [
    write(ENVI, folderOf(t), { head: head(), rows: rows(1) }),
    write(ENVI, folderOf(t), { head: head(), rows: rows(3000) }),
    write(ENVI, folderOf(t), { head: radianceHead({ run }), rows: rows(30, 1e-7, { run }) }),
  ];
  t.diagnostic(await readBy("envi", ...(await Promise.all(written))));
});

test("the header comes last, and names break nothing", async (t) => {
  const folder = folderOf(t);
  const run = "plot {1}, 2";
  await write(ENVI, folder, { head: head({ run }, 4), rows: rows(2, 1, { run, pixels: 4 }) });
  const name = "plot -1-- 2_FLMT01859_upwelling_counts";
  assert.deepEqual(readdirSync(folder), [`${name}.hdr`, `${name}.provenance.json`, `${name}.sli`]);
  const header = readFileSync(join(folder, `${name}.hdr`), "utf8");
  assert.match(header, /^ENVI\ndescription = \{values;\n run: plot ;1;; 2;\n serial: FLMT01859;\n/);
  assert.match(
    header,
    /^samples = 4\nlines = 2\nbands = 1\nheader offset = 0\nfile type = ENVI Spectral Library$/m,
  );
  assert.match(header, /^spectra names = \{plot ;1;; 2\/b000003_s000000_dark.pico\/0,\n plot /m);
  assert.match(header, /^wavelength units = Nanometers$/m);
  assert.equal(readFileSync(join(folder, `${name}.sli`)).length, 2 * 4 * 8);
});

test("pixel indices are not called wavelengths", async (t) => {
  const folder = folderOf(t);
  await write(ENVI, folder, { head: head({ wavelengthsNm: Float64Array.of(0, 1, 2) }), rows: [] });
  const header = readFileSync(join(folder, "plot10_FLMT01859_upwelling_counts.hdr"), "utf8");
  assert.match(header, /^wavelength units = Index$/m);
});
