// vscope white and vscope show --level as processes against a whole emulated server.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { CONFIGURATION, factorsOf, FLAME, panelText, radiometricText } from "../../support/levels.ts";
import { vscope } from "./spawn-vscope.ts";

let server: CoapInstrument;
let url: string;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vscope-"));
  await writeFile(join(folder, "panel.csv"), panelText());
  const configuration = CONFIGURATION.replace(/= (\w+\.csv)/g, `= ${folder}/$1`);
  server = await CoapInstrument.start({ configuration });
  url = `coap://127.0.0.1:${server.port}`;
  const { detector } = server.server.hardware.emulated?.devices.get(FLAME)?.spectrometer ?? assert.fail();
  const text = radiometricText(
    "irradiance",
    "downwelling",
    factorsOf(detector, (response) => 1 / response),
  );
  await writeFile(join(folder, "down.csv"), text);
  // Files are read at the start.
  await server.close();
  server = await CoapInstrument.start({ configuration });
  url = `coap://127.0.0.1:${server.port}`;
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("white: the panel becomes the reference; --level shows what is made with it, and why others are not", async () => {
  const none = await vscope(["white"], { url });
  assert.equal(
    none.out,
    "panel field: serial number 99AA05, calibrated 2026-01-15\nno white reference is recorded\n",
  );
  const early = await vscope(["show", "--level", "reflectance"], { url });
  assert.deepEqual(
    [early.code, early.errors],
    [4, `vscope: ${FLAME} upwelling: no light spectrum since the start\n`],
  );
  await vscope(["put", "/emulator/targets/upwelling", "white-panel"], { url });
  const white = await vscope(["white", "field", "--auto", "-r", "white"], { url });
  assert.equal(white.code, 0, white.errors);
  assert.match(white.out, /^white: done, 3 of 3 steps/);
  const { out } = await vscope(["white"], { url });
  assert.match(out, /\nspectrometer +channel +panel +age +run\nFLMS01859 +upwelling +field +\d+ s +white\n/);

  await vscope(["put", "/emulator/targets/upwelling", "canopy"], { url });
  await vscope(["record", "-r", "plot10", "--auto"], { url });
  const shown = await vscope(["show", "--level", "reflectance", "--serial", FLAME], { url });
  assert.equal(shown.code, 0, shown.errors);
  assert.match(
    shown.out,
    /FLMS01859 +upwelling +\S+Z +[\d.]+ ms +white panel +\d+ s +field, \d+ s +.*simulated/,
  );
  assert.match(shown.out, /\n +reflectance {3}newest spectra\n/);
  const json = await vscope(
    ["show", "--level", "reflectance", "--serial", FLAME, "--way", "dual", "--json"],
    { url },
  );
  const [dual] = JSON.parse(json.out);
  assert.deepEqual([dual.method, dual.unit, dual.wavelengthsNm.length], ["dual field of view", "1", 2048]);

  const irradiance = await vscope(["show", "--level", "irradiance"], { url });
  assert.equal(irradiance.code, 0, irradiance.errors);
  assert.match(irradiance.out, /\n +irradiance \/ \(W m-2 nm-1\) {3}newest spectra\n/);
  assert.match(
    irradiance.out,
    /\nnot shown: QEP00709 upwelling: no radiometric calibration was configured when the server started\n/,
  );
  assert.match(irradiance.out, /\nnot shown: \S+\/up\.csv: cannot be read: ENOENT/);
});

test("counts and dark-subtracted counts, as a picture too", async () => {
  assert.equal((await server.perform("/acquisition/record", { run: "pair", sequences: 2 })).state, "done");
  const svg = join(folder, "counts.svg");
  const written = await vscope(["show", "--level", "counts", "--channel", "downwelling", "--svg", svg], {
    url,
  });
  assert.equal(written.code, 0, written.errors);
  assert.match(await readFile(svg, "utf8"), /saturation/);
  const raw = JSON.parse((await vscope(["show", "--level", "counts", "--json"], { url })).out);
  const dark = JSON.parse((await vscope(["show", "--level", "dark-subtracted", "--json"], { url })).out);
  assert.equal(dark.length, 4);
  const { rack } = server.server.model;
  assert.equal(
    rack.spectrometer(FLAME).newest("upwelling").value?.kind,
    "dark",
    "the batch has a closing dark",
  );
  for (const one of [...raw, ...dark]) assert.equal(one.kind, "light");
  assert.ok(dark[0].counts[1000] < raw[0].counts[1000]);
});

test("what does not go together is refused", async () => {
  for (const [args, message] of [
    [
      ["--level", "counts", "plot10/x.pico"],
      "vscope: --level: shows the newest spectra of the server, no files",
    ],
    [["--level", "counts", "--way", "dual"], "vscope: --way: goes with --level reflectance"],
    [
      ["--level", "counts", "--serial", "X"],
      "vscope: --level: no such spectrum, the server has spectrometers FLMS01859, QEP00709",
    ],
    [[], "vscope: show: files are missing; --level shows the newest spectra"],
  ] as const) {
    const { code, errors } = await vscope(["show", ...args], { url });
    assert.equal(code, 2);
    assert.ok(errors.startsWith(message), errors);
  }
  const both = await vscope(["show", "--level", "counts", "--reflectance"], { url });
  assert.equal(both.code, 2);
});
