// The journal of the catalogue stays small while rows are written, though the connection that writes lets it grow further.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CATALOGUE_FILE, Catalogue } from "../../../src/datadir/catalogue/catalogue.ts";
import { spectraFileName } from "../../../src/datadir/spectra-file-name.ts";
import { catalogued, SAMPLE } from "./catalogue-sample.ts";
import { temporaryFolder } from "../folder.ts";

const GROUPS = 60;
const FILES_OF_GROUP = 100;
/** Twice what is moved at a time, and a group. */
const MOST_BYTES = 12e6;

function group(batch: number) {
  return Array.from({ length: FILES_OF_GROUP }, (_, sequence) => {
    const file = spectraFileName({ batch, sequence, kind: "light" });
    const exposureStartUtcUs = SAMPLE.exposureStartUtcUs + (batch * FILES_OF_GROUP + sequence) * 1e6;
    const of = (position: number) => ({ ...SAMPLE, file, batch, sequence, position, exposureStartUtcUs });
    return catalogued(of(0), of(1), of(2), of(3));
  });
}

test("the journal is emptied beside the writing, again and again, and no row is lost", async (t) => {
  const file = join(await temporaryFolder(t), CATALOGUE_FILE);
  const catalogue = await Catalogue.open(file, { clock: new VirtualClock(), log: SILENT });
  let largest = 0;
  for (let batch = 0; batch < GROUPS; batch++) {
    catalogue.record(group(batch));
    // Its answer comes after what was asked of the thread before.
    await catalogue.search({ limit: 1 });
    largest = Math.max(largest, statSync(`${file}-wal`).size);
  }
  const { size } = statSync(file);
  t.diagnostic(`journal ${largest} bytes at most, database ${size}`);
  assert.ok(largest < MOST_BYTES, `${largest}`);
  assert.ok(size > 0, "without the end of the server");
  await catalogue.close();
  const database = new Database(file, { readonly: true });
  t.after(() => database.close());
  const count = database.prepare("SELECT count(*) FROM spectra").pluck().get();
  assert.equal(count, GROUPS * FILES_OF_GROUP * 4);
});
