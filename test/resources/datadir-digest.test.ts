// /datadir/digest of a server over CoAP, small whatever the day held; and the command that shows it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { decode } from "cborg";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { CATALOGUE_FILE, Catalogue } from "../../src/datadir/catalogue/catalogue.ts";
import { digestShape, digestText } from "../../src/interfaces/cli/digest-text.ts";
import { Router } from "../../src/resources/router.ts";
import { TREE } from "../../src/resources/tree.ts";
import type { Spectrum } from "../../src/spectra/spectrum.ts";
import { catalogued, SAMPLE } from "../datadir/catalogue/catalogue-sample.ts";
import { FakeStick } from "../datadir/medium/fake-stick.ts";
import { vscope } from "../interfaces/cli/spawn-vscope.ts";
import { instrument, spectraSet, spectrum } from "../spectra/sample.ts";
import { CoapInstrument, textOf } from "../support/coap-instrument.ts";
import { TestInstrument } from "../support/instrument.ts";

const HOUR = 3_600_000_000;
const FROM = Date.UTC(2026, 10, 21) * 1000;
const CBOR = 60;
const SERIALS = Array.from({ length: 10 }, (_, n) => `QEP0${1000 + n}`);

let server: CoapInstrument;
let url: string;

before(async () => {
  server = await CoapInstrument.start();
  url = `coap://127.0.0.1:${server.port}`;
  const { dataDirectory, scheduler } = server.server.model;
  const batch = await dataDirectory.startBatch("plot10");
  const spectra = ["upwelling", "downwelling"].flatMap((channel) =>
    SERIALS.map((serial, n) => wave(serial, { channel, detectorTemperatureC: -20.3 + n / 10 })),
  );
  const failures = [
    { serial: "QEP01000", channel: "upwelling", code: "DEVICE_TIMEOUT", message: "no frame within 5 s" },
  ];
  for (let sequence = 0; sequence < 3; sequence++)
    await batch.write(spectraSet({ sequence, spectra, failures }));
  await batch.finish();
  const skip = {
    job: 3,
    what: "record",
    plannedUtcUs: FROM + HOUR,
    lastPlannedUtcUs: FROM + 9 * HOUR,
    runs: 96,
  };
  scheduler.history.skip({ ...skip, reason: "quiet-time", message: "quiet time" });
});
after(() => server.close());

function wave(serial: string, change: Partial<Spectrum>): Spectrum {
  const pixels = 1044;
  const counts = Uint32Array.from(
    { length: pixels },
    (_, n) => 1500 + Math.round(50_000 * Math.sin(n / 340) ** 2),
  );
  const calibration = { wavelengthCoefficients: [346.2, 0.81, -1e-5], nonlinearityCoefficients: [] };
  const device = instrument({ serial, pixels, opticalPixelRange: [0, pixels], calibration });
  const exposureStartUtcUs = FROM + 12 * HOUR + 987_654;
  const flags = ["saturated", "sun_low", "low_signal", "simulated", "dark_missing"] as const;
  return spectrum({ instrument: device, counts, exposureStartUtcUs, flags, clockErrorUs: 12_345, ...change });
}

async function digest(day = "2026-11-21") {
  const query = [`day=${day}`];
  const reply = await server.get("/datadir/digest", { query });
  assert.equal(reply.code, "2.05", textOf(reply));
  const cbor = await server.get("/datadir/digest", { query, accept: CBOR });
  const value = digestShape.parse(JSON.parse(textOf(reply)));
  assert.deepEqual(digestShape.parse(decode(cbor.payload)), value);
  assert.ok(reply.payload.length <= 4_000, `${reply.payload.length} B of JSON`);
  assert.ok(cbor.payload.length <= 2_500, `${cbor.payload.length} B of CBOR`);
  return value;
}

test("a day with 10 spectrometers and two channels fits whole", async () => {
  const day = await digest();
  assert.deepEqual(day.leftOut, {});
  assert.deepEqual(day.runs, [["plot10", 1, 60, 0, 0, 60]]);
  assert.deepEqual(day.failures, [["QEP01000 upwelling DEVICE_TIMEOUT no frame within 5 s", 1]]);
  assert.equal(day.detectors.length, 10);
  assert.deepEqual(day.detectors[0], ["QEP01000", -20.25, -20.25]);
  assert.equal(day.noon.length, 20);
  assert.ok(day.noon.every(([, , , , , , , bands]) => Buffer.from(bands, "base64").length === 32));
  assert.deepEqual(day.scheduler, { skipped: 96, failed: 0 });
  assert.deepEqual(day.jobs, [[3, "record", "skipped", "quiet-time", 96]]);
  assert.equal(day.clock.worstErrorUs, 12_345);
});

