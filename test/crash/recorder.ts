// A little program for the crash test: records batches without end and prints each file once it is acknowledged.

import { writeSync } from "node:fs";
import { SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { DataDirectory } from "../../src/datadir/data-directory.ts";
import { spectraSet, spectrum } from "../spectra/sample.ts";

const path = process.argv[2] ?? "";
const directory = await DataDirectory.open({ path, clock: new SystemClock(), log: SILENT });
const counts = Uint32Array.from({ length: 2048 }, (_, pixel) => pixel);
for (;;) {
  const batch = await directory.startBatch("run");
  writeSync(1, `batch ${batch.number}\n`);
  for (let sequence = 0; sequence < 4; sequence++) {
    const spectra = ["a", "b", "c", "d"].map((channel) => spectrum({ counts, channel }));
    const { file } = await batch.write(spectraSet({ sequence, spectra }));
    // Synchronous, so that the line is in the pipe before anything else happens.
    writeSync(1, `file ${file}\n`);
  }
  await batch.finish();
}
