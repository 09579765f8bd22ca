// Exposures of 10 ms are recorded while clients search a large catalogue, ask for the digest of the day and export a run, each
// without pause.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { MS, SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { CATALOGUE_FILE, Catalogue } from "../../src/datadir/catalogue/catalogue.ts";
import { catalogued, SAMPLE } from "../datadir/catalogue/catalogue-sample.ts";
import { CoapInstrument, textOf } from "../support/coap-instrument.ts";

const SEQUENCES = 20;
const FILES = 5000;
const SEARCHERS = 3;
const RUN = "now";
const BEFORE = "before";

test("no exposure of 10 ms is lost while clients search, ask for digests and export", async (context) => {
  const server = await CoapInstrument.start();
  context.after(() => server.close());
  const { rack, recorder, dataDirectory, exports } = server.server.model;
  for (const spectrometer of rack.spectrometers.value)
    for (const channel of recorder.channels) spectrometer.setIntegrationTimeUs(channel, 10 * MS);
  await fill(join(dataDirectory.path, CATALOGUE_FILE));
  const first = await server.perform("/acquisition/record", { run: BEFORE, sequences: 2 });
  assert.equal(first.state, "done", first.error?.code);
  let isRecording = true;
  const repeated = async (work: () => Promise<void>): Promise<number> => {
    let times = 0;
    for (; isRecording; times++) await work();
    return times;
  };
  const search = async (): Promise<void> => {
    // Fits nothing, so that all is looked through.
    const { spectra } = await dataDirectory.shelf.search({ sequence: 999_999, counts: true, limit: 50 });
    assert.deepEqual(spectra, []);
  };
  const digest = async (): Promise<void> => {
    const reply = await server.get("/datadir/digest");
    assert.equal(reply.code, "2.05", textOf(reply));
  };
  const exportRun = async (): Promise<void> => {
    const made = await exports.start({
      run: BEFORE,
      format: "netcdf",
      level: "reflectance",
      uncertainty: true,
    });
    await made.finished;
    const { state, error } = made.status.value;
    assert.equal(state, "done", error?.message);
    await exports.remove(made.id);
  };
  const others = [...Array.from({ length: SEARCHERS }, () => search), digest, exportRun].map(repeated);
  const status = await server.perform("/acquisition/record", { run: RUN, sequences: SEQUENCES });
  isRecording = false;
  const times = await Promise.all(others);
  context.diagnostic(`${times.join(", ")} times`);
  assert.equal(status.state, "done", status.error?.code);
  assert.ok(times.every((count) => count > 0));
  const all = { limit: 1000, offset: 0 };
  const { spectra } = await dataDirectory.shelf.slice({ run: [RUN], kind: "light" }, all);
  assert.equal(spectra.length, SEQUENCES * rack.spectrometers.value.length * recorder.channels.length);
  const bad = spectra.filter(
    ({ flags, integrationTimeUs }) => flags.includes("stale_risk") || integrationTimeUs !== 10 * MS,
  );
  assert.deepEqual(bad, []);
});

/** As another program could, beside the server. */
async function fill(path: string): Promise<void> {
  const catalogue = await Catalogue.open(path, { clock: new SystemClock(), log: SILENT });
  for (let group = 0; group < FILES / 100; group++) {
    catalogue.record(
      Array.from({ length: 100 }, (_, n) => {
        const file = `${group * 100 + n}.pico`;
        const rows = [0, 1, 2, 3].map((position) => ({ ...SAMPLE, run: "then", file, position }));
        const [first = SAMPLE, ...others] = rows;
        return catalogued(first, ...others);
      }),
    );
  }
  await catalogue.close();
}
