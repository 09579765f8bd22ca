// Exposures of 10 ms are recorded while clients search a large catalogue without pause.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { MS, SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { CATALOGUE_FILE, Catalogue } from "../../src/datadir/catalogue/catalogue.ts";
import { catalogued, SAMPLE } from "../datadir/catalogue/catalogue-sample.ts";
import { CoapInstrument } from "../support/coap-instrument.ts";

const SEQUENCES = 20;
const FILES = 5000;
const SEARCHERS = 3;
const RUN = "now";

test("no exposure of 10 ms is lost while clients search", async (context) => {
  const server = await CoapInstrument.start();
  context.after(() => server.close());
  const { rack, recorder, dataDirectory } = server.server.model;
  for (const spectrometer of rack.spectrometers.value)
    for (const channel of recorder.channels) spectrometer.setIntegrationTimeUs(channel, 10 * MS);
  await fill(join(dataDirectory.path, CATALOGUE_FILE));
  let searches = 0;
  let isRecording = true;
  const search = async (): Promise<void> => {
    while (isRecording) {
      // Fits nothing, so that all is looked through.
      const { spectra } = await dataDirectory.shelf.search({ sequence: 999_999, counts: true, limit: 50 });
      assert.deepEqual(spectra, []);
      searches += 1;
    }
  };
  const searching = Array.from({ length: SEARCHERS }, search);
  const status = await server.perform("/acquisition/record", { run: RUN, sequences: SEQUENCES });
  isRecording = false;
  await Promise.all(searching);
  assert.equal(status.state, "done", status.error?.code);
  assert.ok(searches >= SEARCHERS);
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