test("another day has nothing; what is no day is refused", async () => {
  const day = await digest("2026-11-20");
  assert.deepEqual([day.spectra, day.runs, day.noon, day.jobs], [0, [], [], []]);
  for (const wrong of ["2026-13-01", "2026-02-30", "yesterday"])
    assert.equal((await server.get("/datadir/digest", { query: [`day=${wrong}`] })).code, "4.00", wrong);
  const today = await server.get("/datadir/digest");
  assert.equal(JSON.parse(textOf(today)).day, new Date().toISOString().slice(0, 10));
});

test("the command shows it on one screen", async () => {
  const { out, errors, code } = await vscope(["digest", "--day", "2026-11-21"], { url });
  assert.equal(code, 0, errors);
  assert.match(out, /^day +2026-11-21 UTC\n/);
  assert.match(out, /\nrecorded +1 batch, 60 spectra: 0 green, 0 amber, 60 red\n/);
  assert.match(out, /\nfailures +3 SPECTRA COULD NOT BE RECORDED\n +QEP01000 upwelling .* \(1 batch\)\n/);
  assert.match(out, /\n +job 3, record: skipped, quiet-time \(96 runs\)\n/);
  assert.match(out, /\nQEP01000 +downwelling +-20.25..-20.25 +12:00 +red +\d{5} +346\.\.\d+ +\|.{32}\|\n/);
  const lines = out.split("\n");
  assert.ok(lines.length < 45, String(lines.length));
  assert.deepEqual(
    lines.filter((line) => line.length > 110),
    [],
  );
  const json = await vscope(["digest", "--day", "2026-11-21", "--json"], { url });
  assert.equal(JSON.parse(json.out).spectra, 60);
});

test("a day of 10^5 spectra, 60 spectrometers and 300 runs is as small, and tells what is left out", async () => {
  const path = join(server.server.model.dataDirectory.path, CATALOGUE_FILE);
  const catalogue = await Catalogue.open(path, { clock: new SystemClock(), log: SILENT });
  for (let run = 0; run < 300; run++) {
    const rows = Array.from({ length: 334 }, (_, position) => ({
      ...SAMPLE,
      run: `a run with a long name, which is number ${run} ü`,
      position,
      serial: `HDX0${1000 + (position % 60)}`,
      detectorTemperatureC: position / 7,
      flags: [`of_a_later_version_${position % 50}`],
      exposureStartUtcUs: FROM + 30 * HOUR + position,
    }));
    const [first = SAMPLE, ...others] = rows;
    const file = catalogued(first, ...others);
    const texts = [`HDX0 upwelling DEVICE_FAULT ${"no answer ".repeat(30)}${run}`];
    catalogue.record([{ ...file, file: { ...file.file, failures: 1 }, texts }]);
  }
  await catalogue.close();
  const day = await digest("2026-11-22");
  assert.equal(day.spectra, 100_200);
  assert.deepEqual([day.files.files, day.files.withoutChecksum, day.files.failures], [300, 300, 300]);
  const { leftOut } = day;
  assert.equal((leftOut["runs"] ?? 0) + day.runs.length, 300);
  assert.equal((leftOut["flags"] ?? 0) + day.flags.length, 50);
  assert.equal((leftOut["failures"] ?? 0) + day.failures.length, 300);
  assert.equal((leftOut["detectors"] ?? 0) + day.detectors.length, 60);
  assert.equal((leftOut["noon"] ?? 0) + day.noon.length, 60);
  for (const list of [day.runs, day.flags, day.failures, day.detectors, day.noon]) assert.ok(list.length > 0);
  const { out } = await vscope(["digest", "--day", "2026-11-22"], { url });
  assert.match(out, /\nleft out +\d+ of the noon, \d+ of the runs, /);
});

test("without its medium the digest says so", async (t) => {
  const stick = new FakeStick();
  stick.source = "/dev/sda1";
  const { clock, model } = await TestInstrument.start(t, { disk: stick.disk });
  stick.isPlugged = false;
  await clock.run(until(model.dataDirectory.status, ({ mounted }) => !mounted, NEVER));
  const router = new Router(model, TREE);
  const match = router.match(["datadir", "digest"]);
  const day = digestShape.parse(await clock.run(router.get(match, {}, NEVER)));
  assert.deepEqual([day.medium.mounted, day.spectra, day.leftOut], [false, 0, {}]);
  const text = digestText(day);
  assert.match(text, /\nmedium +NOT MOUNTED, nothing is known of the day/);
  assert.match(text, /\nrecorded +NOT KNOWN\nschedule /);
  assert.doesNotMatch(text, /NOTHING|none/);
});
