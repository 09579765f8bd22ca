// A little program for the test of reindexing: reads a whole data directory and prints how far it is.

import { writeSync } from "node:fs";
import { NEVER } from "../../src/base/abort.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { DataDirectory } from "../../src/datadir/data-directory.ts";

const path = process.argv[2] ?? "";
const isAll = process.argv[3] === "all";
const directory = await DataDirectory.open({ path, clock: new SystemClock(), log: SILENT });
await directory.indexed();
// Synchronous, so that the line is in the pipe before anything else happens.
const report = await directory.reindex(({ done }) => void writeSync(1, `${done}\n`), NEVER, { isAll });
await directory.close();
writeSync(1, `end ${report.parsed}\n`);
