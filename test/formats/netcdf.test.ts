// NetCDF files as xarray with both of its engines, netCDF4 and the CF checker see them.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Sink } from "../../src/formats/format.ts";
import { NETCDF } from "../../src/formats/netcdf.ts";
import { wavelengthsNm } from "../../src/spectra/spectrum.ts";
import { head, PROVENANCE, radianceHead, rows } from "./product.ts";
import { folderOf, readBy, write } from "./readers.ts";

const LIMIT = { timeout: 180_000 };
const RADIANCE = "surface_upwelling_radiance_per_unit_wavelength_in_air";
const IRRADIANCE = "surface_downwelling_radiative_flux_per_unit_wavelength_in_air";

for (const count of [1, 150, 3000]) {
  test(`${count} spectra in counts, of all kinds, are what xarray reads`, LIMIT, async (t) => {
    const folder = folderOf(t);
    const product = { head: head(), rows: rows(count) };
    const written = await write(NETCDF, folder, product);
    assert.deepEqual(readdirSync(folder), ["plot10_FLMT01859_upwelling_counts.nc"]);
    await readBy("netcdf", { ...written, facts: { variable: "counts", standardName: null } });
  });
}

test("radiances have standard errors, names of the CF table, and what the owner says", LIMIT, async (t) => {
  const folder = folderOf(t);
  const run = "Fläché 3 雪";
  const product = { head: radianceHead({ run }), rows: rows(70, 1e-7, { run }) };
  const written = await write(NETCDF, folder, product);
  assert.deepEqual(readdirSync(folder), [`${run}_FLMT01859_upwelling_radiance.nc`]);
  await readBy("netcdf", { ...written, facts: { variable: "radiance", standardName: RADIANCE } });
});

test("irradiances, corrected counts and reflectances have the names that they can have", LIMIT, async (t) => {
  const levels = [
    { level: "radiance", quantity: "irradiance", units: "W m-2 nm-1", variable: "irradiance" },
    { level: "corrected", quantity: "counts", units: "s-1", variable: "signal" },
    { level: "reflectance", quantity: "reflectance", units: "1", variable: "reflectance" },
    {
      level: "reflectance",
      quantity: "reflectance",
      units: "1",
      variable: "reflectance",
      method: "radiance over irradiance",
      // Of too few spectra the noise is not known; what the calibrations are uncertain by is.
      hasSystematicError: true,
    },
  ] as const;
  const written = levels.map(async ({ variable, ...change }) => {
    const product = { head: head({ ...change, channel: "Downwelling" }), rows: rows(7, 1e-5) };
    const standardName = variable === "irradiance" ? IRRADIANCE : null;
    return { ...(await write(NETCDF, folderOf(t), product)), facts: { variable, standardName } };
  });
  await readBy("netcdf", ...(await Promise.all(written)));
});

test(
  "the CF checker finds nothing, neither in counts nor in radiances and reflectances with their errors",
  LIMIT,
  async (t) => {
    const dataset = { institution: "Institute", references: "none" };
    const counts = { head: head({ dataset }), rows: rows(20) };
    const radiances = { head: radianceHead({ dataset }), rows: rows(20, 1e-7) };
    const quantity = "reflectance" as const;
    const method = "radiance over irradiance";
    const change = { dataset, level: quantity, quantity, units: "1", method } as const;
    const reflectances = { head: radianceHead(change), rows: rows(20, 1e-5) };
    const written = [counts, radiances, reflectances].map((product) => write(NETCDF, folderOf(t), product));
    t.diagnostic(await readBy("cf", ...(await Promise.all(written))));
  },
);

test("a second set of wavelengths is a second file; names of older runs fit", LIMIT, async (t) => {
  const folder = folderOf(t);
  const run = `${"ü".repeat(127)}a`;
  const longer = {
    head: head({ run, coefficientSet: 2, wavelengthsNm: wavelengthsNm([340, 0.4], 40) }),
    rows: rows(2),
  };
  await write(NETCDF, folder, longer);
  const [name = ""] = readdirSync(folder);
  assert.match(name, /^ü+_FLMT01859_upwelling_counts_c2\.nc$/);
  assert.ok(Buffer.byteLength(name) <= 250);
});

test("a provenance of 20,000 files fits", LIMIT, async (t) => {
  const folder = folderOf(t);
  const inputs = Array.from({ length: 20_000 }, (_, index) => ({
    id: `plot10/b000003_s${String(index).padStart(6, "0")}_light.pico`,
    sha256: "0123456789abcdef".repeat(4),
  }));
  const product = { head: head({ provenance: { ...PROVENANCE, inputs } }), rows: rows(3) };
  const written = await write(NETCDF, folder, product);
  await readBy("netcdf", { ...written, facts: { variable: "counts", standardName: null } });
});

test("a full disk is told, and the file does not get its name", LIMIT, async () => {
  let isClosed = false;
  const full: Sink = {
    file: () => ({ path: "/dev/full", append: () => {}, close: () => (isClosed = true) }),
  };
  const failure = await NETCDF.open(head({}, 2048), full)
    .then((writer) => {
      for (const row of rows(2000, 1, { pixels: 2048 })) writer.write(row);
      writer.end();
    })
    .catch((error: unknown) => error);
  assert.match(
    String(failure),
    /plot10_FLMT01859_upwelling_counts\.nc: cannot be written: No space left on device/,
  );
  assert.equal(isClosed, false);
});

test("a folder that is not there is told", LIMIT, async () => {
  const sink: Sink = {
    file: (name) => ({ path: join("/nowhere", name), append: () => {}, close: () => {} }),
  };
  await assert.rejects(NETCDF.open(head(), sink), { code: "DATADIR_IO" });
});
