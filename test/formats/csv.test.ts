// CSV as pandas and Python's csv module read it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CSV } from "../../src/formats/csv.ts";
import { head, radianceHead, rows } from "./product.ts";
import { folderOf, readBy, write } from "./readers.ts";

const LIMIT = { timeout: 180_000 };

test("counts and radiances of all kinds are what pandas reads", LIMIT, async (t) => {
  const run = "Fläche 3, #2 雪";
  const written = [
    write(CSV, folderOf(t), { head: head(), rows: rows(1) }),
    write(CSV, folderOf(t), { head: head(), rows: rows(3000) }),
    write(CSV, folderOf(t), { head: radianceHead({ run }), rows: rows(30, 1 / 3e7, { run }) }),
  ];
  t.diagnostic(await readBy("csv", ...(await Promise.all(written))));
});

test("the text: comments, headings, a spectrum", LIMIT, async (t) => {
  const folder = folderOf(t);
  const wavelengthsNm = Float64Array.of(400, 400.1, 1203 / 3, 0.1 + 0.7);
  await write(CSV, folder, { head: head({ wavelengthsNm }), rows: rows(6, 1, { pixels: 4 }) });
  assert.deepEqual(readdirSync(folder), [
    "plot10_FLMT01859_upwelling_counts.csv",
    "plot10_FLMT01859_upwelling_counts.provenance.json",
  ]);
  const lines = readFileSync(join(folder, "plot10_FLMT01859_upwelling_counts.csv"), "utf8").split("\n");
  assert.deepEqual(lines.slice(0, 7), [
    "# run: plot10",
    "# serial: FLMT01859",
    "# channel: upwelling",
    "# level: counts",
    "# quantity: counts",
    "# units: 1",
    "# axis: wavelength in air, nm",
  ]);
  assert.deepEqual(lines.filter((line) => line !== "" && !line.startsWith("#")).slice(0, 3), [
    "id,exposure_start,exposure_end,kind,batch,sequence,bracket,integration_time_us,scans,detector_temperature_c,flags," +
      "flag_mask,sun_elevation_deg,sun_azimuth_deg,latitude,longitude,altitude_m," +
      "400,400.1,401,0.7999999999999999",
    "plot10/b000003_s000000_dark.pico/0,2026-11-20T15:00:07.044383Z,2026-11-20T15:00:07.294383Z,dark,3,0,,250000,1,," +
      "simulated,2,12.25,201.5,55.92,-3.17,87.5,1000,1031,1062,1093",
    "plot10/b000003_s000001_light.pico/1,2026-11-20T15:00:09.044384Z,2026-11-20T15:00:09.294384Z,light,3,1,,250000,1," +
      "-10.3,saturated|simulated|position_stale,32771,12.249,201.5,55.920100000000005,-3.17,87.5,8919,8950,8981,9012",
  ]);
  assert.match(lines.at(-2) ?? "", /,$/, "where there is no value there is nothing");
});

test("pixel indices are not called wavelengths", LIMIT, async (t) => {
  const folder = folderOf(t);
  await write(CSV, folder, { head: head({ wavelengthsNm: Float64Array.of(0, 1, 2) }), rows: [] });
  assert.match(
    readFileSync(join(folder, "plot10_FLMT01859_upwelling_counts.csv"), "utf8"),
    /^# axis: pixel index$/m,
  );
});
