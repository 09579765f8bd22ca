// vscope show as a process: plots, pictures, reflectance, local and on the server.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FakeServer } from "../../client/fake-server.ts";
import { measureReflectance, reflectanceText } from "../../../src/interfaces/cli/reflectance-report.ts";
import { REFLECTANCE, sampleFile, SERIALS, sampleSpectra } from "../../client/sample-spectra.ts";
import { vscope } from "./spawn-vscope.ts";

const LIGHT = "b000001_s000000_light.pico";
const DARK = "b000001_s000000_dark.pico";

let server: FakeServer;
let url: string;
let folder: string;

before(async () => {
  server = await FakeServer.start();
  url = server.url;
  folder = await mkdtemp(join(tmpdir(), "vscope-"));
  await mkdir(join(folder, "plot10"));
  await writeFile(join(folder, "plot10", LIGHT), sampleFile("light"));
  await writeFile(join(folder, "plot10", DARK), sampleFile("dark"));
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("a local file is plotted without any server", async () => {
  const { code, out, errors } = await vscope(["show", join(folder, "plot10", LIGHT)]);
  assert.equal(errors, "");
  assert.equal(code, 0);
  const [heading = "", first = ""] = out.split("\n");
  assert.match(heading, /^spectrometer +channel +kind +start +integration +flags$/);
  assert.match(first, /^FLMS01859 +downwelling +light +2026-06-21T12:00:00.000Z +10 ms +simulated$/);
  assert.match(out, /wavelength \/ nm/);
});

test("a file of the server, one channel and one spectrometer of it", async () => {
  const { out } = await vscope(
    ["show", `plot10/${LIGHT}`, "--channel", "upwelling", "--serial", SERIALS[1], "--json"],
    { url },
  );
  const [spectrum, ...more] = JSON.parse(out);
  assert.equal(more.length, 0);
  assert.equal(spectrum.serial, SERIALS[1]);
  assert.equal(spectrum.channel, "upwelling");
  assert.equal(spectrum.counts.length, 1024);
  assert.equal(spectrum.wavelengthsNm[2], 401);
});

test("an id of the catalogue is one spectrum, of the server or of a local data directory", async () => {
  for (const [args, where] of [
    [[], { url }],
    [["--data-dir", "."], { cwd: folder }],
    // The same path as a file of this machine.
    [[], { cwd: folder, url: "coap://127.0.0.1:1" }],
  ] as const) {
    const { out } = await vscope(["show", `plot10/${LIGHT}/3`, "--json", ...args], where);
    assert.deepEqual(
      JSON.parse(out).map(({ serial, channel }: { serial: string; channel: string }) => [serial, channel]),
      [[SERIALS[1], "upwelling"]],
    );
  }
  const none = await vscope(["show", `plot10/${LIGHT}/9`], { url });
  assert.match(none.errors, /holds no such spectrum, only FLMS01859 downwelling, /);
  assert.equal(none.code, 2);
});

test("--json has averaged scans in lists", async () => {
  const content = JSON.parse(sampleFile("light"));
  for (const one of content.Spectra) {
    one.Metadata.Scans = 2;
    for (const name of ["StandardDeviation", "Minimum", "Maximum"]) one[name] = one.Pixels;
  }
  const path = join(folder, "plot10", "averaged.pico");
  await writeFile(path, JSON.stringify(content));
  const { out } = await vscope(["show", path, "--json"]);
  const [{ statistics, counts }] = JSON.parse(out);
  assert.deepEqual(statistics, { scans: 2, standardDeviation: counts, min: counts, max: counts });
});

test("--svg writes a picture, to a file or to stdout", async () => {
  const path = join(folder, "picture.svg");
  const { out, code } = await vscope(["show", `plot10/${LIGHT}`, "--svg", path], { url });
  assert.equal(out, `${path} written\n`);
  assert.equal(code, 0);
  const svg = await readFile(path, "utf8");
  assert.match(svg, /^<svg .*<\/svg>\n$/s);
  const subtracted = await vscope(["show", `plot10/${LIGHT}`, "--dark-subtract", "--svg", "-"], { url });
  assert.match(subtracted.out, /counts - dark/);
  assert.ok(!subtracted.out.includes("NaN"));
});

test("--reflectance is the truth in every band, for each spectrometer", async () => {
  const { out, code } = await vscope(["show", `plot10/${LIGHT}`, "--reflectance"], { url });
  assert.equal(code, 0);
  const rows = [...out.matchAll(/^ +(\d+-\d+) +([\d.]+) +([\d.]+) +([\d.]+) +(\d+) +0$/gm)];
  assert.equal(rows.length, 9 * SERIALS.length);
  for (const [, , mean, min, max] of rows) {
    assert.deepEqual([mean, min, max].map(Number), [REFLECTANCE, REFLECTANCE, REFLECTANCE]);
  }
  assert.match(out, /upwelling 40 ms, downwelling 10 ms, dark-subtracted, simulated\n/);
  const picture = await vscope(["show", `plot10/${LIGHT}`, "--reflectance", "--svg", "-"], { url });
  assert.ok(!picture.out.includes("NaN"));
});

test("--reflectance warns of saturated pixels and gives no mean where too many are left out", () => {
  const [light, dark] = [sampleSpectra("light"), sampleSpectra("dark")];
  const exposed = light.map((one, index) => {
    const counts =
      one.channel === "upwelling"
        ? one.counts.map((count, pixel) => (pixel < 300 ? 1e6 : count))
        : one.counts;
    const flags = one.channel === "upwelling" ? ["saturated"] : [];
    return { light: { ...one, counts, flags }, dark: dark[index] ?? one };
  });
  const text = reflectanceText("f", measureReflectance("f", exposed));
  assert.match(text, /^warning: \d+ of \d+ pixels are left out, upwelling saturated$/m);
  assert.match(text, /^ +450-500 +- +- +- +0 +\d+$/m);
  assert.match(text, /^ +800-850 +\d\.\d+ .* 0$/m);
});

test("--reflectance --json has bands and the curve", async () => {
  const { out } = await vscope(["show", LIGHT, "--reflectance", "--serial", SERIALS[0], "--json"], {
    cwd: join(folder, "plot10"),
  });
  const [result, ...more] = JSON.parse(out);
  assert.equal(more.length, 0);
  assert.equal(result.bands.at(-1).fromNm, 450);
  assert.equal(result.bands.at(-1).toNm, 850);
  assert.equal(result.bands.at(-1).pixels, 800);
  assert.equal(result.reflectance.length, 1024);
});

test("--reflectance of one spectrum is that of its spectrometer", async () => {
  const { out } = await vscope(["show", `plot10/${LIGHT}/3`, "--reflectance", "--json"], { url });
  assert.deepEqual(
    JSON.parse(out).map(({ serial }: { serial: string }) => serial),
    [SERIALS[1]],
  );
});

test("--corrected says what it could not correct, and works with darks", async () => {
  const path = join(folder, "plot10", LIGHT);
  const alone = await vscope(["show", path, "--corrected", "--channel", "upwelling"]);
  assert.equal(alone.code, 0);
  assert.match(alone.out, /corrected counts/);
  for (const serial of SERIALS) {
    assert.ok(
      alone.out.includes(
        `not corrected: ${serial} upwelling: electric-dark (the model has no dark pixels)\n`,
      ),
    );
  }
  const { out } = await vscope(["show", path, "--corrected", "--dark-subtract", "--json"]);
  for (const { counts, correctedCounts, corrections } of JSON.parse(out)) {
    assert.deepEqual(
      correctedCounts,
      counts.map((value: number) => value - 1500),
    );
    assert.equal(corrections[0].correction, "dark-spectrum");
    assert.equal(corrections[0].applied, true);
  }
});

test("without a dark spectrum, subtraction says which one is missing", async () => {
  const alone = join(folder, "alone");
  await mkdir(alone);
  await writeFile(join(alone, LIGHT), sampleFile("light"));
  const { code, errors } = await vscope(["show", join(alone, LIGHT), "--dark-subtract"]);
  assert.equal(errors, `vscope: FLMS01859: no dark spectrum of downwelling with 10 ms near ${LIGHT}\n`);
  assert.equal(code, 1);
});

test("a file that is none is named with what is wrong", async () => {
  const path = join(folder, "bad.pico");
  await writeFile(path, "{}");
  const { code, errors } = await vscope(["show", path]);
  assert.match(errors, /^vscope: bad\.pico: /);
  assert.equal(code, 1);
});
