// JCAMP-DX as the reader on PyPI sees it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { JCAMP } from "../../src/formats/jcamp.ts";
import { head, radianceHead, rows } from "./product.ts";
import { folderOf, readBy, write } from "./readers.ts";

test("counts and radiances of all kinds are what the reader reads", { timeout: 180_000 }, async (t) => {
  const run = "Fläche 3 雪";
  const [counts, radiances, reflectances] = await Promise.all([
    write(JCAMP, folderOf(t), { head: head(), rows: rows(60) }),
    write(JCAMP, folderOf(t), { head: radianceHead({ run }), rows: rows(12, 1e-9, { run }) }),
    write(JCAMP, folderOf(t), {
      head: head({ level: "reflectance", quantity: "reflectance" }),
      rows: rows(6, 1e-5),
    }),
  ]);
  const output = await readBy(
    "jcamp",
    { ...counts, facts: { yUnits: "COUNTS" } },
    { ...radiances, facts: { yUnits: "W m-2 sr-1 nm-1" } },
    { ...reflectances, facts: { yUnits: "REFLECTANCE" } },
  );
  t.diagnostic(output);
});

test("the text: labels, pairs without the pixels that have no value, the end", async (t) => {
  const folder = folderOf(t);
  const run = "Fläche $$1 雪";
  const wavelengthsNm = Float64Array.of(400, 400.1, 400.25, 401, 402.5);
  const product = { head: head({ run, wavelengthsNm }), rows: rows(6, 1, { run, pixels: 5 }).slice(5) };
  await write(JCAMP, folder, product);
  const [, name = ""] = readdirSync(folder).sort();
  assert.equal(name, "Fläche --1 雪_b000003_s000005_light_2_counts.jdx");
  const text = readFileSync(join(folder, name), "latin1");
  const lines = text.split("\n");
  assert.deepEqual(lines.slice(0, 10), [
    "##TITLE=Flache $ $1 ?/b000003_s000005_light.pico/2: FLMT01859 upwelling, counts",
    "##JCAMP-DX=5.01",
    "##DATA TYPE=UV/VIS SPECTRUM",
    "##ORIGIN=vscope-server 0.1.0",
    "##OWNER=unknown",
    "##LONGDATE=2026/11/20 15:00:17.044388 +0000",
    "##SPECTROMETER/DATA SYSTEM=Flame-T FLMT01859",
    "##DATA PROCESSING=",
    "##XUNITS=NANOMETERS",
    "##YUNITS=COUNTS",
  ]);
  assert.deepEqual(lines.slice(-16), [
    "##XFACTOR=1",
    "##YFACTOR=1",
    "##FIRSTX=400",
    "##LASTX=402.5",
    "##FIRSTY=40595",
    "##LASTY=40719",
    "##MINY=40595",
    "##MAXY=40719",
    "##NPOINTS=4",
    "##XYPOINTS=(XY..XY)",
    "400, 40595",
    "400.1, 40626",
    "400.25, 40657",
    "402.5, 40719",
    "##END=",
    "",
  ]);
  assert.match(text, /^[\n\x20-\x7e]*$/);
});
