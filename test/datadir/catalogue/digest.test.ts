// A day of a data directory, counted: recorded batches through the real one.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { DataDirectory } from "../../../src/datadir/data-directory.ts";
import type { SpectraSet, Spectrum } from "../../../src/spectra/spectrum.ts";
import { sunTimes, solarDay } from "../../../src/spectra/sun-events.ts";
import { instrument, spectraSet, spectrum } from "../../spectra/sample.ts";
import { openDirectory, temporaryFolder } from "../folder.ts";

const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
const FROM = Date.UTC(2026, 10, 21) * 1000;
const WRITTEN_NOW = [0, Number.MAX_SAFE_INTEGER] as const;
const PLACE = { latitudeDeg: 55.92, longitudeDeg: -60, heightM: 12, source: "configuration", ageS: 0 };

function at(hours: number, change: Partial<Spectrum> = {}): Spectrum {
  return spectrum({ exposureStartUtcUs: FROM + hours * HOUR, flags: [], ...change });
}

async function record(directory: DataDirectory, run: string, sets: readonly Partial<SpectraSet>[]) {
  const batch = await directory.startBatch(run);
  for (const [sequence, set] of sets.entries())
    await batch.write(spectraSet({ sequence, origin: "schedule 3", ...set }));
  await batch.finish();
}

async function opened(t: TestContext): Promise<DataDirectory> {
  return openDirectory(t, await temporaryFolder(t));
}

test("runs, colours, flags, temperatures and the clock of a day are counted, those of its neighbours are not", async (t) => {
  const directory = await opened(t);
  await record(directory, "plot10", [
    { spectra: [at(-0.001, { flags: ["saturated"] })] },
    { spectra: [at(0, { detectorTemperatureC: -20.5, clockErrorUs: 120 })] },
    { spectra: [at(23.999, { flags: ["sun_low", "low_signal"], detectorTemperatureC: -19 })] },
    { spectra: [at(24)] },
  ]);
  await record(directory, "plot10", [{ kind: "dark", spectra: [at(3, { kind: "dark", clockErrorUs: 90 })] }]);
  await record(directory, "moor", [{ spectra: [at(4, { flags: ["saturated", "low_signal"] })] }]);
  const day = await directory.shelf.digest(FROM, FROM + DAY);
  assert.deepEqual(day.runs.list, [
    { run: "plot10", batches: 2, spectra: 3, green: 2, amber: 1, red: 0 },
    { run: "moor", batches: 1, spectra: 1, green: 0, amber: 0, red: 1 },
  ]);
  assert.deepEqual([day.batches, day.spectra, day.colours], [3, 4, { green: 2, amber: 1, red: 1 }]);
  assert.deepEqual(
    new Map(day.flags.list),
    new Map([
      ["low_signal", 2],
      ["sun_low", 1],
      ["saturated", 1],
    ]),
  );
  assert.deepEqual(day.detectors.list, [["FLMT01859", -20.5, -19]]);
  assert.equal(day.clockErrorUs, 120);
  assert.equal(day.files.files, 4);
  assert.ok(day.files.bytes > 4000, String(day.files.bytes));
  assert.deepEqual([day.files.withoutChecksum, day.files.withProblem, day.files.failures], [0, 0, 0]);
});

test("what could not be recorded is told with its reason, also where a file has nothing else", async (t) => {
  const directory = await opened(t);
  const failure = { serial: "QEP00114", channel: "upwelling", code: "DEVICE_TIMEOUT", message: "gone" };
  const other = { ...failure, code: "DEVICE_FAULT", message: "no answer" };
  const none = { spectra: [], failures: [failure] };
  await record(directory, "plot10", [none, none]);
  await record(directory, "plot10", [{ spectra: [], failures: [failure, other] }]);
  await record(directory, "moor", [{ spectra: [at(1)] }]);
  const { files, failures } = await directory.shelf.digest(...WRITTEN_NOW);
  assert.equal(files.failures, 4);
  assert.deepEqual(failures.list, [
    ["QEP00114 upwelling DEVICE_TIMEOUT gone", 2],
    ["QEP00114 upwelling DEVICE_FAULT no answer", 1],
  ]);
  const day = await directory.shelf.digest(FROM, FROM + DAY);
  assert.deepEqual([day.files.failures, day.failures.total], [0, 0]);
});

test("the light nearest to solar noon is shown, or to the middle of the day without a place", async (t) => {
  const directory = await opened(t);
  const hours = [10, 12.25, 15.75, 20];
  const lights = (place: Partial<Spectrum>): Partial<SpectraSet>[] =>
    hours.map((hour) => ({ spectra: [at(hour, place)] }));
  await record(directory, "plot10", lights({}));
  await record(directory, "plot10", [{ kind: "dark", spectra: [at(12, { kind: "dark" })] }]);
  const noonOf = async () => (await directory.shelf.digest(FROM, FROM + DAY)).noon;
  assert.deepEqual(
    (await noonOf()).list.map(({ exposureStartUtcUs }) => exposureStartUtcUs),
    [FROM + 12.25 * HOUR],
  );
  await record(directory, "plot10", lights({ place: PLACE, channel: "downwelling" }));
  const { noonUtcUs } = sunTimes(solarDay(FROM + DAY / 2, PLACE), PLACE);
  assert.ok(Math.abs(noonUtcUs - (FROM + 15.75 * HOUR)) < HOUR / 4);
  assert.deepEqual(
    (await noonOf()).list.map(({ channel, exposureStartUtcUs }) => [channel, exposureStartUtcUs]),
    [
      ["downwelling", FROM + 15.75 * HOUR],
      ["upwelling", FROM + 15.75 * HOUR],
    ],
  );
});

test("32 bands of equal width follow the spectrum; a file that is gone is a problem of its own", async (t) => {
  const directory = await opened(t);
  const calibration = { wavelengthCoefficients: [400, 1], nonlinearityCoefficients: [] };
  const device = instrument({ pixels: 324, opticalPixelRange: [2, 322], calibration });
  const counts = Uint32Array.from({ length: 324 }, (_, pixel) => (pixel < 162 ? 1000 : 4000));
  const uncalibrated = { ...calibration, wavelengthCoefficients: [] };
  const spectra = [
    at(12, { instrument: device, counts }),
    at(12, { instrument: { ...device, calibration: uncalibrated }, counts, channel: "zenith" }),
  ];
  await record(directory, "plot10", [{ spectra }]);
  const [first, second] = (await directory.shelf.digest(FROM, FROM + DAY)).noon.list;
  assert.deepEqual([first?.rangeNm, first?.peakCounts], [[402, 721], 4000]);
  assert.deepEqual([...(first?.levels ?? [])], [...Array(16).fill(64), ...Array(16).fill(255)]);
  assert.deepEqual([second?.channel, second?.rangeNm, second?.levels], ["zenith", null, first?.levels]);
  await rm(join(directory.path, "plot10", "b000000_s000000_light.pico"));
  const gone = (await directory.shelf.digest(FROM, FROM + DAY)).noon.list[0];
  assert.equal(gone?.levels, undefined);
  assert.match(gone?.problem ?? "", /ENOENT/);
});
